import {connect, type Socket} from 'node:net';
import {describe, expect, it} from 'vitest';
import {STREAMS_MAX, type VsockAnswer} from '../../../src/paravirt/devices/vsock.js';
import {BUFFER_BYTES} from '../../../src/paravirt/vsock/stream.js';
import {closed, HostPeer, readAll} from '../../support/host-peer.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {VsockGuest} from '../../support/vsock-guest.js';

const OP = {REQUEST: 1, RESPONSE: 2, RST: 3, SHUTDOWN: 4, RW: 5, CREDIT_UPDATE: 6, CREDIT_REQUEST: 7};
const [RECEIVE, SEND] = [1, 2];
const FROM = {srcPort: 1234, dstPort: 80};
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** A guest whose port 80 of the host is a server's. */
async function withPeer(): Promise<{guest: VsockGuest; peer: HostPeer} & AsyncDisposable> {
  const peer = await HostPeer.start();
  const guest = new VsockGuest((port) =>
    port === 80 ? connect({port: peer.port, host: '127.0.0.1', allowHalfOpen: true}) : undefined,
  );
  return {
    ...{guest, peer},
    async [Symbol.asyncDispose]() {
      await guest[Symbol.asyncDispose]();
      await peer[Symbol.asyncDispose]();
    },
  };
}

/** And a stream that the guest has opened. */
async function opened() {
  const both = await withPeer();
  both.guest.send({op: OP.REQUEST, ...FROM});
  const socket = await both.peer.accept();
  expect(await both.guest.until(OP.RESPONSE)).toMatchObject({srcCid: 2, dstCid: 3, srcPort: 80, dstPort: 1234});
  return {...both, socket, [Symbol.asyncDispose]: both[Symbol.asyncDispose]};
}

