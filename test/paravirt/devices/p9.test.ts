import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {IN_FLIGHT_MAX, P9Device} from '../../../src/paravirt/devices/p9.js';
import {LocalDeputy} from '../../../src/paravirt/share/deputy.js';
import {ERRNO} from '../../../src/paravirt/share/errno.js';
import {FIDS_MAX, Fids, OPEN_MAX} from '../../../src/paravirt/share/fids.js';
import {PatientTransfers} from '../../../src/paravirt/share/file-transfers.js';
import {DEPTH_MAX, HostFolder} from '../../../src/paravirt/share/host-folder.js';
import {MessageWriter} from '../../../src/paravirt/share/message.js';
import {OpenFolder} from '../../../src/paravirt/share/open-file.js';
import {ENTRIES_MAX, LISTED_NAMES_MAX, readdir} from '../../../src/paravirt/share/operations/folders.js';
import {WALK_NAMES_MAX} from '../../../src/paravirt/share/operations/handles.js';
import {MESSAGE_BYTES_MAX, REQUEST_BYTES_MAX} from '../../../src/paravirt/share/server.js';
import {ShareError} from '../../../src/paravirt/share/share-error.js';
import {NO_FID, P9Client, T, text, u8, u32, u64} from '../../support/p9-client.js';

let base: string;
let shared: string;
let outside: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'viv-p9-'));
  shared = join(base, 'shared');
  outside = join(base, 'outside');
  mkdirSync(join(shared, 'folder', 'deeper'), {recursive: true});
  mkdirSync(outside);
  writeFileSync(join(shared, 'file'), 'hello');
  writeFileSync(join(shared, 'folder', 'inner'), 'within');
  writeFileSync(join(outside, 'secret'), 'secret');
});
afterEach(() => rmSync(base, {recursive: true}));

const reading = () => new P9Client({path: shared}).begin();
const writing = () => new P9Client({path: shared, isReadOnly: false}).begin();

describe('a share that is read', () => {
  it('tells its tag in the configuration space', () => {
    const {driver} = new P9Client({path: shared, tag: 'work'});
    expect(driver.config(0, 2)).toBe(4);
    expect([0, 1, 2, 3].map((at) => String.fromCharCode(driver.config(2 + at, 1))).join('')).toBe('work');
  });

  it("gives a file's bytes from any position", async () => {
    const client = await reading();
    await client.walk(0, 1, 'folder', 'inner');
    await client.open(1);
    expect(await client.read(1, 0, 100)).toEqual(Buffer.from('within'));
    expect(await client.read(1, 4, 1)).toEqual(Buffer.from('i'));
    expect(await client.read(1, 6, 10)).toEqual(Buffer.alloc(0));
  });

  it('cuts a read to the room that the driver left, whatever it asked for', async () => {
    const client = await reading();
    await client.walk(0, 1, 'file');
    await client.open(1);
    const reply = await client.call(T.READ, [u32(1), u64(0), u32(1000)], 13);
    expect(reply.body).toEqual(Buffer.concat([u32(2), Buffer.from('he')]));
  });

  it("shows attributes, and the host's user as root", async () => {
    chmodSync(join(shared, 'file'), 0o640);
    const client = await reading();
    await client.walk(0, 1, 'file');
    expect(await client.attributes(1)).toMatchObject({
      ...{mode: 0o100640, user: 0, group: 0, size: 5, bodyBytes: 153},
      mtime: Math.floor(statSync(join(shared, 'file')).mtimeMs / 1000),
    });
  });

  it('lists a folder in pieces that leave nothing out', async () => {
    for (let i = 0; i < 300; i++) writeFileSync(join(shared, 'folder', `name${i}`), '');
    const client = await reading();
    await client.walk(0, 1, 'folder');
    await client.open(1);
    const names: string[] = [];
    for (let cookie = 0; ; ) {
      const entries = await client.entries(1, cookie, 512);
      if (typeof entries === 'number' || entries.length === 0) break;
      names.push(...entries.map(({name}) => name));
      cookie = entries.at(-1)!.cookie;
    }
    expect(names.length).toBe(304);
    expect(new Set(names)).toEqual(
      new Set(['.', '..', 'deeper', 'inner', ...Array.from({length: 300}, (_, i) => `name${i}`)]),
    );
  });

  it('refuses everything that would change something', async () => {
    const client = await reading();
    await client.walk(0, 1, 'file');
    const answers = [
      await client.create(0, 'new'),
      await client.open(1, 1),
      await client.open(1, 0o1000),
      await client.call(T.MKDIR, [u32(0), text('new'), u32(0o755), u32(0)]),
      await client.call(T.UNLINKAT, [u32(0), text('file'), u32(0)]),
      await client.call(T.RENAMEAT, [u32(0), text('file'), u32(0), text('other')]),
      await client.call(T.SYMLINK, [u32(0), text('new'), text('file'), u32(0)]),
      await client.call(T.LINK, [u32(0), u32(1), text('new')]),
      await client.call(T.SETATTR, [u32(1), u32(1), u32(0), u32(0), u32(0), ...Array(5).fill(u64(0))]),
      await client.write(1, 0, Buffer.from('x')),
    ];
    expect(answers.map(({errno}) => errno)).toEqual(answers.map(() => ERRNO.EROFS));
    expect(readFileSync(join(shared, 'file'), 'utf8')).toBe('hello');
  });
});

