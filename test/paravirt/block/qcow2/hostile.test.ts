/** Images that lie: each is refused in clear words or read within bounds, and nothing outside of it is touched. */
import {execFileSync} from 'node:child_process';
import {mkdir, mkdtemp, rm, symlink, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {CHAIN_DEPTH_MAX, resolveChain} from '../../../../src/paravirt/block/chain.js';
import type {BlockCreateOptions} from '../../../../src/paravirt/block/contract.js';
import {createImage} from '../../../../src/paravirt/block/create-image.js';
import {checkQcow2} from '../../../../src/paravirt/block/formats/qcow2/check.js';
import {openQcow2, qcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../../../src/paravirt/block/host-file.js';
import {ParavirtError} from '../../../../src/paravirt/error.js';
import {DiskModel} from '../../../support/disk-model.js';
import {MemoryFile} from '../../../support/memory-file.js';
import {heldBytes, processorMs} from '../../../support/own-usage.js';
import {qemuImg} from '../../../support/qemu-img.js';
import {SeededRandom} from '../../../support/seeded-random.js';
import {describeWith} from '../../../support/tools.js';

const CLUSTER = 65_536;
const REFUSAL_MS = 5000;
const MEMORY_BYTES = 256 << 20;

/** An image with some data, as bytes. */
async function makeImage(options: Partial<BlockCreateOptions> = {}): Promise<Uint8Array> {
  const file = new MemoryFile();
  await qcow2.create(file, {sizeBytes: 4 << 20, ...options});
  const random = new SeededRandom(5);
  const disk = await openQcow2(file, {isReadOnly: false});
  await new DiskModel(disk, new Uint8Array(4 << 20), random).run(60);
  await disk[Symbol.asyncDispose]();
  return file.content.slice();
}

type Edit = (view: DataView) => void;
const u32 = (at: number, value: number) => (view: DataView) => view.setUint32(at, value);
const u64 = (at: number, value: bigint) => (view: DataView) => view.setBigUint64(at, value);
const l1At = (view: DataView) => Number(view.getBigUint64(40));
const l2At = (view: DataView) => Number(view.getBigUint64(l1At(view)) & 0x00ff_ffff_ffff_fe00n);

const refusedHeaders: readonly (readonly [string, Edit, string])[] = [
  ['another magic', u32(0, 0x514649fa), 'corrupt'],
  ['version 4', u32(4, 4), 'unsupported'],
  ['version 1', u32(4, 1), 'unsupported'],
  ['clusters of 2^8', u32(20, 8), 'corrupt'],
  ['clusters of 2^22', u32(20, 22), 'corrupt'],
  ['clusters of 2^4294967295', u32(20, 0xffff_ffff), 'corrupt'],
  ['encryption', u32(32, 1), 'unsupported'],
  ['LUKS', u32(32, 2), 'unsupported'],
  ['an external data file', u64(72, 4n), 'unsupported'],
  ['extended L2 entries', u64(72, 16n), 'unsupported'],
  ['an unknown feature', u64(72, 1n << 40n), 'unsupported'],
  ['a compression type without its bit', (view) => view.setUint8(104, 1), 'corrupt'],
  [
    'an unknown compression',
    (view) => {
      u64(72, 8n)(view);
      view.setUint8(104, 9);
    },
    'unsupported',
  ],
  ['refcounts of 2^7 bits', u32(96, 7), 'corrupt'],
  ['a header of 103 bytes', u32(100, 103), 'corrupt'],
  ['a header of 2^32-8 bytes', u32(100, 0xffff_fff8), 'corrupt'],
  ['an odd size', u64(24, 513n), 'corrupt'],
  ['a size beyond its L1 table', u64(24, 1n << 50n), 'corrupt'],
  ['a size of 2^64-512', u64(24, 0xffff_ffff_ffff_fe00n), 'corrupt'],
  ['an L1 table of 2^32-1 entries', u32(36, 0xffff_ffff), 'corrupt'],
  ['an L1 table outside the file', u64(40, 1n << 40n), 'corrupt'],
  ['an L1 table between clusters', u64(40, 0x10200n), 'corrupt'],
  ['an L1 table over the header', u64(40, 0n), 'corrupt'],
  ['an L1 table over the refcount table', (view) => u64(40, view.getBigUint64(48))(view), 'corrupt'],
  ['no refcount table', u32(56, 0), 'corrupt'],
  ['a refcount table of 2^32-1 clusters', u32(56, 0xffff_ffff), 'corrupt'],
  ['a refcount table outside the file', u64(48, 1n << 62n), 'corrupt'],
  ['a refcount block at the header', (view) => view.setBigUint64(Number(view.getBigUint64(48)), 1n), 'corrupt'],
  [
    'a refcount block outside the file',
    (view) => view.setBigUint64(Number(view.getBigUint64(48)), 1n << 45n),
    'corrupt',
  ],
  ['65537 snapshots', u32(60, 65_537), 'corrupt'],
  [
    'snapshots outside the file',
    (view) => {
      u32(60, 3)(view);
      u64(64, 1n << 41n)(view);
    },
    'corrupt',
  ],
  [
    'snapshots over the L1 table',
    (view) => {
      u32(60, 1)(view);
      u64(64, view.getBigUint64(40))(view);
    },
    'corrupt',
  ],
  [
    'a backing name outside the first cluster',
    (view) => {
      u64(8, 65_530n)(view);
      u32(16, 100)(view);
    },
    'corrupt',
  ],
  [
    'a backing name of 2^31 bytes',
    (view) => {
      u64(8, 512n)(view);
      u32(16, 1 << 31)(view);
    },
    'corrupt',
  ],
  [
    'a backing name of zeros',
    (view) => {
      u64(8, 1024n)(view);
      u32(16, 8)(view);
    },
    'corrupt',
  ],
  [
    'an extension that never ends',
    (view) => {
      u32(112, 0x1234)(view);
      u32(116, 0xffff_fff0)(view);
    },
    'corrupt',
  ],
  ['an L2 table at the header', (view) => view.setBigUint64(l1At(view), 1n << 63n), 'corrupt'],
  ['an L2 table outside the file', (view) => view.setBigUint64(l1At(view), (1n << 63n) | (1n << 50n)), 'corrupt'],
  [
    'an L2 table over the L1 table',
    (view) => view.setBigUint64(l1At(view), (1n << 63n) | view.getBigUint64(40)),
    'corrupt',
  ],
  ['the mark of damage', u64(72, 2n), 'corrupt'],
];

describe('a hostile header', () => {
  it.each(refusedHeaders)('with %s is refused, and nothing is written', async (_name, edit, code) => {
    const bytes = await makeImage();
    edit(new DataView(bytes.buffer));
    const file = new MemoryFile(bytes);
    const began = processorMs();
    await expect(openQcow2(file, {isReadOnly: false})).rejects.toMatchObject({code, name: 'ParavirtError'});
    expect(processorMs() - began).toBeLessThan(REFUSAL_MS);
    expect(Buffer.compare(file.content, bytes)).toBe(0);
    expect(file.isClosed).toBe(true);
  });

  it.each([0, 1, 71, 72, 103, 104, 500, 65_535])('of a file cut off at %d bytes is refused', async (length) => {
    const bytes = (await makeImage()).slice(0, length);
    await expect(openQcow2(new MemoryFile(bytes), {isReadOnly: true})).rejects.toBeInstanceOf(ParavirtError);
  });
});

describe('a hostile L2 entry', () => {
  it.each([
    ['at the header', () => 1n << 63n],
    ['over the L1 table', (view: DataView) => (1n << 63n) | view.getBigUint64(40)],
    ['over its own table', (view: DataView) => (1n << 63n) | BigInt(l2At(view))],
    ['over the refcount table', (view: DataView) => (1n << 63n) | view.getBigUint64(48)],
    ['over a refcount block', (view: DataView) => (1n << 63n) | view.getBigUint64(Number(view.getBigUint64(48)))],
    ['between clusters', () => (1n << 63n) | 0x50200n],
    ['outside the file', () => (1n << 63n) | (1n << 48n)],
    ['compressed outside the file', () => (1n << 62n) | (1n << 48n)],
    ['compressed at the header', () => (1n << 62n) | 512n],
  ])('%s is an error of that place alone, and never written through', async (_name, entry) => {
    const bytes = await makeImage();
    const view = new DataView(bytes.buffer);
    // The first cluster may be missing: a table is there all the same.
    view.setBigUint64(l2At(view), entry(view));
    const file = new MemoryFile(bytes);
    const disk = await openQcow2(file, {isReadOnly: false});
    await expect(disk.readv([new Uint8Array(512)], 0)).rejects.toMatchObject({code: 'corrupt'});
    await expect(disk.writev([new Uint8Array(512).fill(1)], 0)).rejects.toMatchObject({code: 'corrupt'});
    await expect(disk.writeZeroes(0, CLUSTER)).rejects.toMatchObject({code: 'corrupt'});
    await disk.readv([new Uint8Array(CLUSTER)], 2 * CLUSTER);
    await disk[Symbol.asyncDispose]();
    expect(Buffer.compare(file.content.subarray(0, CLUSTER), bytes.subarray(0, CLUSTER))).toBe(0);
    expect((await checkQcow2(new MemoryFile(bytes))).errorCount).toBeGreaterThan(0);
  });

  it('that is a bomb of compressed zeros takes no more memory than its cluster', async () => {
    const bytes = new Uint8Array(8 * CLUSTER);
    bytes.set(await makeImage({sizeBytes: 4 << 20}).then((image) => image.subarray(0, 8 * CLUSTER)));
    const view = new DataView(bytes.buffer);
    // A raw deflate stream of a stored block that claims 65535 bytes, over and over.
    view.setBigUint64(l2At(view), (1n << 62n) | (255n << 54n) | BigInt(6 * CLUSTER));
    const disk = await openQcow2(new MemoryFile(bytes), {isReadOnly: true});
    await expect(disk.readv([new Uint8Array(512)], 0)).rejects.toMatchObject({code: 'corrupt'});
  });
});

describe('a hostile refcount', () => {
  it('that calls the L2 table free does not get it overwritten', async () => {
    const bytes = await makeImage();
    const view = new DataView(bytes.buffer);
    const block = Number(view.getBigUint64(Number(view.getBigUint64(48))));
    for (let cluster = 0; cluster < 64; cluster++) view.setUint16(block + cluster * 2, 0);
    const file = new MemoryFile(bytes);
    const disk = await openQcow2(file, {isReadOnly: false});
    for (let cluster = 0; cluster < 64; cluster++)
      await disk.writev([new Uint8Array(CLUSTER).fill(9)], cluster * CLUSTER);
    const back = new Uint8Array(CLUSTER);
    await disk.readv([back], 0);
    expect(back.every((byte) => byte === 9)).toBe(true);
    await disk[Symbol.asyncDispose]().catch(() => undefined);
    expect(Buffer.compare(file.content.subarray(0, 72), bytes.subarray(0, 72))).toBe(0);
  });
});

describe('an image with random damage', () => {
  it('is refused or read, and never crashes, hangs or writes when refused', async () => {
    const random = new SeededRandom(77);
    const images = [
      await makeImage(),
      await makeImage({clusterBytes: 512, sizeBytes: 4 << 20}),
      await makeImage({version: 2, clusterBytes: 4096}),
      await makeImage({refcountBits: 1, clusterBytes: 1024}),
    ];
    let refused = 0;
    for (let round = 0; round < 600; round++) {
      const bytes = random.pick(images).slice();
      const metadata = random.chance(50) ? 112 : 16 * 1024;
      for (let hits = 1 + random.below(6); hits > 0; hits--) {
        const at = random.below(random.chance(70) ? metadata : bytes.length);
        if (random.chance(50)) bytes[at] = random.below(256);
        else bytes.fill(random.pick([0, 0xff]), at, at + 8);
      }
      const file = new MemoryFile(bytes);
      file.isPrompt = true;
      const began = processorMs();
      try {
        await qcow2.inspect(file);
        await checkQcow2(file);
        const disk = await openQcow2(file, {isReadOnly: false});
        for (let at = 0; at < Math.min(disk.sizeBytes, 4 << 20); at += CLUSTER) {
          const length = Math.min(CLUSTER, disk.sizeBytes - at);
          await disk.readv([new Uint8Array(length)], at)?.catch(expectClear);
          if (random.chance(10)) await disk.writev([new Uint8Array(512)], at)?.catch(expectClear);
        }
        await disk[Symbol.asyncDispose]().catch(expectClear);
      } catch (error) {
        expectClear(error);
        refused++;
        expect(Buffer.compare(file.content, bytes), `round ${round} wrote before it was refused`).toBe(0);
      }
      expect(processorMs() - began).toBeLessThan(REFUSAL_MS);
    }
    // Both ends happen, or the damage proves nothing.
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(550);
  }, 120_000);
});

function expectClear(error: unknown): void {
  expect(error).toBeInstanceOf(ParavirtError);
  expect((error as ParavirtError).hint).not.toBe('');
}

describe('tables as large as the format allows', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-hostile-'));
  });
  afterEach(() => rm(folder, {recursive: true}));

  it('are opened within bounds of time and memory', async () => {
    const path = join(folder, 'huge.qcow2');
    // 512-byte clusters with the largest L1 table, every entry of which names a table of its own in a sparse file.
    await createImage(path, 'qcow2', {sizeBytes: 4_194_304 * 64 * 512, clusterBytes: 512});
    const file = await HostFile.open(path, false);
    const header = new Uint8Array(512);
    await file.readv([header], 0);
    const l1Offset = Number(new DataView(header.buffer).getBigUint64(40));
    const l1 = Buffer.alloc(32 << 20);
    const first = Math.ceil(file.sizeBytes / 512) * 512;
    for (let entry = 0; entry < l1.length / 8; entry++)
      l1.writeBigUInt64BE((1n << 63n) | BigInt(first + entry * 512), entry * 8);
    await file.writev([l1], l1Offset);
    await file[Symbol.asyncDispose]();
    await truncate(path, first + (l1.length / 8) * 512);
    const before = heldBytes();
    const began = processorMs();
    const disk = await openQcow2(await HostFile.open(path, false), {isReadOnly: false});
    await disk.readv([new Uint8Array(65_536)], 1 << 30);
    expect(processorMs() - began).toBeLessThan(REFUSAL_MS);
    expect(heldBytes() - before).toBeLessThan(MEMORY_BYTES);
    await disk[Symbol.asyncDispose]();
  }, 60_000);
});

