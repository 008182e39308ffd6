import {expect, it} from 'vitest';
import {BlkDevice} from '../../../src/paravirt/devices/blk.js';
import {FakeDisk} from '../../support/driver-disk.js';
import {HartThread} from '../../support/driver-hart.js';
import {MmioDriver} from '../../support/driver-mmio.js';

const STATUS = 0x070;
const QUEUE_READY = 0x044;

/** A read in flight whose disk does not answer before `open` is called. */
async function setUp() {
  const disk = new FakeDisk();
  disk.bytes.fill(0xdd);
  let open = (): void => {};
  disk.gate = new Promise((resolve) => {
    open = resolve;
  });
  const device = new BlkDevice({backend: disk});
  const driver = new MmioDriver(device).start();
  const queue = driver.queues[0]!;
  queue.add({read: new Uint8Array(16)}, {write: 512}, {write: 1});
  driver.notify(0);
  const hart = await HartThread.start(driver.context, device.description);
  return {driver, queue, open, hart};
}

it.each([
  ['a reset', STATUS],
  ['the end of a queue', QUEUE_READY],
])('%s holds the hart until the disk has let go of guest memory', async (_name, register) => {
  const {driver, queue, open, hart} = await setUp();
  await using _hart = hart;
  driver.write(0x030, 0);
  const rung = new Promise<void>((resolve) => {
    driver.context.onDoorbell = () => {
      driver.host.takeDoorbell();
      resolve();
    };
  });
  const done = hart.write(register, 0);
  await rung;
  // The bell itself is answered by the listener that called us; the hart is held by the disk only after this turn.
  await new Promise(setImmediate);
  expect([hart.isHeldFor(50), driver.host.isActive]).toEqual([true, register !== STATUS]);
  open();
  await done;
  expect([driver.status, queue.usedIndex]).toEqual([register === STATUS ? 0 : 15, 0]);
  // From here on the memory is the driver's: nothing may write it any more.
  const before = driver.memory.all.slice();
  await new Promise(setImmediate);
  expect(Buffer.compare(driver.memory.all, before)).toBe(0);
});
