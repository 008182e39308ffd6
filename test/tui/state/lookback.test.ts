import {beforeEach, describe, expect, test} from 'vitest';
import {beginLookback, copiedText, type Lookback, linesBelow, resizeLookback} from '../../../src/tui/state/lookback.js';
import {stepLookback} from '../../../src/tui/state/lookback-keys.js';
import {lookbackLine} from '../../../src/tui/state/presenters/lookback.js';
import {GuestScreen} from '../../../src/tui/terminal/guest-screen.js';
import {MAX_MATCHES, type Transcript} from '../../../src/tui/terminal/transcript.js';

const COLUMNS = 20;
const ROWS = 5;

/** What a guest's screen of 20 by 5 cells holds after this was printed. */
async function transcriptOf(text: string): Promise<Transcript> {
  const screen = new GuestScreen(COLUMNS, ROWS, {changed: () => undefined, answered: () => undefined});
  await screen.replay(Buffer.from(text));
  return screen.capture();
}

/** Copy mode with the cursor at the beginning of a line. */
async function lookAt(text: string, line: number, column = 0): Promise<Lookback> {
  return beginLookback('id', await transcriptOf(text), {mode: 'copy', rows: ROWS, cursor: {line, column}});
}

/** Presses keys one after the other; `^u` is Ctrl-u. Fails when they leave copy mode. */
function press(look: Lookback, ...keys: string[]): Lookback {
  return keys.reduce((now, name) => {
    const key = name.startsWith('^') ? `ctrl-${name.slice(1)}` : name === ' ' ? 'space' : name;
    const step = stepLookback(now, {kind: 'key', key, text: name.length === 1 ? name : ''});
    if (step.kind !== 'moved') throw new Error(`${name} ended copy mode`);
    return step.look;
  }, look);
}

function copied(look: Lookback): string {
  const step = stepLookback(look, {kind: 'key', key: 'y', text: 'y'});
  return step.kind === 'copied' ? step.text : '';
}

const at = ({cursor}: Lookback) => [cursor.line, cursor.column];
const NUMBERED = Array.from({length: 50}, (_, n) => `line ${n}`).join('\r\n');

describe('the cursor', () => {
  let look: Lookback;
  beforeEach(async () => {
    look = await lookAt('one two-three\r\n  four\r\n日本 x\r\n', 0);
  });

  test('goes by cells and lines, and stays inside', () => {
    expect(at(press(look, 'l', 'l', 'h'))).toEqual([0, 1]);
    expect(at(press(look, 'h', 'k'))).toEqual([0, 0]);
    expect(at(press(look, ...'jjjjjjjjj'))).toEqual([4, 0]);
    expect(at(press(look, ...'l'.repeat(30)))).toEqual([0, COLUMNS - 1]);
  });

  test('takes a wide character as one step', () => {
    expect(at(press(look, 'j', 'j', 'l', 'l'))).toEqual([2, 4]);
    expect(at(press(look, 'j', 'j', 'l', 'l', 'h'))).toEqual([2, 2]);
  });

  test('goes by words over marks and lines', () => {
    const stops = [1, 2, 3, 4, 5, 6].map((count) => at(press(look, ...'w'.repeat(count))));
    expect(stops).toEqual([
      [0, 4],
      [0, 7],
      [0, 8],
      [1, 2],
      [2, 0],
      [2, 5],
    ]);
    expect(at(press(look, ...'wwwwww', ...'bbb'))).toEqual([0, 8]);
    expect(at(press(look, ...'bbb'))).toEqual([0, 0]);
  });

  test('goes to the ends of a line and of all', async () => {
    expect(at(press(look, '$'))).toEqual([0, 12]);
    expect(at(press(look, '$', '0'))).toEqual([0, 0]);
    const long = await lookAt(NUMBERED, 49);
    expect(at(press(long, 'g'))).toEqual([0, 0]);
    expect(press(long, 'g').top).toBe(0);
    expect(at(press(long, 'g', 'G'))).toEqual([49, 0]);
  });

  test('is always in view, and half pages take the view along', async () => {
    const long = await lookAt(NUMBERED, 49);
    expect(long.top).toBe(45);
    expect(press(long, '^u')).toMatchObject({top: 42, cursor: {line: 46}});
    expect(press(long, '^u', '^u', '^d')).toMatchObject({top: 42, cursor: {line: 46}});
    expect(press(long, ...'kkkkkkk').top).toBe(42);
    expect(resizeLookback(press(long, ...'kkkk'), 2)).toMatchObject({top: 45, rows: 2});
  });
});

