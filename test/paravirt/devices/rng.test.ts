import {expect, it} from 'vitest';
import {REQUEST_BYTES_MAX, REQUESTS_PER_TURN, RngDevice, rng} from '../../../src/paravirt/devices/rng.js';
import {MmioDriver} from '../../support/driver-mmio.js';

it('fills what the guest offers, and nothing else', () => {
  const device = rng.create({});
  const driver = new MmioDriver(device).start();
  const queue = driver.queues[0]!;
  queue.add({write: 32}, {write: 32});
  queue.add({write: 64});
  driver.notify(0);
  const [first, second] = queue.takeAllUsed();
  expect([first!.length, second!.length]).toEqual([64, 64]);
  expect(first!.written).not.toEqual(second!.written);
  expect(first!.written.subarray(32).some((byte) => byte !== 0)).toBe(true);
  expect(device.counters.bytes).toBe(128);
});

it('gives one request no more than its bound', () => {
  const driver = new MmioDriver(new RngDevice()).start();
  const queue = driver.queues[0]!;
  const address = driver.memory.baseAddress + (1 << 20);
  queue.writeDescriptor(queue.descriptors, 0, {address, length: REQUEST_BYTES_MAX + 1, flags: 2});
  queue.publish(0);
  driver.notify(0);
  expect(queue.takeUsed()!.length).toBe(REQUEST_BYTES_MAX);
  expect(driver.memory.bytes(address + REQUEST_BYTES_MAX, 1)![0]).toBe(0);
});

it('lets others have their turn when the guest asks without end', async () => {
  const driver = new MmioDriver(new RngDevice()).start();
  const queue = driver.queues[0]!;
  queue.writeDescriptor(queue.descriptors, 0, {address: driver.memory.baseAddress, length: 1, flags: 2});
  // The device's ring has 8 entries: a guest that republishes while it is served can ask forever.
  let asked = 0;
  const markWritten = driver.memory.markWritten.bind(driver.memory);
  driver.memory.markWritten = (at, length) => {
    markWritten(at, length);
    if (at === driver.memory.baseAddress && asked++ < 3 * REQUESTS_PER_TURN) queue.publish(0);
  };
  queue.publish(0);
  driver.notify(0);
  expect(queue.usedIndex).toBe(REQUESTS_PER_TURN);
  await new Promise(setImmediate);
  expect(queue.usedIndex).toBe(2 * REQUESTS_PER_TURN);
  await driver[Symbol.asyncDispose]();
});

it('a request without room gets an empty answer', () => {
  const driver = new MmioDriver(new RngDevice()).start();
  driver.queues[0]!.add({read: Uint8Array.of(1)});
  driver.notify(0);
  expect(driver.queues[0]!.takeUsed()!.length).toBe(0);
});
