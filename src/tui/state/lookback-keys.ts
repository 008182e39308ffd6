/** What keys do in copy mode. */
import type {InputEvent} from '../terminal/key-decoder.js';
import {nextWord, previousWord, stepColumn} from './copy-motion.js';
import {copiedText, type Lookback, moveTo, scrollBy, searchFor, searchNext} from './lookback.js';
import {editText, textInput} from './text-input.js';

/** What a key did: the view or the cursor moved, copy mode was left, or this is to be copied. */
export type LookbackStep =
  | {readonly kind: 'moved'; readonly look: Lookback}
  | {readonly kind: 'left'}
  | {readonly kind: 'copied'; readonly text: string};

const ALL_THE_WAY = 1_000_000;
const WHEEL_LINES = 3;

/** Applies a key, a paste into the search line, or the wheel. */
export function stepLookback(look: Lookback, event: InputEvent): LookbackStep {
  if (event.kind === 'mouse') {
    const by = event.action === 'wheel-up' ? -WHEEL_LINES : event.action === 'wheel-down' ? WHEEL_LINES : 0;
    return {kind: 'moved', look: scrollBy(look, by)};
  }
  if (look.prompt) return {kind: 'moved', look: stepPrompt(look, look.prompt, event)};
  const key = event.kind === 'key' ? event.key : '';
  if (key === 'y' || key === 'enter') return {kind: 'copied', text: copiedText(look)};
  if (key === 'q' || (key === 'esc' && look.anchor === undefined)) return {kind: 'left'};
  return {kind: 'moved', look: stepKey(look, key)};
}

function stepPrompt(look: Lookback, prompt: NonNullable<Lookback['prompt']>, event: InputEvent): Lookback {
  const key = event.kind === 'key' ? event.key : '';
  if (key === 'enter') return {...look, prompt: undefined};
  const isEmptied = key === 'backspace' && prompt.input.text === '';
  if (key === 'esc' || isEmptied) {
    const {search: _, ...rest} = look;
    return moveTo({...rest, search: undefined, prompt: undefined, top: prompt.top}, prompt.from);
  }
  if (key === 'up' || key === 'down') return searchNext(look, key === 'up' ? -1 : 1);
  const input = editText(prompt.input, event);
  if (!input) return look;
  return searchFor({...look, prompt: {...prompt, input}, top: prompt.top}, input.text, prompt.from);
}

function stepKey(look: Lookback, key: string): Lookback {
  const {transcript, cursor, rows} = look;
  const goLine = (by: number) => moveTo(look, {...cursor, line: cursor.line + by});
  // Half a page and a page take cursor and view along.
  const goPage = (by: number) => moveTo(scrollBy(look, by), {...cursor, line: cursor.line + by});
  switch (key) {
    case 'h':
    case 'left':
    case 'backspace':
      return moveTo(look, stepColumn(transcript, cursor, -1));
    case 'l':
    case 'right':
    case 'space':
      return moveTo(look, stepColumn(transcript, cursor, 1));
    case 'j':
    case 'down':
      return goLine(1);
    case 'k':
    case 'up':
      return goLine(-1);
    case 'w':
      return moveTo(look, nextWord(transcript, cursor));
    case 'b':
      return moveTo(look, previousWord(transcript, cursor));
    case '0':
    case 'home':
      return moveTo(look, {...cursor, column: 0});
    case '$':
    case 'end':
      return moveTo(look, {...cursor, column: transcript.lastColumn(cursor.line)});
    case 'g':
      return moveTo(look, {line: 0, column: 0});
    case 'G':
      return goLine(ALL_THE_WAY);
    case 'ctrl-u':
      return goPage(-Math.ceil(rows / 2));
    case 'ctrl-d':
      return goPage(Math.ceil(rows / 2));
    case 'pageup':
    case 'shift-pageup':
    case 'ctrl-b':
      return goPage(-rows);
    case 'pagedown':
    case 'shift-pagedown':
    case 'ctrl-f':
      return goPage(rows);
    case 'v':
    case 'V':
      return toggleSelection(look, key === 'V');
    case 'esc':
      return {...look, anchor: undefined};
    case '/':
      return openPrompt(look);
    case 'n':
      return searchNext(look, -1);
    case 'N':
      return searchNext(look, 1);
    default:
      return look;
  }
}

function toggleSelection(look: Lookback, isByLine: boolean): Lookback {
  if (look.anchor === undefined) return {...look, anchor: look.cursor, isByLine};
  return look.isByLine === isByLine ? {...look, anchor: undefined} : {...look, isByLine};
}

/** The line in which a search is typed. */
export function openPrompt(look: Lookback): Lookback {
  return {...look, prompt: {input: textInput(), from: look.cursor, top: look.top}};
}
