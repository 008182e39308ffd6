import {expect, it} from 'vitest';
import {
  BalloonDevice,
  BYTES_PER_TURN,
  CHAINS_PER_TURN,
  STATISTICS_AGE_MS,
} from '../../../src/paravirt/devices/balloon.js';
import {MmioDriver} from '../../support/driver-mmio.js';
import {FakeMemory} from '../../support/fake-memory.js';

const [INFLATE, DEFLATE, STATISTICS, REPORTING] = [0, 1, 2, 3];
const WRITE = 2;

function statistics(...entries: readonly (readonly [tag: number, value: bigint])[]): Uint8Array {
  const bytes = Buffer.alloc(10 * entries.length);
  for (const [index, [tag, value]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 10 * index);
    bytes.writeBigUInt64LE(value, 10 * index + 2);
  }
  return bytes;
}

const start = (device = new BalloonDevice(), memory?: FakeMemory) => new MmioDriver(device, memory).start();

it('asks for no pages', () => {
  const driver = start();
  expect([driver.config(0, 4), driver.config(4, 4)]).toEqual([0, 0]);
});

it('tells what the guest said last of its memory', () => {
  const device = new BalloonDevice();
  const driver = start(device);
  expect(device.look()).toBeUndefined();
  driver.queues[STATISTICS]!.add({
    read: statistics([4, 100n], [5, 300n], [6, 200n], [7, 50n], [77, 1n], [0, 2n ** 63n]),
  });
  driver.notify(STATISTICS);
  expect(device.look()).toEqual({freeBytes: 100, totalBytes: 300, availableBytes: 200, cacheBytes: 50});
});

it('asks for newer statistics only when somebody looks and they are old', () => {
  let now = 1e6;
  const device = new BalloonDevice(() => now);
  const driver = start(device);
  const queue = driver.queues[STATISTICS]!;
  queue.add({read: statistics([4, 1n])});
  driver.notify(STATISTICS);
  now += STATISTICS_AGE_MS - 1;
  device.look();
  expect(queue.takeUsed()).toBeUndefined();
  now += 1;
  device.look();
  expect(queue.takeUsed()).toBeDefined();
});

it('keeps no buffer of the guest over a snapshot', async () => {
  const driver = start();
  const queue = driver.queues[STATISTICS]!;
  queue.add({read: statistics([4, 1n])});
  driver.notify(STATISTICS);
  await driver.host.hold();
  expect(queue.takeUsed()).toBeDefined();
});

it('makes zeros of pages that are reported free, of those alone, and says when', () => {
  const driver = start();
  const {memory} = driver;
  memory.all.fill(7, 2 << 20);
  const queue = driver.queues[REPORTING]!;
  const address = memory.baseAddress + (3 << 20);
  queue.writeDescriptor(queue.descriptors, 0, {address, length: 8192, flags: WRITE});
  queue.publish(0);
  driver.notify(REPORTING);
  expect(memory.bytes(address - 1, 8194)).toEqual(Uint8Array.of(7, ...new Uint8Array(8192), 7));
  expect(queue.takeUsed()!.length).toBe(0);
});

it('looks at no more than its bound of free memory in one turn', async () => {
  const driver = start(new BalloonDevice(), new FakeMemory(BYTES_PER_TURN + (4 << 20)));
  const {memory} = driver;
  memory.all.fill(7, 2 << 20);
  const queue = driver.queues[REPORTING]!;
  const address = memory.baseAddress + (2 << 20);
  queue.writeDescriptor(queue.descriptors, 0, {address, length: BYTES_PER_TURN + 4096, flags: WRITE});
  queue.publish(0);
  driver.notify(REPORTING);
  expect([memory.bytes(address + BYTES_PER_TURN, 1)![0], queue.usedIndex]).toEqual([7, 0]);
  await new Promise(setImmediate);
  expect([memory.bytes(address + BYTES_PER_TURN, 1)![0], queue.usedIndex]).toEqual([0, 1]);
});

it('has finished a report before a snapshot is taken', async () => {
  const driver = start(new BalloonDevice(), new FakeMemory(BYTES_PER_TURN + (4 << 20)));
  const queue = driver.queues[REPORTING]!;
  const address = driver.memory.baseAddress + (2 << 20);
  queue.writeDescriptor(queue.descriptors, 0, {address, length: BYTES_PER_TURN + 4096, flags: WRITE});
  queue.publish(0);
  driver.notify(REPORTING);
  await driver.host.hold();
  expect(queue.usedIndex).toBe(1);
});

it('takes pages that are given or taken back as said, a bounded number in a turn', () => {
  const driver = start();
  for (const index of [INFLATE, DEFLATE]) {
    const queue = driver.queues[index!]!;
    // The ring has 16 entries: a guest that publishes while it is served can go on for ever.
    let published = 0;
    const bytes = driver.memory.bytes.bind(driver.memory);
    queue.writeDescriptor(queue.descriptors, 0, {address: driver.memory.baseAddress, length: 4});
    driver.memory.markWritten = () => {
      if (published++ < 3 * CHAINS_PER_TURN) queue.publish(0);
    };
    queue.publish(0);
    driver.notify(index!);
    expect(queue.usedIndex).toBeLessThanOrEqual(CHAINS_PER_TURN);
    driver.memory.bytes = bytes;
  }
});
