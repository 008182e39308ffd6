/** Playing recordings in a real terminal: keys, sizes, and files that want to act on it. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {tuiOfFile} from '../../support/start-tui.js';
import type {TerminalSession} from '../../support/terminal.js';

const tui = tuiOfFile();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-replay-'));
});
afterAll(async () => {
  await rm(folder, {recursive: true, force: true});
});

async function play(events: readonly unknown[], env: Readonly<Record<string, string>> = {}): Promise<TerminalSession> {
  const path = join(folder, `${events.length}.cast`);
  const lines = [{version: 2, width: 60, height: 10}, ...events].map((line) => JSON.stringify(line));
  await writeFile(path, `${lines.join('\n')}\n`);
  return tui.open('', {columns: 80, rows: 24}, {REPLAY: path, ...env});
}

test('plays to the end, and Enter or q leaves the terminal as it was', async () => {
  await using terminal = await play([
    [0, 'o', 'one\r\n'],
    [0.3, 'o', 'two'],
  ]);
  await terminal.see('one');
  await terminal.see('two');
  await terminal.see('the end');
  terminal.press('\r');
  expect(await terminal.exited).toBe(0);
  expect(terminal.isAlternate).toBe(false);
});

test('space pauses, + goes faster, → goes ahead, q leaves in the midst', async () => {
  await using terminal = await play([
    [0, 'o', 'first '],
    [3, 'o', 'second '],
    [9000, 'o', 'never'],
  ]);
  await terminal.see('first');
  terminal.press(' ');
  await terminal.see('paused');
  terminal.press(' +');
  await terminal.see('2×');
  terminal.press('\x1b[C');
  await terminal.see('second');
  terminal.press('q');
  expect(await terminal.exited).toBe(0);
  expect(terminal.text).not.toContain('never');
});

test('what a file holds does not act on the terminal', async () => {
  const evil =
    '\x1b]0;EVIL\x07\x1b]52;c;RVZJTA==\x07\x1b[c\x1b[6n\x1bP+q544e\x1b\\\x1b[?1049l\x1b[20;20r\x1b[8;5;5t\x07\x1bc';
  await using terminal = await play([
    [0, 'o', `${evil}${'x'.repeat(500)}\r\n`.repeat(30)],
    [0.1, 'r', '200x200'],
    [0.1, 'o', `\x1b[190;150Hfar${evil}`],
    [0.2, 'o', 'done'],
    [0.2, 'x', '\x1b]0;EVIL\x07'],
  ]);
  await terminal.see('the end');
  expect(terminal.raw).not.toMatch(/EVIL|52;c|\+q544e|20;20r|8;5;5t/);
  expect(terminal.raw).not.toContain('\x1b[c');
  expect(terminal.raw).not.toContain('\x1b[6n');
  expect(terminal.raw).not.toContain('\x1bc');
  expect(terminal.isAlternate).toBe(true);
  expect(terminal.rows.at(-1)).toContain('the end');
});
