import {expect, test} from 'vitest';
import {LineChart, MIN_CHART} from '../../../src/tui/graphs/line-chart.js';
import type {SparkStyle} from '../../../src/tui/graphs/sparkline.js';
import {CellGrid} from '../../../src/tui/terminal/cells.js';

const COLOR = 200;
const data = (...lines: readonly (readonly number[])[]) => ({
  lines: lines.map((values, index) => ({values, color: COLOR + index})),
  labels: ['-60s', '-45s', '-30s', '-15s'],
  maxValue: 100,
});
const text = (grid: CellGrid) => Array.from({length: grid.rows}, (_, row) => grid.rowText(row));

async function draw(
  width: number,
  height: number,
  content: ReturnType<typeof data>,
  style: SparkStyle = 'braille',
): Promise<CellGrid> {
  using chart = await LineChart.create(width, height);
  const grid = new CellGrid(width, height);
  chart.draw(grid, content, style);
  return grid;
}

// Places of cells in a line's colour.
function places(grid: CellGrid, color = COLOR): {x: number; y: number}[] {
  return [...grid.fg].flatMap((fg, at) =>
    fg === color ? [{x: at % grid.columns, y: Math.floor(at / grid.columns)}] : [],
  );
}
const rowsOf = (grid: CellGrid, color = COLOR) => places(grid, color).map(({y}) => y);

test('a high line lies above a low one, each in its colour', async () => {
  const grid = await draw(60, 14, data(new Array(60).fill(95), new Array(60).fill(10)));
  expect(Math.max(...rowsOf(grid, COLOR))).toBeLessThan(Math.min(...rowsOf(grid, COLOR + 1)));
});

test('axes have numbers and times, and every size from the smallest on works', async () => {
  for (const [width, height] of [
    [MIN_CHART.width, MIN_CHART.height],
    [38, 8],
    [82, 14],
    [200, 40],
  ] as const) {
    const rows = text(await draw(width, height, data(Array.from({length: 60}, (_, i) => i))));
    const all = rows.join('\n');
    expect(all).toContain('⠓⠒⠒');
    expect(all).toContain('-60s');
    expect(all).toContain('-30s');
    expect(all).toMatch(/^ *0/m);
    expect(all).toMatch(/^ *50/m);
    expect(all).not.toMatch(/null|NaN/);
    expect(all.includes('-45s')).toBe(width >= 50);
  }
  await expect(LineChart.create(5, 2)).rejects.toThrow(RangeError);
});

test('one value, none, zeros, and nothing but gaps make a chart too', async () => {
  const gaps = new Array<number>(60).fill(Number.NaN);
  for (const lines of [[], [[]], [[5]], [[0, 0, 0]], [gaps], [gaps, [1, 2]]])
    expect(text(await draw(40, 8, data(...lines))).join('')).toContain('⠓⠒');
  expect(places(await draw(40, 8, data(gaps)))).toEqual([]);
});

test('a gap stays empty, and what is above the axis stays below its end', async () => {
  const values = Array.from({length: 60}, (_, i) => (i >= 20 && i < 40 ? Number.NaN : 500));
  const grid = await draw(80, 14, data(values));
  const columns = new Set(places(grid).map(({x}) => x));
  const axis = 5;
  const across = 80 - axis;
  for (let x = axis + Math.ceil(across * 0.36); x < axis + Math.floor(across * 0.63); x++)
    expect(columns.has(x), `column ${x}`).toBe(false);
  expect(columns.size).toBeGreaterThan(across / 2);
  expect(rowsOf(grid).every((y) => y <= 1)).toBe(true);
});

test('a chart that is drawn again has nothing of what it showed before', async () => {
  using chart = await LineChart.create(60, 14);
  const show = (content: ReturnType<typeof data>) => {
    const grid = new CellGrid(60, 14);
    chart.draw(grid, content, 'braille');
    return text(grid);
  };
  const steady = data(new Array(60).fill(40));
  const first = show(steady);
  show(data(new Array(60).fill(90), new Array(60).fill(5)));
  expect(show(steady)).toEqual(first);
});

test.each([
  ['braille', /[⠀-⣿]/, /[▀-▟]/],
  ['block', /[▀-▟]/, /[⠀-⣿]/],
  ['ascii', /[-_'/\\|]{10}/, /[^\x20-\x7e\n]/],
] as const)('in %s it consists of those characters alone', async (style, has, hasNot) => {
  const wave = Array.from({length: 60}, (_, i) => 50 + 45 * Math.sin(i / 4));
  const all = text(await draw(60, 14, data(wave), style)).join('\n');
  expect(all).toMatch(has);
  expect(all).not.toMatch(hasNot);
});

test('the hidden screen leaves no listeners on the process', async () => {
  const events = ['exit', 'uncaughtException', 'SIGINT', 'SIGTERM'] as const;
  const count = () => events.map((event) => process.listenerCount(event));
  await draw(40, 8, data([1, 2]));
  const before = count();
  await draw(50, 9, data([1, 2]));
  expect(count()).toEqual(before);
  expect(process.listeners('exit').some((listener) => String(listener).includes('blessed'))).toBe(false);
});
