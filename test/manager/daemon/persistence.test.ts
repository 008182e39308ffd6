import {spawnSync} from 'node:child_process';
import {readFile, truncate, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {bundledEntry} from '../../../src/manager/bundle.js';
import {daemonStop} from '../../../src/manager/protocol/daemon.js';
import {
  machineKill,
  machineList,
  machinePause,
  machineRemove,
  machineShow,
  machineStart,
  machineUnremove,
} from '../../../src/manager/protocol/machine.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {eventKinds, FleetWatch, TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

async function killDaemon(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await until(() => identifyProcess(pid) === undefined);
}

describe('a daemon', () => {
  it('that was killed finds running and paused machines again, with definitions intact', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const running = await daemon.run(first, 'running');
    const paused = await daemon.run(first, 'paused');
    await first.request(machinePause, {machine: 'paused'});
    await daemon.define(first, 'off');
    await killDaemon(first.daemon.pid);

    const second = await daemon.connect();
    expect(second.daemon.bootId).not.toBe(first.daemon.bootId);
    const {machines} = await second.request(machineList, {});
    expect(machines.map(({name, state, pid}) => [name, state, pid])).toEqual([
      ['off', 'defined', undefined],
      ['paused', 'paused', paused.pid],
      ['running', 'running', running.pid],
    ]);
    // And they obey.
    const console = await TestConsole.open(second, 'running');
    await console.type('print hello\n');
    await console.until('print hello\nhello');
    expect((await second.request(machineKill, {machine: 'paused'})).machine.state).toBe('defined');
  });

  it('that was killed says what happened to machines that ended while it was away', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const victim = await daemon.run(first, 'victim');
    await daemon.run(first, 'tidy');
    await killDaemon(first.daemon.pid);
    process.kill(victim.pid ?? 0, 'SIGKILL');
    await until(() => identifyProcess(victim.pid ?? 0) === undefined);

    const second = await daemon.connect();
    expect((await second.request(machineShow, {machine: 'victim'})).machine).toMatchObject({
      state: 'crashed',
      reason: 'The machine process ended while the daemon was away.',
    });
    expect((await second.request(machineShow, {machine: 'tidy'})).machine.state).toBe('running');
    expect((await second.request(machineStart, {machine: 'victim'})).machine.state).toBe('running');
  });

  it('remembers a crash and its reason over a restart', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await daemon.run(first, 'one');
    const fleet = await FleetWatch.open(first);
    await (await TestConsole.open(first, 'one')).type('crash\n');
    await fleet.until('one', ({state}) => state === 'crashed');
    await first.request(daemonStop, {});
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const second = await daemon.connect();
    expect((await second.request(machineShow, {machine: 'one'})).machine).toMatchObject({
      state: 'crashed',
      reason: 'The guest fell over at pc 0x80000000.',
    });
  });

  it('that is stopped leaves machines running unless told otherwise', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const machine = await daemon.run(first, 'one');
    expect(await first.request(daemonStop, {})).toEqual({stillRunning: 1});
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    expect(identifyProcess(machine.pid ?? 0)).toBeDefined();
    const second = await daemon.connect();
    expect(await second.request(daemonStop, {machines: 'shutdown'})).toEqual({stillRunning: 0});
    await until(() => identifyProcess(machine.pid ?? 0) === undefined);
  });

  it('refuses to start beside another and names it', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const second = spawnSync(process.execPath, [bundledEntry('vivd')], {env: daemon.environment, encoding: 'utf8'});
    expect(second.status).toBe(1);
    expect(second.stderr).toBe(
      `A daemon is running already (process ${client.daemon.pid}). Use it, or end it with \`viv daemon stop\`.\n`,
    );
    expect((await client.request(machineList, {})).machines).toEqual([]);
  });

  it('takes over the lock of one that was killed', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await killDaemon(first.daemon.pid);
    const lock = await readFile(daemon.paths.daemonLock, 'utf8');
    expect(lock).toContain(String(first.daemon.pid));
    const second = await daemon.connect();
    expect(second.daemon.pid).not.toBe(first.daemon.pid);
  });

  it('lists a machine whose definition is cut off as broken, others untouched, nothing deleted', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const {folder} = await daemon.run(first, 'hurt');
    await first.request(machineKill, {machine: 'hurt'});
    await daemon.define(first, 'fine');
    await killDaemon(first.daemon.pid);
    const path = join(folder, 'machine.json');
    const whole = await readFile(path, 'utf8');
    await truncate(path, 40);

    const second = await daemon.connect();
    const {machines} = await second.request(machineList, {});
    expect(machines.map(({name, state}) => [name, state])).toEqual([
      ['fine', 'defined'],
      ['hurt', 'broken'],
    ]);
    expect(machines[1]?.reason).toBe(`The machine definition ${path} cannot be read: it is cut off or not JSON.`);
    await expect(second.request(machineStart, {machine: 'hurt'})).rejects.toMatchObject({code: 'machine-broken'});
    expect(await readFile(path, 'utf8')).toBe(whole.slice(0, 40));
    expect(await eventKinds(second, 'hurt')).toContain('machine-broken');
    // Repaired by hand, it is back.
    await writeFile(path, whole);
    await second.request(daemonStop, {});
    await until(() => identifyProcess(second.daemon.pid) === undefined);
    const third = await daemon.connect();
    expect((await third.request(machineShow, {machine: 'hurt'})).machine.state).toBe('defined');
  });

  it('brings a removed machine back whole', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const machine = await daemon.define(client, 'one');
    await client.request(machineRemove, {machine: 'one'});
    expect((await client.request(machineList, {})).machines).toEqual([]);
    await expect(client.request(machineShow, {machine: 'one'})).rejects.toMatchObject({code: 'machine-not-found'});
    const back = (await client.request(machineUnremove, {})).machine;
    expect(back).toEqual(machine);
  });
});
