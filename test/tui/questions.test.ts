import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};

describe('a guest that waits for an answer', () => {
  test('is asked about in a dialog; Enter denies, and the next question follows', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {ASK: 'example.org,other.org'});
    await terminal.see('alpha wants to reach');
    await terminal.see('example.org:443 (192.0.2.7) by TCP');
    await terminal.see('1 more waits for an answer.');
    await terminal.see('▸ Deny: refuse it for a minute');
    terminal.press('\r');
    await terminal.see('other.org:444 (192.0.2.7) by TCP');
    await terminal.see('[deny]');
    await terminal.see('▸ Deny: refuse it for a minute');
    // No letter answers, whatever is typed when the dialog comes.
    terminal.press('adAyYnq ');
    terminal.press('\x1b[B\x1b[B\x1b[B');
    await terminal.see('▸ Allow always');
    terminal.press('\r');
    await terminal.see('[allow always]');
    await terminal.until('to close the dialog', (text) => !text.includes('wants to reach'));
    expect(terminal.text.match(/\[(deny|allow)/g)).toEqual(['[deny', '[allow']);
  });

  test('has a mark and a place in the Net tab, and A shows the question again that Esc put off', async () => {
    await using terminal = tui.open('alpha:running,beta:running', SIZE, {ASK: 'example.org'});
    await terminal.see('alpha wants to reach');
    terminal.press('\x1b');
    await terminal.until('to close the dialog', (text) => !text.includes('wants to reach'));
    await terminal.see(/▸ alpha +\? ● run/);
    await terminal.see('A answer the guest');
    terminal.press('4');
    await terminal.see('Waiting for an answer 1, A gives it');
    await terminal.see('? example.org:443 (192.0.2.7) by TCP');
    terminal.press('A');
    await terminal.see('alpha wants to reach');
    terminal.press('jj\r');
    await terminal.until('to lose the mark', (text) => /▸[ ·]alpha +● run/.test(text));
    terminal.press('A');
    await terminal.see('alpha waits for no answer.');
    terminal.press('1');
    await terminal.see('[allow]');
  });

  test('takes no keyboard away from a console, which says how to answer', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {REACH: 'example.org'});
    await terminal.see('alpha  ● running');
    terminal.press('\r');
    await terminal.see('leave the console');
    terminal.press('reach\r');
    await terminal.see('alpha wants to reach example.org:443 (192.0.2.7) by TCP · Ctrl-] leads to the question');
    terminal.press('typed\r');
    await terminal.see('~ # typed');
    terminal.press('\x1d');
    await terminal.see('▸ Deny: refuse it for a minute');
  });

  test('is answered by two presses of the mouse on an answer, not by one', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {ASK: 'example.org'});
    await terminal.see('▸ Deny: refuse it for a minute');
    const row = terminal.rows.findIndex((text) => text.includes('Allow once'));
    const column = terminal.rows[row]!.indexOf('Allow once');
    const press = `\x1b[<0;${column + 1};${row + 1}M\x1b[<0;${column + 1};${row + 1}m`;
    terminal.press(press);
    await terminal.see('▸ Allow once');
    terminal.press(press);
    await terminal.see('[allow]');
  });

  test.each([
    [40, 12],
    [60, 20],
    [80, 24],
  ])('is shown with the end of a long name on %i×%i', async (columns, rows) => {
    const name = `${'bank.com.'.repeat(4)}evil.example`;
    await using terminal = tui.open('alpha:running', {columns, rows}, {ASK: name});
    await terminal.see('▸ Deny: refuse it for a minute');
    expect(terminal.rows.map((row) => row.replaceAll(/[│ ]/g, '')).join('')).toContain('evil.example:443');
    expect(terminal.rows.every((row) => [...row].length <= columns)).toBe(true);
  });
});
