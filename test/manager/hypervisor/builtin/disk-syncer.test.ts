import {execFileSync} from 'node:child_process';
import {mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile} from 'node:fs/promises';
import {createServer, connect as dial, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {DiskSyncer} from '../../../../src/manager/hypervisor/builtin/disk-syncer.js';
import {linkSync} from '../../../../src/manager/hypervisor/builtin/link.js';
import {LinkedSyncer} from '../../../../src/manager/hypervisor/builtin/linked-syncer.js';
import {ManagerError} from '../../../../src/manager/protocol/errors.js';
import {Channel} from '../../../../src/manager/rpc/channel.js';
import {createImage} from '../../../../src/paravirt/block/create-image.js';
import {openQcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../../../src/paravirt/block/host-file.js';

let folder = '';
let disk = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-syncer-'));
  disk = join(folder, 'disk.raw');
  await writeFile(disk, new Uint8Array(4096));
});
afterEach(() => rm(folder, {recursive: true}));

/** Two ends of a connection: the daemon's and the machine's. */
async function pair(): Promise<{daemon: Channel; machine: Channel}> {
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(join(folder, 'link.sock'), resolve));
  const daemon = new Channel(dial(join(folder, 'link.sock')));
  const machine = new Channel(await accepted);
  server.close();
  return {daemon, machine};
}

const openFiles = async () => {
  const targets = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith(folder));
};

describe('the daemon as syncer', () => {
  it('syncs the disks it was given and no other file', async () => {
    await using syncer = new DiskSyncer();
    await syncer.add(disk);
    await syncer.sync(disk);
    await writeFile(join(folder, 'other'), '');
    await expect(syncer.sync(join(folder, 'other'))).rejects.toMatchObject({code: 'file-not-found'});
  });

  it('holds no file twice, and none when it is through', async () => {
    const syncer = new DiskSyncer();
    await Promise.all([syncer.add(disk), syncer.add(disk)]);
    expect(await openFiles()).toEqual([disk]);
    const late = join(folder, 'late');
    await writeFile(late, '');
    const adding = syncer.add(late);
    await syncer[Symbol.asyncDispose]();
    await adding;
    await syncer.add(late);
    expect(await openFiles()).toEqual([]);
  });

  it('opens neither pipes nor links, and waits for nothing', async () => {
    await using syncer = new DiskSyncer();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await symlink(disk, join(folder, 'link'));
    for (const path of [pipe, join(folder, 'link'), join(folder, 'missing'), folder]) {
      await syncer.add(path);
      await expect(syncer.sync(path)).rejects.toMatchObject({code: 'file-not-found'});
    }
    expect(await openFiles()).toEqual([]);
  });

  it('holds disks open and lets go of them at the end', async () => {
    const syncer = new DiskSyncer();
    await syncer.add(disk);
    await syncer.add(disk);
    expect(await openFiles()).toEqual([disk]);
    await syncer[Symbol.asyncDispose]();
    expect(await openFiles()).toEqual([]);
  });

  it('does many syncs, two at a time', async () => {
    await using syncer = new DiskSyncer();
    await syncer.add(disk);
    await Promise.all(Array.from({length: 20}, () => syncer.sync(disk)));
  });
});

describe('a machine process that asks', () => {
  it('is answered over its connection, and told errors of the disk', async () => {
    const {daemon, machine} = await pair();
    let failure: ManagerError | undefined;
    const asked: string[] = [];
    daemon.handle(linkSync, async ({path}) => {
      asked.push(path);
      if (failure !== undefined) throw failure;
      return {};
    });
    daemon.listen();
    machine.listen();
    const syncer = new LinkedSyncer(() => machine);
    await syncer.sync(disk);
    expect(asked).toEqual([disk]);
    failure = new ManagerError('storage-failed', 'It broke.', 'Replace it.');
    await expect(syncer.sync(disk)).rejects.toMatchObject({code: 'io'});
    failure = new ManagerError('disk-full', 'It is full.', 'Free some.');
    await expect(syncer.sync(disk)).rejects.toMatchObject({code: 'no-space'});
    expect(syncer.isThere).toBe(true);
    daemon[Symbol.dispose]();
    machine[Symbol.dispose]();
  });

  it('knows when the daemon goes, also in the middle of an answer', async () => {
    const {daemon, machine} = await pair();
    daemon.handle(linkSync, async () => {
      daemon[Symbol.dispose]();
      return {};
    });
    daemon.listen();
    machine.listen();
    const syncer = new LinkedSyncer(() => machine);
    await expect(syncer.sync(disk)).rejects.toMatchObject({code: 'unavailable'});
    expect(syncer.isThere).toBe(false);
    expect(new LinkedSyncer(() => undefined).isThere).toBe(false);
    machine[Symbol.dispose]();
  });

  it('does not ask a daemon of an older version twice', async () => {
    const {daemon, machine} = await pair();
    daemon.listen();
    machine.listen();
    const syncer = new LinkedSyncer(() => machine);
    await expect(syncer.sync(disk)).rejects.toMatchObject({code: 'unavailable'});
    expect(syncer.isThere).toBe(false);
    daemon[Symbol.dispose]();
    machine[Symbol.dispose]();
  });
});

describe('holes', () => {
  const blocks = async (path: string) => (await stat(path)).blocks * 512;
  const range = [{position: 1 << 20, length: 2 << 20}];

  it('are given back to the host for disks of the machine, and for no file in their place', async () => {
    await writeFile(disk, new Uint8Array(4 << 20).fill(7));
    await using syncer = new DiskSyncer();
    await syncer.add(disk);
    const before = await blocks(disk);
    await syncer.punch(disk, range);
    expect(before - (await blocks(disk))).toBeGreaterThanOrEqual(2 << 20);
    const bytes = await readFile(disk);
    expect([bytes.length, bytes[1 << 20], bytes[(3 << 20) - 1], bytes[3 << 20]]).toEqual([4 << 20, 0, 0, 7]);
    // Another file under the same name.
    await rm(disk);
    await writeFile(disk, new Uint8Array(4 << 20).fill(8));
    await syncer.punch(disk, range);
    expect((await readFile(disk))[1 << 20]).toBe(8);
    await expect(syncer.punch(join(folder, 'other'), range)).rejects.toMatchObject({code: 'file-not-found'});
  });

  it('appear in an image when its guest discards, and clusters are used again', async () => {
    const path = join(folder, 'disk.qcow2');
    await createImage(path, 'qcow2', {sizeBytes: 64 << 20});
    const image = await openQcow2(await HostFile.open(path, false), {isReadOnly: false});
    const chunk = new Uint8Array(1 << 20).fill(5);
    for (let at = 0; at < 32 << 20; at += chunk.length) await image.writev([chunk], at);
    await image.flush();
    const full = await blocks(path);
    await image.discard(4 << 20, 24 << 20);
    await image.flush();
    await image.settle();
    expect(full - (await blocks(path))).toBeGreaterThanOrEqual(20 << 20);
    const size = (await stat(path)).size;
    for (let at = 4 << 20; at < 28 << 20; at += chunk.length) await image.writev([chunk], at);
    await image[Symbol.asyncDispose]();
    // In the old places, not behind them.
    expect((await stat(path)).size).toBeLessThanOrEqual(size + (8 << 20));
    const again = await openQcow2(await HostFile.open(path, true), {isReadOnly: true});
    const back = new Uint8Array(32 << 20);
    await again.readv([back], 0);
    expect(back.every((byte) => byte === 5)).toBe(true);
    await again[Symbol.asyncDispose]();
  });
});
