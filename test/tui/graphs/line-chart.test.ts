import {expect, test} from 'vitest';
import {drawLineChart, MIN_CHART} from '../../../src/tui/graphs/line-chart.js';
import type {CellGrid} from '../../../src/tui/terminal/cells.js';

const data = (values: readonly number[]) => ({
  title: 'x',
  values,
  labels: values.map(() => ''),
  maxValue: 100,
  color: 200,
});
const text = (grid: CellGrid) => Array.from({length: grid.rows}, (_, row) => grid.rowText(row));

// Rows that have a cell of the curve's colour.
function curveRows(grid: CellGrid): number[] {
  return text(grid).flatMap((_, row) =>
    grid.fg.slice(row * grid.columns, (row + 1) * grid.columns).includes(200) ? [row] : [],
  );
}

test('a high curve lies above a low one', async () => {
  const high = curveRows(await drawLineChart(60, 14, data(new Array(60).fill(95))));
  const low = curveRows(await drawLineChart(60, 14, data(new Array(60).fill(10))));
  expect(Math.max(...high)).toBeLessThan(Math.min(...low));
});

test('axes are drawn and every size from the smallest on works', async () => {
  for (const [width, height] of [
    [MIN_CHART.width, MIN_CHART.height],
    [82, 14],
    [200, 40],
  ] as const) {
    const lines = text(await drawLineChart(width, height, data([1, 50, 99])));
    expect(lines.join('')).toContain('⠓⠒⠒');
    expect(lines.join('')).not.toContain('null');
  }
  await expect(drawLineChart(5, 2, data([1]))).rejects.toThrow(RangeError);
});

test('one value, none, and zeros make a chart too', async () => {
  for (const values of [[], [5], [0, 0, 0]])
    expect(text(await drawLineChart(40, 8, data(values))).join('')).toContain('⠓⠒');
});

test('the hidden screen leaves no listeners on the process', async () => {
  const events = ['exit', 'uncaughtException', 'SIGINT', 'SIGTERM'] as const;
  const count = () => events.map((event) => process.listenerCount(event));
  await drawLineChart(40, 8, data([1, 2]));
  const before = count();
  await drawLineChart(50, 9, data([1, 2]));
  expect(count()).toEqual(before);
  expect(process.listeners('exit').some((listener) => String(listener).includes('blessed'))).toBe(false);
});
