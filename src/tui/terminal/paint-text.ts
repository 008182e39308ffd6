import {type CellGrid, PLAIN, type Style} from './cells.js';
import {codePointWidth} from './char-width.js';

/** Writes a text into at most `width` cells of a row, without wrapping. */
export function paintText(
  grid: CellGrid,
  x: number,
  y: number,
  width: number,
  text: string,
  style: Style = PLAIN,
): void {
  let at = x;
  for (const char of text) {
    const size = codePointWidth(char.codePointAt(0) ?? 0);
    if (at + size > x + width) return;
    if (size === 0) grid.combine(at, y, char);
    else grid.set(at, y, char, size, style.fg, style.bg, style.attrs);
    at += size;
  }
}
