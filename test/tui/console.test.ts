/** The console in a real terminal: scrolling, searching, copying, pasting, badges, what guests may not. */
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-console-'));
});
afterAll(async () => {
  await rm(folder, {recursive: true, force: true});
});

const SIZE = {columns: 120, rows: 35};
const SHIFT_PAGE_UP = '\x1b[5;2~';
const SHIFT_PAGE_DOWN = '\x1b[6;2~';

/** Opens the UI with the console of the first machine at the keyboard, and lets it print. */
async function atConsole(typed: string, env: Readonly<Record<string, string>> = {}): Promise<TerminalSession> {
  const terminal = tui.open('alpha:running,beta:running', SIZE, env);
  await terminal.see('alpha  ● running');
  terminal.press('\r');
  await terminal.see('leave the console');
  if (typed !== '') terminal.press(`${typed}\r`);
  return terminal;
}

/** What was put into the clipboard last. */
function clipboard(raw: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  const data = [...raw.matchAll(/\x1b\]52;c;([A-Za-z0-9+/=]*)\x07/g)].at(-1)?.[1];
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString();
}

describe('scrolling back', () => {
  test('works while the console has the keyboard, and typing returns to the end', async () => {
    await using terminal = await atConsole('lines');
    await terminal.see('line 99');
    terminal.press(SHIFT_PAGE_UP);
    await terminal.see(/↑ 28 of 7\d lines back/);
    await terminal.until('to show older lines', (text) => text.includes('line 50') && !text.includes('line 99'));
    terminal.press(SHIFT_PAGE_UP + SHIFT_PAGE_UP + SHIFT_PAGE_UP + SHIFT_PAGE_UP);
    await terminal.see('~ # lines');
    terminal.press(SHIFT_PAGE_DOWN);
    await terminal.until('to scroll forward', (text) => !text.includes('~ # lines'));
    terminal.press('x');
    await terminal.see('~ # x');
    expect(terminal.text).not.toContain('lines back');
  });

  test('works from the list, and Esc returns to the end', async () => {
    await using terminal = await atConsole('lines');
    await terminal.see('line 99');
    terminal.press('\x1d');
    await terminal.see('Enter console');
    terminal.press(SHIFT_PAGE_UP);
    await terminal.see('lines back');
    terminal.press('\x1b');
    await terminal.until('to return', (text) => !text.includes('lines back') && text.includes('line 99'));
  });

  test('says that the guest printed more meanwhile, and stands still', async () => {
    await using terminal = await atConsole('lines');
    await terminal.see('line 99');
    terminal.press('clock\r');
    await terminal.see('tick 1');
    terminal.press(SHIFT_PAGE_UP + SHIFT_PAGE_UP);
    await terminal.see('new output below');
    expect(terminal.text).not.toContain('tick');
  });

  test('the wheel scrolls over the pane, and nowhere else', async () => {
    await using terminal = await atConsole('lines');
    await terminal.see('line 99');
    terminal.press('\x1b[<64;10;10M\x1b[<64;80;10M');
    await terminal.see(/↑ 3 of 7\d lines back/);
    terminal.press('\x1b[<65;80;10M');
    await terminal.until('to return', (text) => !text.includes('lines back'));
    expect(terminal.text).not.toContain('64;80');
  });

  test('a guest that asked for the mouse gets it, in the cells of its own screen', async () => {
    await using terminal = await atConsole('mouse');
    await terminal.see('~ # mouse');
    await terminal.until('to ask for reports', () => terminal.raw.includes('\x1b[?1006h'));
    // The pane's first cell of a 120×35 screen is column 40, row 4.
    await terminal.until('to take the mode', () => true);
    terminal.press('\x1b[<0;40;4M');
    await terminal.see('^[[<0;1;1M');
  });
});

