import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {curvesSchema} from '../../../src/manager/protocol/metrics.js';
import {machineNames, machineNumberCount} from '../../../src/manager/protocol/sample-numbers.js';
import {CurveHistory, curvesOf} from '../../../src/manager/services/curve-history.js';
import {CurveRing} from '../../../src/manager/services/curve-ring.js';
import {HistoryKeeper} from '../../../src/manager/services/history-keeper.js';
import {MetricsService} from '../../../src/manager/services/metrics-service.js';

const HOUR_MS = 3_600_000;
/** A moment that begins a step of every level. */
const NOON_MS = 1_800_000_000_000;

describe('a ring of curves', () => {
  it('has the least, the mean and the most of each step', () => {
    const ring = new CurveRing(5000, 10, 1);
    for (const [second, value] of [1, 5, 3].entries()) ring.add(NOON_MS + second * 1000, [value]);
    ring.add(NOON_MS + 5000, [7]);
    expect(ring.length).toBe(2);
    expect([0, 1, 2].map((which) => ring.valueAt(0, 0, which as 0 | 1 | 2))).toEqual([1, 3, 5]);
    expect(ring.timeAt(1)).toBe(NOON_MS + 5000);
  });

  it('loses the oldest step for a new one, also while it grows, and never holds more', () => {
    const ring = new CurveRing(1000, 40, 2);
    for (let i = 0; i < 1000; i++) ring.add(NOON_MS + i * 1000, [i, -i]);
    expect(ring.length).toBe(40);
    for (let row = 0; row < 40; row++) {
      expect(ring.timeAt(row)).toBe(NOON_MS + (960 + row) * 1000);
      expect(ring.valueAt(row, 1, 1)).toBe(-(960 + row));
    }
    expect(ring.heldBytes).toBe(40 * (8 + 2 * 12) + 2 * 4);
  });

  it('knows nothing where nothing was told, and of numbers that came later', () => {
    const ring = new CurveRing(1000, 10, 1);
    ring.add(NOON_MS, [Number.NaN]);
    ring.add(NOON_MS + 1000, [1]);
    ring.add(NOON_MS + 2000, [2, 20]);
    ring.add(NOON_MS + 2500, [4, 40]);
    ring.add(NOON_MS + 3000, [3]);
    expect([0, 1, 2, 3].map((row) => ring.valueAt(row, 0, 1))).toEqual([Number.NaN, 1, 3, 3]);
    expect([0, 1, 2, 3].map((row) => ring.valueAt(row, 1, 1))).toEqual([Number.NaN, Number.NaN, 30, Number.NaN]);
  });

  it('forgets what came after a time that the clock was set back to', () => {
    const ring = new CurveRing(1000, 10, 1);
    for (let i = 0; i < 5; i++) ring.add(NOON_MS + i * 1000, [i]);
    ring.add(NOON_MS + 1000, [9]);
    expect(ring.length).toBe(2);
    expect(ring.valueAt(1, 0, 2)).toBe(9);
  });
});

describe('a history', () => {
  it('reaches back ten minutes in steps of 5 s and two hours in steps of 30 s, in 108 KiB with eight harts', () => {
    const columns = machineNames(8).length;
    const history = new CurveHistory(columns);
    const values = new Array<number>(columns).fill(1);
    for (let second = 0; second < 3 * 3600; second++) history.add(NOON_MS + second * 1000, values);
    expect(history.rowsFor(300_000).stepMs).toBe(5000);
    expect(history.rowsFor(600_000).length).toBe(120);
    expect(history.rowsFor(2 * HOUR_MS)).toMatchObject({stepMs: 30_000, length: 240});
    // Further back than anything is kept: what there is.
    expect(history.rowsFor(9 * HOUR_MS).length).toBe(240);
    expect(history.heldBytes).toBeLessThan(109 * 1024);
  });

  it('answers with at most as many points as asked for, and loses no peak', () => {
    const history = new CurveHistory(1);
    for (let second = 0; second < 2 * 3600; second++) history.add(NOON_MS + second * 1000, [second === 5000 ? 99 : 1]);
    const nowMs = NOON_MS + 2 * HOUR_MS - 1000;
    for (const [spanMs, points] of [
      [300_000, 60],
      [HOUR_MS, 100],
      [HOUR_MS, 7],
      [2 * HOUR_MS, 500],
    ] as const) {
      const {atMs, stepMs, curves} = curvesSchema.parse(
        curvesOf(history.rowsFor(spanMs), ['a'], nowMs, spanMs, points),
      );
      expect(atMs.length).toBeLessThanOrEqual(points);
      expect(atMs.length).toBeGreaterThan(points / 3);
      expect(atMs.at(-1)! + stepMs).toBeGreaterThan(nowMs);
      expect(curves['a']?.mean.length).toBe(atMs.length);
      expect(Math.max(...(curves['a']?.most ?? []).map(Number))).toBe(spanMs >= HOUR_MS ? 99 : 1);
      expect(Math.min(...(curves['a']?.least ?? []).map(Number))).toBe(1);
    }
  });

  it('leaves out steps in which nothing was measured, and curves of numbers that nobody told', () => {
    const history = new CurveHistory(2);
    for (const minute of [0, 1, 4]) history.add(NOON_MS + minute * 60_000, [minute, Number.NaN]);
    const nowMs = NOON_MS + 5 * 60_000;
    const {atMs, curves} = curvesOf(history.rowsFor(HOUR_MS), ['a', 'b'], nowMs, HOUR_MS, 60);
    expect(atMs.map((at) => (at - NOON_MS) / 60_000)).toEqual([0, 1, 4]);
    expect(Object.keys(curves)).toEqual(['a']);
    expect(curves['a']?.mean).toEqual([0, 1, 4]);
  });
});