describe('what lies outside of a shared folder', () => {
  it('is not reached by names that are paths', async () => {
    const client = await reading();
    for (const name of ['../outside', '/etc', 'folder/inner', '.', ''])
      expect((await client.walk(0, 1, name)).errno, name).toBe(ERRNO.EINVAL);
    expect((await client.walk(0, 1, Buffer.from('a\0b'))).errno).toBe(ERRNO.EINVAL);
  });

  it('is not above it: the parent of the shared folder is itself', async () => {
    const client = await reading();
    const reply = await client.walk(0, 1, '..', '..', 'file');
    expect(reply.body.readUInt16LE()).toBe(3);
    await client.open(1);
    expect(await client.read(1, 0, 10)).toEqual(Buffer.from('hello'));
  });

  it("is not behind symbolic links, which are the guest's to follow", async () => {
    symlinkSync(outside, join(shared, 'way'));
    symlinkSync(join(outside, 'secret'), join(shared, 'link'));
    const client = await reading();
    // The link itself is there, and nothing below it.
    expect((await client.walk(0, 1, 'way', 'secret')).body.readUInt16LE()).toBe(1);
    await client.walk(0, 2, 'link');
    expect((await client.open(2)).errno).toBe(ERRNO.ENXIO);
    expect((await client.call(T.READLINK, [u32(2)])).body.subarray(2).toString()).toBe(join(outside, 'secret'));
  });

  it('is not reached when a folder becomes a link under a handle', async () => {
    const client = await writing();
    await client.walk(0, 1, 'folder');
    await client.walk(0, 2, 'folder', 'inner');
    renameSync(join(shared, 'folder'), join(base, 'away'));
    symlinkSync(outside, join(shared, 'folder'));
    writeFileSync(join(outside, 'inner'), 'secret');
    expect((await client.walk(1, 3, 'secret')).errno).toBe(ERRNO.ESTALE);
    expect((await client.open(2)).errno).toBe(ERRNO.ESTALE);
    expect((await client.create(1, 'planted')).errno).toBe(ERRNO.ESTALE);
    expect(existsSync(join(outside, 'planted'))).toBe(false);
  });

  it('is not written through a link that takes the place of a file', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    rmSync(join(shared, 'file'));
    symlinkSync(join(outside, 'secret'), join(shared, 'file'));
    expect((await client.open(1, 0o1001)).errno).toBe(ERRNO.ESTALE);
    expect((await client.create(0, 'file', 0o644, 0o1001)).errno).toBe(ERRNO.ELOOP);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  it('is not what a shared folder that was exchanged has become', async () => {
    const client = await reading();
    renameSync(shared, join(base, 'old'));
    symlinkSync(outside, shared);
    expect((await client.walk(0, 1, 'secret')).errno).toBe(ERRNO.ESTALE);
  });

  it('is not moved in or out', async () => {
    const client = await writing();
    symlinkSync(outside, join(shared, 'way'));
    expect((await client.walk(0, 1, 'way')).errno).toBeUndefined();
    for (const [fid, newFid] of [
      [0, 1],
      [1, 0],
    ] as const)
      expect((await client.call(T.RENAMEAT, [u32(fid), text('file'), u32(newFid), text('x')])).errno).toBe(
        ERRNO.ENOTDIR,
      );
    expect((await client.call(T.RENAMEAT, [u32(0), text('file'), u32(0), text('../x')])).errno).toBe(ERRNO.EINVAL);
  });

  it('is where the process stands again after every request', async () => {
    const before = process.cwd();
    const client = await reading();
    await client.walk(0, 1, 'folder', 'nothing');
    await client.walk(0, 1, 'folder', 'deeper');
    expect(process.cwd()).toBe(before);
  });
});

describe('a share that may be written', () => {
  it('makes, fills and syncs a file', async () => {
    const client = await writing();
    await client.walk(0, 1);
    await client.create(1, 'new', 0o4664);
    expect((await client.write(1, 3, Buffer.from('abc'))).body).toEqual(u32(3));
    expect((await client.call(T.FSYNC, [u32(1), u32(0)])).errno).toBeUndefined();
    expect(readFileSync(join(shared, 'new'))).toEqual(Buffer.from('\0\0\0abc'));
    // Without set-user-id: it would act for the host's user.
    expect(statSync(join(shared, 'new')).mode & 0o7777).toBe(0o664);
  });

  it('sets mode, size and times', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    const valid = 0x1 | 0x8 | 0x20 | 0x100;
    const set = [u32(1), u32(valid), u32(0o6751), u32(0), u32(0), u64(2), u64(0), u64(0), u64(1_000_000), u64(0)];
    expect((await client.call(T.SETATTR, set)).errno).toBeUndefined();
    const stat = statSync(join(shared, 'file'));
    expect([stat.mode & 0o7777, stat.size, stat.mtimeMs]).toEqual([0o751, 2, 1e9]);
  });

  it('lets files keep their owner, and nothing else', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    const chown = (user: number) =>
      client.call(T.SETATTR, [u32(1), u32(2), u32(0), u32(user), u32(0), ...Array(5).fill(u64(0))]);
    expect((await chown(0)).errno).toBeUndefined();
    expect((await chown(4242)).errno).toBe(ERRNO.EPERM);
  });

  it('moves files between folders, and handles go with them', async () => {
    const client = await writing();
    await client.walk(0, 1, 'folder');
    await client.walk(0, 2, 'folder', 'deeper');
    await client.walk(0, 3, 'folder', 'inner');
    expect((await client.call(T.RENAMEAT, [u32(1), text('inner'), u32(2), text('moved')])).errno).toBeUndefined();
    expect((await client.call(T.RENAMEAT, [u32(0), text('folder'), u32(0), text('renamed')])).errno).toBeUndefined();
    expect(readFileSync(join(shared, 'renamed', 'deeper', 'moved'), 'utf8')).toBe('within');
    await client.open(3);
    expect(await client.read(3, 0, 10)).toEqual(Buffer.from('within'));
  });

  it('links within a folder and between folders', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    await client.walk(0, 2, 'folder');
    expect((await client.call(T.LINK, [u32(0), u32(1), text('twin')])).errno).toBeUndefined();
    expect((await client.call(T.LINK, [u32(2), u32(1), text('third')])).errno).toBeUndefined();
    expect((await client.call(T.SYMLINK, [u32(2), text('soft'), text('/nowhere'), u32(0)])).errno).toBeUndefined();
    expect(statSync(join(shared, 'file')).nlink).toBe(3);
    expect(readlinkSync(join(shared, 'folder', 'soft'))).toBe('/nowhere');
  });

  it('removes files and folders, each in its own way', async () => {
    const client = await writing();
    await client.walk(0, 1, 'folder');
    const unlink = (fid: number, name: string, flags: number) =>
      client.call(T.UNLINKAT, [u32(fid), text(name), u32(flags)]);
    expect((await unlink(1, 'deeper', 0)).errno).toBe(ERRNO.EISDIR);
    expect((await unlink(0, 'folder', 0x200)).errno).toBe(ERRNO.ENOTEMPTY);
    await unlink(1, 'deeper', 0x200);
    await unlink(1, 'inner', 0);
    expect((await unlink(0, 'folder', 0x200)).errno).toBeUndefined();
    expect(existsSync(join(shared, 'folder'))).toBe(false);
    expect((await client.walk(1, 2, 'inner')).errno).toBe(ERRNO.ENOENT);
  });

  it('keeps a file that was removed for whoever has it open', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    await client.open(1, 2);
    await client.call(T.UNLINKAT, [u32(0), text('file'), u32(0)]);
    expect(await client.read(1, 0, 10)).toEqual(Buffer.from('hello'));
    expect(await client.attributes(1)).toMatchObject({size: 5});
    // The next of that name is another file, even where the host gives it the same inode.
    writeFileSync(join(shared, 'file'), 'another');
    await client.walk(0, 2, 'file');
    await client.open(2);
    expect(await client.read(2, 0, 10)).toEqual(Buffer.from('another'));
  });

  it('makes no devices, pipes or sockets', async () => {
    const client = await writing();
    const reply = await client.call(T.MKNOD, [u32(0), text('x'), u32(0o20666), u32(1), u32(3), u32(0)]);
    expect(reply.errno).toBe(ERRNO.EPERM);
  });

  it('answers locks as granted, and extended attributes as unknown', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    expect((await client.call(T.LOCK, [u32(1), u8(1), u32(0), u64(0), u64(0), u32(1), text('g')])).body).toEqual(u8(0));
    expect((await client.call(T.GETLOCK, [u32(1), u8(1), u64(0), u64(0), u32(1), text('g')])).body[0]).toBe(2);
    expect((await client.call(T.XATTRWALK, [u32(1), u32(2), text('')])).errno).toBe(ERRNO.EOPNOTSUPP);
  });
});

