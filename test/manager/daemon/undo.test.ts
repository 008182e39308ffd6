import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {
  machineAttachDisk,
  machineDetachDisk,
  machineKill,
  machineList,
  machineRemove,
  machineRename,
  machineShow,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotList, snapshotRemove, snapshotRestore} from '../../../src/manager/protocol/snapshot.js';
import {undoLast} from '../../../src/manager/protocol/undo.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {TestConsole, TestDaemon, until} from '../../support/daemon.js';
import {qemuImg} from '../../support/qemu-img.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

const machine = 'one';

async function show(client: Client) {
  return (await client.request(machineShow, {machine})).machine;
}

async function undo(client: Client) {
  return (await client.request(undoLast, {})).message;
}

describe('undo', () => {
  it('brings back what ran when a machine was forced off, over an end of the daemon too', async () => {
    daemon = await TestDaemon.create();
    const first = await daemon.connect();
    await daemon.run(first, machine);
    const console = await TestConsole.open(first, machine);
    await console.type('half');
    await console.until('half');
    await first.request(machineKill, {machine});
    expect((await show(first)).state).toBe('defined');
    process.kill(first.daemon.pid, 'SIGKILL');
    await until(() => identifyProcess(first.daemon.pid) === undefined);
    const client = await daemon.connect();
    expect(await undo(client)).toBe('one goes on from where it was forced off.');
    expect((await show(client)).state).toBe('running');
    await (await TestConsole.open(client, machine)).until('restored: saved line "half"');
    await expect(client.request(undoLast, {})).rejects.toMatchObject({code: 'nothing-to-undo'});
  });

  it('takes back a restore, then what was before it: a renaming, a removal', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'other');
    await client.request(machineRemove, {machine: 'other'});
    await daemon.run(client, 'first');
    await client.request(machineRename, {machine: 'first', name: machine});
    const console = await TestConsole.open(client, machine);
    await console.type('early');
    await console.until('early');
    await client.request(snapshotCreate, {machine, name: 'base'});
    await console.type(' late');
    await console.until('early late');
    await client.request(snapshotRestore, {machine, snapshot: 'base', discardsPresent: true});
    await console.until('restored: saved line "early"');
    expect(await undo(client)).toBe('one goes on from where it went back.');
    await console.until('restored: saved line "early late"');
    expect(await undo(client)).toBe('one is called first again.');
    expect(await undo(client)).toBe('other is back.');
    expect((await client.request(machineList, {})).machines.map(({name}) => name)).toEqual(['first', 'other']);
  });

  it('passes over what is beyond it', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'other');
    await client.request(machineRename, {machine: 'other', name: 'renamed'});
    const {folder, id: removedId} = await daemon.run(client, machine);
    await client.request(machineKill, {machine});
    for (const id of await readdir(join(folder, 'snapshots')))
      await client.request(snapshotRemove, {machine, snapshot: id});
    await client.request(machineRemove, {machine});
    await rm(join(daemon.paths.trash, removedId), {recursive: true});
    expect(await undo(client)).toBe('renamed is called other again.');
  });

  it('takes back changes of disks, and waits with an error while the machine runs', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, machine);
    await client.request(machineAttachDisk, {machine, disk: {newSizeBytes: 2 ** 20, format: 'qcow2'}});
    const {config} = await show(client);
    await client.request(machineDetachDisk, {machine, disk: 0});
    await client.request(machineStart, {machine});
    await expect(client.request(undoLast, {})).rejects.toMatchObject({code: 'wrong-state'});
    await client.request(machineKill, {machine});
    // That is taken back as well, and then done anew.
    expect(await undo(client)).toContain('forced off');
    await client.request(machineKill, {machine});
    for (const {id} of (await client.request(snapshotList, {machine})).snapshots)
      await client.request(snapshotRemove, {machine, snapshot: id});
    expect(await undo(client)).toBe('one is made as it was.');
    expect((await show(client)).config).toEqual(config);
  });

  it('is not waited for when a machine that hangs in a save is forced off', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, machine);
    await (await TestConsole.open(client, machine)).type('saves endless\n');
    const taking = client.request(snapshotCreate, {machine}).catch((error: unknown) => error);
    await until(async () => (await readdir(join((await show(client)).folder, 'memory')).catch(() => [])).length > 0);
    await client.request(machineKill, {machine});
    expect(await taking).toMatchObject({code: 'machine-failed'});
    expect((await show(client)).state).toBe('defined');
  });
});

describe('a disk with layers of snapshots', () => {
  it('is detached only when no snapshot needs it, and the image then holds everything', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const path = join(daemon.folder, 'data.raw');
    await qemuImg('create', '-f', 'raw', path, '1M');
    await daemon.define(client, machine);
    await client.request(machineAttachDisk, {machine, disk: {path, format: 'raw'}});
    await client.request(machineStart, {machine});
    await client.request(snapshotCreate, {machine, name: 'base'});
    await client.request(machineKill, {machine});
    const {config, folder} = await show(client);
    const layer = join(folder, config?.disks[0]?.path ?? '');
    expect(config?.disks[0]).toMatchObject({attached: {path, format: 'raw'}, format: 'qcow2'});
    await qemuImg(
      'bench',
      '-w',
      '-f',
      'qcow2',
      '-c',
      '1',
      '-d',
      '1',
      '-s',
      '65536',
      '-o',
      '131072',
      '--pattern=90',
      layer,
    );
    await expect(client.request(machineDetachDisk, {machine, disk: path})).rejects.toMatchObject({
      code: 'wrong-state',
      message: `The disk ${path} of one holds 1 snapshots.`,
    });
    await client.request(snapshotRemove, {machine, snapshot: 'base'});
    expect(await client.request(machineDetachDisk, {machine, disk: path})).toMatchObject({path});
    expect(await readdir(join(folder, 'disks'))).toEqual([]);
    await expect(qemuImg('compare', '-f', 'raw', '-F', 'raw', path, await expected())).resolves.toBeDefined();
  });

  /** A megabyte with one written cluster. */
  async function expected(): Promise<string> {
    const path = join(daemon.folder, 'expected.raw');
    await qemuImg('create', '-f', 'raw', path, '1M');
    await qemuImg(
      'bench',
      '-w',
      '-f',
      'raw',
      '-c',
      '1',
      '-d',
      '1',
      '-s',
      '65536',
      '-o',
      '131072',
      '--pattern=90',
      path,
    );
    return path;
  }
});
