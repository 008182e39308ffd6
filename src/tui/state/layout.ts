import type {Rect} from '../terminal/cells.js';
import type {AppState, ScreenSize} from './model.js';

/** Below this many columns only the list is shown. */
export const LIST_ONLY_COLUMNS = 60;
/** Narrowest list and narrowest pane beside it. */
export const MIN_LIST_COLUMNS = 20;
export const MIN_PANE_COLUMNS = 30;
/** Most consoles on the wall. */
export const WALL_CONSOLES = 9;

/** How list and panes share the screen; `wall`: consoles of several machines at once. In the order of `+`. */
export const ARRANGEMENTS = ['list', 'split', 'pane', 'wall'] as const;
/** One of {@link ARRANGEMENTS}. */
export type Arrangement = (typeof ARRANGEMENTS)[number];

/** Where everything lies. Rectangles are in cells of the whole screen; `undefined` parts are not shown. */
export interface Layout {
  readonly list: Rect | undefined;
  readonly pane: Rect | undefined;
  /** Inside of the right pane below its tabs, or of the full-screen console: the size the guest is told. */
  readonly content: Rect | undefined;
  /** Frames of the wall, in reading order. */
  readonly wall: readonly Rect[];
}

/** What of the state the layout depends on. `wallCount` is how many machines there are to show on a wall. */
export type LayoutInput = Pick<AppState, 'size' | 'focus' | 'arrangement' | 'listWidth'> & {readonly wallCount: number};

/** Computes the layout: header row, panes, hint row. */
export function computeLayout({size, focus, arrangement, listWidth, wallCount}: LayoutInput): Layout {
  const {columns, rows} = size;
  const nothing = {list: undefined, pane: undefined, content: undefined, wall: []};
  if (focus === 'fullscreen') {
    const content = {x: 0, y: 1, width: columns, height: Math.max(1, rows - 1)};
    return {...nothing, content};
  }
  const height = Math.max(3, rows - 2);
  const body = {x: 0, y: 1, width: columns, height};
  if (columns < LIST_ONLY_COLUMNS || arrangement === 'list') return {...nothing, list: body};
  if (arrangement === 'wall') return {...nothing, wall: tiles(body, Math.min(WALL_CONSOLES, Math.max(1, wallCount)))};
  if (arrangement === 'pane') return {...nothing, pane: body, content: insideOf(body)};
  // At the default 120 columns this leaves the guest the 80 that programs expect.
  const usual = Math.min(48, Math.max(32, Math.round(columns * 0.32)));
  const width = clampListWidth(listWidth ?? usual, columns);
  const pane = {x: width, y: 1, width: columns - width, height};
  return {...nothing, list: {...body, width}, pane, content: insideOf(pane)};
}

/** The nearest width that a list beside a pane can have. */
export function clampListWidth(width: number, columns: number): number {
  return Math.min(columns - MIN_PANE_COLUMNS, Math.max(MIN_LIST_COLUMNS, width));
}

// Border left and right; above it the border and the tab row, below the border.
function insideOf(pane: Rect): Rect {
  return {x: pane.x + 1, y: pane.y + 2, width: pane.width - 2, height: Math.max(1, pane.height - 3)};
}

/** Inside of a frame on the wall: its console. */
export function insideOfTile({x, y, width, height}: Rect): Rect {
  return {x: x + 1, y: y + 1, width: Math.max(0, width - 2), height: Math.max(0, height - 2)};
}

/** Equal tiles that fill a rectangle row by row; those of a last row that is not full are wider. */
function tiles({x, y, width, height}: Rect, count: number): readonly Rect[] {
  const across = Math.ceil(Math.sqrt(count));
  const down = Math.ceil(count / across);
  return Array.from({length: count}, (_, index) => {
    const row = Math.floor(index / across);
    const inRow = row === down - 1 ? count - across * row : across;
    const column = index - across * row;
    const [left, right] = [column, column + 1].map((edge) => Math.floor((width * edge) / inRow)) as [number, number];
    const [top, bottom] = [row, row + 1].map((edge) => Math.floor((height * edge) / down)) as [number, number];
    return {x: x + left, y: y + top, width: right - left, height: bottom - top};
  });
}

/** A rectangle of the given size in the middle of the screen, cut to it. */
export function centered(size: ScreenSize, width: number, height: number): Rect {
  const w = Math.min(width, size.columns);
  const h = Math.min(height, size.rows);
  return {x: Math.floor((size.columns - w) / 2), y: Math.floor((size.rows - h) / 2), width: w, height: h};
}
