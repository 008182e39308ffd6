import {CellGrid, COLOR_DEFAULT, type Color, type Rect} from '../terminal/cells.js';
import {copyWidget, hiddenScreen} from './hidden-screen.js';

/** What a line chart shows. Units: `values` in the unit of `maxValue`; the newest value is the last. */
export interface LineChartData {
  readonly title: string;
  readonly values: readonly number[];
  readonly labels: readonly string[];
  readonly maxValue: number;
  readonly color: Color;
}

/** Below this size a chart is no chart: a sparkline serves better. Units: cells. */
export const MIN_CHART = {width: 24, height: 6} as const;

const DRAWN_GREEN = 2;
const DRAWN_WHITE = 7;

// blessed-contrib leaves these unused at the right and at the bottom.
const CANVAS_MARGIN = {columns: 5, rows: 2};

/** True when a rectangle is large enough for {@link drawLineChart}. */
export function fitsChart(rect: Rect): boolean {
  return rect.width >= MIN_CHART.width && rect.height >= MIN_CHART.height;
}

/**
 * Draws a line chart with axes into a new grid of the given size.
 * Errors: throws a RangeError below {@link MIN_CHART}
 */
export async function drawLineChart(width: number, height: number, data: LineChartData): Promise<CellGrid> {
  const rect = {x: 0, y: 0, width, height};
  if (!fitsChart(rect)) throw new RangeError(`a chart of ${width}×${height} is too small`);
  const screen = await hiddenScreen();
  const {default: line} = await import('blessed-contrib/lib/widget/charts/line.js');
  const grid = new CellGrid(width, height);
  // A widget keeps the canvas of its first size, so each drawing has a new one.
  const widget = line({
    left: 0,
    top: 0,
    width: width + CANVAS_MARGIN.columns,
    height: height + CANVAS_MARGIN.rows,
    showLegend: false,
    wholeNumbersOnly: data.maxValue >= 10,
    minY: 0,
    maxY: data.maxValue,
    numYLabels: height >= 14 ? 4 : 2,
    style: {line: 'green', text: 'white', baseline: 'white'},
    xLabelPadding: 3,
    xPadding: 5,
  });
  // Appending makes the widget's canvas; doing it twice would replace it by an empty one.
  screen.append(widget);
  const canvas = widget.ctx._canvas;
  const frame = canvas.frame.bind(canvas);
  canvas.frame = () => frame().replaceAll('\x1b[m', '\x1b[0m');
  // One point would draw no line, and an empty label is drawn as the word null.
  const values = data.values.length < 2 ? [data.values[0] ?? 0, data.values[0] ?? 0] : [...data.values];
  const labels = values.map((_, index) => data.labels[index] || ' ');
  widget.setData([{title: data.title, x: labels, y: values, style: {line: 'green'}}]);
  copyWidget(screen, widget, grid, rect);
  widget.destroy();
  recolor(grid, data.color);
  return grid;
}

// The widgets know colour names only: they draw in two of them, which become the wanted ones here.
function recolor(grid: CellGrid, lineColor: Color): void {
  for (let at = 0; at < grid.fg.length; at++) {
    if (grid.fg[at] === DRAWN_GREEN) grid.fg[at] = lineColor;
    else if (grid.fg[at] === DRAWN_WHITE) grid.fg[at] = COLOR_DEFAULT;
  }
}
