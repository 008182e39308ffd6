/**
 * blessed-contrib's line chart, drawn off-screen and read from its canvas: its own way to the screen, by text with escape
 * sequences that blessed parses again, takes three times as long as the drawing.
 *
 * Traps it handles besides those of `hidden-screen.ts`: a widget keeps the canvas of its first size, so there is one a
 * size; appending it twice would empty its canvas; one point draws no line and an empty label the word null; a value that
 * is no number would never end; the highest is drawn above the canvas; clearing by filled triangles takes as long as all
 * lines.
 */
import {type CellGrid, COLOR_DEFAULT, type Color, type Rect} from '../terminal/cells.js';
import type {BlessedScreen, CanvasCells, LineWidget} from './blessed-types.js';
import {glyphs} from './glyphs.js';
import {FIRST_TAG, hiddenScreen} from './hidden-screen.js';
import type {SparkStyle} from './sparkline.js';

/** One line of a chart. Values that are NaN are gaps. */
export interface ChartLine {
  readonly values: readonly number[];
  readonly color: Color;
}

/** What a line chart shows. Units: values in the unit of `maxValue`; the newest value is the last. All lines are equally long. */
export interface LineChartData {
  readonly lines: readonly ChartLine[];
  /** Words below the axis, evenly spaced from the oldest value on. */
  readonly labels: readonly string[];
  readonly maxValue: number;
}

/** Below this size a chart is no chart: a sparkline serves better. Units: cells. */
export const MIN_CHART = {width: 24, height: 6} as const;

// blessed-contrib leaves these unused at the right and at the bottom; of the last row that it uses, nothing.
const CANVAS_MARGIN = {columns: 5, rows: 3};
// Dots that it keeps free below the lines, and by which it lifts them above the canvas where they reach the top.
const BELOW_DOTS = 11;
const LIFT_DOTS = 2;
/** From this height on the axis has four numbers instead of two. */
const TALL_ROWS = 12;
/** From this width on every label is shown, below every second one. */
const WIDE_COLUMNS = 50;
const AXIS_TAG = 15;

/** True when a rectangle is large enough for {@link LineChart}. */
export function fitsChart(rect: Pick<Rect, 'width' | 'height'>): boolean {
  return rect.width >= MIN_CHART.width && rect.height >= MIN_CHART.height;
}

/** Draws charts of one size. Dispose it for another size. */
export class LineChart implements Disposable {
  readonly width: number;
  readonly height: number;
  private readonly widget: LineWidget;
  private readonly cells: CanvasCells;
  private isGap = false;

  private constructor(
    screen: BlessedScreen,
    makeWidget: (options: object) => LineWidget,
    width: number,
    height: number,
  ) {
    this.width = width;
    this.height = height;
    this.widget = makeWidget({
      left: 0,
      top: 0,
      width: width + CANVAS_MARGIN.columns,
      height: height + CANVAS_MARGIN.rows,
      showLegend: false,
      numYLabels: height >= TALL_ROWS ? 4 : 2,
      style: {line: FIRST_TAG, text: AXIS_TAG, baseline: AXIS_TAG},
      xLabelPadding: 3,
      xPadding: 5,
    });
    // Appending makes the widget's canvas.
    screen.append(this.widget);
    this.cells = this.widget.ctx._canvas;
    this.widget.detach();
    this.hookContext();
  }

  /** Loads blessed with the first chart. Errors: a RangeError below {@link MIN_CHART} */
  static async create(width: number, height: number): Promise<LineChart> {
    if (!fitsChart({width, height})) throw new RangeError(`a chart of ${width}×${height} is too small`);
    const screen = await hiddenScreen();
    const {default: line} = await import('blessed-contrib/lib/widget/charts/line.js');
    return new LineChart(screen, line, width, height);
  }

  /** Draws into the top left corner of a grid. */
  draw(grid: CellGrid, data: LineChartData, style: SparkStyle): void {
    const count = Math.max(2, ...data.lines.map(({values}) => values.length));
    const x = labelsAt(data.labels, count, this.width);
    this.widget.options.maxY = data.maxValue;
    this.widget.options.showNthLabel = x.step;
    const {content, width} = this.cells;
    const dots = (content.length / (width >> 1)) * 4 - BELOW_DOTS;
    const highest = data.maxValue * (1 - LIFT_DOTS / dots);
    const lines = data.lines.length === 0 ? [{values: []}] : data.lines;
    this.widget.setData(
      lines.map(({values}, index) => ({
        title: '',
        x: x.labels,
        y: padded(values, count).map((value) => Math.min(value, highest)),
        style: {line: FIRST_TAG + index},
      })),
    );
    this.copy(grid, data, glyphs(style));
  }

  [Symbol.dispose](): void {
    this.widget.destroy();
  }

  private hookContext(): void {
    const {ctx} = this.widget;
    const lineTo = ctx.lineTo.bind(ctx);
    const moveTo = ctx.moveTo.bind(ctx);
    const beginPath = ctx.beginPath.bind(ctx);
    ctx.clearRect = () => {
      this.cells.content.fill(0);
      this.cells.chars.fill(null);
    };
    ctx.beginPath = () => {
      this.isGap = true;
      beginPath();
    };
    ctx.lineTo = (x, y) => {
      if (Number.isNaN(y)) this.isGap = true;
      else if (this.isGap) {
        this.isGap = false;
        moveTo(x, y);
      } else lineTo(x, y);
    };
  }

  private copy(grid: CellGrid, {lines}: LineChartData, table: readonly string[]): void {
    const {content, chars, colors, width} = this.cells;
    const stride = width >> 1;
    const columns = Math.min(this.width, stride, grid.columns);
    const rows = Math.min(this.height, content.length / stride, grid.rows);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = row * stride + column;
        const label = chars[at];
        const bits = content[at] ?? 0;
        if (label) grid.set(column, row, letterOf(label), 1, COLOR_DEFAULT, COLOR_DEFAULT, 0);
        else if (bits !== 0) {
          const color = lines[tagOf(colors[at] ?? '') - FIRST_TAG]?.color ?? COLOR_DEFAULT;
          grid.set(column, row, table[bits] ?? ' ', 1, color, COLOR_DEFAULT, 0);
        }
      }
    }
  }
}

function padded(values: readonly number[], count: number): readonly number[] {
  return values.length >= count ? values : [...new Array<number>(count - values.length).fill(Number.NaN), ...values];
}

// The widget shows every n-th of as many labels as there are values.
function labelsAt(labels: readonly string[], count: number, width: number): {labels: string[]; step: number} {
  const stride = width >= WIDE_COLUMNS ? 1 : 2;
  const step = Math.max(1, Math.floor(count / Math.max(1, labels.length)) * stride);
  const spread = new Array<string>(count).fill(' ');
  for (let index = 0; index < labels.length; index += stride)
    if ((index / stride) * step < count) spread[(index / stride) * step] = labels[index] || ' ';
  return {labels: spread, step};
}

// The first and last letter of a label carry escape sequences.
function letterOf(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what drawille writes
  return text.length === 1 ? text : text.replace(/\x1b\[[0-9;]*m/g, '').charAt(0) || ' ';
}

const tags = new Map<string, number>();

// Colours are kept as escape sequences: a handful of different ones.
function tagOf(sequence: string): number {
  let tag = tags.get(sequence);
  if (tag === undefined) {
    tag = Number(/38;5;(\d+)m/.exec(sequence)?.[1] ?? AXIS_TAG);
    tags.set(sequence, tag);
  }
  return tag;
}
