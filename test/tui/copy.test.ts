import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};

/** What was put into the clipboard last. */
function clipboard({raw}: TerminalSession): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence is what is looked for
  const copies = [...raw.matchAll(/\x1b\]52;c;([^\x07]*)\x07/g)];
  const last = copies.at(-1)?.[1];
  return last === undefined ? undefined : Buffer.from(last, 'base64').toString();
}

async function copied(terminal: TerminalSession, text: string): Promise<void> {
  await terminal.until(`to have copied ${text}`, () => clipboard(terminal) === text);
}

describe('the copy menu', () => {
  test('Enter copies what is highlighted, a digit its line', async () => {
    await using terminal = tui.open('alpha:running,beta:defined', SIZE);
    await terminal.see('alpha  ● running');
    terminal.press('y');
    await terminal.see('▸ 1 name');
    terminal.press('\r');
    await copied(terminal, 'alpha');
    await terminal.see('Copied 1 line (5B) to the clipboard.');
    expect(terminal.text).not.toContain('▸ 1 name');
    terminal.press('yj\r');
    await copied(terminal, 'viv ssh root@alpha');
    terminal.press('y3');
    await copied(terminal, 'ssh -p 2222 alpha@localhost');
    terminal.press('y4');
    await copied(terminal, '/fleet/alpha');
  });

  test('has the address that the agent tells, and not where nothing runs', async () => {
    await using terminal = tui.open('alpha:running,beta:defined', SIZE);
    await terminal.see('alpha  ● running');
    terminal.press('y');
    await terminal.see(/6 address +10\.0\.2\.15/);
    terminal.press('6');
    await copied(terminal, '10.0.2.15');
    terminal.press('jy');
    await terminal.see(/1 name +beta/);
    expect(terminal.text).not.toContain('6 address');
  });

  test('copies what the console shows, without the blank rows at its end', async () => {
    await using terminal = tui.open('alpha:running', SIZE);
    await terminal.see('alpha  ● running');
    terminal.press('\r');
    await terminal.see('leave the console');
    terminal.press('hello\r');
    await terminal.see('~ # hello');
    terminal.press('\x1d');
    await terminal.see('Enter console');
    terminal.press('y5');
    await terminal.until('to have copied the screen', () => clipboard(terminal)?.startsWith('~ # hello\n') === true);
    expect(clipboard(terminal)).toMatch(/^~ # hello\n.*~ #$/s);
  });

  test('Esc copies nothing, and a click on a line copies it', async () => {
    await using terminal = tui.open('alpha:running', SIZE);
    await terminal.see('alpha  ● running');
    terminal.press('y');
    await terminal.see('▸ 1 name');
    terminal.press('\x1b');
    await terminal.until('to close the menu', (text) => !text.includes('1 name'));
    expect(clipboard(terminal)).toBeUndefined();
    terminal.press('y');
    await terminal.see('4 folder');
    const row = terminal.rows.findIndex((text) => text.includes('4 folder'));
    const column = terminal.rows[row]!.indexOf('4 folder');
    terminal.press(`\x1b[<0;${column + 1};${row + 1}M\x1b[<0;${column + 1};${row + 1}m`);
    await copied(terminal, '/fleet/alpha');
  });

  test('is told in screen-reader mode, and so is what is chosen, without a sequence', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {VIV_SCREEN_READER: '1'});
    await terminal.see('alpha, running');
    terminal.press('y');
    await terminal.see('name: alpha, 1 of');
    terminal.press('k2');
    await terminal.see(/^viv ssh root@alpha$/m);
    terminal.press('y5');
    await terminal.see(/^~ #$/m);
    expect(terminal.raw).not.toContain('\x1b');
  });
});
