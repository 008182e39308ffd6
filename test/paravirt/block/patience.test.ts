import {expect, it} from 'vitest';
import {Patience} from '../../../src/paravirt/block/patience.js';

const FAST_MS = 0.01;
const SLOW_MS = 50;

/** Requests that go through the pool until one is direct again. */
function pooledCount(patience: Patience): number {
  let count = 0;
  while (!patience.isDirect(4096)) count++;
  return count;
}

it('asks directly while that is fast, and large requests never', () => {
  const patience = new Patience();
  for (let call = 0; call < 100; call++) {
    expect(patience.isDirect(4096)).toBe(true);
    patience.took(FAST_MS, 4096);
  }
  expect(patience.isDirect(64 << 20)).toBe(false);
});

it('keeps away from a disk that stays slow, longer each time, with a bound', () => {
  const patience = new Patience();
  const counts = Array.from({length: 12}, () => {
    patience.took(SLOW_MS, 4096);
    return pooledCount(patience);
  });
  expect(counts.slice(0, 3)).toEqual([16, 32, 64]);
  expect(counts.at(-1)).toBe(4096);
});

it('forgets a slow call once some were fast', () => {
  const patience = new Patience();
  patience.took(SLOW_MS, 4096);
  pooledCount(patience);
  for (let call = 0; call < 8; call++) patience.took(FAST_MS, 4096);
  patience.took(SLOW_MS, 4096);
  expect(pooledCount(patience)).toBe(16);
});
