import {describe, expect, test} from 'vitest';
import type {MachineSample, MetricsCurves} from '../../../src/manager/protocol/metrics.js';
import type {AppEvent} from '../../../src/tui/state/events.js';
import {CHART_COUNT, keyScope, SPANS, shownCurves} from '../../../src/tui/state/graphs.js';
import {type AppState, initialState} from '../../../src/tui/state/model.js';
import {arrangeCharts, CAPTION_ROWS, CHART_CELL} from '../../../src/tui/state/presenters/chart-places.js';
import {niceMaximum, scaleBytes, scaleCount, scaleMemory} from '../../../src/tui/state/presenters/chart-scale.js';
import {machineCharts} from '../../../src/tui/state/presenters/charts.js';
import {graphsCaption} from '../../../src/tui/state/presenters/graphs-caption.js';
import {momentsOfSamples, spread} from '../../../src/tui/state/presenters/moments.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {fakeMachine} from '../../support/fake-fleet.js';
import {busyCurves, busySample, steadySample} from '../../support/fake-metrics.js';

const NOW_MS = 1_800_000_000_000;
const machine = (hartCount = 1) => {
  const made = fakeMachine('a', 'running');
  return {...made, config: {...made.config!, hartCount}};
};
const minute = (stepMs = 1000) =>
  Array.from({length: 60_000 / stepMs}, (_, i) => busySample(machine(2), NOW_MS - 60_000 + (i + 1) * stepMs));
const told = (values: readonly number[]) => values.filter((value) => !Number.isNaN(value)).length;
const [MINUTE, FIVE, HOUR] = SPANS;

describe('the charts of a machine', () => {
  test('are CPU of each hart, memory, disk, net, interrupts and MIPS, with what they are at now', () => {
    const charts = machineCharts(machine(2), minute(), MINUTE, undefined, NOW_MS);
    expect(charts.map(({id}) => id)).toEqual(['cpu', 'memory', 'disk', 'net', 'interrupts', 'mips']);
    expect(charts).toHaveLength(CHART_COUNT);
    const [cpu, memory, disk, net] = charts;
    expect(cpu?.lines).toHaveLength(3);
    expect(cpu?.maxValue).toBe(100);
    expect(cpu?.legend.map(({text}) => text).join(' ')).toMatch(/^\d+% 0:\d+% 1:\d+% host \d+%$/);
    expect(memory).toMatchObject({title: 'Memory M', maxValue: 256});
    expect(memory?.legend.map(({text}) => text.split(' ')[0])).toEqual(['used', 'cache', 'held']);
    expect(disk?.title).toBe('Disk M/s');
    expect(net?.legend.map(({text}) => text).join(' ')).toMatch(/^rx \S+M tx \S+K \S+\+\d+ pkts$/);
    for (const {lines, maxValue, title} of charts)
      for (const {values} of lines) {
        expect(told(values), title).toBeGreaterThan(55);
        expect(Math.max(...values.filter((value) => !Number.isNaN(value))), title).toBeLessThanOrEqual(maxValue);
      }
  });

  test('have twice as many points where there are two samples a second', () => {
    for (const [stepMs, points] of [
      [1000, 60],
      [500, 120],
      [100, 120],
      [5000, 60],
    ] as const) {
      const [cpu] = machineCharts(machine(2), minute(stepMs), MINUTE, undefined, NOW_MS);
      expect(cpu?.lines[0]?.values.length, `${stepMs}`).toBe(points);
      expect(told(cpu?.lines[0]?.values ?? []), `${stepMs}`).toBeGreaterThan(points * 0.9);
    }
  });

  test('over longer times come from the daemon, with peaks', () => {
    for (const {spanMs, labels} of [FIVE, HOUR]) {
      const curves = busyCurves(machine(2), NOW_MS, spanMs, 120);
      const charts = machineCharts(
        machine(2),
        minute(),
        {name: '5 min', spanMs, labels} as typeof FIVE,
        curves,
        NOW_MS,
      );
      for (const {lines, title} of charts)
        for (const {values} of lines) expect(told(values) / values.length, title).toBeGreaterThan(0.9);
      expect(charts[4]?.lines.map(({token}) => token)).toEqual(['faint', 'chartThird']);
    }
    const waiting = machineCharts(machine(2), minute(), HOUR, undefined, NOW_MS);
    expect(waiting.flatMap(({lines}) => lines.map(({values}) => told(values)))).toEqual(
      new Array(waiting.flatMap(({lines}) => lines).length).fill(0),
    );
  });

  test('of a machine that is off say nothing of now and go on to the left', () => {
    const off = {...fakeMachine('a', 'defined')};
    const charts = machineCharts(off, minute(), MINUTE, undefined, NOW_MS + 30_000);
    expect(charts.flatMap(({legend}) => legend)).toEqual([]);
    const values = charts[0]?.lines.at(-1)?.values ?? [];
    expect(told(values.slice(0, 25))).toBe(25);
    expect(told(values.slice(35))).toBe(0);
  });

  test('work with what a process of an earlier version tells, and with nothing', () => {
    const old = Array.from({length: 60}, (_, i) => steadySample('id-a', NOW_MS - i * 1000)).reverse();
    const charts = machineCharts(machine(), old, MINUTE, undefined, NOW_MS);
    expect(told(charts[0]?.lines.at(-1)?.values ?? [])).toBeGreaterThan(55);
    expect(charts[4]?.legend).toEqual([]);
    expect(machineCharts(machine(8), [], MINUTE, undefined, NOW_MS)).toHaveLength(CHART_COUNT);
    const hostile: MetricsCurves = {stepMs: 1, atMs: [], curves: {cpu: {least: [1], mean: [1], most: [1]}}};
    expect(machineCharts(machine(), [], HOUR, hostile, NOW_MS)).toHaveLength(CHART_COUNT);
  });
});

