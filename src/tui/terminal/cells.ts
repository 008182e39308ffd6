/**
 * The grid of character cells that everything on the screen becomes before it reaches the terminal.
 *
 * Invariants: a wide character owns two cells, its second has width 0 and an empty string; no cell holds a control
 * character, so whatever a guest or a file name contains can never act on the host terminal.
 */

/** A colour: `COLOR_DEFAULT`, a palette index 0–255, or `0x1000000 | 0xRRGGBB`. */
export type Color = number;

/** The terminal's own foreground or background colour. */
export const COLOR_DEFAULT: Color = -1;

/** Bit that marks a colour as 24-bit instead of a palette index. */
export const COLOR_RGB_FLAG = 0x1000000;

/** Attribute bits of a cell. */
export const ATTR_BOLD = 1;
/** Faint text. */
export const ATTR_DIM = 2;
/** Italic text. */
export const ATTR_ITALIC = 4;
/** Underlined text. */
export const ATTR_UNDERLINE = 8;
/** Blinking text. */
export const ATTR_BLINK = 16;
/** Swapped foreground and background. */
export const ATTR_INVERSE = 32;
/** Concealed text. */
export const ATTR_HIDDEN = 64;
/** Struck-through text. */
export const ATTR_STRIKE = 128;

/** Colours and attributes of a piece of text. */
export interface Style {
  readonly fg: Color;
  readonly bg: Color;
  readonly attrs: number;
}

/** Plain text in the terminal's own colours. */
export const PLAIN: Style = {fg: COLOR_DEFAULT, bg: COLOR_DEFAULT, attrs: 0};

/** A rectangle of cells; `x` and `y` count from 0 at the top left. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

// A base character with marks; longer piles of combining marks are cut so that one cell cannot carry kilobytes.
const MAX_CELL_UNITS = 16;

/** Returns the text with everything removed that a terminal would obey instead of show. */
export function stripControls(text: string): string {
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    // Bidirectional overrides and isolates reorder what stands beside them.
    const isBidi = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (!isControl && !isBidi) out += char;
  }
  return out;
}

/** A rectangle of styled cells, stored as one array per property. */
export class CellGrid {
  readonly columns: number;
  readonly rows: number;
  readonly chars: string[];
  readonly widths: Uint8Array;
  readonly fg: Int32Array;
  readonly bg: Int32Array;
  readonly attrs: Uint8Array;

  /** Makes a blank grid. Units: cells; negative sizes count as 0. */
  constructor(columns: number, rows: number) {
    this.columns = Math.max(0, columns | 0);
    this.rows = Math.max(0, rows | 0);
    const cells = this.columns * this.rows;
    this.chars = new Array<string>(cells).fill(' ');
    this.widths = new Uint8Array(cells).fill(1);
    this.fg = new Int32Array(cells).fill(COLOR_DEFAULT);
    this.bg = new Int32Array(cells).fill(COLOR_DEFAULT);
    this.attrs = new Uint8Array(cells);
  }

  /** Blanks every cell. */
  clear(): void {
    this.chars.fill(' ');
    this.widths.fill(1);
    this.fg.fill(COLOR_DEFAULT);
    this.bg.fill(COLOR_DEFAULT);
    this.attrs.fill(0);
  }

  /** Puts one character of the given width (1 or 2) at a cell; outside the grid it does nothing. */
  set(x: number, y: number, char: string, width: number, fg: Color, bg: Color, attrs: number): void {
    if (x < 0 || y < 0 || x >= this.columns || y >= this.rows) return;
    const at = y * this.columns + x;
    this.splitWide(at, x);
    const code = char.length === 1 ? char.charCodeAt(0) : 0x100;
    let text = char;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || char === '') text = ' ';
    else if (char.length > 1) text = stripControls(char.slice(0, MAX_CELL_UNITS)) || ' ';
    const isWide = width === 2 && x + 1 < this.columns;
    if (width === 2 && !isWide) text = ' ';
    if (isWide) this.splitWide(at + 1, x + 1);
    this.chars[at] = text;
    this.widths[at] = isWide ? 2 : 1;
    this.fg[at] = fg;
    this.bg[at] = bg;
    this.attrs[at] = attrs;
    if (isWide) {
      this.chars[at + 1] = '';
      this.widths[at + 1] = 0;
      this.fg[at + 1] = fg;
      this.bg[at + 1] = bg;
      this.attrs[at + 1] = attrs;
    }
  }

  /** Appends a combining mark to the character left of `x`. */
  combine(x: number, y: number, mark: string): void {
    if (y < 0 || y >= this.rows || x <= 0 || x > this.columns) return;
    let at = y * this.columns + x - 1;
    if (this.widths[at] === 0) at--;
    const text = (this.chars[at] ?? '') + stripControls(mark);
    if (text.length <= MAX_CELL_UNITS) this.chars[at] = text;
  }

  /** Becomes the same as another grid of its size. */
  copyFrom(source: CellGrid): void {
    for (let at = 0; at < this.chars.length; at++) this.chars[at] = source.chars[at] ?? ' ';
    this.widths.set(source.widths);
    this.fg.set(source.fg);
    this.bg.set(source.bg);
    this.attrs.set(source.attrs);
  }

  /** Copies the part of another grid that starts at (`fromX`, `fromY`) into a rectangle of this one. */
  blit(source: CellGrid, rect: Rect, fromX = 0, fromY = 0): void {
    for (let row = 0; row < rect.height; row++) {
      for (let column = 0; column < rect.width; column++) {
        const sx = fromX + column;
        const sy = fromY + row;
        if (sx >= source.columns || sy >= source.rows) continue;
        const from = sy * source.columns + sx;
        const width = source.widths[from] ?? 1;
        if (width === 0) continue;
        const fitting = width === 2 && column + 1 >= rect.width ? 1 : width;
        const char = fitting === width ? (source.chars[from] ?? ' ') : ' ';
        this.set(
          rect.x + column,
          rect.y + row,
          char,
          fitting,
          source.fg[from] ?? COLOR_DEFAULT,
          source.bg[from] ?? COLOR_DEFAULT,
          source.attrs[from] ?? 0,
        );
      }
    }
  }

  /** The text of one row with trailing blanks cut. */
  rowText(y: number): string {
    return this.chars
      .slice(y * this.columns, (y + 1) * this.columns)
      .join('')
      .trimEnd();
  }

  // Half of a wide character cannot stay: overwriting either half blanks the other.
  private splitWide(at: number, x: number): void {
    if (this.widths[at] === 2 && x + 1 < this.columns) this.blank(at + 1);
    else if (this.widths[at] === 0 && x > 0) this.blank(at - 1);
  }

  private blank(at: number): void {
    this.chars[at] = ' ';
    this.widths[at] = 1;
  }
}
