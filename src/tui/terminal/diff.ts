import {toAscii} from './ascii.js';
import type {CellGrid} from './cells.js';
import {type ColorDepth, sgrSequence} from './sgr.js';

/** What the host terminal can show. */
export interface OutputProfile {
  readonly depth: ColorDepth;
  /** True where the locale is not UTF-8: line drawing and other glyphs are replaced by ASCII. */
  readonly isAscii: boolean;
}

// Skipping fewer unchanged cells than this costs more bytes in cursor movement than writing them again.
const MIN_SKIP = 6;

/**
 * The bytes that turn a screen showing `before` into one showing `after`; empty when nothing differs.
 * Never erases anything: changed cells are overwritten, so no intermediate state is blank.
 */
export function diffGrids(before: CellGrid | undefined, after: CellGrid, profile: OutputProfile): string {
  let out = '';
  let style = '';
  for (let y = 0; y < after.rows; y++) {
    let x = nextChange(before, after, y, 0);
    while (x < after.columns) {
      out += `\x1b[${y + 1};${x + 1}H`;
      let end = x;
      // Extend the run over small unchanged gaps.
      for (let probe = x; probe < after.columns; ) {
        end = runEnd(before, after, y, probe);
        const next = nextChange(before, after, y, end);
        if (next >= after.columns || next - end > MIN_SKIP) break;
        probe = next;
      }
      [out, style] = writeRun(out, style, after, y, x, end, profile);
      x = nextChange(before, after, y, end);
    }
  }
  return style === '' ? out : `${out}\x1b[0m`;
}

function writeRun(
  start: string,
  startStyle: string,
  grid: CellGrid,
  y: number,
  from: number,
  to: number,
  profile: OutputProfile,
): [string, string] {
  let out = start;
  let style = startStyle;
  for (let x = from; x < to; x++) {
    const at = y * grid.columns + x;
    const width = grid.widths[at];
    if (width === 0) continue;
    const next = sgrSequence(grid.fg[at] ?? -1, grid.bg[at] ?? -1, grid.attrs[at] ?? 0, profile.depth);
    if (next !== style) {
      out += next;
      style = next;
    }
    const char = grid.chars[at] ?? ' ';
    // Where it is narrow, its second cell would keep what stood there.
    if (width === 2 && isNarrowSomewhere(char) && !profile.isAscii) out += `  \x1b[${y + 1};${x + 1}H`;
    out += profile.isAscii ? toAscii(char, width ?? 1) : char;
    // Terminals disagree about the width of wide and combined characters: place the cursor anew after each.
    if ((width === 2 || char.length > 1) && x + (width ?? 1) < to) out += `\x1b[${y + 1};${x + (width ?? 1) + 1}H`;
  }
  return [out, style];
}

/** True for wide characters that older width tables have as narrow: all but those of East Asian scripts. */
function isNarrowSomewhere(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x2e80 || (code > 0xffff && code < 0x20000);
}

function differs(before: CellGrid | undefined, after: CellGrid, at: number): boolean {
  if (!before) return true;
  return (
    before.chars[at] !== after.chars[at] ||
    before.fg[at] !== after.fg[at] ||
    before.bg[at] !== after.bg[at] ||
    before.attrs[at] !== after.attrs[at] ||
    before.widths[at] !== after.widths[at]
  );
}

function nextChange(before: CellGrid | undefined, after: CellGrid, y: number, from: number): number {
  let x = from;
  const row = y * after.columns;
  while (x < after.columns && !differs(before, after, row + x)) x++;
  // A change in the second half of a wide character repaints the whole of it.
  if (x > from && x < after.columns && after.widths[row + x] === 0) x--;
  return x;
}

function runEnd(before: CellGrid | undefined, after: CellGrid, y: number, from: number): number {
  let x = from;
  const row = y * after.columns;
  while (x < after.columns && differs(before, after, row + x)) x++;
  while (x < after.columns && after.widths[row + x] === 0) x++;
  return Math.max(x, from + 1);
}
