/** Five hundred machines: every one is reached, and a key costs as much as with a few. */
import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

const [UP, DOWN] = ['k', 'j'];
/** Keys that come in one piece while one is held down. */
const HELD = 7;
const [PAGE_UP, PAGE_DOWN] = ['\x1b[5~', '\x1b[6~'];
/** Rows that PgDn goes on by on a screen of 35. */
const LIST_ROWS = 29;

/** Names of one length, so that a frame's bytes differ by what is drawn and not by how long a number is. */
const nameOf = (index: number) => `vm-${String(index).padStart(3, '0')}`;
/** Nothing but keys changes the screen: no machine runs, and the clock and the host's numbers stand still. */
function open(count: number): TerminalSession {
  const fleet = Array.from({length: count}, (_, index) => `${nameOf(index + 1)}:defined`).join(',');
  return tui.open(fleet, {columns: 120, rows: 35}, {FROZEN: '1'});
}

const position = (terminal: TerminalSession) => Number(/╰ (\d+) of \d+ /.exec(terminal.text)?.[1]);
const chosen = (terminal: TerminalSession) => /▸[ ·]*(vm-\d+)/.exec(terminal.text)?.[1];
const framesIn = (raw: string) => raw.split('\x1b[?2026h').length - 1;

/** What a press has drawn once its place in the list is seen. Units: frames and characters written */
async function costOf(
  terminal: TerminalSession,
  keys: string,
  place: number,
): Promise<{frames: number; written: number}> {
  const before = terminal.raw.length;
  terminal.press(keys);
  await terminal.until(`to be at ${place}`, () => position(terminal) === place);
  const drawn = terminal.raw.slice(before);
  return {frames: framesIn(drawn), written: drawn.length};
}

describe('500 machines', () => {
  test('held down, a key goes on by one row each time, and stops at the last', async () => {
    await using terminal = open(500);
    await terminal.see('1 of 500');
    for (let place = 1; place < 500; ) {
      const keys = Math.min(HELD, 500 - place);
      place += keys;
      const {frames} = await costOf(terminal, DOWN.repeat(keys), place);
      expect(chosen(terminal)).toBe(nameOf(place));
      expect(frames).toBeLessThanOrEqual(keys);
    }
    // It does not begin again at the first.
    await costOf(terminal, `${DOWN}${DOWN}${UP}`, 499);
    await costOf(terminal, UP.repeat(600), 1);
    await costOf(terminal, DOWN, 2);
  });

  test('every one is seen page by page, down and up again', async () => {
    await using terminal = open(500);
    await terminal.see('1 of 500');
    for (const [key, last] of [
      [PAGE_DOWN, 500],
      [PAGE_UP, 1],
    ] as const) {
      const namesInSight = () => [...terminal.text.matchAll(/\bvm-\d+/g)].map(([name]) => name);
      const seen = new Set(namesInSight());
      while (position(terminal) !== last) {
        const before = position(terminal);
        terminal.press(key);
        await terminal.until('to go on', () => position(terminal) !== before);
        for (const name of namesInSight()) seen.add(name);
      }
      expect(seen.size).toBe(500);
    }
  });

  test('a filter that is typed over them narrows with each key, and Esc brings all back', async () => {
    await using terminal = open(500);
    await terminal.see('1 of 500');
    const before = terminal.raw.length;
    terminal.press('/499');
    await terminal.until('to show one', (text) => text.includes(nameOf(499)) && !text.includes(nameOf(1)));
    expect(framesIn(terminal.raw.slice(before))).toBeLessThanOrEqual('/499'.length);
    terminal.press('\r');
    await terminal.see('Machines /499');
    terminal.press('\x1b');
    await terminal.see(' of 500');
    // The machine that was found stays highlighted.
    expect(chosen(terminal)).toBe(nameOf(499));
  });

  test('a key draws no more than with 60 machines', async () => {
    const costs = async (count: number) => {
      await using terminal = open(count);
      await terminal.see(`1 of ${count}`);
      const one = await costOf(terminal, DOWN, 2);
      const page = await costOf(terminal, PAGE_DOWN, 2 + LIST_ROWS);
      const scrolled = await costOf(terminal, DOWN, 3 + LIST_ROWS);
      const back = await costOf(terminal, PAGE_UP, 3);
      return [one, page, scrolled, back];
    };
    const [few, many] = [await costs(60), await costs(500)];
    for (const [index, {frames, written}] of many.entries()) {
      // One for the key, and one for what the machine's console shows.
      expect(frames).toBeLessThanOrEqual(2);
      // The number of machines is a digit longer.
      expect(written).toBeLessThanOrEqual((few[index]?.written ?? 0) + 16);
      expect(written).toBeLessThan(1200);
    }
  });

  test('600 keys at once are drawn as a few frames, not one by one', async () => {
    await using terminal = open(500);
    await terminal.see('1 of 500');
    const {frames} = await costOf(terminal, DOWN.repeat(600), 500);
    expect(frames).toBeLessThan(60);
  });
});
