import {closeSync, openSync, readSync, writeSync} from 'node:fs';
import {afterEach, describe, expect, it} from 'vitest';
import {consoleAttach, consoleInput, consoleLog} from '../../../src/manager/protocol/console.js';
import {machineKill, machineStart} from '../../../src/manager/protocol/machine.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

describe('a console', () => {
  it('shows what was printed before one looked, and what is printed after', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const typist = await TestConsole.open(client, 'one');
    await typist.type('print before\n');
    await typist.until('\nbefore');
    const late = await TestConsole.open(client, 'one', {wantsKeyboard: false});
    expect(late.text).toBe(typist.text);
    await typist.type('print after\n');
    await late.until('\nafter');
    expect(late.gaps).toBe(0);
  });

  it('replays exactly what a client missed while the daemon was killed and came back', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect({reconnects: true});
    await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    await console.type('print 1\n');
    await console.until('\n1');
    const {pid} = client.daemon;
    process.kill(pid, 'SIGKILL');
    await until(() => client.state === 'connected' && client.daemon.pid !== pid);
    const other = await daemon.connect();
    const second = await TestConsole.open(other, 'one');
    await second.type('print 2\n');
    await console.until('\n2');
    expect(console.text.match(/print \d/g)).toEqual(['print 1', 'print 2']);
    expect(console.gaps).toBe(0);
    expect(second.text.slice(0, console.text.length)).toBe(console.text);
  });

  it('gives the keyboard to whoever asked last and takes it from the one before', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const told: boolean[] = [];
    const first = await TestConsole.open(client, 'one', {onKeyboard: (has) => told.push(has)});
    const second = await TestConsole.open(client, 'one');
    await second.type('print second\n');
    await first.until('\nsecond');
    expect(told).toEqual([true, false]);
    await expect(first.type('x')).rejects.toMatchObject({code: 'keyboard-taken'});
    await second.session[Symbol.asyncDispose]();
    await first.type('print first\n');
    await first.until('\nfirst');
  });

  it('has the size of the keyboard holder', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const holder = await TestConsole.open(client, 'one', {size: {columns: 100, rows: 30}});
    await holder.until('[size 100x30]');
    const watcher = await TestConsole.open(client, 'one', {wantsKeyboard: false, size: {columns: 40, rows: 10}});
    await watcher.session.resize({columns: 50, rows: 12});
    await holder.session.resize({columns: 101, rows: 31});
    await holder.until('[size 101x31]');
    expect(holder.text).not.toContain('[size 40x10]');
    expect(holder.text).not.toContain('[size 50x12]');
  });

  it('keeps every byte of its machine in the log, over runs', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    const logged = async () => Buffer.from((await client.request(consoleLog, {machine: 'one'})).data, 'base64');
    await console.type('print one\n');
    await console.until('\none');
    // What is still on its way to the disk when the plug is pulled is lost.
    await until(async () => (await logged()).toString('latin1') === console.text);
    await client.request(machineKill, {machine: 'one'});
    await client.request(machineStart, {machine: 'one'});
    await console.type('print two\n');
    await console.until('\ntwo');
    await until(async () => (await logged()).toString('latin1') === console.text);
  });

  it('of a machine that is off shows the end of its log after a restart of the daemon', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await daemon.run(first, 'one');
    const console = await TestConsole.open(first, 'one');
    await console.type('print goodbye\n');
    await console.until('\ngoodbye');
    await console.type('off 0\n');
    await until(async () => {
      const {data} = await first.request(consoleLog, {machine: 'one'});
      return Buffer.from(data, 'base64').toString('latin1').includes('off 0');
    });
    process.kill(first.daemon.pid, 'SIGKILL');
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const second = await daemon.connect();
    expect((await TestConsole.open(second, 'one')).text).toContain('goodbye');
    await expect((await TestConsole.open(second, 'one')).type('x')).rejects.toMatchObject({code: 'wrong-state'});
  });

  it('floods neither a viewer that does not read nor the daemon, and others stay in time', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'loud');
    await daemon.run(client, 'quiet');
    const loud = await TestConsole.open(client, 'loud');
    const other = await daemon.connect();
    const quiet = await TestConsole.open(other, 'quiet');
    await loud.type('flood 50000000\n');
    await loud.type('print done\n');
    const askedAtMs = Date.now();
    await quiet.type('print here\n');
    await quiet.until('\nhere');
    expect(Date.now() - askedAtMs).toBeLessThan(2000);
    await loud.until('\ndone');
    // Whatever was skipped shows as a gap, and what is shown is shown once.
    expect(loud.text.length).toBeLessThanOrEqual(50_000_100);
    if (loud.text.length < 50_000_000) expect(loud.gaps).toBeGreaterThan(0);
  });

  it('is also a pseudo-terminal', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {ptyPath} = await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    const terminal = openSync(ptyPath ?? '', 'r+');
    try {
      writeSync(terminal, 'print typed\n');
      await console.until('\ntyped');
      const bytes = Buffer.alloc(100);
      const length = readSync(terminal, bytes);
      expect(bytes.subarray(0, length).toString()).toContain('print typed');
    } finally {
      closeSync(terminal);
    }
  });

  it('answers only to the connection that attached it', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const {viewerId} = await client.request(consoleAttach, {machine: 'one', wantsKeyboard: true});
    const other = await daemon.connect();
    const data = Buffer.from('x').toString('base64');
    await expect(other.request(consoleInput, {viewerId, data})).rejects.toMatchObject({code: 'viewer-not-found'});
    await client.request(consoleInput, {viewerId, data});
  });
});
