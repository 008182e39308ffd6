/** What happens to a fleet of real guests when a machine's process, or the daemon, is killed. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {Home} from '../support/home.js';
import type {TerminalSession} from '../support/terminal.js';

const BOOT_MS = 120_000;
const STEP_MS = 30_000;
const DETACH = '\x1d';

/** What a program sees of a machine. */
interface Shown {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly pid?: number;
  readonly folder: string;
}

async function json<T>(home: Home, ...args: string[]): Promise<T> {
  const {status, stdout, stderr} = await home.viv([...args, '--json']);
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
  return JSON.parse(stdout) as T;
}

const definitionOf = ({folder}: Shown) => readFileSync(join(folder, 'machine.json'), 'utf8');
const show = (home: Home, name: string) => json<Shown>(home, 'show', name);

/** Waits for a prompt, lets the guest compute something, and so proves that it lives. */
async function ask(console: TerminalSession, question: string, answer: string): Promise<void> {
  await console.see(/:~# *$/m, BOOT_MS);
  console.press(`echo ${question}\r`);
  await console.see(answer, STEP_MS);
}

it(
  'shows a killed machine as crashed within a second, and finds all machines again after the daemon was killed',
  async () => {
    await using home = await Home.createWithImage();
    for (const name of ['one', 'two'])
      await json(home, 'create', 'debian-mini', '--name', name, '--memory', '128M', '--start');
    await using watched = home.open(['console', 'two']);
    await ask(watched, 'before-$((40+2))', 'before-42');
    const [one, two] = [await show(home, 'one'), await show(home, 'two')];

    await using screen = home.open();
    await screen.see('2 running', STEP_MS);
    process.kill(one.pid!, 'SIGKILL');
    await screen.until(
      'to show the crash and why',
      (text) => text.includes('✗ crash') && text.includes('SIGKILL') && text.includes('1 running'),
      1000,
    );
    expect(await show(home, 'one')).toMatchObject({state: 'crashed', reason: expect.stringContaining('SIGKILL')});
    expect(await show(home, 'two')).toMatchObject({state: 'running', pid: two.pid});
    await ask(watched, 'untouched-$((40+3))', 'untouched-43');
    watched.press(DETACH);
    expect(await watched.exited).toBe(0);

    const definitions = [one, two].map(definitionOf);
    const daemon = await json<{pid: number}>(home, 'daemon', 'status');
    process.kill(daemon.pid, 'SIGKILL');
    // The screen starts another daemon by itself, and that one takes over what runs.
    await expect.poll(async () => (await home.viv(['daemon', 'status'])).status, {timeout: STEP_MS}).toBe(0);
    expect((await json<{pid: number}>(home, 'daemon', 'status')).pid).not.toBe(daemon.pid);
    expect([one, two].map(definitionOf)).toEqual(definitions);
    expect(await show(home, 'two')).toMatchObject({state: 'running', pid: two.pid});
    expect((await show(home, 'one')).state).toBe('crashed');
    await screen.see('1 running', STEP_MS);

    await using again = home.open(['console', 'two']);
    await again.see('before-42', STEP_MS);
    await ask(again, 'after-$((40+4))', 'after-44');
    again.press(DETACH);
    expect(await again.exited).toBe(0);

    screen.press('s');
    await screen.see('2 running', STEP_MS);
    screen.press('q');
    expect(await screen.exited).toBe(0);
  },
  2 * BOOT_MS,
);
