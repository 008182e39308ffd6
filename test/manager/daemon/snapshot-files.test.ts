import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdir, readdir, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {encodeDigest, type Manifest} from '../../../src/manager/archive/manifest.js';
import {encodeTarHeader, paddingOf} from '../../../src/manager/archive/tar-header.js';
import type {Client} from '../../../src/manager/client.js';
import {jobCancel, jobWait} from '../../../src/manager/protocol/job.js';
import {
  machineCreate,
  machineFork,
  machineKill,
  machineList,
  machineRemove,
  machineShow,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotList, snapshotScreen} from '../../../src/manager/protocol/snapshot.js';
import {snapshotExport, snapshotImport} from '../../../src/manager/protocol/snapshot-file.js';
import {openChain, resolveChain} from '../../../src/paravirt/block/chain.js';
import {createImage} from '../../../src/paravirt/block/create-image.js';
import {eventKinds, TestConsole, TestDaemon} from '../../support/daemon.js';
import {writeScriptedState} from '../../support/scripted-state.js';
import {SeededRandom} from '../../support/seeded-random.js';

let daemon: TestDaemon;
let other: TestDaemon;

beforeEach(async () => {
  daemon = await TestDaemon.create();
  other = await TestDaemon.create();
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

/** A machine with a written disk of each kind, which has a snapshot. */
async function snapshotted(client: Client): Promise<void> {
  const content = Buffer.alloc(1 << 20);
  content.write('on the raw disk', 300_000);
  const rawPath = await daemon.file('attached.raw', content);
  const boot = {
    kind: 'linux' as const,
    kernelPath: join(daemon.folder, 'kernel'),
    initrdPath: await daemon.file('initrd', 'an initrd'),
  };
  await client.request(machineCreate, {
    ...{name: 'one', boot, memoryBytes: 64 << 20, hartCount: 2},
    disks: [
      {path: rawPath, format: 'raw'},
      {newSizeBytes: 8 << 20, format: 'qcow2'},
      {path: await daemon.file('install.iso', content), format: 'raw', isReadOnly: true},
    ],
  });
  await client.request(machineStart, {machine: 'one'});
  const console = await TestConsole.open(client, 'one');
  await console.type('saves whole\nhalf');
  await console.until('half');
  await client.request(snapshotCreate, {machine: 'one', name: 'base', note: 'before\nthe change'});
}

async function exported(client: Client, path = join(daemon.folder, 'out.tar')): Promise<string> {
  const {job} = await client.request(snapshotExport, {machine: 'one', snapshot: 'base', path});
  expect((await client.request(jobWait, {jobId: job.id})).job).toMatchObject({state: 'done'});
  return path;
}

async function importing(client: Client, path: string, name?: string) {
  const {job, machineId} = await client.request(snapshotImport, {path, ...(name === undefined ? {} : {name})});
  return {job: (await client.request(jobWait, {jobId: job.id})).job, machineId};
}

describe('a snapshot as a file', () => {
  it('restores in another home after the machine is gone: memory, disks, kernel, screen and the tree', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const path = await exported(client);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await client.request(machineKill, {machine: 'one'});
    await client.request(machineRemove, {machine: 'one'});
    for (const gone of ['attached.raw', 'install.iso', 'initrd', 'kernel']) await rm(join(daemon.folder, gone));

    const there = await other.connect();
    const {job, machineId} = await importing(there, path);
    expect(job).toMatchObject({state: 'done', kind: 'snapshot-import'});
    const {machine} = await there.request(machineShow, {machine: machineId});
    expect(machine).toMatchObject({
      name: 'one',
      state: 'saved',
      config: {
        memoryBytes: 64 << 20,
        hartCount: 2,
        disks: [{isReadOnly: false}, {isReadOnly: false}, {isReadOnly: true}],
      },
    });
    expect(await readFile(join(machine.folder, 'boot/initrd'), 'utf8')).toBe('an initrd');
    const {snapshots} = await there.request(snapshotList, {machine: 'one'});
    expect(snapshots).toMatchObject([{name: 'base', note: 'before the change', kind: 'snapshot', isCurrent: true}]);
    const {screen} = await there.request(snapshotScreen, {machine: 'one', snapshot: 'base'});
    expect(screen).toContain('saves whole');

    const console = await TestConsole.open(there, 'one');
    // What was on the screen is seen before the guest says anything.
    await console.until('saves whole');
    await there.request(machineStart, {machine: 'one'});
    await console.until('restored: saved line "half"');
    // Its layers lie over frozen images, so that the snapshot stays as it is.
    const [raw] = (await there.request(machineShow, {machine: 'one'})).machine.config!.disks;
    expect(await textOf(join(machine.folder, raw!.path), 300_000, 15)).toBe('on the raw disk');
    // What comes later goes on as ever: forks have the boot files as well.
    await there.request(machineFork, {machine: 'one', name: 'two', snapshot: 'base'});
    await there.request(machineKill, {machine: 'one'});
    await there.request(machineRemove, {machine: 'one'});
    await there.request(machineKill, {machine: 'two'});
    await there.request(machineStart, {machine: 'two', from: 'boot'});
    expect(await eventKinds(there)).toContain('snapshot-imported');
    expect(await eventKinds(client)).toContain('snapshot-exported');
  });

  it('is a tar archive whose checksums other programs can check', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const path = await exported(client);
    const listed = await tar(['-tvf', path]);
    expect(
      listed
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(' ').at(-1)),
    ).toEqual([
      ...['manifest.json', 'manifest.sha256', 'screen', 'memory.state', 'kernel', 'initrd'],
      ...['disk0.qcow2', 'disk1.qcow2', 'disk2.qcow2'],
    ]);
    const folder = join(daemon.folder, 'unpacked');
    await mkdir(folder);
    await tar(['-xf', path, '-C', folder]);
    const {parts} = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    for (const {name, sizeBytes, sha256} of parts) {
      const content = await readFile(join(folder, name));
      expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([sizeBytes, sha256]);
    }
  });

  it('gets a free name, or the one that is asked for', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const path = await exported(client);
    const {machineId} = await importing(client, path);
    expect((await client.request(machineShow, {machine: machineId})).machine.name).toMatch(/^[a-z]+-[a-z]+$/);
    await importing(client, path, 'three');
    expect((await client.request(machineShow, {machine: 'three'})).machine.state).toBe('saved');
    expect((await importing(client, path, 'three')).job).toMatchObject({state: 'failed', error: {code: 'name-taken'}});
    await expect(client.request(snapshotImport, {path, name: '../x'})).rejects.toMatchObject({code: 'bad-name'});
  });

  it('is written once to a new path, and a wrong one is told at once', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const request = (path: string, snapshot = 'base') =>
      client.request(snapshotExport, {machine: 'one', snapshot, path});
    await expect(request('out.tar')).rejects.toMatchObject({code: 'bad-request'});
    await expect(request(join(daemon.folder, 'none/out.tar'))).rejects.toMatchObject({code: 'file-not-found'});
    await expect(request(join(daemon.folder, 'out.tar'), 'other')).rejects.toMatchObject({code: 'snapshot-not-found'});
    const path = await exported(client);
    await expect(request(path)).rejects.toMatchObject({message: `${path} exists already.`});
    expect(await leftovers()).toEqual([]);
  });

  it('that is cancelled leaves nothing', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const path = join(daemon.folder, 'out.tar');
    const {job} = await client.request(snapshotExport, {machine: 'one', snapshot: 'base', path});
    const ended = (await client.request(jobCancel, {jobId: job.id})).job;
    expect(ended).toMatchObject({state: 'cancelled', error: {code: 'cancelled'}});
    expect(await leftovers()).toEqual([]);
  });

  it('is refused when it is damaged or cut off, and nothing is left', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const content = await readFile(await exported(client));
    const there = await other.connect();
    const random = new SeededRandom(200);
    for (let round = 0; round < 30; round++) {
      // `test/manager/archive` looks at more places; half of these are where headers and the manifest are.
      const at = random.below(round % 2 === 0 ? 8192 : content.length);
      const bytes = round % 5 === 0 ? content.subarray(0, at) : Buffer.from(content);
      if (round % 5 !== 0) bytes[at] = bytes[at]! ^ (1 << random.below(8));
      const path = await daemon.file(`damaged-${round}`, bytes);
      const outcome = await importing(there, path, 'it').catch((thrown: unknown) => thrown);
      const {machines} = await there.request(machineList, {});
      if (machines.length === 0) {
        const error = outcome instanceof Error ? outcome : (outcome as Awaited<ReturnType<typeof importing>>).job.error;
        expect(error).toMatchObject({code: 'bad-snapshot', message: expect.stringContaining(path)});
      } else {
        // Only zeros between parts were touched.
        expect(machines).toMatchObject([{name: 'it', state: 'saved'}]);
        await there.request(machineRemove, {machine: 'it'});
      }
      expect(await readdir(other.paths.machines)).toEqual([]);
      await rm(path);
    }
  });

  it('whose checksums are right is refused for what it holds, by name', async () => {
    const client = await daemon.connect();
    await snapshotted(client);
    const content = await readFile(await exported(client));
    const there = await other.connect();
    const overlay = join(daemon.folder, 'overlay.qcow2');
    await createImage(overlay, 'qcow2', {sizeBytes: 8 << 20, backing: {path: '/etc/passwd', format: 'raw'}});
    const smaller = join(daemon.folder, 'smaller.qcow2');
    await createImage(smaller, 'qcow2', {sizeBytes: 4 << 20});
    const state = join(daemon.folder, 'state');
    await writeScriptedState(state, 'x', {memoryBytes: 32 << 20, hartCount: 2});
    const cases: [change: Parameters<typeof repacked>[1], code: string, says: RegExp][] = [
      [
        {parts: {'disk1.qcow2': await readFile(overlay)}},
        'bad-disk',
        /disk1\.qcow2 cannot be used: it stands on another/,
      ],
      [{parts: {'disk1.qcow2': await readFile(smaller)}}, 'bad-disk', /another size/],
      [{parts: {'disk1.qcow2': Buffer.alloc(65_536)}}, 'bad-disk', /disk1\.qcow2/],
      [{parts: {'memory.state': await readFile(state)}}, 'bad-snapshot', /another memory size/],
      [{parts: {'memory.state': Buffer.from('saved line')}}, 'bad-snapshot', /no saved machine/],
      [{parts: {kernel: Buffer.alloc(4096)}}, 'bad-kernel', /cannot be used: The file is not a kernel/],
      [{manifest: (it) => ({...it, version: 2})}, 'bad-snapshot', /newer Vivarium \(format 2, this one knows 1\)/],
      [{manifest: (it) => ({...it, format: 'other'})}, 'bad-snapshot', /holds no machine/],
      [{manifest: (it) => ({...it, machine: {...it.machine, name: '../x'}})}, 'bad-snapshot', /machine\.name/],
      [
        {manifest: (it) => ({...it, machine: {...it.machine, memoryBytes: 2 ** 39}})},
        'not-enough-memory',
        /the host has/,
      ],
      [{names: {kernel: '../kernel'}}, 'bad-snapshot', /climbs/],
      [{names: {initrd: 'other'}}, 'bad-snapshot', /"other" where initrd belongs/],
      [{extra: 'more'}, 'bad-snapshot', /more than its manifest says/],
    ];
    for (const [change, code, says] of cases) {
      const path = await daemon.file('changed.tar', repacked(content, change));
      const outcome = await importing(there, path).catch((thrown: unknown) => thrown);
      const error = outcome instanceof Error ? outcome : (outcome as Awaited<ReturnType<typeof importing>>).job.error;
      expect(error).toMatchObject({code, message: expect.stringMatching(says)});
      if (code !== 'not-enough-memory') expect(error).toMatchObject({message: expect.stringContaining(path)});
      expect(await readdir(other.paths.machines)).toEqual([]);
    }
    const none = await daemon.file('none', 'hello');
    await expect(importing(there, none)).rejects.toMatchObject({code: 'bad-snapshot'});
    await expect(importing(there, join(daemon.folder, 'missing'))).rejects.toMatchObject({code: 'file-not-found'});
  });
});

