import {once} from 'node:events';
import {describe, expect, it} from 'vitest';
import {CONNECTIONS_MAX, RETRANSMIT_MS, TO_GUEST_BYTES, TO_HOST_BYTES} from '../../../src/paravirt/net/tcp/limits.js';
import {closed, HostPeer, readAll} from '../../support/host-peer.js';
import {GATEWAY, NetworkGuest} from '../../support/network-guest.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {ACK, FIN, RST, SYN, TcpGuest} from '../../support/tcp-guest.js';

const pattern = (length: number): Uint8Array => Uint8Array.from({length}, (_, i) => (i * 31 + (i >> 8)) & 0xff);

async function connected(options: ConstructorParameters<typeof NetworkGuest>[0] = {}) {
  const stack = new AsyncDisposableStack();
  const guest = stack.use(new NetworkGuest(options));
  const peer = stack.use(await HostPeer.start());
  const tcp = await new TcpGuest(guest, GATEWAY, peer.port).open();
  const socket = await peer.accept();
  stack.defer(() => void socket.destroy());
  return {guest, peer, tcp, socket, [Symbol.asyncDispose]: () => stack.disposeAsync()};
}

/** More of them: `VIV_NET_FRAMES=1000000 VIV_NET_CONNECTIONS=10000 npx vitest run --project once test/paravirt/net`. */
const FRAMES = Number(process.env['VIV_NET_FRAMES'] ?? 100_000);
const CONNECTIONS = Number(process.env['VIV_NET_CONNECTIONS'] ?? 1000);
const LIMIT_MS = 600_000;

