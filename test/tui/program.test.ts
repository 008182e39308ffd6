import {describe, expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const SIZE = {columns: 120, rows: 35};

describe('the first run', () => {
  test('Enter boots a machine and gives its console the keyboard', async () => {
    await using terminal = tui.open('');
    await terminal.see('▸ Boot debian-mini');
    terminal.press('\r');
    await terminal.see('brave-otter  ● running');
    await terminal.see('~ # ');
    terminal.press('stty size\r');
    // The pane of a 120×35 screen: 82 columns less its border, 33 rows less border and tabs.
    await terminal.see('30 80');
  });

  test('a missing image is built with numbers shown, and Esc cancels it', async () => {
    await using terminal = tui.open('', SIZE, {IMAGE: 'missing'});
    await terminal.see('▸ Boot debian-mini');
    terminal.press('\r');
    await terminal.see('Downloading packages · 34M of 112M · 2M/s · 39s left');
    terminal.press('\x1b');
    await terminal.see('The build was cancelled.');
    await terminal.see('▸ Boot debian-mini');
  });

  test('a machine is made once its image was built', async () => {
    await using terminal = tui.open('', SIZE, {IMAGE: 'missing', BUILD_MS: '1500'});
    await terminal.see('▸ Boot debian-mini');
    terminal.press('\r');
    await terminal.see('brave-otter  ● running');
  });
});

describe('the fleet', () => {
  test('the console beside the list is that of the highlighted machine', async () => {
    await using terminal = tui.open('alpha:running,beta:running');
    await terminal.see('alpha  ● running');
    terminal.press('\r');
    await terminal.see('~ # ');
    terminal.press('hello\r\x1d');
    await terminal.see('~ # hello');
    await terminal.see('Enter console');
    terminal.press('j');
    await terminal.see('beta  ● running');
    await terminal.until('to show the other console', (text) => !text.includes('hello'));
    terminal.press('k');
    await terminal.see('~ # hello');
  });

  test('o lends the terminal to the login, and what went wrong there stays until Enter', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {LENT_STATUS: '1'});
    await terminal.see('alpha  ● running');
    terminal.press('o');
    await terminal.see('lent to ssh root@alpha');
    await terminal.see('Enter leads back to the machines.');
    expect(terminal.text).not.toContain('Machines ─');
    // Not a key of the list: it would open the console.
    terminal.press('\r');
    await terminal.see('alpha  ● running');
    await terminal.see('Enter console');
  });

  test('a login that went well leads back by itself', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {LENT_STATUS: '0'});
    await terminal.see('alpha  ● running');
    terminal.press('o');
    await terminal.see('typed in the login?');
    terminal.press('yes\r');
    await terminal.see('alpha  ● running');
    terminal.press('?');
    await terminal.see('Log in to the guest');
  });

  test('p freezes the guest and p again lets it go on', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('\r');
    await terminal.see('Ctrl-]');
    terminal.press('clock\r');
    await terminal.see('tick 2');
    terminal.press('\x1dp');
    await terminal.see('alpha  ‖ paused');
    const frozen = terminal.text.match(/tick \d+/g)?.length;
    // Samples go on while the machine is paused, so the screen lives; the clock must not.
    const seen = terminal.raw.length;
    await terminal.until('to be painted on', () => terminal.raw.length > seen + 20);
    expect(terminal.text.match(/tick \d+/g)?.length).toBe(frozen);
    terminal.press('p');
    await terminal.see('alpha  ● running');
    await terminal.until('to tick again', (text) => (text.match(/tick \d+/g)?.length ?? 0) > (frozen ?? 0) + 2);
  });

  test('a key that cannot act says why', async () => {
    await using terminal = tui.open('alpha:defined');
    await terminal.see('alpha  ○ off');
    terminal.press('p');
    await terminal.see('alpha is off.');
  });

  test('forcing off asks, and Enter means no', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('K');
    await terminal.see('Force alpha off?');
    terminal.press('\r');
    await terminal.until('to close the question', (text) => !text.includes('Force alpha off?'));
    expect(terminal.text).toContain('alpha  ● running');
    terminal.press('Ky');
    await terminal.see('alpha  ○ off');
  });

  test('the filter narrows the list and Esc brings it back', async () => {
    await using terminal = tui.open('alpha:running,beta:paused,gamma:defined');
    await terminal.see('gamma');
    terminal.press('/bt\r');
    await terminal.see('Machines /bt');
    await terminal.until('to hide the others', (text) => !text.includes('gamma'));
    expect(terminal.text).toContain('beta  ‖ paused');
    terminal.press('\x1b');
    await terminal.see('gamma');
  });

  test('help lists the keys and any key closes it', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('?');
    await terminal.see('Pause the machine; again resumes it.');
    terminal.press('x');
    await terminal.until('to close', (text) => !text.includes('Pause the machine'));
  });

  test('graphs show CPU and memory charts', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('2');
    await terminal.see('CPU %  31%');
    await terminal.see('Memory M  held 96M');
    // A corner of an axis as blessed-contrib draws it, and the curve's dots above the baseline.
    await terminal.see(/⠓⠒⠒⠒⠒/);
    await terminal.see(/[⣀⡠⠤⠔⠒⠊⠉]{2}/);
  });

  test('d moves to the trash and the log tab tells what happened', async () => {
    await using terminal = tui.open('alpha:defined,beta:defined');
    await terminal.see('alpha  ○ off');
    terminal.press('6');
    await terminal.see('alpha was created.');
    terminal.press('d');
    await terminal.see('alpha is in the trash');
    await terminal.see('beta  ○ off');
  });
});

