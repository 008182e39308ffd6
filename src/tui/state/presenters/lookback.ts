/** Looking back in a console, as words: the line below what is shown, badges, the list of chords. */
import {fitCells, wrapText} from '../../terminal/char-width.js';
import {text} from '../../text/text.js';
import type {ConsoleState} from '../console.js';
import {type Lookback, linesBelow} from '../lookback.js';

/** The line that says where one is and what the keys do. `isTyped` when the line is being typed into. */
export function lookbackLine(look: Lookback): {readonly text: string; readonly isTyped: boolean} {
  if (look.prompt) return {text: ` /${look.prompt.input.text}`, isTyped: true};
  if (look.mode === 'scroll') {
    const below = linesBelow(look);
    const all = look.transcript.lines - look.rows;
    return {text: ` ${text.consoles.scrolled(below, all, look.isOutdated)}`, isTyped: false};
  }
  const line = text.consoles.copying({
    line: look.cursor.line + 1,
    lines: look.transcript.lines,
    found: look.search && searchCount(look),
    isOutdated: look.isOutdated,
    isSelecting: look.anchor !== undefined,
  });
  return {text: ` ${line}`, isTyped: false};
}

/** How many places a search found, and at which one the cursor is. */
export function searchCount({search}: Lookback): string {
  return search ? text.consoles.found(search.at + 1, search.found.length) : '';
}

/** One character for the list: a bell rang, something was printed since the console was last shown, or nothing. */
export function activityBadge({unseen}: ConsoleState, machineId: string): string {
  const what = unseen.get(machineId);
  return what === 'bell' ? '!' : what === 'output' ? '·' : ' ';
}

const {chords} = text.consoles;

/** Chords of a console that has the keyboard, with what they do. */
export const CHORDS: readonly (readonly [string, string])[] = [
  ['Ctrl-]', chords.leaveOrSend],
  ['Enter ~ .', chords.leave],
  ['Enter ~ /', chords.search],
  ['Enter ~ [', chords.copy],
  ['Enter ~ ?', chords.list],
  ['Enter ~ ~', chords.sendTilde],
  ['Shift-PgUp', chords.scroll],
];

const CHORD_COLUMNS = 13;

/** The chords as lines of a dialog: the keys, and what they do, which goes on below where it is longer than its line. */
export function chordLines(width: number): readonly (readonly [string, string])[] {
  return CHORDS.flatMap(([keys, does]) =>
    wrapText(does, width - CHORD_COLUMNS - 1).map(
      (line, row) => [fitCells(row === 0 ? keys : '', CHORD_COLUMNS), line] as const,
    ),
  );
}
