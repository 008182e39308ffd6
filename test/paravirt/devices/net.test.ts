import {afterEach, describe, expect, it, vi} from 'vitest';
import {FRAMES_PER_TURN, NetDevice, net} from '../../../src/paravirt/devices/net.js';
import {COMPLETE_FRAME, FRAME_BYTES_MAX} from '../../../src/paravirt/net/contract.js';
import {MmioDriver} from '../../support/driver-mmio.js';
import {FakeMemory} from '../../support/fake-memory.js';
import {FakeNetwork} from '../../support/fake-network.js';

const MAC = Uint8Array.of(0x52, 0x54, 0, 1, 2, 3);
const HEADER = 12;
const MERGEABLE = 15;
const BARE = [32, 5];

function start({features, memory}: {features?: number[]; memory?: FakeMemory} = {}) {
  const network = new FakeNetwork();
  const device = net.create({backend: network, mac: MAC, mtu: 1400});
  const driver = new MmioDriver(device, memory ?? new FakeMemory(4 << 20));
  driver.start(features ?? driver.offered);
  const [receive, transmit, control] = driver.queues;
  return {network, device, driver, receive: receive!, transmit: transmit!, control: control!};
}

/** A header of the driver's, then a frame of `length` bytes that all differ from their neighbours. */
function framed(length: number, header: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(HEADER + length);
  bytes.set(header);
  for (let i = 0; i < length; i++) bytes[HEADER + i] = (i * 7 + (i >> 8)) & 0xff;
  return bytes;
}

