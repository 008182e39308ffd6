import {readdir, readFile, readlink, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {
  machineKill,
  machinePause,
  machineResume,
  machineShow,
  machineShutdown,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {eventKinds, FleetWatch, scriptedKernel, TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

async function socketsOf(pid: number): Promise<number> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith('socket:')).length;
}

describe('a machine process', () => {
  it('lives from start over pause and resume to shutdown', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const defined = await daemon.define(client, 'one');
    expect(defined.state).toBe('defined');
    const {machine} = await client.request(machineStart, {machine: 'one'});
    expect(machine.state).toBe('running');
    expect(identifyProcess(machine.pid ?? 0)).toBeDefined();
    expect((await client.request(machinePause, {machine: 'one'})).machine.state).toBe('paused');
    expect((await client.request(machineResume, {machine: defined.id})).machine.state).toBe('running');
    const off = (await client.request(machineShutdown, {machine: 'one'})).machine;
    expect(off).toMatchObject({state: 'defined', name: 'one'});
    expect(off.pid).toBeUndefined();
    await until(() => identifyProcess(machine.pid ?? 0) === undefined);
    expect(await eventKinds(client, 'one')).toEqual([
      'machine-created',
      'machine-started',
      'machine-paused',
      'machine-resumed',
      'machine-stopping',
      'machine-stopped',
    ]);
  });

  it('that is killed is shown as crashed with the reason within a second, others untouched', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const victim = await daemon.run(client, 'victim');
    const other = await daemon.run(client, 'other');
    const fleet = await FleetWatch.open(client);
    const killedAtMs = Date.now();
    process.kill(victim.pid ?? 0, 'SIGKILL');
    const crashed = await fleet.until('victim', ({state}) => state === 'crashed');
    expect(Date.now() - killedAtMs).toBeLessThan(1000);
    expect(crashed.reason).toContain('SIGKILL');
    expect((await client.request(machineShow, {machine: 'other'})).machine.state).toBe('running');
    // Nothing of it is left in the runtime folder.
    expect((await readdir(daemon.paths.runtime)).sort()).toEqual([`${other.id}.sock`, 'daemon.sock'].sort());
    // And it starts again.
    expect((await client.request(machineStart, {machine: 'victim'})).machine.state).toBe('running');
  });

  it('that throws is shown as crashed with its last message', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const fleet = await FleetWatch.open(client);
    const console = await TestConsole.open(client, 'one');
    await console.type('throw\n');
    const crashed = await fleet.until('one', ({state}) => state === 'crashed');
    expect(crashed.reason).toBe(
      'The machine process ended with status 1; its last message: TypeError: a bug in the machine process',
    );
  });

  it('whose guest crashed gives the guest as the reason', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const fleet = await FleetWatch.open(client);
    await (await TestConsole.open(client, 'one')).type('crash\n');
    expect((await fleet.until('one', ({state}) => state === 'crashed')).reason).toBe(
      'The guest fell over at pc 0x80000000.',
    );
  });

  it('whose guest powers off by itself is defined again', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const fleet = await FleetWatch.open(client);
    const console = await TestConsole.open(client, 'one');
    await console.type('off 0\n');
    await fleet.until('one', ({state}) => state === 'defined');
  });

  it('that ignores a shutdown runs on, and the error names kill', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    await console.type('deaf\n');
    await expect(client.request(machineShutdown, {machine: 'one', timeoutMs: 50})).rejects.toMatchObject({
      code: 'shutdown-timeout',
      hint: expect.stringContaining('viv kill one'),
    });
    expect((await client.request(machineShow, {machine: 'one'})).machine.state).toBe('running');
    expect((await client.request(machineKill, {machine: 'one'})).machine.state).toBe('defined');
  });

  it('whose disk fails is paused with the reason, also for the next daemon, and goes on when resumed', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const machine = await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    await console.type('halt\n');
    const show = async () => (await client.request(machineShow, {machine: machine.id})).machine;
    await until(async () => (await show()).state === 'paused');
    expect((await show()).reason).toContain('The host disk is full.');
    expect(await eventKinds(client, 'one')).toContain('disk-failed');
    const {pid} = client.daemon;
    process.kill(pid, 'SIGKILL');
    await until(() => identifyProcess(pid) === undefined);
    const next = await daemon.connect();
    expect((await next.request(machineShow, {machine: machine.id})).machine).toMatchObject({
      state: 'paused',
      reason: expect.stringContaining('The host disk is full.'),
    });
    const resumed = (await next.request(machineResume, {machine: 'one'})).machine;
    expect([resumed.state, resumed.reason]).toEqual(['running', undefined]);
  });

  it('that refuses its kernel leaves the machine defined and no process', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.file('bad-kernel', scriptedKernel('bad'));
    await daemon.define(client, 'one', 'bad-kernel');
    await expect(client.request(machineStart, {machine: 'one'})).rejects.toMatchObject({
      code: 'bad-kernel',
      message: 'The file is no kernel.',
    });
    const {machine} = await client.request(machineShow, {machine: 'one'});
    expect(machine).toMatchObject({state: 'defined', reason: 'The file is no kernel. Choose another file.'});
    expect(machine.pid).toBeUndefined();
  });

  it('that hangs while starting can be killed', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.file('slow-kernel', scriptedKernel('slow'));
    await daemon.define(client, 'one', 'slow-kernel');
    const fleet = await FleetWatch.open(client);
    const starting = client.request(machineStart, {machine: 'one'});
    const refused = expect(starting).rejects.toMatchObject({code: 'cancelled'});
    const {pid} = await fleet.until('one', (machine) => machine.pid !== undefined);
    expect((await client.request(machineKill, {machine: 'one'})).machine.state).toBe('defined');
    await refused;
    await until(() => identifyProcess(pid ?? 0) === undefined);
  });

  it('ends with a daemon that dies while starting it, and leaves the socket of a later one alone', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.file('slow', scriptedKernel('slow'));
    const {id} = await daemon.define(client, 'one', 'slow');
    const fleet = await FleetWatch.open(client);
    const starting = client.request(machineStart, {machine: 'one'}).catch(() => undefined);
    const {pid = 0} = await fleet.until('one', (machine) => machine.pid !== undefined);
    const later = join(daemon.paths.runtime, `${id}.sock`);
    // Standard output, the socket that listens, and the daemon's connection.
    await until(async () => (await socketsOf(pid)) === 3);
    await rm(later);
    await writeFile(later, '');
    process.kill(client.daemon.pid, 'SIGKILL');
    await starting;
    await until(() => identifyProcess(pid) === undefined);
    expect(await stat(later)).toBeDefined();
  });

  it('can read its own files only', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const machine = await daemon.run(client, 'one');
    const commandLine = (await readFile(`/proc/${machine.pid}/cmdline`, 'utf8')).split('\0');
    expect(commandLine).toContain('--permission');
    expect(commandLine.filter((word) => word.startsWith('--allow-fs-write='))).toEqual([
      `--allow-fs-write=${machine.folder}`,
      `--allow-fs-write=${daemon.paths.runtime}/${machine.id}.sock`,
    ]);
  });

  it('has no terminal of its daemon, which are the consoles of the others', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'first');
    expect(await terminalsOf(client.daemon.pid)).not.toEqual([]);
    // Also one that was started before anybody knew for which machine.
    for (const name of ['second', 'third']) {
      const {pid = 0} = await daemon.run(client, name);
      expect(await terminalsOf(pid)).toEqual([]);
    }
  });
});

/** The pseudoterminals that a process has open. */
async function terminalsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((name) => readlink(join(folder, name)).catch(() => '')));
  return links.filter((link) => link.endsWith('ptmx') || link.startsWith('/dev/pts/'));
}
