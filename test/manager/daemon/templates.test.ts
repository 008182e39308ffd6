import {randomBytes} from 'node:crypto';
import {mkdir, readdir, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {imageBuild, imageFrom, imageList, imageRemove} from '../../../src/manager/protocol/image.js';
import {jobCancel, jobWait} from '../../../src/manager/protocol/job.js';
import {
  machineAttachDisk,
  machineCreate,
  machineKill,
  machineRemove,
  machineSave,
  machineShow,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate} from '../../../src/manager/protocol/snapshot.js';
import {TestConsole, TestDaemon} from '../../support/daemon.js';

let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await TestDaemon.create();
});
afterEach(() => daemon[Symbol.asyncDispose]());

/** A machine with a disk, which has been typed to. */
async function running(client: Client, name: string): Promise<TestConsole> {
  await client.request(machineCreate, {
    ...{name, boot: {kind: 'linux', kernelPath: join(daemon.folder, 'kernel')}, memoryBytes: 64 << 20},
    disks: [{newSizeBytes: 4 << 20, format: 'qcow2'}],
  });
  await client.request(machineStart, {machine: name});
  const console = await TestConsole.open(client, name);
  await console.type('saves whole\nhalf');
  await console.until('half');
  return console;
}

async function made(client: Client, params: {machine: string; image?: string; snapshot?: string}): Promise<string> {
  const {job, image} = await client.request(imageFrom, params);
  expect((await client.request(jobWait, {jobId: job.id})).job).toMatchObject({state: 'done', kind: 'image-from'});
  return image;
}

async function create(
  client: Client,
  name: string,
  image: string,
  more: {memoryBytes?: number; hartCount?: number} = {},
) {
  return client.request(machineCreate, {name, boot: {kind: 'image', image}, ...more});
}

const find = async (client: Client, name: string) =>
  (await client.request(imageList, {})).images.find((image) => image.name === name);

const stateOf = async (client: Client, machine: string) => (await client.request(machineShow, {machine})).machine.state;