describe('histories on disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-history-'));
  });
  afterEach(() => rm(folder, {recursive: true, force: true}));

  const counters = (atMs: number) => ({
    ...{atMs, activeNs: (atMs - NOON_MS) * 5e5, instructions: atMs - NOON_MS, elapsedNs: 0, memoryTouchedBytes: 5},
    ...{residentBytes: 6, diskReadBytes: 7, diskWrittenBytes: 8, netReceivedBytes: 9, netSentBytes: 10},
  });

  async function keep(run: (metrics: MetricsService, keeper: HistoryKeeper) => Promise<void>): Promise<void> {
    using metrics = new MetricsService(60_000);
    await using keeper = new HistoryKeeper(folder, metrics);
    await run(metrics, keeper);
  }
  const restart = async (ids: string[]) => {
    let columns = new Map<string, number[]>();
    await keep(async (metrics, keeper) => {
      await keeper.load(ids);
      columns = new Map(
        ids.map((id) => {
          const [level] = metrics.machineCurves(id).content();
          return [id, [...(level?.times ?? [])]];
        }),
      );
    });
    return columns;
  };
  const run = (id: string) =>
    keep(async (metrics) => {
      for (let second = 0; second < 60; second++) metrics.add(id, counters(NOON_MS + second * 1000));
    });

  it('go on after the daemon has ended', async () => {
    await run('a');
    const times = (await restart(['a'])).get('a');
    expect(times).toEqual(Array.from({length: 12}, (_, i) => NOON_MS + i * 5000));
    await keep(async (metrics, keeper) => {
      await keeper.load(['a']);
      metrics.add('a', counters(NOON_MS + 60_000));
      metrics.add('a', counters(NOON_MS + 61_000));
      const [level] = metrics.machineCurves('a').content();
      expect(level?.columns).toBe(machineNumberCount);
      expect(level?.times.length).toBe(13);
      // Half a hart, before and after.
      const cpu = [0, 12].map((row) => level?.rows[row * machineNumberCount * 3 + 1]);
      expect(cpu[0]).toBeCloseTo(50);
      expect(cpu[1]).toBeCloseTo(50);
    });
  });

  it('are removed with their machine, and when nobody knows it any more', async () => {
    await run('a');
    await run('b');
    await keep(async (metrics, keeper) => {
      await keeper.load(['a', 'b']);
      metrics.forget('a');
      await keeper.save();
    });
    expect((await readdir(folder)).sort()).toEqual(['b.json', 'host.json']);
    await restart([]);
    expect(await readdir(folder)).toEqual(['host.json']);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, text.length / 2)],
    ['of something else', () => '{"version":1,"levels":7}'],
    ['of a newer version', (text: string) => text.replace('"version": 1', '"version": 99')],
    ['with rows of another length', (text: string) => text.replace(/"columns": \d+/, '"columns": 3')],
    [
      'with times that do not rise',
      (text: string) => text.replace(/"times": "[^"]{24}/, '"times": "////////////////////////'),
    ],
  ])('that are %s are told in the log and as good as none', async (_what, damage) => {
    await run('a');
    const path = join(folder, 'a.json');
    const text = await readFile(path, 'utf8');
    const damaged = damage(text);
    expect(damaged).not.toBe(text);
    await writeFile(path, damaged);
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    expect((await restart(['a'])).get('a')).toEqual([]);
    expect(log.mock.calls.flat().join()).toContain('history of a: ');
    log.mockRestore();
  });
});
