/**
 * Looking back in a console: scrolled up, or in copy mode, where keys move a cursor over what was printed, search in it and
 * copy from it. What is looked at is a transcript: it stands still while the guest goes on.
 */
import {isBefore, type Span, type Spot, type Transcript} from '../terminal/transcript.js';
import type {TextInput} from './text-input.js';

/** What is looked for. `at` is the place the cursor is at, among all of them; −1 at none. */
export interface Search {
  readonly query: string;
  readonly found: readonly Span[];
  readonly at: number;
}

/** See the module. Units: lines and columns of the transcript, from 0 */
export interface Lookback {
  readonly machineId: string;
  readonly transcript: Transcript;
  /** `scroll`: only the view moves, and typing ends it. `copy`: keys are commands. */
  readonly mode: 'scroll' | 'copy';
  /** Lines shown, and the first of them. */
  readonly rows: number;
  readonly top: number;
  readonly cursor: Spot;
  /** Where the selection began. */
  readonly anchor: Spot | undefined;
  readonly isByLine: boolean;
  /** What is typed behind `/`, and where the cursor was before. */
  readonly prompt: {readonly input: TextInput; readonly from: Spot; readonly top: number} | undefined;
  readonly search: Search | undefined;
  /** The guest has printed since. */
  readonly isOutdated: boolean;
}

/** Begins to look back at a transcript that ends with the `rows` lines which were shown, `cursor` among them. */
export function beginLookback(
  machineId: string,
  transcript: Transcript,
  options: {readonly mode: Lookback['mode']; readonly rows: number; readonly cursor: Spot},
): Lookback {
  const {mode, rows, cursor} = options;
  const rest = {anchor: undefined, isByLine: false, prompt: undefined, search: undefined, isOutdated: false};
  const look = {machineId, transcript, mode, rows: Math.max(1, rows), top: 0, cursor, ...rest};
  return {...look, top: lastTop(look)};
}

/** How many lines lie below what is shown. */
export function linesBelow(look: Lookback): number {
  return lastTop(look) - look.top;
}

/** Moves what is shown; in copy mode the cursor stays inside. */
export function scrollBy(look: Lookback, lines: number): Lookback {
  const top = Math.min(lastTop(look), Math.max(0, look.top + lines));
  if (look.mode === 'scroll') return {...look, top};
  const line = Math.min(top + look.rows - 1, Math.max(top, look.cursor.line), look.transcript.lines - 1);
  return {...look, top, cursor: {...look.cursor, line}};
}

/** The pane has another height. */
export function resizeLookback(look: Lookback, rows: number): Lookback {
  return showCursor({...look, rows: Math.max(1, rows)});
}

/** Puts the cursor somewhere inside the transcript and shows it. */
export function moveTo(look: Lookback, {line, column}: Spot): Lookback {
  const {transcript} = look;
  const inside = {
    line: Math.min(transcript.lines - 1, Math.max(0, line)),
    column: Math.min(transcript.columns - 1, Math.max(0, column)),
  };
  return showCursor({...look, cursor: inside});
}

/** The cells that are selected, if any are. Whole lines are those before they were wrapped. */
export function selection(look: Lookback): Span | undefined {
  const {anchor, cursor, transcript} = look;
  if (anchor === undefined) return undefined;
  const [from, to] = isBefore(cursor, anchor) ? [cursor, anchor] : [anchor, cursor];
  if (!look.isByLine) return {from, to};
  return {
    from: {line: transcript.paragraphOf(from.line)[0], column: 0},
    to: {line: transcript.paragraphOf(to.line)[1], column: transcript.columns - 1},
  };
}

/** What `y` copies: the selection, or without one the line of the cursor. */
export function copiedText(look: Lookback): string {
  const span = selection(look) ?? selection({...look, anchor: look.cursor, isByLine: true});
  return span ? look.transcript.text(span) : '';
}

/** Looks for a text: the cursor goes to the nearest place before `from`, or else to the last one. */
export function searchFor(look: Lookback, query: string, from: Spot): Lookback {
  const found = look.transcript.find(query);
  if (found.length === 0) return moveTo({...look, search: query === '' ? undefined : {query, found, at: -1}}, from);
  const before = found.findLastIndex((span) => !isBefore(from, span.from));
  return goTo(look, {query, found, at: before < 0 ? found.length - 1 : before});
}

/** Goes to the next place of the search that was made last, further up with −1; around the ends. */
export function searchNext(look: Lookback, by: -1 | 1): Lookback {
  const {search, cursor} = look;
  if (search === undefined || search.found.length === 0) return look;
  const {found} = search;
  const next =
    by < 0
      ? found.findLastIndex((span) => isBefore(span.from, cursor))
      : found.findIndex((span) => isBefore(cursor, span.from));
  return goTo(look, {...search, at: next >= 0 ? next : by < 0 ? found.length - 1 : 0});
}

function goTo(look: Lookback, search: Search): Lookback {
  const place = search.found[search.at];
  return place === undefined ? look : moveTo({...look, search}, place.from);
}

function lastTop({transcript, rows}: Pick<Lookback, 'transcript' | 'rows'>): number {
  return Math.max(0, transcript.lines - rows);
}

function showCursor(look: Lookback): Lookback {
  const {cursor, rows, mode} = look;
  let top = Math.min(look.top, lastTop(look));
  if (mode === 'copy') top = Math.min(cursor.line, Math.max(top, cursor.line - rows + 1));
  return {...look, top};
}