describe('a network card', () => {
  it('shows its address, a link that is up and its MTU', () => {
    const {driver} = start();
    const config = [0, 1, 2, 3, 4, 5].map((offset) => driver.config(offset, 1));
    expect(config).toEqual([...MAC]);
    expect([driver.config(6, 2), driver.config(10, 2)]).toEqual([1, 1400]);
  });

  it('refuses an address that is for more than one card', () => {
    const broken = () => new NetDevice({backend: new FakeNetwork(), mac: Uint8Array.of(1, 2, 3, 4, 5, 6)});
    expect(broken).toThrow(expect.objectContaining({code: 'bad-option'}));
  });

  it('hands on what the guest sends, whatever its descriptors, and ends the turn', () => {
    const {network, driver, transmit, device} = start();
    const whole = framed(3000);
    transmit.add({read: whole.slice(0, 5)}, {read: whole.slice(5, 700)}, {read: whole.slice(700)});
    transmit.addIndirect({read: framed(60)});
    driver.notify(1);
    expect(network.frames.map(({bytes}) => bytes)).toEqual([whole.slice(HEADER), framed(60).slice(HEADER)]);
    expect(network.log.at(-1)).toBe('turn ended');
    expect(transmit.takeAllUsed()).toHaveLength(2);
    expect(device.counters.sentBytes).toBe(3060);
  });

  it('says what the guest left to do of a large segment', () => {
    const {network, driver, transmit} = start();
    transmit.add({read: framed(4000, [1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0])});
    driver.notify(1);
    expect(network.frames[0]!.offload).toEqual({checksumStart: 34, checksumOffset: 16, segmentBytes: 1460});
  });

  it.each([
    ['a checksum beyond the frame', [1, 0, 0, 0, 0, 0, 90, 0, 9, 0]],
    ['a checksum in the Ethernet header', [1, 0, 0, 0, 0, 0, 2, 0, 0, 0]],
    ['a segment size of 0', [1, 1, 54, 0, 0, 0, 34, 0, 16, 0]],
    ['an offload nobody knows', [1, 3, 54, 0, 9, 0, 34, 0, 16, 0]],
  ])('drops a frame with %s, and only that', (_, header) => {
    const {network, driver, transmit, device} = start();
    transmit.add({read: framed(100, header)});
    transmit.add({read: framed(64)});
    driver.notify(1);
    expect(network.frames.map(({bytes}) => bytes.length)).toEqual([64]);
    expect(device.counters.droppedFrames).toBe(1);
    expect(driver.needsReset).toBe(false);
  });

  it('takes the largest frame there can be, and breaks with a guest that sends one byte more', () => {
    const memory = new FakeMemory(4 << 20);
    const {network, driver, transmit} = start({memory});
    const address = memory.baseAddress + (2 << 20);
    transmit.writeDescriptor(transmit.descriptors, 0, {address, length: HEADER + FRAME_BYTES_MAX});
    transmit.publish(0);
    driver.notify(1);
    expect(network.frames[0]!.bytes).toHaveLength(FRAME_BYTES_MAX);
    transmit.writeDescriptor(transmit.descriptors, 1, {address, length: HEADER + FRAME_BYTES_MAX + 1});
    transmit.publish(1);
    driver.notify(1);
    expect(driver.faults).toMatchObject([{fault: 'request-too-large', queueIndex: 1}]);
    expect(driver.needsReset).toBe(true);
  });

  it('breaks with a guest whose frame has no header', () => {
    const {driver, transmit} = start();
    transmit.add({read: new Uint8Array(HEADER - 1)});
    driver.notify(1);
    expect(driver.faults).toMatchObject([{fault: 'request-malformed'}]);
  });

  it('leaves frames in the ring while the backend is full, and takes them when it is not', () => {
    const {network, driver, transmit} = start();
    network.capacity = 2;
    for (let count = 0; count < 3; count++) transmit.add({read: framed(60 + count)});
    driver.notify(1);
    expect(transmit.takeAllUsed()).toHaveLength(2);
    network.capacity = 3;
    network.link!.resume();
    expect(network.frames.map(({bytes}) => bytes.length)).toEqual([60, 61, 62]);
    expect(transmit.takeAllUsed()).toHaveLength(1);
  });

  it('lets others have their turn when the guest sends without end', async () => {
    const {network, driver, transmit} = start();
    transmit.writeDescriptor(transmit.descriptors, 0, {address: driver.memory.baseAddress, length: HEADER + 60});
    let sent = 0;
    network.receive = () => {
      if (sent++ < 3 * FRAMES_PER_TURN) transmit.publish(0);
    };
    transmit.publish(0);
    driver.notify(1);
    expect(sent).toBe(FRAMES_PER_TURN);
    await new Promise(setImmediate);
    expect(sent).toBe(2 * FRAMES_PER_TURN);
    await driver[Symbol.asyncDispose]();
  });

  it('spreads a frame over as many buffers as it needs, and says how many', () => {
    const {network, driver, receive, device} = start();
    for (let count = 0; count < 3; count++) receive.add({write: 100});
    const frame = framed(250).slice(HEADER);
    frame[14] = 0x45;
    const [head, body] = [frame.slice(0, 54), [frame.slice(54, 100), frame.slice(100)]];
    const offload = {checksumStart: 34, checksumOffset: 16, segmentBytes: 100};
    expect(network.link!.send(head, 54, body, offload)).toBe(true);
    expect(receive.usedIndex).toBe(0);
    network.link!.flush();
    const used = receive.takeAllUsed();
    expect(used.map(({length}) => length)).toEqual([100, 100, HEADER + 250 - 200]);
    const all = Buffer.concat(used.map(({written, length}) => written.subarray(0, length)));
    expect(new Uint8Array(all.subarray(HEADER))).toEqual(frame);
    expect([...all.subarray(0, HEADER)]).toEqual([1, 1, 54, 0, 100, 0, 34, 0, 16, 0, 3, 0]);
    expect(driver.takeInterrupt() & 1).toBe(1);
    expect(device.counters.receivedBytes).toBe(250);
  });

  it('puts no part of a frame into buffers that do not suffice, and uses them for the next', () => {
    const {network, driver, receive} = start();
    receive.add({write: 100});
    const frame = framed(150).slice(HEADER);
    expect(network.link!.send(frame, frame.length, [], COMPLETE_FRAME)).toBe(false);
    expect(network.link!.send(frame, 60, [], COMPLETE_FRAME)).toBe(true);
    receive.add({write: 100});
    receive.add({write: 100});
    driver.notify(0);
    expect(network.log).toContain('room');
    expect(network.link!.send(frame, frame.length, [], COMPLETE_FRAME)).toBe(true);
    network.link!.flush();
    expect(receive.takeAllUsed().map(({length}) => length)).toEqual([HEADER + 60, 100, HEADER + 150 - 100]);
  });

  it('drops a frame that is larger than the one buffer a simple driver gives it', () => {
    const {network, receive, device} = start({features: BARE});
    receive.add({write: 100});
    const frame = framed(150).slice(HEADER);
    expect(network.link!.send(frame, frame.length, [], COMPLETE_FRAME)).toBe(true);
    expect(device.counters.droppedFrames).toBe(1);
    expect(network.link!.takesPartialChecksums).toBe(false);
    expect(network.link!.takesLargeSegments(false)).toBe(false);
    network.link!.flush();
    expect(receive.takeUsed()).toBeUndefined();
  });

  it('drops a frame that all buffers of the guest together could not hold', () => {
    const {network, receive, device} = start({features: [...BARE, MERGEABLE]});
    for (let count = 0; count < 16; count++) receive.add({write: 20});
    const frame = framed(500).slice(HEADER);
    expect(network.link!.send(frame, frame.length, [], COMPLETE_FRAME)).toBe(true);
    expect(device.counters.droppedFrames).toBe(1);
    expect(network.link!.send(frame, 60, [], COMPLETE_FRAME)).toBe(true);
  });

  it('grants receive modes and filters, and refuses control requests it does not know', () => {
    const {driver, control} = start();
    control.add({read: Uint8Array.of(0, 0)}, {read: Uint8Array.of(1)}, {write: 1});
    control.add({read: Uint8Array.of(1, 0)}, {read: new Uint8Array(8)}, {write: 1});
    control.add({read: Uint8Array.of(4, 0, 1)}, {write: 1});
    driver.notify(2);
    expect(control.takeAllUsed().map(({written}) => written[0])).toEqual([0, 0, 1]);
  });

  it('breaks with a guest whose control request leaves no room for an answer', () => {
    const {driver, control} = start();
    control.add({read: Uint8Array.of(0, 0, 1)});
    driver.notify(2);
    expect(driver.faults).toMatchObject([{fault: 'request-malformed', queueIndex: 2}]);
  });

  it('tells the backend when the guest is there and when it is gone', async () => {
    const {network, driver, receive} = start();
    expect(network.log.filter((entry) => entry === 'up' || entry === 'down')).toEqual(['up']);
    receive.add({write: 100});
    driver.reset();
    expect(network.log.at(-1)).toBe('down');
    expect(network.link!.send(framed(60), 60, [], COMPLETE_FRAME)).toBe(false);
    await driver[Symbol.asyncDispose]();
    expect(network.log.at(-1)).toBe('closed');
  });

  it('saves and restores what its backend says', () => {
    const {device, network} = start();
    expect(device.save()).toBe('"kept"');
    device.restore('"other"');
    expect(network.restored).toBe('"other"');
  });
});

