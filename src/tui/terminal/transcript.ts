/**
 * What a console had printed at one moment, with its scrollback: cells that no longer change, to be looked through,
 * searched and copied from. Lines count from 0, the oldest; a line that was wrapped is several of them, one text.
 */
import {ATTR_BOLD, ATTR_INVERSE, ATTR_UNDERLINE, type CellGrid, type Rect} from './cells.js';

/** A cell of a transcript. */
export interface Spot {
  readonly line: number;
  readonly column: number;
}

/** Cells from one to another, both of them included, in reading order. */
export interface Span {
  readonly from: Spot;
  readonly to: Spot;
}

/** Most places that a search finds. */
export const MAX_MATCHES = 10_000;

/**
 * Lines that were one before they were wrapped. `starts` has the cell of each code unit, counted over all lines; it is left
 * out where each cell has one. `lower` is the text in small letters, or as it is where those have another length.
 */
interface Paragraph {
  readonly text: string;
  readonly lower: string;
  readonly first: number;
  readonly starts: Uint32Array | undefined;
}

/** See the module. */
export class Transcript {
  readonly grid: CellGrid;
  readonly #isWrapped: readonly boolean[];
  #paragraphs: readonly Paragraph[] | undefined;

  /** `isWrapped` says of each line whether it goes on the one before. */
  constructor(grid: CellGrid, isWrapped: readonly boolean[]) {
    this.grid = grid;
    this.#isWrapped = isWrapped;
  }

  get lines(): number {
    return this.grid.rows;
  }

  get columns(): number {
    return this.grid.columns;
  }

  /** True when a line goes on the one before. */
  isWrapped(line: number): boolean {
    return this.#isWrapped[line] === true;
  }

  /** The first and the last line of what a line was before it was wrapped. */
  paragraphOf(line: number): readonly [number, number] {
    let [first, last] = [line, line];
    while (first > 0 && this.isWrapped(first)) first--;
    while (this.isWrapped(last + 1)) last++;
    return [first, last];
  }

  /** Column of the last cell of a line that is not blank; 0 in an empty one. */
  lastColumn(line: number): number {
    const {chars, columns} = this.grid;
    for (let column = columns - 1; column > 0; column--) {
      const char = chars[line * columns + column];
      if (char !== ' ' && char !== '') return column;
    }
    return 0;
  }

  /** The text of a span: wrapped lines joined, blanks at the ends of lines left out. */
  text({from, to}: Span): string {
    const {chars, columns} = this.grid;
    const out: string[] = [];
    let text = '';
    for (let line = from.line; line <= Math.min(to.line, this.lines - 1); line++) {
      const first = line === from.line ? from.column : 0;
      const last = line === to.line ? to.column : columns - 1;
      text += chars.slice(line * columns + first, line * columns + last + 1).join('');
      if (line < to.line && this.isWrapped(line + 1)) continue;
      out.push(text.trimEnd());
      text = '';
    }
    return out.join('\n');
  }

  /**
   * Where a text stands, oldest first, at most `MAX_MATCHES` places: over wrapped lines too, and in either case unless it
   * has a capital letter.
   */
  find(query: string): readonly Span[] {
    if (query === '') return [];
    const isExact = query !== query.toLowerCase();
    const found: Span[] = [];
    this.#paragraphs ??= this.#join();
    for (const {text, lower, first, starts} of this.#paragraphs) {
      const hay = isExact ? text : lower;
      for (let at = hay.indexOf(query); at >= 0; at = hay.indexOf(query, at + query.length)) {
        const last = at + query.length - 1;
        found.push({from: this.#spot(starts?.[at] ?? first + at), to: this.#spot(starts?.[last] ?? first + last)});
        if (found.length >= MAX_MATCHES) return found;
      }
    }
    return found;
  }

  /** Paints lines from `top` on into a rectangle. */
  paint(grid: CellGrid, rect: Rect, top: number): void {
    grid.blit(this.grid, {...rect, height: Math.min(rect.height, this.lines - top)}, 0, top);
  }

  #spot(cell: number): Spot {
    return {line: Math.floor(cell / this.columns), column: cell % this.columns};
  }

  #join(): readonly Paragraph[] {
    const {chars, columns} = this.grid;
    const paragraphs: Paragraph[] = [];
    for (let line = 0; line < this.lines; ) {
      const [, last] = this.paragraphOf(line);
      const first = line * columns;
      const cells = chars.slice(first, (last + 1) * columns);
      const text = cells.join('');
      const small = text.toLowerCase();
      const lower = small.length === text.length ? small : text;
      const starts = cells.every((char) => char.length === 1) ? undefined : startsOf(cells, first);
      paragraphs.push({text, lower, first, starts});
      line = last + 1;
    }
    return paragraphs;
  }
}

/** The cell of each code unit. */
function startsOf(cells: readonly string[], first: number): Uint32Array {
  return Uint32Array.from(cells.flatMap((char, at) => Array.from({length: char.length}, () => first + at)));
}

/** Whether a cell comes before another. */
export function isBefore(a: Spot, b: Spot): boolean {
  return a.line < b.line || (a.line === b.line && a.column < b.column);
}

/** Marks the cells of a span that lie in a rectangle which shows a transcript from line `top` on. */
export function markSpan(grid: CellGrid, rect: Rect, top: number, span: Span, mark: 'found' | 'chosen'): void {
  const first = Math.max(span.from.line, top);
  const last = Math.min(span.to.line, top + rect.height - 1);
  for (let line = first; line <= last; line++) {
    const from = line === span.from.line ? span.from.column : 0;
    const to = line === span.to.line ? span.to.column : rect.width - 1;
    for (let column = from; column <= Math.min(to, rect.width - 1); column++) {
      const at = (rect.y + line - top) * grid.columns + rect.x + column;
      const attrs = grid.attrs[at] ?? 0;
      grid.attrs[at] = mark === 'chosen' ? attrs ^ ATTR_INVERSE : attrs | ATTR_BOLD | ATTR_UNDERLINE;
    }
  }
}