describe('the bounds of a share', () => {
  it('walks at most 16 names', async () => {
    const client = await reading();
    const names = Array.from({length: WALK_NAMES_MAX}, () => '..');
    expect((await client.walk(0, 1, ...names)).errno).toBeUndefined();
    expect((await client.walk(0, 2, ...names, '..')).errno).toBe(ERRNO.EINVAL);
  });

  it('goes down at most 64 folders', async () => {
    const names = Array.from({length: DEPTH_MAX + 1}, () => 'd');
    mkdirSync(join(shared, ...names), {recursive: true});
    const client = await reading();
    await client.walk(0, 1);
    for (let i = 0; i < DEPTH_MAX; i++) expect((await client.walk(1, 1, 'd')).errno).toBeUndefined();
    expect((await client.walk(1, 1, 'd')).errno).toBe(ERRNO.ENAMETOOLONG);
  });

  it('has at most 512 files open', async () => {
    const client = await reading();
    for (let fid = 1; fid <= OPEN_MAX + 1; fid++) await client.walk(0, fid, 'file');
    for (let fid = 1; fid <= OPEN_MAX; fid++) expect((await client.open(fid)).errno).toBeUndefined();
    expect((await client.open(OPEN_MAX + 1)).errno).toBe(ERRNO.EMFILE);
    await client.clunk(1);
    expect((await client.open(OPEN_MAX + 1)).errno).toBeUndefined();
    await client[Symbol.asyncDispose]();
  });

  it('lists at most 1024 entries in one reply', async () => {
    for (let i = 0; i < ENTRIES_MAX; i++) writeFileSync(join(shared, 'folder', `${i}`), '');
    const client = await new P9Client({path: shared}).begin(1 << 20);
    await client.walk(0, 1, 'folder');
    await client.open(1);
    const entries = await client.entries(1, 0, 40_000);
    expect(entries).toHaveLength(ENTRIES_MAX);
  });

  it('keeps a bounded number of names for folders that are being read', () => {
    const folder = HostFolder.open(shared, true);
    const fids = new Fids();
    const deputy = new LocalDeputy(folder);
    const share = {folder, fids, deputy, files: new PatientTransfers(), listedNames: LISTED_NAMES_MAX - 4};
    fids.opened(fids.add(0, folder.root.hold()), new OpenFolder());
    const exchange = {reply: new MessageWriter(4096), takeRoom: () => [], takeData: () => [], filled: () => {}};
    const list = () => readdir.run(share, {fid: 0, cookie: 0, count: 4096}, exchange);
    list();
    writeFileSync(join(shared, 'one-more'), '');
    expect(list).toThrow(new ShareError(ERRNO.ENOMEM));
  });

  it('has a bounded number of handles', () => {
    const fids = new Fids();
    const place = HostFolder.open(shared, true).root;
    for (let fid = 0; fid < FIDS_MAX; fid++) {
      fids.checkFree(fid);
      fids.add(fid, place.hold());
    }
    expect(() => fids.checkFree(FIDS_MAX)).toThrow(new ShareError(ERRNO.ENFILE));
  });

  it('has 64 requests wait for the host at once, and takes the others when those are done', async () => {
    const done = Promise.withResolvers<number>();
    let asked = 0;
    const perform = () => {
      asked++;
      return done.promise;
    };
    const client = await new P9Client({path: shared, isReadOnly: false, deputy: {perform}}).begin();
    const queue = client.driver.queues[0]!;
    const request = Buffer.concat([u32(15), u8(T.FSYNC), u32(0), u32(0), u32(0)]).subarray(0, 15);
    request.writeUInt16LE(1, 5);
    queue.rewind();
    for (let i = 0; i < 2; i++) queue.add({read: request}, {write: 11});
    for (let i = 2; i <= IN_FLIGHT_MAX; i++) {
      const at = queue.allocate(27);
      client.driver.memory.bytes(at, 15)!.set(request);
      const table = queue.allocate(32);
      queue.writeDescriptor(table, 0, {address: at, length: 15, flags: 1, next: 1});
      queue.writeDescriptor(table, 1, {address: at + 16, length: 11, flags: 2});
      queue.writeDescriptor(queue.descriptors, i + 2, {address: table, length: 32, flags: 4});
      queue.publish(i + 2);
    }
    client.driver.notify(0);
    expect(asked).toBe(IN_FLIGHT_MAX);
    done.resolve(0);
    await client.driver.host.hold();
    client.driver.host.release();
    await client.driver.host.hold();
    expect([asked, queue.takeAllUsed().length]).toEqual([IN_FLIGHT_MAX + 1, IN_FLIGHT_MAX + 1]);
  });

  it('agrees on no larger messages than it takes', async () => {
    const client = new P9Client({path: shared});
    const reply = await client.call(T.VERSION, [u32(2 ** 31), text('9P2000.L')]);
    expect(reply.body.readUInt32LE()).toBe(MESSAGE_BYTES_MAX);
    expect((await client.call(T.VERSION, [u32(4095), text('9P2000.L')])).errno).toBe(ERRNO.EINVAL);
  });

  it('takes requests up to a size', async () => {
    const client = await reading();
    const body = (length: number) => [Buffer.alloc(length)];
    expect((await client.call(T.CLUNK, body(REQUEST_BYTES_MAX))).errno).toBeUndefined();
    await client.begin();
    expect((await client.call(T.CLUNK, body(REQUEST_BYTES_MAX + 1))).errno).toBe(ERRNO.EINVAL);
  });

  it('refuses names that are longer than names can be', async () => {
    const client = await reading();
    expect((await client.walk(0, 1, 'a'.repeat(255))).errno).toBe(ERRNO.ENOENT);
    expect((await client.walk(0, 1, 'a'.repeat(256))).errno).toBe(ERRNO.EINVAL);
  });
});