describe('a network card with a rate', () => {
  afterEach(() => void vi.useRealTimers());
  const RATE = 100_000;
  const BURST = 65_536;

  function paced() {
    vi.useFakeTimers();
    const network = new FakeNetwork();
    const device = net.create({backend: network, mac: MAC, bytesPerSecond: RATE});
    const driver = new MmioDriver(device, new FakeMemory(16 << 20));
    driver.start(driver.offered);
    const [receive, transmit] = driver.queues;
    return {network, device, driver, receive: receive!, transmit: transmit!};
  }

  it('takes frames of the guest as fast as that, one more than the burst has room for, and loses none', () => {
    const {network, driver, transmit} = paced();
    // Five at a time, since the test's queue has no more room.
    for (let round = 0; round < 2; round++) {
      transmit.rewind();
      for (let i = 0; i < 5; i++) transmit.add({read: framed(10_000)});
      driver.notify(1);
      transmit.takeAllUsed();
    }
    expect(network.frames.length).toBe(Math.ceil(BURST / 10_000));
    vi.advanceTimersByTime(150);
    expect(network.frames.length).toBe(Math.ceil(BURST / 10_000) + 2);
    vi.advanceTimersByTime(1000);
    expect(network.frames.length).toBe(10);
  });

  it('gives the guest frames as fast as that, and asks for those that had to wait', () => {
    const {network, device, receive} = paced();
    const send = () => device.send(framed(10_000), 10_000, [], COMPLETE_FRAME);
    let sent = 0;
    for (let round = 0; round < 2; round++) {
      receive.rewind();
      for (let i = 0; i < 5; i++) receive.add({write: 11_000});
      for (let i = 0; i < 5; i++) if (send()) sent++;
      device.flush();
      receive.takeAllUsed();
    }
    expect(sent).toBe(Math.ceil(BURST / 10_000));
    network.log.length = 0;
    vi.advanceTimersByTime(100);
    expect(network.log).toContain('room');
    expect(send()).toBe(true);
  });
});
