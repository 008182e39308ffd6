/** Looking back in a console, as words: the line below what is shown, badges, the list of chords. */
import type {ConsoleState} from '../console.js';
import {type Lookback, linesBelow} from '../lookback.js';

/** The line that says where one is and what the keys do. `isTyped` when the line is being typed into. */
export function lookbackLine(look: Lookback): {readonly text: string; readonly isTyped: boolean} {
  const news = look.isOutdated ? ' · new output below' : '';
  if (look.prompt) return {text: ` /${look.prompt.input.text}`, isTyped: true};
  if (look.mode === 'scroll') {
    const below = linesBelow(look);
    const all = look.transcript.lines - look.rows;
    return {
      text: ` ↑ ${below} of ${all} lines back${news} · Shift-PgUp Shift-PgDn scroll · any key returns`,
      isTyped: false,
    };
  }
  const place = `line ${look.cursor.line + 1} of ${look.transcript.lines}`;
  const search = look.search ? ` · ${searchCount(look)}` : '';
  const keys = look.anchor ? 'y copies · Esc unselects' : 'v V select · y copies · / n N search · Esc leaves';
  return {text: ` copy mode · ${place}${search}${news} · ${keys}`, isTyped: false};
}

/** How many places a search found, and at which one the cursor is. */
export function searchCount({search}: Lookback): string {
  if (!search) return '';
  const {found, at} = search;
  return found.length === 0 ? 'not found' : `${at + 1} of ${found.length} found`;
}

/** One character for the list: a bell rang, something was printed since the console was last shown, or nothing. */
export function activityBadge({unseen}: ConsoleState, machineId: string): string {
  const what = unseen.get(machineId);
  return what === 'bell' ? '!' : what === 'output' ? '·' : ' ';
}

/** Chords of a console that has the keyboard, with what they do. */
export const CHORDS: readonly (readonly [string, string])[] = [
  ['Ctrl-]', 'leave the console; twice sends it to the guest'],
  ['Enter ~ .', 'leave the console'],
  ['Enter ~ /', 'search in what was printed'],
  ['Enter ~ [', 'copy mode: keys move, select and copy'],
  ['Enter ~ ?', 'this list'],
  ['Enter ~ ~', 'send one ~ to the guest'],
  ['Shift-PgUp', 'scroll back; Shift-PgDn forward, any key returns'],
];
