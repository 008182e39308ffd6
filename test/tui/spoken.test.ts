import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {wantsSpoken} from '../../src/tui/app/front-end.js';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

const SIZE = {columns: 160, rows: 60};
const open = (fleet: string, env: Readonly<Record<string, string>> = {}) =>
  tui.open(fleet, SIZE, {VIV_SCREEN_READER: '1', ...env});

/** Lines and nothing else: no sequence that moves, colours or asks. */
function expectOnlyLines({raw}: TerminalSession): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
}

describe('screen-reader mode', () => {
  test('tells the fleet and the row, and the next row when one goes there', async () => {
    await using terminal = open('alpha:running,beta:defined');
    await terminal.see('Vivarium. Question mark tells the keys, q leaves.');
    await terminal.see('local, 1 running 2 total');
    await terminal.see(/alpha, running.*1 of 2\./);
    terminal.press('j');
    await terminal.see(/beta, off.*2 of 2\./);
    expect(terminal.isAlternate).toBe(false);
    expectOnlyLines(terminal);
  });

  test('numbers that move are told when asked for, not as they move', async () => {
    await using terminal = open('alpha:running', {METRICS: 'busy', SAMPLE_MS: '100'});
    await terminal.see('alpha, running');
    terminal.press('2');
    await terminal.see(/Graphs\.\s+The last 1 min\.\s+CPU %: /);
    const {raw} = terminal;
    terminal.press('6');
    await terminal.see('alpha was created.');
    expect(terminal.raw.slice(raw.length)).not.toContain('CPU');
    expectOnlyLines(terminal);
  });

  test('a machine is started, and what it is then is told', async () => {
    await using terminal = open('alpha:defined');
    await terminal.see('alpha, off');
    terminal.press('s');
    await terminal.see('alpha, running');
    expectOnlyLines(terminal);
  });

  test('a question is answered with y and with n', async () => {
    await using terminal = open('alpha:running');
    await terminal.see('alpha, running');
    terminal.press('K');
    await terminal.see('Force alpha off?');
    await terminal.see('y for yes, n for no. Enter: No.');
    terminal.press('n');
    await terminal.see('Closed.');
    expect(terminal.text).not.toContain('alpha, off');
    terminal.press('K');
    await terminal.until('to ask again', (text) => text.split('y for yes').length === 3);
    terminal.press('y');
    await terminal.see('alpha, off');
    expectOnlyLines(terminal);
  });

  test('the palette tells what is typed and the best that fits, and does it', async () => {
    await using terminal = open('alpha:running');
    await terminal.see('alpha, running');
    terminal.press(':pause');
    await terminal.see('Look for: pause');
    await terminal.see('Pause the machine; again resumes it. Key p. Command viv pause alpha.');
    terminal.press('\r');
    await terminal.see('alpha, paused');
    expectOnlyLines(terminal);
  });

  test('a form tells its fields and what is wrong in them', async () => {
    await using terminal = open('alpha:defined');
    await terminal.see('alpha, off');
    terminal.press('n');
    await terminal.see('New machine. Enter: create, Tab: next field, Escape: cancel.');
    terminal.press('\t');
    await terminal.see(/Name: .*2 of \d+\./);
    terminal.press('alpha\r');
    await terminal.see('There is already a machine called alpha.');
    terminal.press('-2\r');
    await terminal.see('alpha-2, running');
    expectOnlyLines(terminal);
  });

  test('a guest that waits is told of, and the answer with it', async () => {
    await using terminal = open('alpha:running', {ASK: 'example.org'});
    await terminal.see('alpha wants to reach example.org:443 (192.0.2.7) by TCP');
    await terminal.see('Deny: refuse it for a minute, 1 of 4.');
    terminal.press('j');
    await terminal.see('Deny always: a rule refuses it, 2 of 4.');
    terminal.press('\x1b');
    await terminal.see('Closed.');
    expectOnlyLines(terminal);
  });

  test('the timeline tells its points as one goes along them', async () => {
    await using terminal = open('alpha:running', {POINTS: '3'});
    await terminal.see('alpha, running');
    terminal.press('3');
    await terminal.see('3 of 3.');
    terminal.press('\x1b[D');
    await terminal.see('2 of 3.');
    expectOnlyLines(terminal);
  });

  test('Enter lends the terminal to the console, and its end leads back', async () => {
    await using terminal = open('alpha:running', {LENT_STATUS: '0'});
    await terminal.see('alpha, running');
    terminal.press('\r');
    await terminal.see('lent to console alpha');
    await terminal.see('typed in the login?');
    terminal.press('yes\r');
    await terminal.until('to take the keyboard back', () => {
      terminal.press('?');
      return terminal.text.includes('Log in to the guest');
    });
    expectOnlyLines(terminal);
  });

  test('Enter starts a machine that is off, and leads into its console once it runs', async () => {
    await using terminal = open('alpha:defined', {LENT_STATUS: '0'});
    await terminal.see('alpha, off');
    terminal.press('c');
    await terminal.see('alpha is off; Enter starts it.');
    expect(terminal.text).not.toContain('lent to');
    terminal.press('\r');
    await terminal.see('lent to console alpha');
    expectOnlyLines(terminal);
  });

  test('a start that fails is told with its cause, and leads nowhere', async () => {
    await using terminal = open('alpha:defined', {START_FAULT: 'Its kernel is gone.'});
    await terminal.see('alpha, off');
    terminal.press('\r');
    await terminal.see('Its kernel is gone. Check the path.');
    await terminal.see('alpha, off, memory 256M, Its kernel is gone., 1 of 1.');
    expect(terminal.text).not.toContain('lent to');
    terminal.press('q');
    expect(await terminal.exited).toBe(0);
    expectOnlyLines(terminal);
  });

  test('an empty fleet boots a machine with Enter, and a build of its image is told of', async () => {
    await using terminal = open('', {IMAGE: 'missing', BUILD_MS: '1500', LENT_STATUS: '0'});
    await terminal.see('There is no machine yet. Press Enter to boot debian-mini.');
    terminal.press('\r');
    await terminal.see('debian-mini: Downloading packages');
    await terminal.see('lent to console brave-otter');
    expectOnlyLines(terminal);
  });

  test('q leaves the terminal as it was, and says what keeps running', async () => {
    await using terminal = open('alpha:running,beta:paused');
    await terminal.see('alpha, running');
    terminal.press('q');
    expect(await terminal.exited).toBe(0);
    expect(terminal.text).toContain('2 machines keep running; viv shows them again.');
    expectOnlyLines(terminal);
  });

  test('a signal ends it', async () => {
    await using terminal = open('alpha:running');
    await terminal.see('alpha, running');
    terminal.kill('SIGTERM');
    expect(await terminal.exited).toBe(143);
    expectOnlyLines(terminal);
  });

  test('a locale without UTF-8 gets ASCII only', async () => {
    await using terminal = open('alpha:running', {LANG: 'C', LC_ALL: 'C'});
    await terminal.see('alpha, running');
    terminal.press('?');
    await terminal.see('Log in to the guest');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is what is looked for
    expect(terminal.raw).toMatch(/^[\x00-\x7f]*$/);
  });
});

