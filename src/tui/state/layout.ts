import type {Rect} from '../terminal/cells.js';
import type {AppState, ScreenSize} from './model.js';

/** Below this many columns only the list is shown. */
export const LIST_ONLY_COLUMNS = 60;

/** Where everything lies. Rectangles are in cells of the whole screen; `undefined` parts are not shown. */
export interface Layout {
  readonly list: Rect | undefined;
  readonly pane: Rect | undefined;
  /** Inside of the right pane below its tabs, or of the full-screen console: the size the guest is told. */
  readonly content: Rect | undefined;
}

/** Computes the layout: header row, panes, hint row. */
export function computeLayout(size: ScreenSize, focus: AppState['focus']): Layout {
  const {columns, rows} = size;
  if (focus === 'fullscreen') {
    const content = {x: 0, y: 1, width: columns, height: Math.max(1, rows - 1)};
    return {list: undefined, pane: undefined, content};
  }
  const height = Math.max(3, rows - 2);
  if (columns < LIST_ONLY_COLUMNS) {
    return {list: {x: 0, y: 1, width: columns, height}, pane: undefined, content: undefined};
  }
  // At the default 120 columns this leaves the guest the 80 that programs expect.
  const listWidth = Math.min(48, Math.max(32, Math.round(columns * 0.32)));
  const pane = {x: listWidth, y: 1, width: columns - listWidth, height};
  // Border left and right; above it the border and the tab row, below the border.
  const content = {x: pane.x + 1, y: pane.y + 2, width: pane.width - 2, height: Math.max(1, height - 3)};
  return {list: {x: 0, y: 1, width: listWidth, height}, pane, content};
}

/** A rectangle of the given size in the middle of the screen, cut to it. */
export function centered(size: ScreenSize, width: number, height: number): Rect {
  const w = Math.min(width, size.columns);
  const h = Math.min(height, size.rows);
  return {x: Math.floor((size.columns - w) / 2), y: Math.floor((size.rows - h) / 2), width: w, height: h};
}
