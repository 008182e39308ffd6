/** Motions of copy mode, as vi has them: from one cell of a transcript to another. */
import type {Spot, Transcript} from '../terminal/transcript.js';

type Kind = 'blank' | 'word' | 'mark';

/** The start of the next word; a line's end ends a word unless the line was wrapped. */
export function nextWord(transcript: Transcript, from: Spot): Spot {
  const last = cellCount(transcript) - 1;
  let at = cellOf(transcript, from);
  const kind = kindAt(transcript, at);
  if (kind !== 'blank') while (at < last && joins(transcript, at, at + 1, kind)) at++;
  do at++;
  while (at < last && kindAt(transcript, at) === 'blank');
  return spotOf(transcript, Math.min(at, last));
}

/** The start of this word, or of the one before. */
export function previousWord(transcript: Transcript, from: Spot): Spot {
  let at = cellOf(transcript, from) - 1;
  while (at > 0 && kindAt(transcript, at) === 'blank') at--;
  const kind = kindAt(transcript, Math.max(0, at));
  while (at > 0 && joins(transcript, at - 1, at, kind)) at--;
  return spotOf(transcript, Math.max(0, at));
}

/** One cell to the left or right in its line; a wide character is one step. */
export function stepColumn(transcript: Transcript, from: Spot, by: -1 | 1): Spot {
  const {columns, grid} = transcript;
  let column = from.column + by;
  if (grid.widths[from.line * columns + column] === 0) column += by;
  return column < 0 || column >= columns ? from : {...from, column};
}

function joins(transcript: Transcript, left: number, right: number, kind: Kind): boolean {
  const isLineStart = right % transcript.columns === 0;
  if (isLineStart && !transcript.isWrapped(right / transcript.columns)) return false;
  return kindAt(transcript, left) === kind && kindAt(transcript, right) === kind;
}

function kindAt(transcript: Transcript, cell: number): Kind {
  const {chars, widths} = transcript.grid;
  // The second half of a wide character is what the first is.
  const char = chars[widths[cell] === 0 ? cell - 1 : cell] ?? ' ';
  if (char === ' ') return 'blank';
  return /^[\p{L}\p{N}_]/u.test(char) ? 'word' : 'mark';
}

function cellCount({lines, columns}: Transcript): number {
  return lines * columns;
}

function cellOf({columns}: Transcript, {line, column}: Spot): number {
  return line * columns + column;
}

function spotOf({columns}: Transcript, cell: number): Spot {
  return {line: Math.floor(cell / columns), column: cell % columns};
}