describe('who is told lines', () => {
  test('the option, the variable and the preference say so, in this order', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viv-front-'));
    try {
      const env = {XDG_CONFIG_HOME: folder};
      expect(wantsSpoken([], env)).toBe(false);
      expect(wantsSpoken([], {...env, VIV_SCREEN_READER: '1'})).toBe(true);
      await mkdir(join(folder, 'vivarium'));
      await writeFile(join(folder, 'vivarium', 'preferences.json'), '{"isSpoken": true}');
      expect(wantsSpoken([], env)).toBe(true);
      expect(wantsSpoken([], {...env, VIV_SCREEN_READER: '0'})).toBe(false);
      expect(wantsSpoken(['--screen-reader'], {...env, VIV_SCREEN_READER: '0'})).toBe(true);
    } finally {
      await rm(folder, {recursive: true});
    }
  });

  test('F8 of the UI that draws makes the next one tell', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viv-front-'));
    try {
      await using drawn = tui.open('alpha:running', SIZE, {XDG_CONFIG_HOME: folder});
      await drawn.see('alpha  ● running');
      drawn.press('\x1b[19~');
      await drawn.see('From the next start on viv tells everything as lines');
      drawn.press('q');
      expect(await drawn.exited).toBe(0);
      await using told = tui.open('alpha:running', SIZE, {XDG_CONFIG_HOME: folder});
      await told.see('Vivarium. Question mark tells the keys');
      expectOnlyLines(told);
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});
