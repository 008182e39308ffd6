/** The UI ended from outside: what the terminal is like after it. */
import {readFile} from 'node:fs/promises';
import {expect, test, vi} from 'vitest';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

/** The process that a shell waits for. */
async function childOf(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ')[0]);
}

/** True for a process that has ended, whether or not somebody took note of it. */
async function isOver(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}

/** What the shell says then may be on the UI's own screen still, and gone with it. */
async function untilOver(terminal: TerminalSession): Promise<void> {
  await terminal.until('of a shell again', () => terminal.raw.includes('over: ') && !terminal.isAlternate);
}

async function expectTidy(terminal: TerminalSession): Promise<void> {
  await untilOver(terminal);
  expect(terminal.isAlternate).toBe(false);
  expect(terminal.text).toContain('before');
  const {modes} = terminal.screen;
  expect([modes.mouseTrackingMode, modes.bracketedPasteMode, modes.wraparoundMode]).toEqual(['none', false, true]);
  // What is written last decides.
  expect(terminal.raw.lastIndexOf('\x1b[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\x1b[?25l'));
}

test.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('%s leaves the terminal as it was', async (signal) => {
  await using terminal = tui.openInShell('alpha:running');
  await terminal.see('alpha  ● running');
  process.kill(await childOf(terminal.pid), signal);
  await expectTidy(terminal);
});

test('kill -9 is told of, and the terminal takes lines and Ctrl-C again', async () => {
  await using terminal = tui.openInShell('alpha:running');
  await terminal.see('alpha  ● running');
  process.kill(await childOf(terminal.pid), 'SIGKILL');
  await terminal.see('viv was killed; machines keep running');
  await untilOver(terminal);
  // The shell may have looked at the modes before: what counts is what a key does.
  await terminal.until('to echo', (text) => {
    if (!text.includes('xyz')) terminal.press('xyz');
    return text.includes('xyz');
  });
  terminal.press('\x03');
  expect(await terminal.exited).toBe(0);
});

test('nothing waits on after it was left as usual', async () => {
  await using terminal = tui.openInShell('alpha:running');
  await terminal.see('alpha  ● running');
  const pid = await childOf(terminal.pid);
  const guard = await childOf(pid);
  expect((await readFile(`/proc/${guard}/comm`, 'utf8')).trim()).toBe('sh');
  terminal.press('q');
  await expectTidy(terminal);
  expect(terminal.text).not.toContain('viv was killed');
  await vi.waitFor(async () => expect(await isOver(guard)).toBe(true));
});