describe('a backing name', () => {
  let folder = '';
  let inside = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-chain-'));
    inside = join(folder, 'inside');
    await mkdir(inside);
    await writeFile(join(folder, 'secret.raw'), new Uint8Array(4096).fill(1));
    await writeFile(join(inside, 'base.raw'), new Uint8Array(4096));
  });
  afterEach(() => rm(folder, {recursive: true}));

  const top = (path: string, format = 'raw') =>
    createImage(join(inside, 'top.qcow2'), 'qcow2', {sizeBytes: 4096, backing: {path, format}});
  const resolveTop = (allowedFolders: string[] = []) =>
    resolveChain(join(inside, 'top.qcow2'), 'qcow2', {allowedFolders});

  it.each([
    ['that climbs out', '../secret.raw', 'no-permission'],
    ['that is absolute', () => join(folder, 'secret.raw'), 'no-permission'],
    ['of a system file', '/etc/passwd', 'no-permission'],
    ['of a device', '/dev/zero', 'no-permission'],
    ['with a protocol', 'nbd://127.0.0.1/x', 'unsupported'],
    ['of QEMU in JSON', 'json:{"driver":"file","filename":"/etc/passwd"}', 'unsupported'],
    ['of QEMU with a driver', 'file:/etc/passwd', 'unsupported'],
    ['of nothing', 'missing.raw', 'not-found'],
    ['of itself', 'top.qcow2', 'corrupt'],
  ])('%s is refused', async (_name, name, code) => {
    await top(typeof name === 'string' ? name : name(), 'qcow2');
    await expect(resolveTop()).rejects.toMatchObject({code});
  });

  it('through a symbolic link that leaves the folder is refused', async () => {
    await symlink(join(folder, 'secret.raw'), join(inside, 'link.raw'));
    await top('link.raw');
    await expect(resolveTop()).rejects.toMatchObject({code: 'no-permission'});
  });

  it('outside is accepted in a folder that the settings name', async () => {
    await top('../secret.raw');
    const images = await resolveTop([folder]);
    expect(images.map(({format}) => format)).toEqual(['qcow2', 'raw']);
  });

  it('outside is accepted for the very file that was attached before, and for no other', async () => {
    await top('../secret.raw');
    const policy = (file: string) => ({allowedFolders: [], allowedFiles: [join(folder, file)]});
    const images = await resolveChain(join(inside, 'top.qcow2'), 'qcow2', policy('secret.raw'));
    expect(images).toHaveLength(2);
    const other = resolveChain(join(inside, 'top.qcow2'), 'qcow2', policy('other.raw'));
    await expect(other).rejects.toMatchObject({code: 'no-permission'});
  });

  it('of another format than there are is refused', async () => {
    await top('base.raw', 'vmdk');
    await expect(resolveTop()).rejects.toMatchObject({code: 'bad-option'});
  });

  it('in a loop of two is refused', async () => {
    await top('other.qcow2', 'qcow2');
    const backing = {path: 'top.qcow2', format: 'qcow2'};
    await createImage(join(inside, 'other.qcow2'), 'qcow2', {sizeBytes: 4096, backing});
    await expect(resolveTop()).rejects.toMatchObject({code: 'corrupt'});
  });

  it('one deeper than allowed is refused', async () => {
    for (let depth = 0; depth <= CHAIN_DEPTH_MAX; depth++) {
      const backing = {path: depth === 0 ? 'base.raw' : `${depth - 1}.qcow2`, format: depth === 0 ? 'raw' : 'qcow2'};
      const name = depth === CHAIN_DEPTH_MAX ? 'top.qcow2' : `${depth}.qcow2`;
      await createImage(join(inside, name), 'qcow2', {sizeBytes: 4096, clusterBytes: 512, backing});
    }
    await expect(resolveTop()).rejects.toMatchObject({code: 'unsupported'});
    const images = await resolveChain(join(inside, `${CHAIN_DEPTH_MAX - 2}.qcow2`), 'qcow2', {allowedFolders: []});
    expect(images).toHaveLength(CHAIN_DEPTH_MAX);
  });
});

