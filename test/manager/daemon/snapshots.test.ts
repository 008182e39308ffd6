import {readdir, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {
  machineAttachDisk,
  machineFork,
  machineKill,
  machineList,
  machinePause,
  machineRemove,
  machineSave,
  machineShow,
  machineStart,
  machineUnremove,
} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotList, snapshotRemove, snapshotRestore} from '../../../src/manager/protocol/snapshot.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {eventKinds, scriptedKernel, TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

const machine = 'one';

async function show(client: Client) {
  return (await client.request(machineShow, {machine})).machine;
}

async function take(client: Client, name?: string, note?: string) {
  return (await client.request(snapshotCreate, {machine, name, note})).snapshot;
}

/** Names with their parent's, and a star for the current one. */
async function tree(client: Client): Promise<string[]> {
  const {snapshots} = await client.request(snapshotList, {machine});
  const nameOf = (id: string | undefined) => snapshots.find((one) => one.id === id)?.name ?? '';
  return snapshots
    .filter(({kind}) => kind !== 'undo')
    .map(({name, parentId, isCurrent}) => `${nameOf(parentId)}/${name}${isCurrent ? ' *' : ''}`);
}

describe('snapshots', () => {
  it('are taken while the machine runs, and it goes on exactly there, running, off or saved', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {pid = 0} = await daemon.run(client, machine);
    const console = await TestConsole.open(client, machine);
    await console.type('half');
    await console.until('half');
    const snapshot = await take(client, 'base', 'before the change');
    expect(snapshot).toMatchObject({name: 'base', note: 'before the change', fileBytes: 18, isCurrent: true});
    expect(await show(client)).toMatchObject({state: 'running', pid});

    const restore = {machine, snapshot: 'base'};
    await expect(client.request(snapshotRestore, restore)).rejects.toMatchObject({code: 'wrong-state'});
    expect(await show(client)).toMatchObject({state: 'running', pid});
    await client.request(snapshotRestore, {...restore, discardsPresent: true});
    expect(identifyProcess(pid)).toBeUndefined();
    await console.until('restored: saved line "half"');

    await client.request(machineSave, {machine});
    await expect(client.request(snapshotRestore, restore)).rejects.toMatchObject({code: 'wrong-state'});
    await client.request(snapshotRestore, {...restore, discardsPresent: true});
    expect((await show(client)).saved).toBeUndefined();
    // What a process has printed and not sent when it is killed is lost.
    await console.until(/(restored.*){2}/s);
    await client.request(machineKill, {machine});
    // Nothing is lost by it, so nothing is asked.
    await client.request(snapshotRestore, restore);
    await console.until(/(restored.*){3}/s);
    await client.request(machinePause, {machine});
    await take(client);
    expect((await show(client)).state).toBe('paused');
    expect(await eventKinds(client, machine)).toContain('snapshot-taken');
  });

  it('are gone back to by processes that were started ahead, of which nothing stays but the one that is used', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder, id} = await daemon.run(client, machine);
    await take(client, 'base');
    const restore = {machine, snapshot: 'base', discardsPresent: true};
    const own = (name: string) => /^(launch|machine)\b.*(?<!machine\.json)$/.test(name);
    for (let round = 0; round < 2; round++) {
      await client.request(snapshotRestore, restore);
      const {pid = 0} = await show(client);
      // The file it was told by was its own before.
      expect(await readFile(`/proc/${pid}/cmdline`, 'latin1')).toMatch(/launch-[0-9a-f]{8}\.json/);
      expect((await readdir(folder)).filter(own).sort()).toEqual(['launch.json', 'machine.log']);
      expect((await readdir(daemon.paths.runtime)).filter((name) => /^(ahead|[0-9a-f]{8}-)/.test(name))).toEqual([
        `${id}.sock`,
      ]);
    }
    // One that cannot be gone back to after all leaves none either, and the machine as it was.
    const {pid} = await show(client);
    await rm(join(folder, 'memory'), {recursive: true});
    await expect(client.request(snapshotRestore, restore)).rejects.toMatchObject({code: 'file-not-found'});
    expect(await show(client)).toMatchObject({state: 'running', pid});
    expect((await readdir(folder)).filter(own).sort()).toEqual(['launch.json', 'machine.log']);
  });

  it('form a tree by what the machine was last taken at or gone back to, also over a new daemon', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await daemon.run(first, machine);
    await take(first, 'base');
    await take(first);
    await take(first, 'leaf');
    await first.request(snapshotRestore, {machine, snapshot: 'base', discardsPresent: true});
    process.kill(first.daemon.pid, 'SIGKILL');
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const client = await daemon.connect();
    await take(client, 'side');
    expect(await tree(client)).toEqual(['/base', 'base/snapshot-2', 'snapshot-2/leaf', 'base/side *']);
    // What is below a removed one moves up.
    await client.request(snapshotRemove, {machine, snapshot: 'snapshot-2'});
    await client.request(snapshotRemove, {machine, snapshot: 'side'});
    expect(await tree(client)).toEqual(['/base *', 'base/leaf']);
    const {folder} = await show(client);
    // The third is what was there before the restore.
    expect(await readdir(join(folder, 'snapshots'))).toHaveLength(3);
    // The trash keeps them.
    await client.request(machineKill, {machine});
    await client.request(machineRemove, {machine});
    await client.request(machineUnremove, {});
    expect(await tree(client)).toEqual(['/base *', 'base/leaf']);
  });

  it('have names of their own', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, machine);
    await take(client, 'base');
    await expect(take(client, 'base')).rejects.toMatchObject({code: 'name-taken'});
    await expect(take(client, '../base')).rejects.toMatchObject({code: 'bad-name'});
    for (const request of [snapshotRestore, snapshotRemove])
      await expect(client.request(request, {machine, snapshot: 'other'})).rejects.toMatchObject({
        code: 'snapshot-not-found',
      });
    // Two at a time take turns.
    const both = await Promise.all([take(client), take(client)]);
    expect(both.map(({name}) => name)).toEqual(['snapshot-2', 'snapshot-3']);
  });

  it('of a machine that is another now are refused, with what differs, and the machine runs on', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, machine);
    await take(client, 'base');
    await client.request(machineKill, {machine});
    await client.request(machineAttachDisk, {machine, disk: {newSizeBytes: 2 ** 20, format: 'raw'}});
    await client.request(machineStart, {machine});
    await expect(
      client.request(snapshotRestore, {machine, snapshot: 'base', discardsPresent: true}),
    ).rejects.toMatchObject({code: 'bad-snapshot', message: 'The snapshot base was taken when one had other disks.'});
    expect((await show(client)).state).toBe('running');
  });

  it('that fail leave nothing, and the machine running', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder} = await daemon.run(client, machine);
    await (await TestConsole.open(client, machine)).type('saves failed\n');
    await expect(take(client)).rejects.toMatchObject({code: 'disk-full'});
    expect(await readdir(join(folder, 'memory'))).toEqual([]);
    expect((await readdir(folder)).includes('snapshots')).toBe(false);
    expect((await show(client)).state).toBe('running');
  });

  it('that a killed daemon left half-made are never listed, and older ones stay whole', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    const {folder, pid} = await daemon.run(first, machine);
    await take(first, 'base');
    await (await TestConsole.open(first, machine)).type('saves endless\n');
    take(first, 'half').catch(() => undefined);
    await until(async () => (await readdir(join(folder, 'memory'))).length === 2);
    process.kill(first.daemon.pid, 'SIGKILL');
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const client = await daemon.connect();
    expect(await tree(client)).toEqual(['/base *']);
    expect(await readdir(join(folder, 'snapshots'))).toHaveLength(1);
    expect(await show(client)).toMatchObject({state: 'running', pid});
    await client.request(snapshotRestore, {machine, snapshot: 'base', discardsPresent: true});
    expect((await show(client)).state).toBe('running');
  });

  it('that are damaged are told apart from the others, and a missing file costs nothing', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder, pid} = await daemon.run(client, machine);
    const hurt = await take(client, 'hurt');
    const newer = await take(client, 'newer');
    const bare = await take(client, 'bare');
    const file = (id: string, name: string) => join(folder, 'snapshots', id, name);
    await truncate(file(hurt.id, 'snapshot.json'), 20);
    const path = file(newer.id, 'snapshot.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"version": 1', '"version": 2'));
    const {memoryId} = JSON.parse(await readFile(file(bare.id, 'snapshot.json'), 'utf8'));
    await rm(join(folder, 'memory', `${memoryId}.state`));
    const {snapshots, broken} = await client.request(snapshotList, {machine});
    expect(snapshots.map(({name}) => name)).toEqual(['bare']);
    expect(broken).toHaveLength(2);
    expect(broken).toContainEqual(expect.stringContaining('cut off'));
    expect(broken).toContainEqual(expect.stringContaining('newer Vivarium'));
    await expect(
      client.request(snapshotRestore, {machine, snapshot: 'bare', discardsPresent: true}),
    ).rejects.toMatchObject({code: 'file-not-found'});
    expect(await show(client)).toMatchObject({state: 'running', pid});
  });
});

