import type {Rect} from '../../terminal/cells.js';

/** The smallest chart with its heading. Units: cells */
export const CHART_CELL = {width: 38, height: 7} as const;
/** A chart is never made lower than this to have more of them in sight. */
const GOOD_HEIGHT = 9;
const COLUMNS_MAX = 3;
/** The line above the charts: spans to choose from. */
export const CAPTION_ROWS = 1;

/** Where charts lie: rectangles of those in sight, the first of which is `first`. */
export interface ChartPlaces {
  readonly first: number;
  readonly rects: readonly Rect[];
  /** Rows of charts that can be scrolled out of sight. */
  readonly lastFirstRow: number;
}

/**
 * Places `count` charts in a pane below its caption: as many columns as are wide enough, at most three, and as many rows
 * as are high enough. No rectangles where not even one fits.
 */
export function arrangeCharts(pane: Rect, count: number, firstRow: number): ChartPlaces {
  const height = pane.height - CAPTION_ROWS;
  if (height < CHART_CELL.height || pane.width < CHART_MIN_WIDTH) return {first: 0, rects: [], lastFirstRow: 0};
  const columns = Math.min(COLUMNS_MAX, Math.max(1, Math.floor(pane.width / CHART_CELL.width)));
  const rows = Math.ceil(count / columns);
  const fitting = Math.max(1, Math.floor(height / (height < 2 * GOOD_HEIGHT ? CHART_CELL.height : GOOD_HEIGHT)));
  const shownRows = Math.min(rows, fitting);
  const lastFirstRow = rows - shownRows;
  const from = Math.min(lastFirstRow, Math.max(0, firstRow));
  const first = from * columns;
  const [cellWidth, cellHeight] = [Math.floor(pane.width / columns), Math.floor(height / shownRows)];
  const rects = Array.from({length: Math.min(count - first, shownRows * columns)}, (_, index) => ({
    x: pane.x + (index % columns) * cellWidth,
    y: pane.y + CAPTION_ROWS + Math.floor(index / columns) * cellHeight,
    width: cellWidth,
    height: cellHeight,
  }));
  return {first, rects, lastFirstRow};
}

/** One column may be narrower than charts that lie beside each other. */
const CHART_MIN_WIDTH = 24;