describe('copy mode', () => {
  test('moves, selects by lines and copies them joined, without borders', async () => {
    await using terminal = await atConsole('long');
    await terminal.see('789 end');
    terminal.press('~[');
    await terminal.see('copy mode');
    // Up to the line that was wrapped, with its beginning in the row above.
    terminal.press('kVy');
    await terminal.see('Copied 1 line (134B) to the clipboard.');
    expect(clipboard(terminal.raw)).toBe(`${'0123456789'.repeat(13)} end`);
    expect(terminal.text).not.toContain('copy mode');
  });

  test('selects by cells, and Enter copies as well', async () => {
    await using terminal = await atConsole('wide');
    await terminal.see('日本語 ok');
    terminal.press('~[k0vll\r');
    await terminal.see('Copied 1 line');
    expect(clipboard(terminal.raw)).toBe('日本語');
  });

  test('keys do not reach the guest meanwhile, and Esc gives them back', async () => {
    await using terminal = await atConsole('');
    terminal.press('\r~[');
    await terminal.see('copy mode');
    terminal.press('hjkl');
    terminal.press('\x1b');
    await terminal.until('to leave', (text) => !text.includes('copy mode'));
    terminal.press('typed');
    await terminal.see('~ # typed');
  });

  test('search is incremental, counts what it finds, and n and N go from one to the next', async () => {
    await using terminal = await atConsole('lines');
    await terminal.see('line 99');
    terminal.press('\r~/line 5');
    await terminal.see('11 of 11 found');
    await terminal.see('line 59');
    terminal.press('\r');
    await terminal.see('copy mode');
    terminal.press('nn');
    await terminal.see('9 of 11 found');
    terminal.press('N');
    await terminal.see('10 of 11 found');
    terminal.press('/nowhere');
    await terminal.see('not found');
    terminal.press('\x1b');
    await terminal.until('to close the search line', (text) => !text.includes('/nowhere'));
    terminal.press('q');
    await terminal.until('to leave', (text) => !text.includes('copy mode'));
  });

  test('is reached from the list too', async () => {
    await using terminal = await atConsole('lines');
    await terminal.see('line 99');
    terminal.press('\x1d');
    await terminal.see('Enter console');
    terminal.press('Fline 42');
    await terminal.see('1 of 1 found');
    terminal.press('\ry');
    await terminal.see('Copied 1 line');
    expect(clipboard(terminal.raw)).toBe('line 42');
    terminal.press('V');
    await terminal.see('copy mode');
  });

  test('inside tmux the clipboard is also told through it', async () => {
    await using terminal = await atConsole('wide', {TMUX: '/tmp/tmux/default,1,0'});
    await terminal.see('日本語 ok');
    terminal.press('~[ky');
    await terminal.see('Copied 1 line');
    expect(terminal.raw).toContain('\x1bPtmux;\x1b\x1b]52;c;');
  });

  test('~? lists the chords, and ~~ sends one', async () => {
    await using terminal = await atConsole('');
    terminal.press('\r~?');
    await terminal.see('send one ~ to the guest');
    terminal.press('x');
    await terminal.until('to close', (text) => !text.includes('send one ~ to the guest'));
    terminal.press('\r~~y');
    await terminal.see('~ # ~y');
  });
});

describe('pastes', () => {
  test('of more than a line are asked about, and No types nothing', async () => {
    await using terminal = await atConsole('');
    terminal.press('\x1b[200~one\rtwo \x1b[31m\rthree\x1b[201~');
    await terminal.see('Type 3 lines (19B, 1 control byte) into alpha?');
    await terminal.see('two ^[[31m');
    terminal.press('\r');
    await terminal.until('to close', (text) => !text.includes('into alpha?'));
    terminal.press('after');
    await terminal.see('~ # after');
  });

  test('that are answered with yes are typed', async () => {
    await using terminal = await atConsole('');
    terminal.press('\x1b[200~one\rtwo\x1b[201~');
    await terminal.see('Type 2 lines');
    terminal.press('y');
    await terminal.see('~ # two');
    expect(terminal.text).toContain('~ # one');
  });

  test('of one plain line are typed at once, without brackets', async () => {
    await using terminal = await atConsole('');
    terminal.press('\x1b[200~plain ~.\x1b[201~');
    await terminal.see('~ # plain ~.');
  });

  test('go with their brackets to a program that takes them', async () => {
    await using terminal = await atConsole('bracket');
    await terminal.see('~ # bracket');
    terminal.press('\x1b[200~a\tb\x1b[201~');
    await terminal.see('^[[200~a^Ib^[[201~');
  });
});

