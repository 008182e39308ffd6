import {ATTR_BOLD, ATTR_INVERSE, CellGrid, type Color, PLAIN, type Rect} from '../terminal/cells.js';
import {textWidth} from '../terminal/char-width.js';
import {paintText} from '../terminal/paint-text.js';
import {fitsChart, LineChart, type LineChartData} from './line-chart.js';
import {type SparkStyle, sparkline} from './sparkline.js';

/** A piece of text in one colour. */
export interface ColoredText {
  readonly text: string;
  readonly color: Color;
  readonly isChosen?: boolean;
}

/** A chart with its heading: what it shows, then what the lines are at now. */
export interface BoardChart extends LineChartData {
  readonly title: string;
  readonly legend: readonly ColoredText[];
}

/** What a board shows: a line of text, and charts in their rectangles. Without rectangles they become lines of text. */
export interface Board {
  readonly caption: readonly ColoredText[];
  readonly charts: readonly BoardChart[];
  readonly rects: readonly Rect[];
}

/**
 * Charts in a pane. They are drawn once for new data, off-screen, and copied into each frame; blessed is loaded with the
 * first one, and nothing waits for it.
 */
export class ChartBoard implements Disposable {
  private readonly changed: () => void;
  private readonly style: SparkStyle;
  private board: Board | undefined;
  private pictures: (CellGrid | undefined)[] = [];
  private drawer: LineChart | undefined;
  private isLoading = false;
  private isDisposed = false;

  /** `changed` is called when there is something new to paint. */
  constructor(changed: () => void, style: SparkStyle) {
    this.changed = changed;
    this.style = style;
  }

  /** Shows other data. */
  update(board: Board): void {
    this.board = board;
    this.pictures = [];
    this.changed();
  }

  /** Paints into the pane that the rectangles lie in. */
  paint(grid: CellGrid, pane: Rect): void {
    const {board} = this;
    if (!board) return;
    paintPieces(grid, pane.x + 1, pane.y, pane.width - 1, board.caption);
    if (board.rects.length === 0) this.paintLines(grid, pane, board);
    for (const [index, rect] of board.rects.entries()) {
      const chart = board.charts[index];
      if (!chart) continue;
      paintHeading(grid, rect.x + 1, rect.y, rect.width - 2, chart);
      const picture = this.picture(index, chart, rect.width, rect.height - 1);
      if (picture) grid.blit(picture, {...rect, y: rect.y + 1, height: rect.height - 1});
    }
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
    this.drawer?.[Symbol.dispose]();
    this.drawer = undefined;
  }

  private picture(index: number, chart: BoardChart, width: number, height: number): CellGrid | undefined {
    const known = this.pictures[index];
    if (known?.columns === width && known.rows === height) return known;
    if (!fitsChart({width, height})) return undefined;
    if (this.drawer?.width !== width || this.drawer.height !== height) {
      this.load(width, height);
      return undefined;
    }
    const picture = new CellGrid(width, height);
    this.drawer.draw(picture, chart, this.style);
    this.pictures[index] = picture;
    return picture;
  }

  private load(width: number, height: number): void {
    if (this.isLoading || this.isDisposed) return;
    this.isLoading = true;
    // A failure to load is one of the installation; the numbers stay readable above empty charts.
    void LineChart.create(width, height)
      .then((drawer) => {
        this.drawer?.[Symbol.dispose]();
        this.drawer = drawer;
        if (this.isDisposed) this[Symbol.dispose]();
      })
      .finally(() => {
        this.isLoading = false;
        this.changed();
      });
  }

  private paintLines(grid: CellGrid, pane: Rect, {charts}: Board): void {
    for (const [index, chart] of charts.entries()) {
      const y = pane.y + 1 + index;
      if (y >= pane.y + pane.height) return;
      const heading = {title: chart.title, legend: chart.legend.slice(0, 1)};
      const used = paintHeading(grid, pane.x + 1, y, pane.width - 1, heading);
      const line = chart.lines.at(-1);
      const width = pane.width - used - 3;
      if (!line || width < 4) continue;
      const values = line.values.map((value) => (Number.isNaN(value) ? 0 : value));
      const spark = sparkline(values, width, chart.maxValue, this.style);
      paintText(grid, pane.x + 2 + used, y, width, spark, {...PLAIN, fg: line.color});
    }
  }
}

/** Paints a title in bold and what fits of a legend; answers with the cells that took. */
function paintHeading(
  grid: CellGrid,
  x: number,
  y: number,
  width: number,
  {title, legend}: Pick<BoardChart, 'title' | 'legend'>,
): number {
  paintText(grid, x, y, width, title, {...PLAIN, attrs: ATTR_BOLD});
  const used = textWidth(title) + 2;
  return used + paintPieces(grid, x + used, y, width - used, legend);
}

/** Paints pieces one after the other as far as whole ones fit; answers with the cells that took. */
function paintPieces(grid: CellGrid, x: number, y: number, width: number, pieces: readonly ColoredText[]): number {
  let used = 0;
  for (const {text, color, isChosen} of pieces) {
    const cells = textWidth(text);
    // Half a number would be another number.
    if (used + cells > width) break;
    paintText(grid, x + used, y, width - used, text, {...PLAIN, fg: color, attrs: isChosen ? ATTR_INVERSE : 0});
    used += cells + 1;
  }
  return Math.max(0, used - 1);
}
