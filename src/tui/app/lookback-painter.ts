/** Paints what is looked back at: the transcript, what was found and selected in it, and the line below. */
import {type Lookback, selection} from '../state/lookback.js';
import {lookbackLine, searchCount} from '../state/presenters/lookback.js';
import {ATTR_INVERSE, type CellGrid, PLAIN, type Rect} from '../terminal/cells.js';
import {fitCells, textWidth} from '../terminal/char-width.js';
import {paintText} from '../terminal/paint-text.js';
import {isBefore, markSpan} from '../terminal/transcript.js';

/** Paints into a rectangle whose last row is the line. */
export function paintLookback(look: Lookback, grid: CellGrid, rect: Rect): void {
  const {transcript, top, search} = look;
  const view = {...rect, height: look.rows};
  transcript.paint(grid, view, top);
  const [first, behind] = [
    {line: top, column: 0},
    {line: top + look.rows, column: 0},
  ];
  for (const [at, span] of (search?.found ?? []).entries()) {
    if (isBefore(span.to, first)) continue;
    // They are in order: what begins below the view is followed by others there.
    if (!isBefore(span.from, behind)) break;
    markSpan(grid, view, top, span, 'found');
    if (at === search?.at) markSpan(grid, view, top, span, 'chosen');
  }
  const selected = selection(look);
  if (selected) markSpan(grid, view, top, selected, 'chosen');
  const {text, isTyped} = lookbackLine(look);
  const style = {...PLAIN, attrs: isTyped ? 0 : ATTR_INVERSE};
  const right = isTyped && look.search ? ` ${searchCount(look)} ` : '';
  const width = Math.max(0, rect.width - textWidth(right));
  paintText(grid, rect.x, rect.y + look.rows, rect.width, fitCells(text, width) + right, style);
}

/** Where the cursor of copy mode is, or of the search line; `undefined` while one only scrolls. */
export function lookbackCursor(look: Lookback, rect: Rect): {readonly x: number; readonly y: number} | undefined {
  if (look.mode === 'scroll') return undefined;
  if (look.prompt) {
    const typed = [...look.prompt.input.text].slice(0, look.prompt.input.cursor).join('');
    return {x: rect.x + Math.min(rect.width - 1, textWidth(typed) + 2), y: rect.y + look.rows};
  }
  const x = Math.min(look.cursor.column, rect.width - 1);
  return {x: rect.x + x, y: rect.y + look.cursor.line - look.top};
}