describe('the list', () => {
  test('marks machines that printed something or rang while they were not shown', async () => {
    await using terminal = await atConsole('ring');
    await terminal.see('~ # ring');
    terminal.press('\x1dj');
    await terminal.see('beta  ● running');
    await terminal.see(/ !alpha +● run/);
    terminal.press('k');
    await terminal.until('to take the mark away', (text) => /▸ alpha {2,}● run/.test(text));
  });

  test('marks output with another sign than a bell', async () => {
    await using terminal = await atConsole('clock');
    await terminal.see('tick 0');
    terminal.press('\x1dj');
    await terminal.see(/ ·alpha +● run/);
  });
});

describe('recordings and screenshots', () => {
  test('R records until R, X writes a picture or text', async () => {
    await using terminal = await atConsole('colors');
    await terminal.see('red');
    terminal.press('\x1dR');
    await terminal.see('Record alpha');
    terminal.press(`\x15${folder}/one.cast\r`);
    await terminal.see('rec alpha');
    terminal.press('\r');
    await terminal.see('leave the console');
    terminal.press('title\r');
    await terminal.see('~ # title');
    terminal.press('\x1dR');
    await terminal.see('viv console replay plays it');
    const [header, ...events] = (await readFile(join(folder, 'one.cast'), 'utf8')).trim().split('\n');
    expect(JSON.parse(header!)).toMatchObject({version: 2, width: 80, height: 24, title: 'alpha'});
    const output = events.map((line) => JSON.parse(line)[2]).join('');
    expect(output).toContain('red');
    expect(output).toContain('title');
    expect(output).not.toContain('EVIL');
    expect(output).not.toContain(']52;');

    terminal.press('X');
    await terminal.see('Screenshot of alpha');
    terminal.press(`\x15${folder}/one.txt\r`);
    await terminal.see('What alpha shows is in');
    expect(await readFile(join(folder, 'one.txt'), 'utf8')).toContain('~ # title');
    terminal.press('X');
    await terminal.see('Screenshot of alpha');
    terminal.press(`\x15${folder}/one.txt\r`);
    await terminal.see('is there already');
    terminal.press('\x7f\x7f\x7fpng\r');
    await terminal.until('to close the form', (text) => !text.includes('Screenshot of alpha'));
    const png = await readFile(join(folder, 'one.png'));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
  });
});

describe('the clipboard', () => {
  test('is refused to guests, and the person is told', async () => {
    await using terminal = await atConsole('title');
    await terminal.see('guests may not');
    expect(terminal.raw).not.toContain(']52;');
  });
});

describe('a manager that goes away', () => {
  test.each([
    ['lost', 'connection to the manager lost, reconnecting', 'it is tried again by itself'],
    ['ended', 'the manager was stopped', 'any viv command starts it again, and this goes on'],
  ])('%s: keys say why they cannot act, and all goes on when it is back', async (how, header, reason) => {
    await using terminal = await atConsole(how);
    await terminal.see(header);
    terminal.press('x');
    await terminal.see(reason);
    terminal.press('\x1dp');
    await terminal.see(reason);
    terminal.press('\r');
    await terminal.see('The manager is back.');
    expect(terminal.text).toContain('alpha  ● running');
    terminal.press('\r');
    await terminal.see('leave the console');
    terminal.press('there\r');
    await terminal.see('~ # there');
  });
});