describe('a driver that misbehaves', () => {
  it('gets an error for every request cut short', async () => {
    const client = await writing();
    for (const type of Object.values(T)) {
      if (type === T.FLUSH || type === T.MKNOD || type === T.RENAME || type === T.XATTRWALK || type === T.XATTRCREATE)
        continue;
      expect((await client.call(type, [u8(1)])).errno, `type ${type}`).toBeDefined();
    }
    expect((await client.call(255, [])).errno).toBe(ERRNO.EOPNOTSUPP);
  });

  it('gets nothing before it has begun a session', async () => {
    const client = new P9Client({path: shared});
    expect((await client.call(T.ATTACH, [u32(0), u32(NO_FID), text(''), text(''), u32(0)])).errno).toBe(ERRNO.EINVAL);
    const other = await client.call(T.VERSION, [u32(8192), text('9P2000.u')]);
    expect(other.body.subarray(6).toString()).toBe('unknown');
    expect((await client.call(T.ATTACH, [u32(0), u32(NO_FID), text(''), text(''), u32(0)])).errno).toBe(ERRNO.EINVAL);
  });

  it('has its device stopped when it leaves no room for an error', async () => {
    const client = await reading();
    await expect(client.call(T.CLUNK, [u32(0)], 10)).rejects.toThrow('needs a reset');
    const other = await reading();
    await expect(other.raw(Buffer.alloc(6))).rejects.toThrow('needs a reset');
  });

  it('gets an error where its room does not take the reply', async () => {
    const client = await reading();
    expect((await client.call(T.GETATTR, [u32(0), u64(0)], 20)).errno).toBe(ERRNO.EMSGSIZE);
  });

  it('cannot use handles that it does not have, or has already', async () => {
    const client = await reading();
    expect((await client.clunk(7)).errno).toBe(ERRNO.EBADF);
    await client.walk(0, 1, 'file');
    expect((await client.walk(0, 1, 'file')).errno).toBe(ERRNO.EBADF);
    expect(await client.read(1, 0, 10)).toBe(ERRNO.EBADF);
    await client.open(1);
    expect((await client.open(1)).errno).toBe(ERRNO.EBADF);
    expect((await client.walk(1, 1)).errno).toBe(ERRNO.EINVAL);
    expect((await client.walk(1, 2, 'x')).errno).toBe(ERRNO.ENOTDIR);
    expect((await client.write(1, 0, Buffer.from('x'))).errno).toBe(ERRNO.EROFS);
  });

  it('reads at no position beyond what files have', async () => {
    const client = await writing();
    await client.walk(0, 1, 'file');
    await client.open(1, 2);
    expect(await client.read(1, 2n ** 63n, 10)).toBe(ERRNO.EINVAL);
    expect((await client.write(1, 2n ** 64n - 1n, Buffer.from('x'))).errno).toBe(ERRNO.EFBIG);
  });

  it('is answered whatever numbers it sends', async () => {
    const client = await writing();
    const extremes = [
      0,
      1,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 40,
      2 ** 53 - 1,
      2n ** 53n,
      2n ** 63n - 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ];
    await client.walk(0, 1, 'file');
    await client.open(1, 2);
    await client.walk(0, 2, 'file');
    for (const value of extremes) {
      for (const valid of [1, 2, 4, 8, 0x10, 0x20, 0x90, 0x120, 0x1ff])
        for (const fid of [0, 1, 2]) {
          const word = u32(Number(BigInt.asUintN(32, BigInt(value))));
          await client.call(T.SETATTR, [u32(fid), u32(valid), word, word, word, ...Array(5).fill(u64(value))]);
        }
      await client.read(1, value, 100);
      await client.write(1, value, Buffer.from('x'));
      await client.call(T.READDIR, [u32(1), u64(value), u32(100)]);
      await client.call(T.FSYNC, [u32(1), u32(Number(BigInt.asUintN(32, BigInt(value))))]);
    }
    expect(client.driver.needsReset).toBe(false);
  });

  it('is answered whatever bytes it sends', async () => {
    const client = await writing();
    let seed = 42;
    const next = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed >>> 16;
    };
    const types = Object.values(T);
    for (let i = 0; i < 3000; i++) {
      const body = Buffer.from(Array.from({length: next() % 60}, () => (next() % 3 === 0 ? next() & 255 : 0)));
      await client.call(types[next() % types.length]!, [body]);
    }
    expect((await client.begin()).driver.needsReset).toBe(false);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });
});