describe('sockets to the host', () => {
  it('tell the guest its context', async () => {
    await using guest = new VsockGuest();
    expect([guest.driver.config(0, 4), guest.driver.config(4, 4)]).toEqual([3, 0]);
  });

  it('carry bytes both ways, and each end by itself', async () => {
    await using stream = await opened();
    const {guest, socket} = stream;
    socket.write('from the host');
    expect(text((await guest.until(OP.RW)).data)).toBe('from the host');
    guest.send({op: OP.RW, ...FROM, data: Buffer.from('from the guest')});
    guest.send({op: OP.SHUTDOWN, ...FROM, flags: SEND});
    expect(text(await readAll(socket))).toBe('from the guest');
    socket.end('and the end');
    expect(text((await guest.until(OP.RW)).data)).toBe('and the end');
    expect((await guest.until(OP.SHUTDOWN)).flags & SEND).toBe(SEND);
    guest.send({op: OP.RST, ...FROM});
    expect(guest.device.streamCount).toBe(0);
  });

  it('end for the guest when the socket does', async () => {
    await using stream = await opened();
    stream.socket.resetAndDestroy();
    await stream.guest.until(OP.RST);
    expect(stream.guest.device.streamCount).toBe(0);
  });

  it('give the socket what was sent before the guest closed', async () => {
    await using stream = await opened();
    const {guest, socket} = stream;
    guest.send({op: OP.RW, ...FROM, data: Buffer.from('last words')});
    guest.send({op: OP.SHUTDOWN, ...FROM, flags: SEND | RECEIVE});
    expect(text(await readAll(socket))).toBe('last words');
    socket.end();
    await guest.until(OP.RST);
    expect(guest.device.streamCount).toBe(0);
  });

  it('lead nowhere but to what listens', async () => {
    await using both = await withPeer();
    both.guest.send({op: OP.REQUEST, srcPort: 1, dstPort: 22});
    expect(await both.guest.until(OP.RST)).toMatchObject({srcPort: 22, dstPort: 1});
  });

  it('refuse when what listened is gone', async () => {
    const peer = await HostPeer.start();
    await peer[Symbol.asyncDispose]();
    await using guest = new VsockGuest(() => connect({port: peer.port, host: '127.0.0.1'}));
    guest.send({op: OP.REQUEST, ...FROM});
    await guest.until(OP.RST);
    expect(guest.device.streamCount).toBe(0);
  });

  it('send no more than the guest has room for, and read no more from the socket', async () => {
    await using both = await withPeer();
    const {guest, peer} = both;
    guest.send({op: OP.REQUEST, ...FROM, bufAlloc: 10_000});
    const socket = await peer.accept();
    await guest.until(OP.RESPONSE);
    const all = new Uint8Array(64 << 20).fill(7);
    let isWritten = false;
    socket.write(all, () => {
      isWritten = true;
    });
    let got = 0;
    while (got < 10_000) got += (await guest.until(OP.RW)).data.length;
    for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate);
    guest.look();
    expect([got, guest.arrived.length, isWritten]).toEqual([10_000, 0, false]);
    guest.send({op: OP.CREDIT_UPDATE, ...FROM, bufAlloc: 1 << 30, fwdCnt: got});
    while (got < all.length) got += (await guest.until(OP.RW)).data.length;
    socket.destroy();
  });

  it('tell the guest of its room as the socket takes what it sent', async () => {
    await using stream = await opened();
    const {guest, socket} = stream;
    socket.resume();
    for (let sent = 0; sent < BUFFER_BYTES; sent += 65_536)
      guest.send({op: OP.RW, ...FROM, data: new Uint8Array(65_536)});
    expect((await guest.until(OP.CREDIT_UPDATE)).fwdCnt).toBeGreaterThanOrEqual(BUFFER_BYTES / 2);
    guest.send({op: OP.CREDIT_REQUEST, ...FROM});
    expect((await guest.until(OP.CREDIT_UPDATE)).bufAlloc).toBe(BUFFER_BYTES);
  });

  it('end for a guest that sends more than it may', async () => {
    const both = await withPeer();
    await using _both = both;
    const {guest, peer} = both;
    guest.send({op: OP.REQUEST, ...FROM});
    // Nobody reads it, and nothing is taken before the event loop turns.
    await peer.accept();
    await guest.until(OP.RESPONSE);
    for (let sent = 0; sent <= BUFFER_BYTES; sent += 65_536)
      guest.send({op: OP.RW, ...FROM, data: new Uint8Array(65_536)});
    await guest.until(OP.RST);
    expect(guest.device.streamCount).toBe(0);
  });

  it('are as many as the bound says, and one more is refused', async () => {
    await using both = await withPeer();
    const {guest} = both;
    for (let srcPort = 1; srcPort <= STREAMS_MAX + 1; srcPort++) guest.send({op: OP.REQUEST, srcPort, dstPort: 80});
    expect((await guest.until(OP.RST)).dstPort).toBe(STREAMS_MAX + 1);
    expect(guest.device.streamCount).toBe(STREAMS_MAX);
  });

  it.each([
    ['another context', {srcCid: 9}],
    ['a context of nobody', {dstCid: 2 ** 40}],
    ['another type', {type: 2}],
    ['no stream', {op: 5}],
  ])('answer what is of %s with a reset, and a reset with nothing', async (_what, changes) => {
    await using both = await withPeer();
    both.guest.send({op: OP.REQUEST, ...FROM, ...changes});
    expect((await both.guest.until(OP.RST)).op).toBe(OP.RST);
    both.guest.send({...FROM, ...changes, op: OP.RST});
    await new Promise(setImmediate);
    both.guest.look();
    expect(both.guest.arrived).toEqual([]);
  });

  it.each([
    ['shorter than a header', 20, undefined],
    ['longer than it can be', 44 + 65_537, undefined],
    ['said to be longer than it is', 50, 100],
  ])('break with a guest whose packet is %s', async (_what, bytes, length) => {
    await using guest = new VsockGuest();
    const packet = new Uint8Array(bytes);
    if (length !== undefined) new DataView(packet.buffer).setUint32(24, length, true);
    guest.sendRaw(packet);
    expect(guest.driver.needsReset).toBe(true);
  });

  it('are told to be over to a guest that goes on elsewhere', async () => {
    await using first = await opened();
    await using later = new VsockGuest(() => undefined, 8, first.guest.device.save());
    const [, , events] = later.driver.queues;
    events!.add({write: 8});
    later.driver.notify(2);
    expect([...events!.takeUsed()!.written.slice(0, 4)]).toEqual([0, 0, 0, 0]);
    later.send({op: OP.RW, ...FROM, data: Buffer.from('still there?')});
    await later.until(OP.RST);
  });

  it('end with the driver', async () => {
    await using stream = await opened();
    const {guest, socket} = stream;
    socket.resume().on('end', () => socket.end());
    guest.driver.reset();
    await closed(socket);
    expect(guest.device.streamCount).toBe(0);
  });
});