describe('moments', () => {
  const at = (seconds: readonly number[]): MachineSample[] =>
    seconds.map((second) => ({...steadySample('a', NOW_MS + second * 1000), cpuPercent: second}));

  test('that come unevenly make an even line, and no gap is drawn over', () => {
    const samples = at([0, 0.9, 2.1, 3, 4, 5, 6, 30, 31, 32, 33]);
    const values = spread(momentsOfSamples(samples, 1), 'cpu', 'mean', 60_000, NOW_MS + 33_000);
    expect(values).toHaveLength(60);
    expect(values.slice(27, 33).map((value) => Math.round(value))).toEqual([1, 2, 3, 4, 5, 6].map((v) => v));
    expect(told(values.slice(36, 55))).toBe(0);
    expect(values.at(-1)).toBe(33);
  });

  test('before the first one know nothing', () => {
    expect(told(spread(momentsOfSamples(at([0]), 1), 'cpu', 'mean', 60_000, NOW_MS))).toBe(1);
    expect(told(spread(momentsOfSamples([], 1), 'cpu', 'mean', 60_000, NOW_MS))).toBe(0);
  });
});

describe('scales', () => {
  test('end at 1, 2, 4 or 8 times a power of ten, so that quarters are round', () => {
    expect([0, 0.3, 1, 1.5, 3, 5, 8.1, 19, 35, 81, 100, 250, 900, Number.NaN].map(niceMaximum)).toEqual([
      ...[1, 1, 1, 2, 4, 8, 20, 20, 40, 100, 100, 400, 1000, 1],
    ]);
  });

  test('have the unit that leaves few digits', () => {
    expect(scaleBytes(0)).toEqual({maxValue: 1, unit: 'K', factor: 1024});
    expect(scaleBytes(3 * 2 ** 20)).toEqual({maxValue: 4, unit: 'M', factor: 2 ** 20});
    expect(scaleBytes(1e30).unit).toBe('T');
    expect(scaleCount(350)).toEqual({maxValue: 400, unit: '', factor: 1});
    expect(scaleCount(3500)).toEqual({maxValue: 4, unit: 'k', factor: 1000});
    expect(scaleMemory(2 ** 28)).toMatchObject({maxValue: 256, unit: 'M'});
    expect(scaleMemory(2 ** 33)).toMatchObject({maxValue: 8, unit: 'G'});
    expect(scaleMemory(6 * 2 ** 30)).toMatchObject({maxValue: 6144, unit: 'M'});
    expect(scaleMemory(0).maxValue).toBe(1);
  });
});

