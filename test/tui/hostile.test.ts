import {expect, test} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

const NAME = 'ev\x1b]0;PWN\x07\x1b[2Jil\u202e\u200b\x9b31m';
const SHOWN = 'ev^[]0;PWN^G^[[2Jil<202e><200b><9b>31m';

test('a name that is a control sequence is shown escaped in every tab, list, dialog and message', async () => {
  await using terminal = tui.open(`${NAME}:running:g\x1b[5mroup`, {columns: 200, rows: 50});
  await terminal.see(`${SHOWN}  ● running`);
  await terminal.see('- g^[[5mroup');
  for (const [key, text] of [
    ['2', 'CPU'],
    ['3', 'No points yet'],
    ['4', '52:54:00'],
    ['5', 'all disks'],
    ['6', `${SHOWN} was created.`],
    ['7', /name +ev\^\[/],
    ['1', '~ #'],
    ['m', 'Enter or its letter'],
    ['\x1b', '1 Console'],
    [':go to', `Go to ${SHOWN}.`],
    ['\x1b', '1 Console'],
    ['l', `${SHOWN} was created.`],
    ['\x1b', '1 Console'],
    ['y', `ssh root@${SHOWN}`],
    ['\x1b', '1 Console'],
    ['K', `Force ${SHOWN}`],
    ['n', '1 Console'],
    ['t', `of ${SHOWN} is taken.`],
    ['d', SHOWN],
    ['W', `▸ ${SHOWN}`],
  ] as const) {
    terminal.press(key);
    // An Esc is one only when nothing follows it.
    if (key === '\x1b') await terminal.until('to close', (screen) => !screen.includes('Esc closes'));
    await terminal.see(text);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what the name would have done
  expect(terminal.raw).not.toMatch(/\x1b\]0;PWN|\x1b\[2Jil|\u202e|\u200b|\x9b|\x1b\[5m/);
});

test('a name of thousands of characters, wide ones and piles of marks leaves every line as long as it is', async () => {
  await using terminal = tui.open(`${'日本'.repeat(2000)}:running,e${'\u0301'.repeat(5000)}:defined,ok:running`);
  await terminal.see('ok ');
  terminal.press('7');
  await terminal.see('boots');
  for (const row of terminal.rows.slice(1, -1)) {
    expect(row).toMatch(/[│╮╯]$/);
    expect(row).toMatch(/^[│╭╰]/);
  }
});

test('a screen reader is told such names escaped, and not one control character', async () => {
  const env = {VIV_SCREEN_READER: '1', POINTS: '3', ASK: 'ev\x1b[2Jil.org'};
  await using terminal = tui.open(`${NAME}:running:g\x1b[5mroup`, {columns: 200, rows: 70}, env);
  await terminal.see(`${SHOWN} wants to reach`);
  for (const [key, text] of [
    ['\x1b', `${SHOWN}, running`],
    ['2', 'CPU %'],
    ['3', '3 of 3.'],
    ['4', '52:54:00'],
    ['6', `${SHOWN} was created.`],
    ['7', 'name ev^['],
    ['y', `name: ${SHOWN}`],
    ['1', /^ev\^\[/m],
    ['K', `Force ${SHOWN}`],
    ['n', 'Closed.'],
    ['l', 'Jobs and events.'],
    ['\x1b', 'Closed.'],
  ] as const) {
    terminal.press(key);
    await terminal.see(text);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(terminal.raw.replaceAll('\r\n', '')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e\u200b]/);
});