describe('the console', () => {
  test('every key goes to the guest until Ctrl-], which pressed twice is sent', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('c');
    await terminal.see('leaves (twice sends it)');
    terminal.press('q?\x1d\x1dx');
    await terminal.see('~ # q?^]x');
    terminal.press('\x1d');
    await terminal.see('Enter console');
  });

  test('Enter ~ . leaves too', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('c');
    await terminal.see('leaves (twice sends it)');
    terminal.press('\r~.');
    await terminal.see('Enter console');
  });

  test('titles, clipboard writes and queries of the guest do not reach the terminal', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('\r');
    await terminal.see('leave the console');
    terminal.press('title\r');
    // The emulated terminal's answer to the query is typed at the guest, which echoes it.
    await terminal.see(/\[\?1;2c/);
    expect(terminal.raw).not.toContain('EVIL');
    expect(terminal.raw).not.toContain(']52;');
    expect(terminal.raw).not.toContain('\x1b[c');
  });

  test('wide characters and colours are painted', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('\r');
    await terminal.see('leave the console');
    terminal.press('wide\rcolors\r');
    await terminal.see('日本語 ok');
    await terminal.see('red');
    expect(terminal.raw).toContain('\x1b[0;1;31mred');
  });

  test('resizing the window resizes the guest', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('c');
    await terminal.see('leaves (twice sends it)');
    terminal.resize(100, 30);
    await terminal.until('to fill the new width', () => terminal.rows.length === 30 && terminal.text.includes('alpha'));
    await expect
      .poll(async () => {
        terminal.press('stty size\r');
        await terminal.see(/\d+ \d+\s*\n/);
        return terminal.text;
      })
      .toContain('29 100');
  });
});

describe('leaving', () => {
  test('q restores the terminal and says that machines keep running', async () => {
    await using terminal = tui.open('alpha:running,beta:paused');
    await terminal.see('alpha  ● running');
    expect(terminal.isAlternate).toBe(true);
    terminal.press('q');
    expect(await terminal.exited).toBe(0);
    expect(terminal.isAlternate).toBe(false);
    expect(terminal.text).toContain('2 machines keep running');
    expect(terminal.raw).toContain('\x1b[?25h');
  });

  test('a signal restores the terminal', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.kill('SIGTERM');
    expect(await terminal.exited).toBe(143);
    expect(terminal.isAlternate).toBe(false);
  });
});

describe('the screen', () => {
  test.each([
    [60, 20],
    [80, 24],
    [250, 80],
  ])('fits %i×%i', async (columns, rows) => {
    await using terminal = tui.open('alpha:running,beta:defined', {columns, rows});
    await terminal.see('alpha');
    await terminal.see('╰');
    expect(terminal.rows[0]).toContain('vivarium');
    expect(terminal.rows.at(-1)).toContain('Enter console');
  });

  test('shows only the list when it is narrow, and Enter opens the console on all of it', async () => {
    await using terminal = tui.open('alpha:running', {columns: 50, rows: 20});
    await terminal.see('alpha');
    expect(terminal.text).not.toContain('1 Console');
    terminal.press('\r');
    await terminal.see('~ # ');
    terminal.press('stty size\r');
    await terminal.see('19 50');
  });

  test('NO_COLOR leaves no colour', async () => {
    await using terminal = tui.open('alpha:running', SIZE, {NO_COLOR: '1'});
    await terminal.see('alpha  ● running');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    expect(terminal.raw).not.toMatch(/\x1b\[0;(?:\d;)*(?:[349]\d|10\d)[\d;]*m/);
  });

  test('a locale without UTF-8 gets ASCII only', async () => {
    await using terminal = tui.open('alpha:running,beta:paused', SIZE, {LANG: 'C', LC_ALL: 'C'});
    await terminal.see('* running');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is what is looked for
    expect(terminal.raw).toMatch(/^[\x00-\x7f]*$/);
  });

  test('never erases within a frame, and marks frames as synchronized', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('CPU');
    terminal.press('2');
    await terminal.see('CPU %  31%');
    const frames = terminal.raw.slice(terminal.raw.indexOf('\x1b[?2026h'));
    expect(frames).not.toContain('\x1b[2J');
    expect(frames).not.toContain('\x1b[K');
    expect(frames.split('\x1b[?2026h').length).toBe(frames.split('\x1b[?2026l').length);
  });
});