describe('the host', () => {
  /** A socket of the host, with the end that somebody there uses. */
  async function pair(peer: HostPeer): Promise<{inner: Socket; outer: Socket}> {
    const outer = connect({port: peer.port, host: '127.0.0.1', allowHalfOpen: true});
    return {inner: await peer.accept(), outer};
  }

  async function asked(guest: VsockGuest, peer: HostPeer) {
    const {inner, outer} = await pair(peer);
    const answers: VsockAnswer[] = [];
    guest.device.join(inner, 5000, (answer) => answers.push(answer));
    const {srcPort, dstPort} = await guest.until(OP.REQUEST);
    expect(dstPort).toBe(5000);
    return {outer, answers, place: {srcPort: 5000, dstPort: srcPort}};
  }

  it('joins a socket to a port where the guest listens', async () => {
    await using both = await withPeer();
    const {guest, peer} = both;
    const {outer, answers, place} = await asked(guest, peer);
    guest.send({op: OP.RESPONSE, ...place});
    guest.send({op: OP.RW, ...place, data: Buffer.from('hello')});
    guest.send({op: OP.SHUTDOWN, ...place, flags: SEND});
    expect(text(await readAll(outer))).toBe('hello');
    expect(answers).toEqual(['open']);
    outer.end('bye');
    expect(text((await guest.until(OP.RW)).data)).toBe('bye');
  });

  it('is refused where the guest does not listen', async () => {
    await using both = await withPeer();
    const {guest, peer} = both;
    const {outer, answers, place} = await asked(guest, peer);
    guest.send({op: OP.RST, ...place});
    await closed(outer.resume().on('end', () => outer.end()));
    expect([answers, guest.device.streamCount]).toEqual([['refused'], 0]);
  });

  it('is told that there is no driver', async () => {
    await using both = await withPeer();
    both.guest.driver.reset();
    const {inner, outer} = await pair(both.peer);
    const answers: VsockAnswer[] = [];
    both.guest.device.join(inner, 5000, (answer) => answers.push(answer));
    expect(answers).toEqual(['no-driver']);
    outer.destroy();
  });
});

it('a hundred thousand packets that make no sense leave a stream alive', async () => {
  await using stream = await opened();
  const {guest, socket} = stream;
  const random = new SeededRandom(7);
  for (let count = 0; count < 100_000; count++) {
    const isOwn = random.below(4) === 0;
    guest.send({
      op: random.below(10),
      // All but the stream's own ports.
      ...{srcPort: isOwn ? 1000 + random.below(200) : random.u32() | 0x8000_0000, dstPort: isOwn ? 80 : random.u32()},
      ...{flags: random.below(4), bufAlloc: random.u32(), fwdCnt: random.u32()},
      data: new Uint8Array(random.below(64)),
    });
    guest.look();
    guest.arrived.length = 0;
    if (count % 1000 === 0) await new Promise(setImmediate);
  }
  expect(guest.driver.needsReset).toBe(false);
  expect(guest.device.streamCount).toBeLessThanOrEqual(STREAMS_MAX);
  socket.write('still here');
  let got = '';
  while (!got.endsWith('still here')) got += text((await guest.until(OP.RW)).data);
}, 120_000);
