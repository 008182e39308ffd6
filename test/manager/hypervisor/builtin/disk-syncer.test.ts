import {execFileSync} from 'node:child_process';
import {mkdtemp, readdir, readlink, rm, symlink, writeFile} from 'node:fs/promises';
import {createServer, connect as dial, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {DiskSyncer} from '../../../../src/manager/hypervisor/builtin/disk-syncer.js';
import {linkSync} from '../../../../src/manager/hypervisor/builtin/link.js';
import {LinkedSyncer} from '../../../../src/manager/hypervisor/builtin/linked-syncer.js';
import {ManagerError} from '../../../../src/manager/protocol/errors.js';
import {Channel} from '../../../../src/manager/rpc/channel.js';

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
