import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

const FLEET = 'alpha:running::2,beta:running,gamma:paused,delta:defined';
const BUSY = {METRICS: 'busy'};
const TITLES = [/CPU %/, /Memory M/, /Disk \S+\/s/, /Net \S+\/s/, /Interrupts \S*\/s/, /MIPS {2}/];
const shown = (text: string) => TITLES.filter((title) => title.test(text));
const axes = (text: string) => text.match(/[⠓⠘]⠒{8}/g)?.length ?? 0;
const curve = /[⠁-⡆⡈-⣿]{4}/;

/** No row is longer than the screen, and the frame is closed at the right. */
function isWhole(terminal: TerminalSession, columns: number): boolean {
  const rows = terminal.rows.slice(1, -1);
  return rows.every((row) => [...row].length === columns && /[╮│╯]$/.test(row));
}

describe('the graphs tab', () => {
  test.each([
    [60, 20, 2],
    [80, 24, 2],
    [120, 35, 6],
    [200, 60, 6],
  ])('at %i×%i has %i charts in sight, and the keys , and . lead to all of them', async (columns, rows, count) => {
    await using terminal = tui.open(FLEET, {columns, rows}, BUSY);
    await terminal.see('alpha');
    terminal.press('2');
    await terminal.until('to have charts', (text) => axes(text) === count && curve.test(text));
    expect(isWhole(terminal, columns)).toBe(true);
    const seen = new Set(shown(terminal.text));
    expect(seen.size).toBe(count);
    for (let step = 0; step < 4 && count < 6; step++) {
      const before = terminal.text;
      terminal.press('.');
      await terminal.until('to scroll', (text) => shown(text).join() !== shown(before).join() && axes(text) === count);
      for (const title of shown(terminal.text)) seen.add(title);
    }
    expect(seen.size).toBe(TITLES.length);
    if (count === 6) return;
    terminal.press('.');
    await terminal.until('to stay at the end', (text) => text.includes('5–6/6'));
    terminal.press(',,,,');
    await terminal.see('1–2/6');
  });

  test('left and right choose the time, and say at which end there is no more', async () => {
    await using terminal = tui.open(FLEET, {columns: 120, rows: 35}, BUSY);
    await terminal.see('alpha');
    terminal.press('2');
    await terminal.until('to show a minute', (text) => text.includes('-60s') && curve.test(text));
    terminal.press('\x1b[C');
    await terminal.until('to show five', (text) => text.includes('-5m') && !text.includes('-60s') && curve.test(text));
    terminal.press('l');
    await terminal.until('to show an hour', (text) => text.includes('-60m') && curve.test(text));
    terminal.press('l');
    await terminal.see('There is no longer time.');
    terminal.press('hh');
    await terminal.see('-60s');
    terminal.press('\x1b[D');
    await terminal.see('There is no shorter time.');
  });

  test('the headings have a number for each hart, and another machine has its own', async () => {
    await using terminal = tui.open(FLEET, {columns: 200, rows: 60}, BUSY);
    await terminal.see('alpha');
    terminal.press('2');
    await terminal.see(/CPU % {2}\d+% 0:\d+% 1:\d+% host \d+%/);
    await terminal.see(/Memory M {2}used \d+M cache [\d.]+[MK] held \d+M/);
    await terminal.see(/Net \S\/s {2}rx \S+ tx \S+ \S+\+\S+ pkts/);
    terminal.press('j');
    await terminal.see(/CPU % {2}\d+% host \d+%/);
    // One that is off has no numbers, and frames go on.
    terminal.press('j');
    await terminal.until('to show no numbers', (text) => /CPU % +Memory M/.test(text));
  });

  test('a resize in the middle of all leaves whole charts', async () => {
    await using terminal = tui.open(FLEET, {columns: 120, rows: 35}, BUSY);
    await terminal.see('alpha');
    terminal.press('2');
    await terminal.until('to have charts', (text) => axes(text) === 6);
    for (const [columns, rows, count] of [
      [80, 24, 2],
      [200, 60, 6],
      [62, 13, 1],
      [120, 35, 6],
    ] as const) {
      terminal.resize(columns, rows);
      await terminal.until(
        `to have ${count} charts at ${columns}×${rows}`,
        (text) => axes(text) === count && isWhole(terminal, columns),
      );
    }
    // Too low for any chart: one line each.
    terminal.resize(80, 9);
    await terminal.until('to have lines', (text) => axes(text) === 0 && /CPU % {2}\d+% [⠀-⣿ ]+/.test(text));
  });

  test.each([
    ['block', {VIVARIUM_GRAPHS: 'block'}, /[▖▗▘▝▚▞]/, /[⠁-⣿]/],
    ['ascii', {VIVARIUM_GRAPHS: 'ascii'}, /[-_'/\\|]{12}/, /[⠁-⣿▖-▟]/],
    ['ascii by the locale', {LANG: 'C', LC_ALL: 'C', VIVARIUM_GRAPHS: 'braille'}, /[-_'/\\|]{12}/, /[^\x20-\x7e\n]/],
  ] as const)('can be drawn in %s characters', async (_name, env, has, hasNot) => {
    await using terminal = tui.open(FLEET, {columns: 120, rows: 35}, {...BUSY, ...env});
    await terminal.see('alpha');
    terminal.press('2');
    await terminal.until('to have charts', (text) => has.test(text) && text.includes('-30s'));
    expect(terminal.text).not.toMatch(hasNot);
    terminal.press('v');
    await terminal.see('Host memory');
    await terminal.until('to have the table', (text) => text.includes('all 4'));
    expect(terminal.text).not.toMatch(hasNot);
  });

  test('a set of characters that does not exist is refused with those that do', async () => {
    await using terminal = tui.open(FLEET, {columns: 120, rows: 35}, {VIVARIUM_GRAPHS: 'crayon'});
    await terminal.see('VIVARIUM_GRAPHS must be braille, block, ascii, not crayon.');
    expect(await terminal.exited).not.toBe(0);
  });
});

describe('the fleet view', () => {
  test.each([
    [60, 20],
    [80, 24],
    [120, 35],
    [200, 60],
  ])('at %i×%i has the host, states, machines and their sum; v shows it and Esc goes back', async (columns, rows) => {
    await using terminal = tui.open(FLEET, {columns, rows}, BUSY);
    await terminal.see('alpha');
    terminal.press('v');
    await terminal.until('to show the fleet', (text) => text.includes('all 4') && text.includes('Host memory'));
    const {text} = terminal;
    expect(text).toMatch(/Host CPU \d+% of 2 processors/);
    for (const name of ['NAME', 'DISK/s', 'alpha', 'beta', 'gamma', 'delta', '3 up']) expect(text).toContain(name);
    if (columns >= 120) expect(text).toMatch(/running +paused +off/);
    else if (rows >= 24) expect(text).toContain('2 running · 1 paused · 1 off');
    expect(terminal.rows.every((row) => [...row].length <= columns)).toBe(true);
    terminal.press('\x1b');
    await terminal.see('Machines');
    expect(terminal.text).not.toContain('Host memory');
    terminal.press('vv');
    await terminal.until('to be back again', (now) => now.includes('Machines') && !now.includes('Host memory'));
  });

  test('is sorted by the number that left and right choose, and Enter shows the graphs of a row', async () => {
    await using terminal = tui.open('small:running,large:running::8,off:defined', {columns: 100, rows: 30}, BUSY);
    await terminal.see('small');
    terminal.press('v');
    const at = (name: string) => terminal.rows.findIndex((row) => row.startsWith(` ${name} `));
    await terminal.until('to list them', () => at('large') > 0 && at('large') < at('small'));
    expect(at('off')).toBeGreaterThan(at('small'));
    terminal.press('l');
    await terminal.see('all 3');
    // Up to the first row, which is highlighted whatever the order is.
    terminal.press('kkk');
    const first = () => terminal.rows[terminal.rows.findIndex((row) => row.includes('NAME')) + 1]?.trim().split(' ')[0];
    terminal.press('\r');
    await terminal.until('to show graphs', (text) => axes(text) > 0 && text.includes('Machines'));
    expect(['small', 'large']).toContain(first() === undefined ? 'small' : terminal.text.match(/▸ (\w+)/)?.[1]);
  });

  test('lies below help and questions, its machines can be acted on, and a console leads out of it', async () => {
    await using terminal = tui.open(FLEET, {columns: 120, rows: 35}, BUSY);
    await terminal.see('alpha');
    terminal.press('v');
    await terminal.see('Host memory');
    terminal.press('?');
    await terminal.see('Fleet view');
    terminal.press('x');
    await terminal.until('to close the help', (text) => !text.includes('Fleet view'));
    terminal.press('K');
    await terminal.see(/Force \w+ off\?/);
    terminal.press('n');
    await terminal.until('to close the question', (text) => !text.includes('Force '));
    terminal.press('c');
    await terminal.see('leaves (twice sends it)');
    terminal.press('\x1d');
    await terminal.see('Machines');
    terminal.press('v');
    await terminal.see('Host memory');
    terminal.press('/gam');
    await terminal.until('to filter', (text) => text.includes('all 1') && !text.includes('delta'));
    terminal.press('\r');
    terminal.press('\x1b');
    await terminal.see('all 4');
  });

  test('shows 500 machines a screen at a time', async () => {
    const many = Array.from({length: 500}, (_, i) => `m-${i}:running`).join(',');
    await using terminal = tui.open(many, {columns: 100, rows: 30}, {SAMPLE_MS: '1000'});
    await terminal.see('m-0');
    terminal.press('v');
    await terminal.see(/\d+–\d+ of 500/);
    for (let page = 0; page < 40; page++) terminal.press('\x1b[6~');
    await terminal.see('–500 of 500');
    await terminal.see('m-499');
  });
});