describe('places of charts', () => {
  test('never overlap, lie in the pane, and every chart can be reached', () => {
    for (let width = 20; width <= 260; width += 7)
      for (let height = 3; height <= 80; height += 3) {
        const pane = {x: 30, y: 3, width, height};
        const reached = new Set<number>();
        const {lastFirstRow} = arrangeCharts(pane, CHART_COUNT, 0);
        for (let row = 0; row <= lastFirstRow; row++) {
          const {first, rects} = arrangeCharts(pane, CHART_COUNT, row);
          for (const [index, rect] of rects.entries()) {
            reached.add(first + index);
            const isInside =
              rect.x >= pane.x &&
              rect.x + rect.width <= pane.x + width &&
              rect.y >= pane.y + CAPTION_ROWS &&
              rect.y + rect.height <= pane.y + height &&
              rect.height >= CHART_CELL.height;
            const overlapped = rects.slice(0, index).some((other) => {
              const isBeside = rect.x >= other.x + other.width || other.x >= rect.x + rect.width;
              return !isBeside && rect.y < other.y + other.height && other.y < rect.y + rect.height;
            });
            if (!isInside || overlapped) throw new Error(`${width}×${height}: ${JSON.stringify(rects)}`);
          }
        }
        if (reached.size > 0) expect(reached.size, `${width}×${height}`).toBe(CHART_COUNT);
      }
  });

  test('are one, two or three columns by the width', () => {
    const columns = (width: number) =>
      new Set(arrangeCharts({x: 0, y: 0, width, height: 60}, CHART_COUNT, 0).rects.map(({x}) => x)).size;
    expect([26, 46, 80, 113, 114, 150].map(columns)).toEqual([1, 1, 2, 2, 3, 3]);
  });
});

describe('the state of graphs', () => {
  const start = (changes: Partial<AppState> = {}): AppState => ({
    ...initialState({columns: 80, rows: 24}, NOW_MS),
    machines: [fakeMachine('a', 'running'), fakeMachine('b', 'running')],
    selectedId: 'id-a',
    tab: 'graphs',
    ...changes,
  });
  const following = (state: AppState, ...events: AppEvent[]) => events.reduce(reduce, state);

  test('spans end at the shortest and the longest', () => {
    const longer = {type: 'spanMoved', by: 1} as const;
    const longest = following(start(), longer, longer, longer, longer);
    expect(longest.graphs.spanIndex).toBe(2);
    expect(following(longest, longer)).toBe(longest);
    expect(following(longest, {type: 'spanMoved', by: -9}).graphs.spanIndex).toBe(0);
  });

  test('charts scroll as far as the last one and no further, and not at all where all are in sight', () => {
    const on = {type: 'chartsScrolled', by: 1} as const;
    const end = following(start(), ...new Array(20).fill(on));
    expect(end.graphs.firstRow).toBe(4);
    expect(
      graphsCaption(end, arrangeCharts({x: 0, y: 0, width: 46, height: 19}, CHART_COUNT, 4)).map(({text}) => text),
    ).toContain('5–6/6');
    expect(following(end, {type: 'chartsScrolled', by: -20}).graphs.firstRow).toBe(0);
    const large = start({size: {columns: 200, rows: 60}});
    expect(following(large, on)).toBe(large);
  });

  test('curves are shown for the machine and the time that they are of', () => {
    const curves = {machineId: 'id-a', spanMs: HOUR.spanMs, data: {stepMs: 1, atMs: [], curves: {}}};
    const loaded = following(start(), {type: 'spanMoved', by: 2}, {type: 'curvesLoaded', curves});
    expect(shownCurves(loaded)).toBe(curves.data);
    expect(shownCurves(following(loaded, {type: 'spanMoved', by: -1}))).toBeUndefined();
    expect(shownCurves(following(loaded, {type: 'selectionMoved', by: 1}))).toBeUndefined();
    const failed = following(loaded, {type: 'curvesFailed', problem: 'It is too old.'});
    expect(graphsCaption(failed, arrangeCharts({x: 0, y: 0, width: 80, height: 30}, CHART_COUNT, 0)).at(-1)).toEqual({
      ...{text: 'It is too old.', isChosen: false, isProblem: true},
    });
  });

  test('the fleet view has keys of its own, a console lies above it, and a tab leads out of it', () => {
    const shown = following(start(), {type: 'fleetViewShown', isShown: true});
    expect(keyScope(shown)).toBe('fleet');
    expect(keyScope(following(shown, {type: 'focusMoved', focus: 'fullscreen'}))).toBe('graphs');
    expect(
      keyScope(following(shown, {type: 'focusMoved', focus: 'fullscreen'}, {type: 'focusMoved', focus: 'list'})),
    ).toBe('fleet');
    expect(keyScope(following(shown, {type: 'tabChosen', tab: 'log'}))).toBe('log');
    expect(keyScope({...shown, machines: []})).toBe('graphs');
  });
});
