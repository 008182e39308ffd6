import {ATTR_BOLD, type CellGrid, PLAIN, type Rect} from '../terminal/cells.js';
import {paintText} from '../terminal/paint-text.js';
import {drawLineChart, fitsChart, type LineChartData} from './line-chart.js';
import {type SparkStyle, sparkline} from './sparkline.js';

interface Drawn {
  readonly data: LineChartData;
  readonly grid: CellGrid;
}

/**
 * Charts one below the other in a rectangle. Drawing happens off-screen and in the background; painting copies what
 * was drawn last, so a frame never waits for a chart.
 */
export class ChartPane {
  private readonly changed: () => void;
  private readonly sparkStyle: SparkStyle;
  private charts: readonly LineChartData[] = [];
  private drawn: readonly Drawn[] = [];
  private rect: Rect | undefined;
  private isDrawing = false;
  private isStale = false;

  /** `changed` is called when new charts are ready to be painted. */
  constructor(changed: () => void, sparkStyle: SparkStyle) {
    this.changed = changed;
    this.sparkStyle = sparkStyle;
  }

  /** Shows other data. */
  update(charts: readonly LineChartData[]): void {
    this.charts = charts;
    this.redraw();
  }

  /** Paints into a rectangle; a rectangle of another size than before is drawn anew first. */
  paint(grid: CellGrid, rect: Rect): void {
    if (rect.width !== this.rect?.width || rect.height !== this.rect.height) {
      this.rect = rect;
      this.redraw();
    }
    const slots = splitRows(rect, this.charts.length);
    for (const [index, slot] of slots.entries()) {
      const chart = this.charts[index];
      if (!chart) continue;
      paintText(grid, slot.x + 1, slot.y, slot.width - 1, chart.title, {...PLAIN, attrs: ATTR_BOLD});
      const body = bodyOf(slot);
      const picture = this.drawn[index]?.grid;
      if (!fitsChart(body)) {
        const line = sparkline(chart.values, slot.width - 2, chart.maxValue, this.sparkStyle);
        paintText(grid, slot.x + 1, slot.y + 1, slot.width - 2, line, {...PLAIN, fg: chart.color});
      } else if (picture) grid.blit(picture, body);
    }
  }

  private redraw(): void {
    if (this.isDrawing) {
      this.isStale = true;
      return;
    }
    const {rect, charts} = this;
    if (!rect || charts.length === 0) return;
    const slots = splitRows(rect, charts.length).map(bodyOf);
    if (!slots.every(fitsChart)) {
      this.changed();
      return;
    }
    this.isDrawing = true;
    this.isStale = false;
    const jobs = charts.map(async (data, index) => {
      const slot = slots[index] ?? rect;
      return {data, grid: await drawLineChart(slot.width, slot.height, data)};
    });
    void Promise.all(jobs).then((drawn) => {
      this.drawn = drawn;
      this.isDrawing = false;
      this.changed();
      if (this.isStale) this.redraw();
    });
  }
}

function bodyOf(slot: Rect): Rect {
  return {x: slot.x, y: slot.y + 1, width: slot.width, height: slot.height - 1};
}

function splitRows(rect: Rect, count: number): Rect[] {
  const height = Math.floor(rect.height / Math.max(1, count));
  return Array.from({length: count}, (_, index) => ({...rect, y: rect.y + index * height, height}));
}