describe('a fork', () => {
  it('goes on from the same instant under its own name, and the first machine runs on', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const source = await daemon.run(client, machine);
    const console = await TestConsole.open(client, machine);
    await console.type('half');
    await console.until('half');
    const fork = (await client.request(machineFork, {machine, name: 'two'})).machine;
    expect(fork).toMatchObject({name: 'two', state: 'running', config: source.config});
    expect(fork.saved).toBeUndefined();
    expect(await show(client)).toMatchObject({state: 'running', pid: source.pid});
    await (await TestConsole.open(client, 'two')).until('restored: saved line "half"');
    expect((await readdir(fork.folder)).filter((name) => /^\.new-|saved/.test(name))).toEqual([]);
    expect((await readdir(source.folder)).filter((name) => /^\.new-|saved/.test(name))).toEqual([]);
    expect(await eventKinds(client, 'two')).toEqual(['machine-forked', 'machine-restored']);
    // Of a paused machine, and with a name made for it.
    await client.request(machinePause, {machine});
    const third = (await client.request(machineFork, {machine})).machine;
    expect(third.state).toBe('running');
    expect((await show(client)).state).toBe('paused');
  });

  it('that cannot be made leaves nothing', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, machine);
    await expect(client.request(machineFork, {machine, name: machine})).rejects.toMatchObject({code: 'name-taken'});
    await (await TestConsole.open(client, machine)).type('saves failed\n');
    await expect(client.request(machineFork, {machine, name: 'two'})).rejects.toMatchObject({code: 'disk-full'});
    expect((await client.request(machineList, {})).machines).toMatchObject([{name: machine, state: 'running'}]);
    expect(await readdir(daemon.paths.machines)).toHaveLength(1);
    await client.request(machineKill, {machine});
    await expect(client.request(machineFork, {machine})).rejects.toMatchObject({code: 'wrong-state'});
  });

  it('that cannot be started is there, saved, and can be started later', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, machine);
    await rm(join(daemon.folder, 'kernel'));
    await expect(client.request(machineFork, {machine, name: 'two'})).rejects.toMatchObject({
      code: 'file-not-found',
      message: expect.stringMatching(/^two was made and could not be started: /),
    });
    await daemon.file('kernel', scriptedKernel('run'));
    expect((await client.request(machineStart, {machine: 'two', from: 'saved'})).machine.state).toBe('running');
  });
});