describeWith(['qemu-img'], 'an image of another program', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-foreign-'));
  });
  afterEach(() => rm(folder, {recursive: true}));

  it.each([
    // Not LUKS, which differs in one field for us: qemu-img times its own key derivation, and gives up on some hosts.
    ['encryption', ['-o', 'encrypt.format=aes,encrypt.key-secret=s', '--object', 'secret,id=s,data=x'], 'unsupported'],
    ['an external data file', ['-o', 'data_file=data.raw'], 'unsupported'],
    ['extended L2 entries', ['-o', 'extended_l2=on'], 'unsupported'],
  ])('with %s is refused', async (_name, options, code) => {
    const path = join(folder, 'foreign.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, path, '4M'], {cwd: folder});
    await expect(openQcow2(await HostFile.open(path, false), {isReadOnly: false})).rejects.toMatchObject({code});
  });

  it('without a format for its backing image is refused', async () => {
    const path = join(folder, 'old.qcow2');
    await writeFile(join(folder, 'base.raw'), new Uint8Array(4096));
    await qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', path);
    const file = await HostFile.open(path, false);
    const head = new Uint8Array(CLUSTER);
    await file.readv([head], 0);
    // As old programs wrote it: the extension is gone.
    const at = Buffer.from(head.buffer).indexOf(Buffer.from('e2792aca', 'hex'));
    head.set([0x12, 0x34, 0x56, 0x78], at);
    await file.writev([head], 0);
    await file[Symbol.asyncDispose]();
    await expect(resolveChain(path, 'qcow2', {allowedFolders: []})).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('viv disk rebase'),
    });
  });
});
