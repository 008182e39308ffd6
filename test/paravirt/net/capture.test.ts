import {describe, expect, it} from 'vitest';
import {NetDevice} from '../../../src/paravirt/devices/net.js';
import {CAPTURE_BYTES_MAX, FRAME_COST_BYTES, FrameCapture} from '../../../src/paravirt/net/capture.js';
import {COMPLETE_FRAME} from '../../../src/paravirt/net/contract.js';
import {MmioDriver} from '../../support/driver-mmio.js';
import {FakeMemory} from '../../support/fake-memory.js';
import {FakeNetwork} from '../../support/fake-network.js';
import {checksum} from '../../support/network-guest.js';

const HEADER = new Uint8Array(12);
const nobody = (): void => undefined;
const frameOf = (length: number, first = 0): Uint8Array => Uint8Array.from({length}, (_, i) => (i + first) & 0xff);

function capture(snapBytes = 65_589, bytesMax = CAPTURE_BYTES_MAX) {
  const made = new FrameCapture(snapBytes, nobody, bytesMax);
  const add = (frame: Uint8Array) => made.frame('sent', frame, frame.length, [], COMPLETE_FRAME);
  return {made, add};
}

describe('a capture', () => {
  it('sees what a card sends and receives, in order, and when', () => {
    const network = new FakeNetwork();
    const device = new NetDevice({backend: network, mac: Uint8Array.of(0x52, 0x54, 0, 1, 2, 3)});
    const driver = new MmioDriver(device, new FakeMemory(4 << 20));
    driver.start(driver.offered);
    const [receive, transmit] = driver.queues;
    const {made} = capture();
    const before = Date.now() * 1000;
    device.tap = made;
    transmit!.add({read: Buffer.concat([HEADER, frameOf(60)])});
    driver.notify(1);
    receive!.add({write: 2000});
    device.send(frameOf(80, 5), 54, [frameOf(10, 100), frameOf(7, 200)], COMPLETE_FRAME);
    device.tap = undefined;
    transmit!.add({read: Buffer.concat([HEADER, frameOf(61)])});
    driver.notify(1);
    const frames = made.take(1 << 20, 100);
    expect(frames.map(({direction, frameBytes}) => [direction, frameBytes])).toEqual([
      ['sent', 60],
      ['received', 71],
    ]);
    expect(frames[0]!.bytes).toEqual(frameOf(60));
    expect([...frames[1]!.bytes]).toEqual([...frameOf(54, 5), ...frameOf(10, 100), ...frameOf(7, 200)]);
    const [first, second] = frames.map(({atUs}) => atUs);
    // Two clocks of one host, which may be set meanwhile.
    expect(Math.abs(first! - before)).toBeLessThan(60e6);
    expect(second).toBeGreaterThanOrEqual(first!);
    expect([device.counters.sentFrames, device.counters.receivedFrames]).toEqual([2, 1]);
  });

  it('keeps the beginning of each frame only, across its pieces, and says how long it was', () => {
    const {made} = capture(20);
    made.frame('received', frameOf(54), 14, [frameOf(4, 50), frameOf(9, 90)], COMPLETE_FRAME);
    const [frame] = made.take(1000, 10);
    expect(frame).toMatchObject({frameBytes: 27});
    expect([...frame!.bytes]).toEqual([...frameOf(14), ...frameOf(4, 50), 90, 91]);
  });

  it('holds as many frames as its bound says: one more is counted as dropped, and taking some makes room', () => {
    const cost = 100 + FRAME_COST_BYTES;
    const {made, add} = capture(65_589, 10 * cost);
    for (let i = 0; i < 11; i++) add(frameOf(100, i));
    expect([made.waitingCount, made.seenCount, made.droppedCount]).toEqual([10, 11, 1]);
    expect(made.take(1 << 20, 3).map(({bytes}) => bytes[0])).toEqual([0, 1, 2]);
    for (let i = 11; i < 15; i++) add(frameOf(100, i));
    expect([made.waitingCount, made.droppedCount]).toEqual([10, 2]);
    expect(made.take(1 << 20, 100).map(({bytes}) => bytes[0])).toEqual([3, 4, 5, 6, 7, 8, 9, 11, 12, 13]);
  });

  it('gives no more bytes at a time than it is asked for, but at least one frame', () => {
    const {made, add} = capture();
    for (const length of [1000, 100, 100, 100]) add(frameOf(length));
    expect([50, 200, 1000, 1000].map((bytesMax) => made.take(bytesMax, 100).length)).toEqual([1, 2, 1, 0]);
  });

  it('fills in a checksum that was left to the card', () => {
    const {made} = capture();
    const pseudo = [10, 0, 2, 15, 10, 0, 2, 2, 0, 17, 0, 13];
    const datagram = [1, 2, 3, 4, 0, 13, 0, 0, 10, 11, 12, 13, 14];
    const begun = 0xffff - checksum(pseudo);
    const head = Uint8Array.from([...frameOf(34), ...datagram.slice(0, 6), begun >> 8, begun & 0xff]);
    const offload = {checksumStart: 34, checksumOffset: 6, segmentBytes: 0};
    made.frame(
      'received',
      head,
      head.length,
      [Uint8Array.from(datagram.slice(8, 9)), Uint8Array.from(datagram.slice(9))],
      offload,
    );
    const [frame] = made.take(1000, 1);
    expect(checksum([...pseudo, ...frame!.bytes.subarray(34)])).toBe(0);
    expect(head[40]).toBe(begun >> 8);
  });
});
