import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {
  MAX_DISKS,
  machineAttachDisk,
  machineCreate,
  machineDetachDisk,
  machineKill,
  machineShow,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {createImage} from '../../../src/paravirt/block/create-image.js';
import {TestDaemon} from '../../support/daemon.js';

let daemon: TestDaemon;
afterEach(() => daemon[Symbol.asyncDispose]());

const bootOf = () => ({kind: 'linux' as const, kernelPath: join(daemon.folder, 'kernel')});
const memoryBytes = 64 << 20;

describe('the disks of a machine', () => {
  it('are attached and detached while it is off, in order, and files stay', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {folder} = await daemon.define(client, 'one');
    const path = await daemon.file('data.raw', new Uint8Array(4096));
    await client.request(machineAttachDisk, {machine: 'one', disk: {newSizeBytes: 1 << 20}});
    const {machine} = await client.request(machineAttachDisk, {machine: 'one', disk: {path, isReadOnly: true}});
    expect(machine.config?.disks).toEqual([
      {path: 'disks/disk0.qcow2', format: 'qcow2', isReadOnly: false},
      {path, format: 'raw', isReadOnly: true},
    ]);
    const detached = await client.request(machineDetachDisk, {machine: 'one', disk: 0});
    expect(detached.path).toBe(join(folder, 'disks/disk0.qcow2'));
    expect(existsSync(detached.path)).toBe(true);
    // Its name is not given to another disk while it is there.
    const again = await client.request(machineAttachDisk, {machine: 'one', disk: {newSizeBytes: 1 << 20}});
    expect(again.machine.config?.disks.map((disk) => disk.path)).toEqual([path, 'disks/disk1.qcow2']);
    await client.request(machineDetachDisk, {machine: 'one', disk: path});
    await expect(client.request(machineDetachDisk, {machine: 'one', disk: 7})).rejects.toMatchObject({
      code: 'bad-request',
    });
  });

  it('cannot be changed while it runs', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.run(client, 'one');
    const attach = {machine: 'one', disk: {newSizeBytes: 1 << 20}};
    await expect(client.request(machineAttachDisk, attach)).rejects.toMatchObject({code: 'wrong-state'});
    await expect(client.request(machineDetachDisk, {machine: 'one', disk: 0})).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });

  it('are refused one more than there are places for', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'one');
    const attach = {machine: 'one', disk: {newSizeBytes: 512, format: 'raw' as const}};
    for (let count = 0; count < MAX_DISKS; count++) await client.request(machineAttachDisk, attach);
    await expect(client.request(machineAttachDisk, attach)).rejects.toMatchObject({code: 'bad-request'});
  });

  it('record their format: what looks like another is refused unless said', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const path = join(daemon.folder, 'nameless');
    await createImage(path, 'qcow2', {sizeBytes: 1 << 20});
    const create = (name: string, disk: object) =>
      client.request(machineCreate, {name, boot: bootOf(), memoryBytes, disks: [{path, ...disk}]});
    await expect(create('one', {})).rejects.toMatchObject({
      code: 'bad-disk',
      hint: expect.stringContaining('format=qcow2'),
    });
    expect((await create('two', {format: 'qcow2'})).machine.config?.disks[0]?.format).toBe('qcow2');
    expect((await create('three', {format: 'raw'})).machine.config?.disks[0]?.format).toBe('raw');
    await expect(create('four', {format: 'vmdk'})).rejects.toMatchObject({code: 'bad-request'});
  });

  it('bring the images they stand on, from allowed folders only, and keep writers off those', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const base = join(daemon.folder, 'base.qcow2');
    await createImage(base, 'qcow2', {sizeBytes: 1 << 20});
    const overlay = async (name: string, backing: string) => {
      const path = join(daemon.folder, name);
      await createImage(path, 'qcow2', {sizeBytes: 1 << 20, backing: {path: backing, format: 'qcow2'}});
      return {path, format: 'qcow2' as const};
    };
    const create = (name: string, disk: {path: string; format: 'qcow2'}) =>
      client.request(machineCreate, {name, boot: bootOf(), memoryBytes, disks: [disk]});
    await expect(create('bad', await overlay('bad.qcow2', '/etc/passwd'))).rejects.toMatchObject({code: 'bad-disk'});
    await create('one', await overlay('one.qcow2', 'base.qcow2'));
    await create('two', await overlay('two.qcow2', 'base.qcow2'));
    await create('three', {path: base, format: 'qcow2'});
    // Two overlays share what they stand on; a machine that would write there is refused meanwhile.
    await client.request(machineStart, {machine: 'one'});
    await client.request(machineStart, {machine: 'two'});
    await expect(client.request(machineStart, {machine: 'three'})).rejects.toMatchObject({code: 'disk-in-use'});
    await client.request(machineKill, {machine: 'one'});
    await client.request(machineKill, {machine: 'two'});
    await client.request(machineStart, {machine: 'three'});
    expect((await client.request(machineShow, {machine: 'three'})).machine.state).toBe('running');
    // The machine process may read its chain and write its top alone: nothing else is named on its command line.
    await expect(client.request(machineStart, {machine: 'one'})).rejects.toMatchObject({
      code: 'disk-in-use',
      message: `The disk ${base} is in use by three.`,
    });
  });
});