interface Change {
  readonly parts?: Readonly<Record<string, Buffer>>;
  readonly names?: Readonly<Record<string, string>>;
  readonly manifest?: (manifest: Manifest) => object;
  readonly extra?: string;
}

/** The archive with something else in it, and sums that fit. */
function repacked(content: Buffer, {parts = {}, names = {}, manifest: edit = (it) => it, extra}: Change): Buffer {
  const members = new Map<string, Buffer>();
  for (let at = 0; content[at] !== 0; ) {
    const size = Number.parseInt(content.toString('latin1', at + 124, at + 135), 8);
    const name = content.toString('latin1', at, content.indexOf(0, at));
    members.set(name, parts[name] ?? content.subarray(at + 512, at + 512 + size));
    at += 512 + size + paddingOf(size);
  }
  const old: Manifest = JSON.parse(members.get('manifest.json')!.toString());
  const sums = old.parts.map(({name}) => ({
    name,
    sizeBytes: members.get(name)!.length,
    sha256: createHash('sha256').update(members.get(name)!).digest('hex'),
  }));
  const manifest = Buffer.from(JSON.stringify(edit({...old, parts: sums})));
  members.set('manifest.json', manifest);
  members.set('manifest.sha256', encodeDigest(manifest));
  if (extra !== undefined) members.set(extra, Buffer.from('x'));
  const blocks = [...members].map(([name, body]) =>
    Buffer.concat([encodeTarHeader(names[name] ?? name, body.length, 0), body, Buffer.alloc(paddingOf(body.length))]),
  );
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

async function tar(args: readonly string[]): Promise<string> {
  return (await promisify(execFile)('tar', [...args])).stdout;
}

/** Bytes of a disk as text. */
async function textOf(path: string, at: number, length: number): Promise<string> {
  await using disk = await openChain(await resolveChain(path, 'qcow2', {allowedFolders: []}), true);
  const start = at - (at % 512);
  const bytes = Buffer.alloc(Math.ceil((at + length - start) / 512) * 512);
  await disk.readv([bytes], start);
  return bytes.toString('latin1', at - start, at - start + length);
}

/** What unfinished work would leave. */
async function leftovers(): Promise<string[]> {
  const entries = [...(await readdir(daemon.folder)), ...(await readdir(daemon.paths.machines))];
  return entries.filter((entry) => entry.startsWith('.new-'));
}