describe('an image made from a machine', () => {
  it('that runs: machines made of it go on from there, each with disks of its own, and it goes on as well', async () => {
    const client = await daemon.connect();
    const console = await running(client, 'Web_1');
    expect(await made(client, {machine: 'Web_1'})).toBe('web-1');
    expect(await stateOf(client, 'Web_1')).toBe('running');
    await console.type('\nprint more\n');
    await console.until('more');
    expect(await find(client, 'web-1')).toMatchObject({
      ...{state: 'ready', title: 'Made from Web_1', sizeBytes: expect.any(Number)},
      machine: {memoryBytes: 64 << 20, hartCount: 1, isWarm: true},
    });
    for (const name of ['a', 'b']) {
      const {machine, note} = await create(client, name, 'web-1');
      expect(machine).toMatchObject({name, state: 'saved', config: {boot: {origin: 'web-1'}}});
      expect(note).toBeUndefined();
      const seen = await TestConsole.open(client, name);
      await client.request(machineStart, {machine: name});
      await seen.until('restored: saved line "half"');
    }
    const base = join((await client.request(machineShow, {machine: 'a'})).machine.folder, 'disks/disk0.qcow2');
    // One file for the image and both machines.
    expect((await stat(base)).nlink).toBe(3);
  });

  it('can go while machines are made of it, and so can the machine that it was made from', async () => {
    const client = await daemon.connect();
    await running(client, 'one');
    await made(client, {machine: 'one', image: 'base'});
    await create(client, 'two', 'base');
    await client.request(machineKill, {machine: 'one'});
    await client.request(machineRemove, {machine: 'one'});
    await rm(join(daemon.folder, 'kernel'));
    expect((await client.request(imageRemove, {image: 'base'})).freedBytes).toBeGreaterThan(0);
    expect(await find(client, 'base')).toBeUndefined();
    await client.request(machineStart, {machine: 'two'});
    await client.request(machineKill, {machine: 'two'});
    await client.request(machineStart, {machine: 'two', from: 'boot'});
    expect(await stateOf(client, 'two')).toBe('running');
    await expect(create(client, 'three', 'base')).rejects.toMatchObject({code: 'image-not-found'});
  });

  it('boots machines of another make from its disks, and says why', async () => {
    const client = await daemon.connect();
    await running(client, 'one');
    await made(client, {machine: 'one', image: 'base'});
    const {machine, note} = await create(client, 'two', 'base', {memoryBytes: 128 << 20, hartCount: 2});
    expect(note).toBe('two boots from its disks: what runs in base needs the same memory size, number of CPUs.');
    expect(machine).toMatchObject({state: 'defined', config: {memoryBytes: 128 << 20, hartCount: 2, disks: [{}]}});
    const console = await TestConsole.open(client, 'two');
    await client.request(machineStart, {machine: 'two'});
    await console.until('booted');
    const more = await client.request(machineCreate, {
      ...{name: 'three', boot: {kind: 'image', image: 'base', commandLine: 'quiet'}},
      disks: [{newSizeBytes: 1 << 20, format: 'raw'}],
    });
    expect(more.note).toContain('the same disks, kernel command line');
    const {config} = (await client.request(machineShow, {machine: 'three'})).machine;
    expect(config).toMatchObject({boot: {commandLine: 'quiet'}, disks: [{}, {path: 'disks/disk0.raw'}]});
  });

  it('of a snapshot, of one that is off, and of one that is saved', async () => {
    const client = await daemon.connect();
    const console = await running(client, 'one');
    await client.request(snapshotCreate, {machine: 'one', name: 'base'});
    await console.type(' more');
    await console.until('more');
    await made(client, {machine: 'one', image: 'then', snapshot: 'base'});
    await client.request(machineSave, {machine: 'one'});
    await made(client, {machine: 'one', image: 'saved'});
    await client.request(machineStart, {machine: 'one'});
    await client.request(machineKill, {machine: 'one'});
    await made(client, {machine: 'one', image: 'off'});
    expect(await find(client, 'off')).toMatchObject({
      machine: {isWarm: false},
      description: 'Boots from its own files.',
    });
    for (const [image, shows] of [
      ['then', 'restored: saved line "half"'],
      ['saved', 'restored: saved line "half more"'],
      ['off', 'booted'],
    ] as const) {
      const {note} = await create(client, `of-${image}`, image);
      expect(note).toBeUndefined();
      const seen = await TestConsole.open(client, `of-${image}`);
      await client.request(machineStart, {machine: `of-${image}`});
      await seen.until(shows);
    }
  });

  it('has a name of its own, is built by no recipe, and is nothing when it is cancelled', async () => {
    const client = await daemon.connect();
    await running(client, 'one');
    const from = (image: string) => client.request(imageFrom, {machine: 'one', image});
    await expect(from('debian-mini')).rejects.toMatchObject({code: 'name-taken'});
    await expect(from('../one')).rejects.toMatchObject({code: 'bad-name'});
    await made(client, {machine: 'one', image: 'base'});
    await expect(from('base')).rejects.toMatchObject({code: 'name-taken'});
    await expect(client.request(imageBuild, {image: 'base'})).rejects.toMatchObject({code: 'bad-request'});
    // A disk that takes a while, so that the job cannot be done before it is cancelled.
    const noise = await daemon.file('noise.raw', randomBytes(96 << 20));
    await daemon.define(client, 'two');
    await client.request(machineAttachDisk, {machine: 'two', disk: {path: noise, format: 'raw'}});
    const {job} = await client.request(imageFrom, {machine: 'two', image: 'other'});
    expect((await client.request(jobCancel, {jobId: job.id})).job.state).toBe('cancelled');
    expect(await readdir(daemon.paths.templates)).toEqual(['base']);
    // What it took for the image is gone again.
    const {folder} = (await client.request(machineShow, {machine: 'one'})).machine;
    expect(await readdir(join(folder, 'memory'))).toEqual([]);
    expect((await readdir(daemon.paths.machines)).filter((name) => name.startsWith('.new-'))).toEqual([]);
  });

  it('that a killed daemon left half-made is swept away, and one that is damaged says so', async () => {
    await mkdir(join(daemon.paths.templates, '.new-x'), {recursive: true});
    await mkdir(join(daemon.paths.templates, 'broken'));
    await writeFile(join(daemon.paths.templates, 'broken/manifest.json'), '{}');
    const client = await daemon.connect();
    expect(await readdir(daemon.paths.templates)).toEqual(['broken']);
    expect(await find(client, 'broken')).toMatchObject({description: expect.stringContaining('cannot be')});
    await expect(create(client, 'one', 'broken')).rejects.toMatchObject({code: 'bad-snapshot'});
    await client.request(imageRemove, {image: 'broken'});
    expect(await find(client, 'broken')).toBeUndefined();
  });
});
