import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {MAX_REFUSED, RegionStore, regionKey} from '../../../src/engine/compiler/store.js';

const names = (from: number, count: number) => Array.from({length: count}, (_, i) => `key ${from + i}`);

/** A store with batches of so many regions each, 100 bytes a region. */
function filled(limits: {maxRegions: number; maxBytes: number}, ...sizes: readonly number[]) {
  const store = new RegionStore(limits);
  const batches = sizes.map((size, i) => store.add(names(i * 10, size), [`block ${i}`], size * 100));
  return {store, batches};
}

describe('the store of regions', () => {
  it('hands out indices from 1 on, and those of batches that went again', () => {
    const {store, batches} = filled({maxRegions: 5, maxBytes: 1e6}, 2, 3);
    expect(batches.map(({indices}) => indices)).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    expect(store.evict(1, 100)).toEqual([1, 2]);
    expect(store.add(['new', 'newer'], [], 1).indices).toEqual([1, 2]);
  });

  it('evicts the oldest batches first, and no more than it must', () => {
    const {store} = filled({maxRegions: 6, maxBytes: 1e6}, 2, 2, 2);
    expect(store.evict(0, 0)).toEqual([]);
    expect(store.evict(3, 300)).toEqual([1, 2, 3, 4]);
    expect([store.count, store.bytes]).toEqual([2, 200]);
    expect([store.has('key 0'), store.has('key 10'), store.has('key 20')]).toEqual([false, false, true]);
  });

  it('evicts for bytes as for regions', () => {
    const {store} = filled({maxRegions: 100, maxBytes: 600}, 2, 2, 2);
    expect(store.evict(1, 0)).toEqual([]);
    expect(store.evict(1, 1)).toEqual([1, 2]);
    expect(store.evict(1, 400)).toEqual([3, 4]);
    expect(store.bytes).toBe(200);
  });

  it('says what can never be held', () => {
    const store = new RegionStore({maxRegions: 2, maxBytes: 600});
    expect([store.fits(2, 600), store.fits(3, 600), store.fits(2, 601)]).toEqual([true, false, false]);
  });

  it('stays within its bounds whatever is compiled and changed', () => {
    const step = fc.record({
      regions: fc.integer({min: 1, max: 5}),
      bytes: fc.integer({min: 1, max: 300}),
      changed: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, {maxLength: 60}), (steps) => {
        const limits = {maxRegions: 12, maxBytes: 700};
        const store = new RegionStore(limits);
        const live = new Map<number, number>();
        let key = 0;
        for (const {regions, bytes, changed} of steps) {
          for (const index of store.evict(regions, bytes)) expect(live.delete(index)).toBe(true);
          key += regions;
          const {batch, indices} = store.add(names(key, regions), [], bytes);
          for (const index of indices) {
            // No index is given to two regions, and none is beyond the table of harts.
            expect(live.has(index) || index < 1 || index > limits.maxRegions).toBe(false);
            live.set(index, batch);
          }
          const [index, name] = [...live][changed % live.size]!;
          for (const gone of store.changed(name, index)) expect(live.delete(gone)).toBe(true);
          expect(store.count).toBe(live.size);
          expect(store.count).toBeLessThanOrEqual(limits.maxRegions);
          expect(store.bytes).toBeLessThanOrEqual(limits.maxBytes);
        }
      }),
    );
  });

  it('gives a batch up when a quarter of its regions is left', () => {
    const {store, batches} = filled({maxRegions: 9, maxBytes: 1e6}, 8);
    const {batch} = batches[0]!;
    for (const index of [1, 3, 5, 7, 8]) expect(store.changed(batch, index)).toEqual([]);
    expect(store.changed(batch, 2)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([store.count, store.bytes, store.has('key 3')]).toEqual([0, 0, false]);
  });

  it('gives a small batch up when the code of all its regions has changed', () => {
    const {store, batches} = filled({maxRegions: 9, maxBytes: 1e6}, 2, 2);
    const {batch} = batches[0]!;
    expect(store.changed(batch, 1)).toEqual([]);
    expect(store.changed(batch, 1)).toEqual([]);
    expect([store.count, store.bytes]).toEqual([4, 400]);
    expect(store.changed(batch, 2)).toEqual([1, 2]);
    expect([store.count, store.bytes]).toEqual([2, 200]);
    // Another hart says it later, when the indices belong to another batch.
    expect(store.add(['new'], [], 100).indices).toEqual([1]);
    expect(store.changed(batch, 1)).toEqual([]);
    expect(store.has('new')).toBe(true);
  });

  it('lets code inside a region wait for its second request, until that region is gone', () => {
    const {store, batches} = filled({maxRegions: 9, maxBytes: 1e6}, 1);
    expect([store.defers('block 0'), store.defers('block 0'), store.defers('elsewhere')]).toEqual([true, false, false]);
    store.changed(batches[0]!.batch, 1);
    expect(store.defers('block 0')).toBe(false);
    store.add(['again'], ['block 0'], 1);
    expect(store.defers('block 0')).toBe(true);
  });

  it('remembers a bounded number of requests that led to nothing', () => {
    const store = new RegionStore({maxRegions: 1, maxBytes: 1});
    for (let i = 0; i <= MAX_REFUSED; i++) store.refuse(`refused ${i}`);
    expect([store.has('refused 0'), store.has('refused 1'), store.has(`refused ${MAX_REFUSED}`)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('tells apart code by its page, what the page held, and its place', () => {
    const pages = (generation: number) => [
      {distance: 0, guestPage: 7, generation, ops: 0, side: 0},
      {distance: 1, guestPage: 9, generation: 3, ops: 0, side: 0},
    ];
    expect(regionKey({entry: 16, pages: pages(1)})).toBe('7/1/16');
    expect(regionKey({entry: 16, pages: pages(2)})).not.toBe(regionKey({entry: 16, pages: pages(1)}));
    // A block in the next page, as a region that began there would be called.
    expect(regionKey({entry: 16, pages: pages(1)}, 4096 + 32)).toBe('9/3/32');
  });
});
