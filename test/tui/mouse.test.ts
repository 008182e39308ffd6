import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

/** Presses and releases a button over a text of the screen, or beside it. */
function click(terminal: TerminalSession, text: string, {button = 0, dx = 0, dy = 0} = {}): void {
  const y = terminal.rows.findIndex((row) => row.includes(text)) + dy;
  const x = (terminal.rows[y - dy] ?? '').indexOf(text) + dx;
  const at = `${x + 1};${y + 1}`;
  terminal.press(`\x1b[<${button};${at}M\x1b[<${button};${at}m`);
}

describe('the mouse', () => {
  test('goes to a row; a second click opens its console', async () => {
    await using terminal = tui.open('alpha:running,beta:running');
    await terminal.see('alpha  ● running');
    click(terminal, ' beta');
    await terminal.see('beta  ● running');
    click(terminal, '▸ beta', {dx: 3});
    await terminal.see('leave the console');
    // The guest has the keyboard now; the wheel still scrolls, and a click beside its console takes the keyboard back.
    click(terminal, ' alpha');
    await terminal.see('Enter console');
    await terminal.see('alpha  ● running');
    expect(terminal.raw.lastIndexOf('\x1b[?1002h')).toBeGreaterThan(terminal.raw.lastIndexOf('\x1b[?1002l'));
  });

  test('chooses tabs and takes hints', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    click(terminal, '2 Graphs');
    await terminal.see('CPU %  31%');
    click(terminal, 'p pause');
    await terminal.see('alpha  ‖ paused');
  });

  test('the right button opens the menu where it is, and a click takes an entry', async () => {
    await using terminal = tui.open('alpha:running,beta:running');
    await terminal.see('alpha  ● running');
    click(terminal, ' beta', {button: 2, dx: 2});
    await terminal.see('Enter or its letter');
    click(terminal, 'Pause the machine; again resumes it.');
    await terminal.see('beta  ‖ paused');
    expect(terminal.text).not.toContain('Enter or its letter');
  });

  test('a click beside a question is no answer but Esc', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('K');
    await terminal.see('Force alpha off?');
    click(terminal, 'vivarium');
    await terminal.until('to close the question', (text) => !text.includes('Force alpha off?'));
    expect(terminal.text).toContain('alpha  ● running');
    terminal.press('K');
    await terminal.see('[ Force off ]');
    click(terminal, '[ Force off ]', {dx: 3});
    await terminal.see('alpha  ○ off');
  });

  test('drags the divider', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    const before = terminal.rows[1]?.indexOf('╮') ?? 0;
    terminal.press(`\x1b[<0;${before + 1};10M\x1b[<32;${before + 13};10M\x1b[<0;${before + 13};10m`);
    await terminal.until('to be wider', () => terminal.rows[1]?.indexOf('╮') === before + 12);
    // A move without the button is no drag.
    terminal.press('\x1b[<32;30;10M\x1b[<0;1;1m?');
    await terminal.see('Keys in Console');
    terminal.press('\x1b');
    await terminal.until('to close help', (text) => !text.includes('Keys in Console'));
    expect(terminal.rows[1]?.indexOf('╮')).toBe(before + 12);
  });

  test('the wheel moves in the list and in what lies on top', async () => {
    await using terminal = tui.open(Array.from({length: 60}, (_, index) => `m-${index + 1}:defined`).join(','));
    await terminal.see('1 of 60');
    terminal.press('\x1b[<65;5;10M\x1b[<65;5;10M');
    await terminal.see('7 of 60');
    terminal.press('\x1b[<64;5;10M');
    await terminal.see('4 of 60');
    terminal.press(':');
    await terminal.see('What to do');
    const chosen = () => terminal.rows.findIndex((row) => row.slice(30).includes('▸ ') || / ▸ /.test(row.slice(5, 20)));
    const before = chosen();
    terminal.press('\x1b[<65;50;12M');
    await terminal.until('to go on', () => chosen() === before + 1);
    terminal.press('\x1b');
    await terminal.until('to close', (text) => !text.includes('What to do'));
  });

  test('M leaves it to the terminal, and leaving gives it back', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('M');
    await terminal.see('M turns it on again');
    expect(terminal.raw.endsWith('\x1b[?1006h')).toBe(false);
    expect(terminal.raw.lastIndexOf('\x1b[?1006l')).toBeGreaterThan(terminal.raw.lastIndexOf('\x1b[?1006h'));
    terminal.press('M');
    await terminal.see('The mouse is on');
    terminal.press('q');
    expect(await terminal.exited).toBe(0);
    expect(terminal.raw.lastIndexOf('\x1b[?1002l')).toBeGreaterThan(terminal.raw.lastIndexOf('\x1b[?1002h'));
  });

  test('coordinates that lie outside of everything do nothing', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('\x1b[<0;0;0M\x1b[<0;9999;9999M\x1b[<2;1;999M\x1b[<35;-5;2M\x1b[<64;5000;1M');
    terminal.press('p');
    await terminal.see('alpha  ‖ paused');
  });
});
