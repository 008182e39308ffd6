import {randomUUID} from 'node:crypto';
import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {daemonStop} from '../../../src/manager/protocol/daemon.js';
import {
  machineAttachDisk,
  machineClone,
  machineKill,
  machineList,
  machinePause,
  machineRemove,
  machineSave,
  machineShow,
  machineShutdown,
  machineStart,
  machineUnremove,
} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotRemove} from '../../../src/manager/protocol/snapshot.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {eventKinds, FleetWatch, TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

async function show(client: Client, machine: string) {
  return (await client.request(machineShow, {machine})).machine;
}

/** Ends the daemon as a power cut of its process would. */
async function killDaemon({daemon: {pid}}: Client): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await until(() => identifyProcess(pid) === undefined);
}

/** States in a machine's folder, and what an interrupted write would leave. */
async function states(folder: string): Promise<string[]> {
  const names = [...(await readdir(folder)), ...(await readdir(join(folder, 'memory')).catch(() => []))];
  return names.filter((name) => name.startsWith('.new-') || name.endsWith('.state'));
}

describe('a saved machine', () => {
  it('has no process, goes on from its file, and the file is gone when that run has ended', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {pid = 0, folder} = await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    await console.type('half a line');
    await console.until('half a line');
    const saved = (await client.request(machineSave, {machine: 'one'})).machine;
    expect(saved).toMatchObject({state: 'saved', saved: {fileBytes: 25}});
    expect(saved.pid).toBeUndefined();
    expect(identifyProcess(pid)).toBeUndefined();
    const started = (await client.request(machineStart, {machine: 'one', from: 'saved'})).machine;
    expect(started).toMatchObject({state: 'running'});
    expect(started.saved).toBeUndefined();
    await console.until('restored: saved line "half a line"');
    expect(await eventKinds(client, 'one')).toEqual([
      'machine-created',
      'machine-started',
      'machine-saved',
      'machine-restored',
    ]);
    await expect(client.request(machineStart, {machine: 'one', from: 'saved'})).rejects.toMatchObject({
      code: 'wrong-state',
    });
    await client.request(machineShutdown, {machine: 'one'});
    await expect(client.request(machineStart, {machine: 'one', from: 'saved'})).rejects.toMatchObject({
      code: 'wrong-state',
      message: 'Nothing is saved of one.',
    });
    await until(async () => (await states(folder)).length === 0);
  });

  it('that was paused is saved as well, and both outlive the daemon and a trip to the trash', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await daemon.run(first, 'one');
    await first.request(machinePause, {machine: 'one'});
    await first.request(machineSave, {machine: 'one'});
    await killDaemon(first);
    const second = await daemon.connect();
    expect((await show(second, 'one')).state).toBe('saved');
    await second.request(machineRemove, {machine: 'one'});
    expect((await second.request(machineUnremove, {})).machine.state).toBe('saved');
    expect((await second.request(machineStart, {machine: 'one'})).machine.state).toBe('running');
    await (await TestConsole.open(second, 'one')).until('restored: ');
  });

  it('is discarded only when asked, and only once the guest has booted', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    await client.request(machineSave, {machine: 'one'});
    await expect(client.request(machineKill, {machine: 'one'})).rejects.toMatchObject({code: 'wrong-state'});
    await expect(
      client.request(machineAttachDisk, {machine: 'one', disk: {newSizeBytes: 2 ** 20, format: 'raw'}}),
    ).rejects.toMatchObject({code: 'wrong-state'});
    const kernel = join(daemon.folder, 'kernel');
    await rm(kernel);
    await expect(client.request(machineStart, {machine: 'one', from: 'boot'})).rejects.toMatchObject({
      code: 'file-not-found',
    });
    expect((await show(client, 'one')).state).toBe('saved');
    await daemon.file('kernel', `${'\0'.repeat(64)}run`);
    await client.request(machineStart, {machine: 'one', from: 'boot'});
    const console = await TestConsole.open(client, 'one');
    await console.until(/booted.*booted/s);
    expect(console.text).not.toContain('restored');
  });

  it('goes on though its layers could be folded, or a clone stands on its disk, and so does the clone', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'one');
    await client.request(machineAttachDisk, {machine: 'one', disk: {newSizeBytes: 2 ** 20, format: 'qcow2'}});
    await client.request(machineStart, {machine: 'one'});
    await client.request(snapshotCreate, {machine: 'one', name: 'base'});
    await client.request(snapshotRemove, {machine: 'one', snapshot: 'base'});
    await client.request(machineSave, {machine: 'one'});
    await client.request(machineStart, {machine: 'one'});
    await client.request(machineSave, {machine: 'one'});
    await client.request(machineClone, {machine: 'one', name: 'two'});
    await client.request(machineStart, {machine: 'two'});
    await client.request(machineStart, {machine: 'one'});
    for (const name of ['one', 'two']) expect((await show(client, name)).state).toBe('running');
  });

  it('is not restored over a disk that was changed since, but can be booted', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'one');
    const path = await daemon.file('data.raw', Buffer.alloc(2 ** 20));
    await client.request(machineAttachDisk, {machine: 'one', disk: {path, format: 'raw'}});
    await client.request(machineStart, {machine: 'one'});
    await client.request(machineSave, {machine: 'one'});
    await client.request(machineStart, {machine: 'one'});
    await client.request(machineSave, {machine: 'one'});
    await writeFile(path, Buffer.alloc(2 ** 20, 1));
    await expect(client.request(machineStart, {machine: 'one'})).rejects.toMatchObject({
      code: 'bad-snapshot',
      message: expect.stringContaining('data.raw was changed since one was saved'),
    });
    expect((await show(client, 'one')).state).toBe('saved');
    expect((await client.request(machineStart, {machine: 'one', from: 'boot'})).machine.state).toBe('running');
  });

  it('stays saved, with the reason, when it cannot go on', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder} = await daemon.run(client, 'one');
    await client.request(machineSave, {machine: 'one'});
    await rm(join(daemon.folder, 'kernel'));
    await expect(client.request(machineStart, {machine: 'one'})).rejects.toMatchObject({code: 'file-not-found'});
    expect(await show(client, 'one')).toMatchObject({state: 'saved', reason: expect.stringContaining('kernel')});
    expect(await states(folder)).toHaveLength(1);
    await daemon.file('kernel', `${'\0'.repeat(64)}run`);
    expect((await client.request(machineStart, {machine: 'one'})).machine.state).toBe('running');
  });
});