describe('copying', () => {
  test('joins lines that were wrapped and cuts blanks at their ends', async () => {
    const look = await lookAt(`${'0123456789'.repeat(3)}  \r\nnext\r\n`, 1);
    expect(copied(look)).toBe('0123456789'.repeat(3));
    expect(copied(press(look, 'V', 'j'))).toBe(`${'0123456789'.repeat(3)}\nnext`);
  });

  test('takes cells from the anchor to the cursor, in either direction', async () => {
    const look = await lookAt('abcdef\r\nghi', 0);
    expect(copied(press(look, 'l', 'v', 'l', 'l'))).toBe('bcd');
    expect(copied(press(look, 'l', 'l', 'v', 'h'))).toBe('bc');
    expect(copied(press(look, 'l', 'l', 'v', 'j', '0'))).toBe('cdef\ng');
  });

  test('v and V change into each other, and Esc takes the selection back before it leaves', async () => {
    const look = await lookAt('abcdef\r\nghi', 0);
    expect(copied(press(look, 'l', 'v', 'V'))).toBe('abcdef');
    expect(press(look, 'v', 'esc').anchor).toBeUndefined();
    expect(stepLookback(look, {kind: 'key', key: 'esc', text: ''})).toEqual({kind: 'left'});
  });

  test('has no control characters, whatever the guest printed', async () => {
    const look = await lookAt('a\x1b]0;t\x07b\x1b[31mc\x00\x7f\x9bd\r\n', 0);
    expect(copiedText(look)).toMatch(/^abc/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(copiedText(look)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  });
});

describe('searching', () => {
  test('goes up from the cursor while it is typed, and back when it is given up', async () => {
    const look = await lookAt(NUMBERED, 49);
    expect(at(press(look, '/', ...'line 1'))).toEqual([19, 0]);
    expect(at(press(look, '/', ...'line 12'))).toEqual([12, 0]);
    expect(at(press(look, '/', ...'line 12', 'backspace'))).toEqual([19, 0]);
    expect(press(look, '/', ...'line 12', 'esc')).toMatchObject({top: 45, cursor: {line: 49}, search: undefined});
  });

  test('n goes further up, N down, and both around the ends', async () => {
    const found = press(await lookAt(NUMBERED, 49), '/', ...'ine 2', 'enter');
    expect(found.search).toMatchObject({at: 10});
    expect(at(press(found, 'n'))).toEqual([28, 1]);
    expect(at(press(found, 'N'))).toEqual([2, 1]);
    expect(at(press(found, 'N', 'n'))).toEqual([29, 1]);
  });

  test('sees over wrapped lines and ignores case, but not that of capital letters', async () => {
    const look = await lookAt(`${'x'.repeat(17)}Needle\r\nneedle\r\nİneedle`, 4);
    expect(press(look, '/', ...'needle').search?.found).toHaveLength(3);
    expect(press(look, '/', ...'Needle').search?.found).toEqual([
      {from: {line: 0, column: 17}, to: {line: 1, column: 2}},
    ]);
  });

  test('takes what is typed as it is: it is no pattern', async () => {
    const look = await lookAt('a.c abc (', 0);
    expect(press(look, '/', ...'a.c').search?.found).toHaveLength(1);
    expect(press(look, '/', '(').search?.found).toHaveLength(1);
  });

  test('finds at most a stated number of places', async () => {
    const screen = new GuestScreen(1000, 20, {changed: () => undefined, answered: () => undefined});
    await screen.replay(Buffer.from('a'.repeat(20_000)));
    expect(screen.capture().find('a')).toHaveLength(MAX_MATCHES);
  });
});

describe('scrolling', () => {
  test('says how far back one is', async () => {
    const look = beginLookback('id', await transcriptOf(NUMBERED), {
      mode: 'scroll',
      rows: 4,
      cursor: {line: 49, column: 0},
    });
    expect(linesBelow(look)).toBe(0);
    const step = stepLookback(look, {kind: 'mouse', action: 'wheel-up', button: 0, x: 0, y: 0});
    const scrolled = step.kind === 'moved' ? step.look : look;
    expect(lookbackLine(scrolled).text).toContain('↑ 3 of 46 lines back');
    expect(lookbackLine({...scrolled, isOutdated: true}).text).toContain('new output below');
  });
});
