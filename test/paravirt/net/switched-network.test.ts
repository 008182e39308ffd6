import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {connect, createServer, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {COMPLETE_FRAME, type FrameOffload} from '../../../src/paravirt/net/contract.js';
import {packRecord, SwitchWire, WIRE_BYTES_MAX} from '../../../src/paravirt/net/switch-wire.js';
import {SwitchedNetwork, WAITING_BYTES_MAX} from '../../../src/paravirt/net/switched-network.js';
import {UserNetwork} from '../../../src/paravirt/net/user-network.js';
import {checksum, GUEST_MAC, NetworkGuest, u16} from '../../support/network-guest.js';

const ROUTER = [0x52, 0x55, 10, 0, 2, 2];
const OTHER = [0x52, 0x54, 0, 9, 9, 9];

/** A guest with a wire, and what comes out at the wire's other end. */
async function open() {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'viv-wire-'));
  stack.defer(() => rm(folder, {recursive: true}));
  const server = createServer().listen(join(folder, 's'));
  stack.defer(() => void server.close());
  await once(server, 'listening');
  const near = connect(join(folder, 's'));
  const [far] = (await once(server, 'connection')) as [Socket];
  const records: Uint8Array[] = [];
  const end = stack.use(new SwitchWire(far));
  let wake = (): void => undefined;
  end.onRecords = (more) => {
    records.push(...more.map((record) => record.slice()));
    wake();
  };
  const network = new UserNetwork({
    ...{mac: GUEST_MAC, egress: 'deny', allowsHostLoopback: false},
    onlyLease: {mac: GUEST_MAC, last: 21},
  });
  const switched = stack.use(new SwitchedNetwork(network));
  // Takes frames as a card would; its own network is not asked.
  const guest = stack.use(new NetworkGuest());
  switched.connect(guest);
  switched.linkChanged(true);
  const wire = stack.use(new SwitchWire(near));
  switched.plug(wire);
  const send = (to: readonly number[], type: number, payload: readonly number[], offload = COMPLETE_FRAME) => {
    switched.receive(Uint8Array.from([...to, ...GUEST_MAC, ...u16(type), ...payload]), true, offload);
    switched.turnEnded();
  };
  const arrived = async (count: number) => {
    while (records.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return records;
  };
  return {switched, guest, send, end, arrived, network, [Symbol.asyncDispose]: () => stack.disposeAsync()};
}
const frame = (length: number) =>
  Uint8Array.from([...GUEST_MAC, ...OTHER, 8, 0, ...new Array<number>(length - 14).fill(7)]);

describe('a network with neighbours', () => {
  it('keeps what is for the router, and sends IPv4 and ARP for others out, with what is left to do', async () => {
    await using net = await open();
    const ip = new Array<number>(40).fill(1);
    net.send(ROUTER, 0x800, ip);
    net.send(OTHER, 0x86dd, ip);
    net.send(OTHER, 0x800, ip, {checksumStart: 34, checksumOffset: 16, segmentBytes: 1448});
    net.send([255, 255, 255, 255, 255, 255], 0x806, ip);
    const records = await net.arrived(2);
    expect(records.map((record) => [...record.subarray(12, 18)])).toEqual([OTHER, [255, 255, 255, 255, 255, 255]]);
    expect([...records[0]!.subarray(4, 10)]).toEqual([34, 0, 16, 0, 1448 & 0xff, 1448 >> 8]);
  });

  it('answers for the router itself, and leases the one address to the one card', async () => {
    await using net = await open();
    const ask = (mac: ArrayLike<number>) => {
      const message = new Array<number>(240).fill(0);
      message.splice(0, 3, 1, 1, 6);
      message.splice(28, 6, ...Array.from(mac));
      message.splice(236, 4, 99, 130, 83, 99);
      const data = [...message, 53, 1, 1, 255];
      const udp = [...u16(68), ...u16(67), ...u16(8 + data.length), 0, 0, ...data];
      const head = [0x45, 0, ...u16(20 + udp.length), 0, 0, 0, 0, 64, 17];
      const addresses = [0, 0, 0, 0, 255, 255, 255, 255];
      net.send([255, 255, 255, 255, 255, 255], 0x800, [
        ...head,
        ...u16(checksum([...head, 0, 0, ...addresses])),
        ...addresses,
        ...udp,
      ]);
    };
    ask(GUEST_MAC);
    expect([...net.guest.packets[0]!.payload.subarray(24, 28)]).toEqual([10, 0, 2, 21]);
    ask(OTHER);
    expect(net.guest.packets).toHaveLength(1);
  });

  it('gives the guest what its neighbours send, with the checksum where it does not take less', async () => {
    await using net = await open();
    const pseudo = [10, 0, 2, 15, 10, 0, 2, 21, 0, 17, 0, 12];
    const begun = 0xffff - checksum(pseudo);
    const head = [...GUEST_MAC, ...OTHER, 8, 0, ...new Array<number>(20).fill(0)];
    const datagram = [1, 2, 3, 4, 0, 12, begun >> 8, begun & 0xff, 9, 9, 9, 9];
    const offload: FrameOffload = {checksumStart: 34, checksumOffset: 6, segmentBytes: 0};
    net.end.send(packRecord(Uint8Array.from([...head, ...datagram]), offload));
    const [got] = await net.guest.until(() => net.guest.frames.length > 0 && net.guest.frames);
    expect(checksum([...pseudo, ...got!.bytes.subarray(34)])).toBe(0);
    expect(got!.offload).toEqual(COMPLETE_FRAME);
    net.guest.takesPartialChecksums = true;
    net.end.send(packRecord(Uint8Array.from([...head, ...datagram]), offload));
    const [, again] = await net.guest.until(() => net.guest.frames.length > 1 && net.guest.frames);
    expect([...again!.bytes.subarray(40, 42), again!.offload]).toEqual([begun >> 8, begun & 0xff, offload]);
  });

  it('keeps frames for a guest without buffers up to its bound, and gives them when there are some', async () => {
    await using net = await open();
    net.guest.room = 0;
    const record = packRecord(frame(60_000), COMPLETE_FRAME);
    const fitting = Math.floor(WAITING_BYTES_MAX / record.length);
    for (let i = 0; i <= fitting; i++) net.end.send(record);
    const deadline = AbortSignal.timeout(20_000);
    while (net.switched.droppedCount === 0 && !deadline.aborted) await new Promise(setImmediate);
    expect([net.switched.droppedCount, net.guest.frames.length]).toEqual([1, 0]);
    net.guest.room = Number.POSITIVE_INFINITY;
    net.switched.roomMade();
    expect(net.guest.frames).toHaveLength(fitting);
  });
});

describe('a wire whose other end does not read', () => {
  it('drops frames beyond its bound, and keeps no more', async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'viv-wire-'));
    stack.defer(() => rm(folder, {recursive: true}));
    const server = createServer({pauseOnConnect: true}).listen(join(folder, 's'));
    stack.defer(() => void server.close());
    await once(server, 'listening');
    const near = connect(join(folder, 's'));
    const [far] = (await once(server, 'connection')) as [Socket];
    stack.defer(() => void far.destroy());
    const wire = stack.use(new SwitchWire(near));
    const record = packRecord(frame(60_000), COMPLETE_FRAME);
    // More than the system's buffers and the bound together.
    for (let i = 0; i < 100; i++) wire.send(record);
    expect(wire.droppedCount).toBeGreaterThan(0);
    expect(near.writableLength).toBeGreaterThan(WIRE_BYTES_MAX);
    expect(near.writableLength).toBeLessThanOrEqual(WIRE_BYTES_MAX + record.length);
  });
});