describe('a connection of the guest', () => {
  it('carries bytes both ways, across the end of the sequence numbers', async () => {
    await using link = await connected();
    const {tcp, socket} = link;
    const sent = pattern(3000);
    for (let at = 0; at < sent.length; at += 1000) tcp.send(ACK, {data: sent.subarray(at, at + 1000)});
    const [first] = await once(socket, 'data');
    expect(new Uint8Array(first as Buffer)).toEqual(sent.subarray(0, (first as Buffer).length));
    await tcp.until(({ack}) => ack === tcp.next);
    socket.write(pattern(50_000));
    expect(await tcp.read(50_000)).toEqual(pattern(50_000));
  });

  it('tells its segment size and scales windows', async () => {
    await using link = await connected();
    const [answer] = link.tcp.arrived;
    expect([...answer!.options]).toEqual([2, 4, 5, 0xb4, 1, 3, 3, 5]);
    link.tcp.send(ACK, {data: [1]});
    const ack = await link.tcp.until((segment) => segment.ack === link.tcp.next);
    expect(ack.window << 5).toBeGreaterThan(TO_HOST_BYTES / 2);
  });

  it('is refused at once where nobody listens', async () => {
    await using guest = new NetworkGuest();
    const peer = await HostPeer.start();
    await peer[Symbol.asyncDispose]();
    const tcp = new TcpGuest(guest, GATEWAY, peer.port);
    tcp.send(SYN, {ack: 0});
    const answer = await tcp.until(() => true);
    expect([answer.flags, answer.ack]).toEqual([RST | ACK, tcp.next]);
    expect(guest.network.tcp.size).toBe(0);
  });

  it.each([
    ['the gateway, unless that is allowed', GATEWAY, {allowsHostLoopback: false}],
    ['the host by its loopback address', [127, 0, 0, 1], {}],
    ['the host by the address of nobody', [0, 0, 0, 0], {}],
    ['the links of the host', [169, 254, 169, 254], {}],
    ['another machine of its own network', [10, 0, 2, 77], {}],
    ['anything where it may not leave', [192, 0, 2, 99], {egress: 'deny' as const}],
  ])('never reaches %s', async (_, address, options) => {
    await using guest = new NetworkGuest(options);
    await using peer = await HostPeer.start();
    const tcp = new TcpGuest(guest, address, peer.port);
    tcp.send(SYN, {ack: 0});
    expect(tcp.arrived.map(({flags}) => flags)).toEqual([RST | ACK]);
    expect(guest.network.tcp.size).toBe(0);
  });

  it('is told of with its ends, its state and what it carried', async () => {
    await using link = await connected();
    const {tcp, socket, guest, peer} = link;
    tcp.send(ACK, {data: pattern(300)});
    await tcp.until(({ack}) => ack === tcp.next);
    socket.write(pattern(1000));
    await tcp.read(1000);
    const ends = {guestPort: tcp.port, peerPort: peer.port, peerAddress: Uint8Array.from(GATEWAY)};
    expect(guest.network.tcp.reports).toMatchObject([
      {protocol: 'tcp', state: 'open', sentBytes: 300, receivedBytes: 1000, ...ends},
    ]);
    tcp.send(ACK | FIN);
    await tcp.until(({ack}) => ack === tcp.next);
    expect(guest.network.tcp.reports).toMatchObject([{state: 'half-closed'}]);
  });

  it('closes one direction at a time, the guest first', async () => {
    await using link = await connected();
    const {tcp, socket, guest} = link;
    tcp.send(ACK | FIN, {data: [1, 2, 3]});
    expect(await readAll(socket)).toEqual(Uint8Array.of(1, 2, 3));
    await tcp.until(({ack}) => ack === tcp.next);
    socket.end(pattern(2000));
    expect(await tcp.read(2000)).toEqual(pattern(2000));
    const fin = await tcp.until(({flags}) => (flags & FIN) !== 0);
    tcp.seen = (fin.sequence + fin.data.length + 1) >>> 0;
    await closed(socket);
    tcp.send(ACK);
    for (let turns = 0; guest.network.tcp.size > 0 && turns < 1000; turns++) await new Promise(setImmediate);
    expect(guest.network.tcp.size).toBe(0);
  });

  it('closes one direction at a time, the host first', async () => {
    await using link = await connected();
    const {tcp, socket, guest} = link;
    socket.end('bye');
    expect(await tcp.read(3)).toEqual(new Uint8Array(Buffer.from('bye')));
    const fin = await tcp.until(({flags}) => (flags & FIN) !== 0);
    tcp.seen = (fin.sequence + fin.data.length + 1) >>> 0;
    tcp.send(ACK, {data: pattern(500)});
    tcp.send(ACK | FIN);
    expect(await readAll(socket)).toEqual(pattern(500));
    await tcp.until(({ack}) => ack === tcp.next);
    await new Promise(setImmediate);
    expect(guest.network.tcp.budget.usedBytes).toBe(0);
  });

  it('is reset for the host when the guest resets it, and for the guest when the host does', async () => {
    await using one = await connected();
    one.tcp.send(RST | ACK);
    await closed(one.socket);
    expect(one.guest.network.tcp.size).toBe(0);
    await using other = await connected();
    other.socket.resetAndDestroy();
    await other.tcp.until(({flags}) => (flags & RST) !== 0);
    expect(other.guest.network.tcp.size).toBe(0);
  });

  it('is not reset by somebody who does not know where it is', async () => {
    await using link = await connected();
    link.tcp.send(RST, {sequence: link.tcp.next + 10_000});
    link.tcp.send(SYN, {sequence: 1234});
    expect(link.guest.network.tcp.size).toBe(1);
    expect(link.tcp.arrived.at(-1)!.flags).toBe(ACK);
  });

  it('takes bytes once, in order, whatever is repeated, overlaps or comes too early', async () => {
    await using link = await connected();
    const {tcp, socket} = link;
    const begin = tcp.next;
    const at = (offset: number) => (begin + offset) >>> 0;
    tcp.send(ACK, {sequence: at(10), data: [9, 9, 9]});
    tcp.send(ACK, {sequence: at(0), data: [0, 1, 2, 3]});
    tcp.send(ACK, {sequence: at(0), data: [0, 1, 2, 3]});
    tcp.send(ACK, {sequence: at(2), data: [2, 3, 4, 5, 6]});
    tcp.send(ACK | FIN, {sequence: at(7), data: [7]});
    expect([...(await readAll(socket))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('stops taking from a guest whose host peer does not read, within its bound', async () => {
    await using link = await connected();
    const {tcp, guest} = link;
    let isShut = false;
    for (let sent = 0; sent < 64 << 20 && !isShut; sent += 60_000) {
      tcp.send(ACK, {data: new Uint8Array(60_000)});
      const last = tcp.arrived.at(-1)!;
      isShut = last.window === 0;
      tcp.next = last.ack;
      guest.frames.splice(0, guest.frames.length - 1);
      await new Promise(setImmediate);
    }
    expect(isShut).toBe(true);
    expect(guest.network.tcp.budget.usedBytes).toBeLessThanOrEqual(TO_HOST_BYTES);
    link.socket.resume();
    await tcp.until(({window}) => window << 5 > TO_HOST_BYTES / 4);
  });

  it('stops reading the host when the guest does not, asks by one byte, and goes on when it does', async () => {
    await using link = await connected();
    const {tcp, socket, guest} = link;
    tcp.window = 0;
    tcp.send(ACK);
    const all = pattern(8 << 20);
    socket.write(all);
    await tcp.until(({data}) => data.length === 1);
    expect(guest.network.tcp.budget.usedBytes).toBeLessThanOrEqual(TO_GUEST_BYTES + (64 << 10));
    tcp.window = 0xffff;
    tcp.send(ACK);
    expect((await tcp.read(1 << 20)).subarray(0, 1 << 20)).toEqual(all.subarray(0, 1 << 20));
  }, 30_000);

  it('never sends beyond the window it was given', async () => {
    await using link = await connected();
    const {tcp, socket} = link;
    tcp.window = 40;
    tcp.send(ACK);
    const begin = tcp.seen;
    socket.write(pattern(100_000));
    await tcp.until(({data}) => data.length > 0);
    const ends = tcp.arrived.map(({sequence, data}) => ((sequence - begin) | 0) + data.length);
    expect(Math.max(...ends)).toBeLessThanOrEqual(40 << 7);
    expect(Math.max(...ends)).toBeGreaterThan((40 << 7) - 1460);
  });

  it('repeats what the guest asks for three times, and what it does not acknowledge', async () => {
    await using link = await connected();
    const {tcp, socket, guest} = link;
    socket.write(pattern(1000));
    const first = await tcp.until(({data}) => data.length > 0);
    guest.frames.length = 0;
    for (let count = 0; count < 3; count++) tcp.send(ACK);
    const again = await tcp.until(({data}) => data.length > 0);
    expect([again.sequence, again.data]).toEqual([first.sequence, first.data]);
    guest.frames.length = 0;
    const before = performance.now();
    await tcp.until(({data}) => data.length > 0);
    expect(performance.now() - before).toBeLessThan(3 * RETRANSMIT_MS.first);
  });

  it('sends in pieces of 64 KiB to a guest that takes them, with the checksum begun', async () => {
    await using link = await connected();
    const {tcp, socket, guest} = link;
    guest.isLarge = true;
    guest.takesPartialChecksums = true;
    socket.write(pattern(1 << 20));
    expect((await tcp.read(1 << 20)).subarray(0, 1 << 20)).toEqual(pattern(1 << 20));
    const sizes = guest.packets.map(({payload}) => payload.length - 20);
    expect(Math.max(...sizes)).toBe(44 * 1460);
    const large = guest.packets.find(({payload}) => payload.length > 60_000)!;
    expect(large.offload).toEqual({checksumStart: 34, checksumOffset: 16, segmentBytes: 1460});
  });

  it('waits for buffers of the guest, and loses nothing', async () => {
    await using link = await connected();
    const {tcp, socket, guest} = link;
    guest.room = 1;
    socket.write(pattern(30_000));
    await tcp.until(({data}) => data.length > 0);
    expect(guest.room).toBe(0);
    guest.offer();
    expect(await tcp.read(30_000)).toEqual(pattern(30_000));
  });

  it('is ended for a guest that is restored elsewhere', async () => {
    await using link = await connected();
    const {tcp, guest} = link;
    const saved = guest.network.save();
    await using later = new NetworkGuest();
    later.network.restore(saved);
    later.network.linkChanged(true);
    const {payload} = later.packets[0]!;
    const view = new DataView(payload.buffer, payload.byteOffset);
    expect([view.getUint16(2), view.getUint32(4), view.getUint8(13)]).toEqual([tcp.port, tcp.seen, RST | ACK]);
  });
});

describe('many connections', () => {
  it('are as many as the limit says: one more is refused, the others live on', async () => {
    await using guest = new NetworkGuest();
    await using peer = await HostPeer.start();
    const all: TcpGuest[] = [];
    const first = await new TcpGuest(guest, GATEWAY, peer.port, 1000).open();
    const socket = await peer.accept();
    for (let port = 1001; all.length < CONNECTIONS_MAX - 1; port++) {
      guest.frames.length = 0;
      all.push(await new TcpGuest(guest, GATEWAY, peer.port, port).open());
    }
    const last = new TcpGuest(guest, GATEWAY, peer.port, 60_000);
    last.send(SYN, {ack: 0});
    expect(last.arrived.map(({flags}) => flags)).toEqual([RST | ACK]);
    socket.write('here');
    expect(await first.read(4)).toEqual(new Uint8Array(Buffer.from('here')));
    guest.network.linkChanged(false);
    expect(guest.network.tcp.size).toBe(0);
    socket.destroy();
  }, 60_000);

  it(
    `one after the other leave nothing: ${CONNECTIONS}`,
    async () => {
      await using guest = new NetworkGuest();
      await using peer = await HostPeer.start();
      for (let count = 0; count < CONNECTIONS; count++) {
        guest.frames.length = 0;
        const tcp = await new TcpGuest(guest, GATEWAY, peer.port, 2000 + count).open();
        const socket = await peer.accept();
        tcp.send(ACK | FIN, {data: [count & 0xff]});
        socket.end(await readAll(socket));
        await tcp.read(1);
        const fin = await tcp.until(({flags}) => (flags & FIN) !== 0);
        tcp.seen = (fin.sequence + fin.data.length + 1) >>> 0;
        tcp.send(ACK);
      }
      for (let turns = 0; guest.network.tcp.size > 0 && turns < 1000; turns++) await new Promise(setImmediate);
      expect([guest.network.tcp.size, guest.network.tcp.budget.usedBytes]).toEqual([0, 0]);
    },
    LIMIT_MS,
  );

  it('keep no more than the machine’s share in all, and the rest goes on when there is room', async () => {
    await using guest = new NetworkGuest({bufferedBytesMax: 1 << 20});
    await using peer = await HostPeer.start();
    const sockets = [];
    const guests: TcpGuest[] = [];
    for (let port = 1; port <= 8; port++) {
      const tcp = await new TcpGuest(guest, GATEWAY, peer.port, port).open();
      tcp.window = 0;
      tcp.send(ACK);
      guests.push(tcp);
      const socket = await peer.accept();
      socket.write(new Uint8Array(4 << 20));
      sockets.push(socket);
    }
    for (let turns = 0; turns < 500; turns++) await new Promise(setImmediate);
    // One piece of each socket may come on top of what was left.
    expect(guest.network.tcp.budget.usedBytes).toBeLessThanOrEqual((1 << 20) + 8 * (64 << 10));
    for (const tcp of guests.slice(1)) tcp.send(RST | ACK);
    guests[0]!.window = 0xffff;
    guests[0]!.send(ACK);
    await guests[0]!.read(2 << 20);
    for (const socket of sockets) socket.destroy();
  }, 30_000);
});

it(
  `${FRAMES} hostile frames leave another connection alive`,
  async () => {
    // What would lead out of the host's loopback is answered and dropped.
    await using link = await connected({egress: 'deny'});
    const {tcp, socket, guest, peer} = link;
    const victim = await new TcpGuest(guest, GATEWAY, peer.port, 40_001).open();
    const victimSocket = await peer.accept();
    victimSocket.resume();
    const random = new SeededRandom(1);
    const bytes = (length: number) => Uint8Array.from({length}, () => random.below(256));
    const targets = [GATEWAY, [10, 0, 2, 3], [10, 0, 2, 255], [192, 0, 2, 1]];
    const types = [0x800, 0x86dd, 0x806];
    for (let count = 0; count < FRAMES; count++) {
      guest.frames.length = 0;
      const data = bytes(random.below(100));
      const kind = random.below(4);
      if (kind === 0) guest.sendEthernet(types[random.below(3)]!, data);
      // Segments of a connection that is there, and of none; packets of every protocol, whole and in pieces.
      else if (kind === 1) guest.sendIpv4(6, GATEWAY, [0x9c, 0x41, peer.port >> 8, peer.port & 0xff, ...data]);
      else if (kind === 2) victim.send(random.below(64) & ~RST, {data, sequence: random.u32(), ack: random.u32()});
      else {
        const place = random.below(4) === 0 ? random.u32() & 0x3fff : 0;
        guest.sendIpv4([1, 6, 17][random.below(3)]!, targets[1 + random.below(3)]!, data, {place});
      }
    }
    expect(guest.network.tcp.size).toBe(2);
    socket.write('still here');
    expect(await tcp.read(10)).toEqual(new Uint8Array(Buffer.from('still here')));
    victimSocket.destroy();
  },
  LIMIT_MS,
);
