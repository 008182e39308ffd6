import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {guestAddress} from '../../../src/paravirt/virtqueue/buffers.js';
import {ChainWalk} from '../../../src/paravirt/virtqueue/chain.js';
import {CURSOR_CELLS, SplitQueue} from '../../../src/paravirt/virtqueue/split-queue.js';
import {DriverQueue} from '../../support/driver-queue.js';
import {FakeMemory} from '../../support/fake-memory.js';

const BASE = 0x8000_0000;
const RAM_BYTES = 1 << 15;
const SIZE = 8;

// Mostly inside RAM, so that walks get somewhere; sometimes at its edges, sometimes anywhere.
const address = fc.oneof(
  {weight: 6, arbitrary: fc.integer({min: BASE, max: BASE + RAM_BYTES - 1})},
  {weight: 2, arbitrary: fc.integer({min: BASE - 32, max: BASE + 32})},
  {weight: 2, arbitrary: fc.integer({min: BASE + RAM_BYTES - 32, max: BASE + RAM_BYTES + 32})},
  {weight: 1, arbitrary: fc.bigInt({min: 0n, max: 2n ** 64n - 1n})},
);
const length = fc.oneof(
  fc.integer({min: 0, max: 256}),
  fc.constantFrom(16, 32, 128, 144, 0xffff_ffff),
  fc.nat(RAM_BYTES),
);
const descriptor = fc.record({
  address,
  length,
  flags: fc.oneof({weight: 9, arbitrary: fc.integer({min: 0, max: 7})}, {weight: 1, arbitrary: fc.nat(0xffff)}),
  next: fc.oneof({weight: 9, arbitrary: fc.nat(SIZE)}, {weight: 1, arbitrary: fc.nat(0xffff)}),
});
const ring = fc.record({
  table: fc.array(descriptor, {minLength: SIZE, maxLength: SIZE}),
  // Where indirect tables may point: the same garbage somewhere in RAM.
  second: fc.array(descriptor, {minLength: SIZE, maxLength: SIZE}),
  heads: fc.array(fc.oneof(fc.nat(SIZE - 1), fc.nat(0xffff)), {maxLength: 12}),
  jump: fc.oneof({weight: 4, arbitrary: fc.constant(0)}, {weight: 1, arbitrary: fc.nat(0xffff)}),
  hasIndirect: fc.boolean(),
  hasEventIndex: fc.boolean(),
});

/** First offset that changed although it must not have, or -1. */
function changedOutside(before: Uint8Array, after: Uint8Array, mayChange: Uint8Array): number {
  for (let index = 0; index < before.length; index++) {
    if (before[index] !== after[index] && mayChange[index] === 0) return index;
  }
  return -1;
}

describe('any garbage on a ring', () => {
  it('never throws, always ends, and only given buffers and the used ring change', () => {
    fc.assert(
      fc.property(ring, ({table, second, heads, jump, hasIndirect, hasEventIndex}) => {
        const memory = new FakeMemory(RAM_BYTES, BASE);
        const driver = new DriverQueue(memory, {size: SIZE, address: BASE + 0x1000});
        for (const [index, entry] of table.entries()) driver.writeDescriptor(driver.descriptors, index, entry);
        for (const [index, entry] of second.entries()) driver.writeDescriptor(BASE + 0x4000, index, entry);
        for (const head of heads) driver.publish(head);
        driver.jumpAvail(jump);
        let faults = 0;
        const queue = SplitQueue.create(driver.addresses, SIZE, {
          memory,
          cursor: new Int32Array(CURSOR_CELLS),
          hasIndirect,
          hasEventIndex,
          isHeld: () => false,
          interrupt: () => {},
          faulted: () => faults++,
        });
        if (typeof queue === 'string') throw new Error('addresses are fine');
        const before = memory.all.slice();
        // Where a change is allowed: the used ring, and what the device was given to write.
        const mayChange = new Uint8Array(RAM_BYTES);
        mayChange.fill(1, driver.used - BASE, driver.used + 6 + 8 * SIZE - BASE);
        let popped = 0;
        for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
          popped++;
          expect(chain.reader.copy(1 << 20).length).toBe(chain.reader.totalBytes);
          for (const view of chain.writer.take(64)) {
            const offset = guestAddress(memory, view) - BASE;
            mayChange.fill(1, offset, offset + view.length);
            view.fill(0xee);
            chain.writer.commit(view);
          }
          queue.complete(chain);
          // A device's own writes may hit the rings too; what was published then is another garbage ring, and it ends.
          if (popped > 200) break;
        }
        expect(faults).toBeLessThanOrEqual(1);
        expect(memory.isGuardIntact).toBe(true);
        expect(changedOutside(before, memory.all, mayChange)).toBe(-1);
      }),
      {numRuns: 1000},
    );
  });

  it('a walk takes no more steps than the queue has descriptors', () => {
    fc.assert(
      fc.property(ring, fc.nat(0xffff), ({table, second, hasIndirect}, head) => {
        const memory = new FakeMemory(RAM_BYTES, BASE);
        const driver = new DriverQueue(memory, {size: SIZE, address: BASE + 0x1000});
        for (const [index, entry] of table.entries()) driver.writeDescriptor(driver.descriptors, index, entry);
        for (const [index, entry] of second.entries()) driver.writeDescriptor(BASE + 0x4000, index, entry);
        const walk = new ChainWalk(memory, driver.descriptors, head % (2 * SIZE), {queueSize: SIZE, hasIndirect});
        let steps = 0;
        while (walk.advance()) {
          steps++;
          expect(memory.contains(walk.address, walk.length)).toBe(true);
          // The guest rewrites the table under the walk.
          driver.writeDescriptor(driver.descriptors, steps % SIZE, table[(steps * 3) % SIZE]!);
        }
        expect(steps).toBeLessThanOrEqual(SIZE);
      }),
      {numRuns: 1000},
    );
  });
});
