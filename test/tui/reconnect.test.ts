/** The UI over a real daemon that dies, is stopped, and comes back; its guests go on meanwhile. */
import {afterEach, beforeEach, expect, test} from 'vitest';
import type {Client} from '../../src/manager/client.js';
import {daemonStop} from '../../src/manager/protocol/daemon.js';
import {TestConsole, TestDaemon} from '../support/daemon.js';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();
let daemon: TestDaemon;
let client: Client;
beforeEach(async () => {
  daemon = await TestDaemon.create();
  client = await daemon.connect();
  for (const name of ['one', 'two']) await daemon.run(client, name);
});
afterEach(() => daemon[Symbol.asyncDispose]());

/** The UI with the console of the first machine at the keyboard. */
async function open(): Promise<TerminalSession> {
  const {VIVARIUM_HOME = '', VIVARIUM_RUNTIME = '', VIVARIUM_MACHINE_PROGRAM = ''} = daemon.environment;
  const env = {VIVARIUM_HOME, VIVARIUM_RUNTIME, VIVARIUM_MACHINE_PROGRAM};
  const terminal = tui.open('daemon', {columns: 120, rows: 35}, env);
  await terminal.see('one  ● running');
  terminal.press('\r');
  await terminal.see('leave the console');
  terminal.press('print before\n');
  await terminal.see(/print before[\s\S]*before/);
  return terminal;
}

test('a daemon that was killed is back by itself, and the console goes on where it was', async () => {
  await using terminal = await open();
  process.kill(client.daemon.pid, 'SIGKILL');
  await terminal.see('The manager is back.');
  await terminal.see('one  ● running');
  terminal.press('print x1\n');
  await terminal.see(/print x1[\s\S]*x1/);
  expect(terminal.text.match(/print before/g)).toHaveLength(1);
});

test('a daemon that was stopped is waited for, and found when somebody starts it', async () => {
  await using terminal = await open();
  await client.request(daemonStop, {machines: 'keep'});
  await terminal.see('the manager was stopped');
  terminal.press('x');
  await terminal.see('any viv command starts it again, and this goes on');
  await client.untilDaemonGone();
  const next = await daemon.connect();
  await terminal.see('The manager is back.');
  await terminal.see('one  ● running');
  terminal.press('print x1\n');
  await terminal.see(/print x1[\s\S]*x1/);
  // The x that nobody could read was not kept for later.
  expect(terminal.text).not.toContain('xprint');
  const other = await TestConsole.open(next, 'two');
  await other.type('print a bell\x07\n');
  await terminal.see(/!two/);
});