describe('saving', () => {
  it('that fails leaves the machine running, and nothing of the file', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder, pid} = await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    await console.type('saves failed\n');
    await expect(client.request(machineSave, {machine: 'one'})).rejects.toMatchObject({code: 'disk-full'});
    expect(await show(client, 'one')).toMatchObject({state: 'running', pid});
    await console.type('print alive\n');
    await console.until('print alive\nalive');
    expect(await states(folder)).toEqual([]);
    expect(await eventKinds(client, 'one')).toContain('save-failed');
  });

  it('can be ended by force, and then the machine is off', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder} = await daemon.run(client, 'one');
    const fleet = await FleetWatch.open(client);
    await (await TestConsole.open(client, 'one')).type('saves endless\n');
    const save = client.request(machineSave, {machine: 'one'});
    save.catch(() => undefined);
    await fleet.until('one', ({state}) => state === 'saving');
    await client.request(machineKill, {machine: 'one'});
    await expect(save).rejects.toMatchObject({code: 'machine-failed'});
    expect((await show(client, 'one')).state).toBe('defined');
    expect(await states(folder)).toEqual([]);
  });

  it('with a daemon that is killed in the middle leaves the machine paused, and nothing of the file', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const {folder, pid} = await daemon.run(first, 'one');
    await (await TestConsole.open(first, 'one')).type('saves endless\n');
    first.request(machineSave, {machine: 'one'}).catch(() => undefined);
    await until(async () => (await states(folder)).length > 0);
    await killDaemon(first);
    const second = await daemon.connect();
    expect(await show(second, 'one')).toMatchObject({
      state: 'paused',
      pid,
      reason: expect.stringContaining('nothing is lost'),
    });
    expect(await states(folder)).toEqual([]);
  });

  it('that was committed when the daemon was killed ends the process that should not run on', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const {folder, pid = 0} = await daemon.run(first, 'one');
    await killDaemon(first);
    // As the daemon leaves it between its note in state.json and the end of the process.
    const path = join(folder, 'state.json');
    const {default: life} = await import(path, {with: {type: 'json'}});
    const memoryId = randomUUID();
    await mkdir(join(folder, 'memory'));
    await writeFile(join(folder, 'memory', `${memoryId}.state`), 'saved before\n');
    const saved = {atMs: 1, fileBytes: 1, touchedBytes: 1, memoryId, sources: []};
    await writeFile(path, JSON.stringify({...life, saved}));
    const second = await daemon.connect();
    expect((await show(second, 'one')).state).toBe('saved');
    expect(identifyProcess(pid)).toBeUndefined();
    await second.request(machineStart, {machine: 'one'});
    await (await TestConsole.open(second, 'one')).until('restored: saved before');
  });

  it('is kept when the note of it cannot be read, and goes on once the note is put back', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const {folder} = await daemon.run(first, 'one');
    await first.request(machineSave, {machine: 'one'});
    const kept = await states(folder);
    await killDaemon(first);
    const note = await readFile(join(folder, 'state.json'));
    await writeFile(join(folder, 'state.json'), note.subarray(0, 40));
    const second = await daemon.connect();
    expect(await eventKinds(second, 'one')).toContain('machine-broken');
    await second.request(machineStart, {machine: 'one'});
    await second.request(machineKill, {machine: 'one'});
    expect(await states(folder)).toEqual(expect.arrayContaining(kept));
    await killDaemon(second);
    await rm(join(folder, 'state-unreadable.json'));
    await writeFile(join(folder, 'state.json'), note);
    const third = await daemon.connect();
    await third.request(machineStart, {machine: 'one', from: 'saved'});
    expect((await show(third, 'one')).state).toBe('running');
  });

  it('of the whole fleet happens when the daemon is stopped so, and each can be started again', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await daemon.run(first, 'one');
    await daemon.run(first, 'two');
    await daemon.define(first, 'off');
    expect(await first.request(daemonStop, {machines: 'save'})).toEqual({stillRunning: 0});
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const second = await daemon.connect();
    const {machines} = await second.request(machineList, {});
    expect(machines.map(({name, state}) => [name, state])).toEqual([
      ['off', 'defined'],
      ['one', 'saved'],
      ['two', 'saved'],
    ]);
    for (const machine of ['one', 'two'])
      expect((await second.request(machineStart, {machine})).machine.state).toBe('running');
  });

  it('of the fleet happens when the host shuts down, which ends everything by a signal', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const one = await daemon.run(first, 'one');
    const two = await daemon.run(first, 'two');
    await (await TestConsole.open(first, 'two')).type('saves failed\n');
    for (const pid of [one.pid, two.pid, first.daemon.pid]) process.kill(pid!, 'SIGTERM');
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const second = await daemon.connect();
    expect(await show(second, 'one')).toMatchObject({state: 'saved'});
    // What cannot be saved ends with the daemon, as everything does.
    await until(() => identifyProcess(two.pid!) === undefined);
    await until(async () => (await show(second, 'two')).state === 'crashed');
  });

  it('of the fleet that one machine refuses leaves the daemon there and that machine running', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    await daemon.run(client, 'two');
    await (await TestConsole.open(client, 'one')).type('saves failed\n');
    await expect(client.request(daemonStop, {machines: 'save'})).rejects.toMatchObject({code: 'disk-full'});
    expect((await show(client, 'one')).state).toBe('running');
    expect((await show(client, 'two')).state).toBe('saved');
  });
});
