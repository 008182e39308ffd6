import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {checkpointBytes, chooseOutdated, type TimelinePoint} from '../../../src/manager/machine/checkpoint-policy.js';

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const ROOMY = {budgetBytes: Number.POSITIVE_INFINITY, maxCount: 1000};

function point(id: string, ageMs: number, changes: Partial<TimelinePoint> = {}): TimelinePoint {
  return {id, kind: 'checkpoint', createdAtMs: NOW - ageMs, files: [id], ...changes};
}

/** One every `everyMs`, the oldest first. */
function row(count: number, everyMs: number): TimelinePoint[] {
  return Array.from({length: count}, (_, index) => point(`p${index}`, (count - 1 - index) * everyMs));
}

const gone = (
  points: readonly TimelinePoint[],
  bounds: Partial<typeof ROOMY> = {},
  sizes = new Map<string, number>(),
) => chooseOutdated(points, sizes, {...ROOMY, ...bounds}, NOW).map(({id}) => id);

describe('which checkpoints go', () => {
  it('none of the last ten minutes, when there is room', () => {
    expect(gone(row(20, 30_000))).toEqual([]);
  });

  it('all but one in five minutes after that, and in an hour after two hours', () => {
    const points = row(5 * 60, MINUTE);
    const removed = new Set(gone(points));
    const ages = points.filter(({id}) => !removed.has(id)).map(({createdAtMs}) => (NOW - createdAtMs) / MINUTE);
    expect(ages.filter((age) => age < 10)).toHaveLength(10);
    expect(ages.filter((age) => age >= 10 && age < 120)).toHaveLength(23);
    expect(ages.filter((age) => age >= 120)).toEqual([299, 240, 180, 120]);
  });

  it('the oldest, when there are too many', () => {
    expect(gone(row(6, 1000), {maxCount: 4})).toEqual(['p0', 'p1']);
  });

  it('the oldest, until the rest fit into the budget; a file that others need frees nothing', () => {
    const points = [
      point('a', 4000, {files: ['base']}),
      point('b', 3000, {files: ['b', 'base']}),
      point('c', 2000, {files: ['c', 'base']}),
      point('d', 1000, {files: ['d', 'base']}),
    ];
    const sizes = new Map([...['b', 'c', 'd'].map((file) => [file, 10] as const), ['base', 100]]);
    expect(checkpointBytes(points, sizes)).toBe(130);
    expect(gone(points, {budgetBytes: 130}, sizes)).toEqual([]);
    expect(gone(points, {budgetBytes: 120}, sizes)).toEqual(['a', 'b']);
    // One that does not fit by itself goes as well.
    expect(gone(points, {budgetBytes: 50}, sizes)).toEqual(['a', 'b', 'c', 'd']);
    // What a kept point needs costs the timeline nothing.
    const pinned = point('pin', 5000, {kind: 'snapshot', files: ['base']});
    expect(gone([...points, pinned], {budgetBytes: 20}, sizes)).toEqual(['a', 'b']);
  });

  it('never snapshots or undo points', () => {
    const others = [point('pin', 9e9, {kind: 'snapshot'}), point('undo', 9e9, {kind: 'undo'})];
    const sizes = new Map([
      ['pin', 1e12],
      ['undo', 1e12],
      ['p0', 1],
    ]);
    expect(gone([...others, ...row(1, 0)], {budgetBytes: 0, maxCount: 0}, sizes)).toEqual(['p0']);
  });

  it('so that what is left is within bounds, and nothing more goes the next moment', () => {
    const points = fc.array(
      fc.record({ageMs: fc.integer({min: 0, max: 10 ** 8}), files: fc.array(fc.constantFrom(...'abcdefgh'))}),
      {maxLength: 40},
    );
    fc.assert(
      fc.property(points, fc.nat(9), fc.nat(40), (drawn, maxCount, budgetBytes) => {
        const all = drawn.map(({ageMs, files}, index) => point(`p${index}`, ageMs, {files}));
        const sizes = new Map([...'abcdefgh'].map((file, index) => [file, index * 3]));
        const bounds = {budgetBytes, maxCount};
        const removed = new Set(gone(all, bounds, sizes));
        const left = all.filter(({id}) => !removed.has(id));
        expect(left.length).toBeLessThanOrEqual(maxCount);
        expect(checkpointBytes(left, sizes)).toBeLessThanOrEqual(budgetBytes);
        expect(gone(left, bounds, sizes)).toEqual([]);
      }),
    );
  });
});
