import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};

describe('the timeline tab', () => {
  test('shows the newest point, what it looked like then, and goes along the others', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {POINTS: '5'});
    await terminal.see('alpha  ● running');
    terminal.press('T');
    await terminal.see('3 Timeline');
    await terminal.see('shown at auto-5');
    expect(terminal.text).toMatch(/○──○──◆──○──○\*/);
    expect(terminal.text).toMatch(/○ checkpoint auto-5 {2}\d\d:\d\d:\d\d {2}3\ds ago {2}1\.2M {2}current/);
    expect(terminal.text).toContain('one every 30s; checkpoints take 12M of 1G');
    terminal.press('h\x1b[D');
    await terminal.see('shown at auto-3');
    await terminal.see('◆ snapshot auto-3');
    await terminal.see('3 of 5');
    await terminal.see('before the change');
    terminal.press('l\x1b[C\x1b[C\x1b[C');
    await terminal.see('shown at auto-5');
    // Painted with its colours, through an emulated terminal.
    expect(terminal.raw).toContain('\x1b[0;1;32mshown');
  });

  test('shows new points as they are taken', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {POINT_MS: '4000'});
    await terminal.see('alpha  ● running');
    terminal.press('3');
    await terminal.see('No points yet: t takes one; the timeline takes one every 30s.');
    await terminal.see('shown at auto-1');
    terminal.press('t');
    await terminal.see('shown at snapshot-2');
  });

  test('says when the timeline is off', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {TIMELINE: 'off'});
    await terminal.see('alpha  ● running');
    terminal.press('T');
    await terminal.see('No points yet: t takes one; the timeline is off.');
    await terminal.see('viv timeline alpha on');
    terminal.press('\r');
    await terminal.see('There is no point yet; t takes one of a machine that runs.');
  });

  test('Enter goes back after asking, and Enter again means no', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {POINTS: '4'});
    await terminal.see('alpha  ● running');
    terminal.press('T');
    await terminal.see('shown at auto-4');
    terminal.press('h');
    await terminal.see('shown at auto-3');
    terminal.press('\r');
    await terminal.see(/Go back to auto-3, \S+ ago\?/);
    await terminal.see('stays as an undo point.');
    terminal.press('\r');
    await terminal.until('to close the question', (text) => !text.includes('Go back to auto-3'));
    terminal.press('\ry');
    await terminal.see(/alpha is at auto-3, .* ago\. What was there stays as undo-1/);
    await terminal.see('~ #');
    terminal.press('T');
    // The point that was gone back to is still looked at.
    await terminal.see('3 of 5');
    terminal.press('ll');
    await terminal.see('↶ undo point undo-1');
  });

  test('P pins a point with a name and a note, f forks there, d removes after asking', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {POINTS: '2'});
    await terminal.see('alpha  ● running');
    terminal.press('T');
    await terminal.see('shown at auto-2');
    terminal.press('P');
    await terminal.see('Pin auto-2');
    terminal.press('good\tit works\r');
    await terminal.see('good stays.');
    await terminal.see('◆ snapshot good');
    await terminal.see('it works');
    terminal.press('f');
    await terminal.see('fork was forked from good of alpha.');
    terminal.press('d');
    await terminal.see('Remove good of alpha?');
    terminal.press('good\r');
    await terminal.see('1 of 1');
    await terminal.see('shown at auto-1');
  });

  test('keeps the keys of other tabs as they are', async () => {
    await using terminal = tui.open('alpha:defined', SIZE, {POINTS: '2'});
    await terminal.see('alpha  ○ off');
    terminal.press('T');
    await terminal.see('shown at auto-2');
    terminal.press('d');
    await terminal.see('Remove auto-2 of alpha?');
    terminal.press('n\r\x1b');
    await terminal.until('to close the question', (text) => !text.includes('Remove auto-2 of alpha?'));
    terminal.press('1d');
    await terminal.see('alpha is in the trash');
  });

  test.each([
    [60, 20],
    [80, 24],
    [250, 80],
  ])('fits %i×%i', async (columns, rows) => {
    await using terminal = tui.open('alpha:running', {columns, rows}, {POINTS: '60'});
    await terminal.see('alpha');
    terminal.press('T');
    await terminal.see('shown at auto-60');
    if (columns >= 80) await terminal.see('1.2M');
    terminal.press('h');
    await terminal.see('59 of 60');
    expect(terminal.rows.every((row) => [...row].length <= columns)).toBe(true);
    expect(terminal.rows.at(-2)).toContain('╰');
    const wide = columns >= 250;
    expect(terminal.text.includes('◂')).toBe(!wide);
  });

  test('needs a right pane, and says so', async () => {
    await using terminal = tui.open('alpha:running', {columns: 50, rows: 20}, {POINTS: '2'});
    await terminal.see('alpha');
    terminal.press('T');
    await terminal.see('The screen is too narrow');
  });
});