describe('a saved share', () => {
  it('goes on with its handles, and files that were open', async () => {
    const before = await writing();
    await before.walk(0, 1, 'folder', 'inner');
    await before.open(1, 2);
    await before.walk(0, 2, 'folder');
    await before.open(2);
    const [, , third] = (await before.entries(2)) as {cookie: number}[];
    await using after = new P9Client({path: shared, isReadOnly: false}, before.device.save());
    expect(await after.read(1, 0, 10)).toEqual(Buffer.from('within'));
    expect((await after.write(1, 0, Buffer.from('W'))).errno).toBeUndefined();
    expect(await after.entries(2, third!.cookie)).toMatchObject([{name: 'inner'}]);
    expect((await after.walk(0, 3, 'file')).errno).toBeUndefined();
  });

  it('says what has gone, or is another file now', async () => {
    const before = await reading();
    await before.walk(0, 1, 'file');
    await before.open(1);
    await before.walk(0, 2, 'folder', 'inner');
    renameSync(join(shared, 'folder', 'inner'), join(shared, 'elsewhere'));
    writeFileSync(join(shared, 'copy'), 'hello');
    renameSync(join(shared, 'copy'), join(shared, 'file'));
    await using after = new P9Client({path: shared}, before.device.save());
    expect(await after.read(1, 0, 10)).toBe(ERRNO.ESTALE);
    expect((await after.open(2)).errno).toBe(ERRNO.ENOENT);
  });

  it('tells a file that was removed from the one that has its name now', async () => {
    const before = await writing();
    await before.walk(0, 1, 'file');
    await before.call(T.UNLINKAT, [u32(0), text('file'), u32(0)]);
    // As likely as not with the same inode.
    writeFileSync(join(shared, 'file'), 'new');
    await before.walk(0, 2, 'file');
    for (const saved of [before.device.save(), reverseFids(before.device.save())]) {
      await using after = new P9Client({path: shared}, saved);
      expect((await after.open(1)).errno).toBe(ERRNO.ENOENT);
      await after.open(2);
      expect(await after.read(2, 0, 10)).toEqual(Buffer.from('new'));
    }
  });

  it('is refused when it makes no sense', async () => {
    const before = await reading();
    await before.walk(0, 1, 'file');
    const saved = before.device.save();
    const broken = [
      'nonsense',
      '{}',
      saved.replace('"file"', '"../outside"'),
      saved.replace('"fid":1', '"fid":0'),
      saved.replace('65536', '99999999'),
      saved.replace(/"inodes":\["\d+"/, '"inodes":["x"'),
    ];
    for (const state of broken) expect(() => new P9Client({path: shared}, state), state).toThrow('makes no sense');
  });
});

describe('a folder that cannot be shared', () => {
  it.each([
    ['nothing', 'There is no folder'],
    ['shared/file', 'is no folder'],
  ])('%s is refused by name', (name, message) => {
    expect(() => new P9Device({path: join(base, name), tag: 'x', isReadOnly: true})).toThrow(message);
  });

  it('is one with a tag that no guest could show', () => {
    for (const tag of ['', 'a b', '-x', 'x'.repeat(32)])
      expect(() => new P9Device({path: shared, tag, isReadOnly: true})).toThrow('is no tag');
  });
});

it('holds no descriptor of the shared folder when it is idle', async () => {
  const client = await reading();
  await client.walk(0, 1, 'folder', 'inner');
  await client.open(1);
  expect(openBelow(shared)).toBe(1);
  await client[Symbol.asyncDispose]();
  expect(openBelow(shared)).toBe(0);
});

function reverseFids(saved: string): string {
  const share = JSON.parse(saved);
  return JSON.stringify({...share, fids: share.fids.toReversed()});
}

function openBelow(folder: string): number {
  let count = 0;
  for (let fd = 0; fd < 1024; fd++) {
    const stat = lstatSync(`/proc/self/fd/${fd}`, {throwIfNoEntry: false});
    if (stat?.isSymbolicLink() && readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)) count++;
  }
  return count;
}
