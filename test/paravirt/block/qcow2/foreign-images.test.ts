/** Images that QEMU made, in all the forms it makes: read equal, and written without harm to what QEMU keeps there. */
import {execFileSync} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {checkQcow2} from '../../../../src/paravirt/block/formats/qcow2/check.js';
import {openQcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../../../src/paravirt/block/host-file.js';
import {DiskModel, expectEqual} from '../../../support/disk-model.js';
import {expectSameContent, qemuCheck, qemuImg} from '../../../support/qemu-img.js';
import {SeededRandom} from '../../../support/seeded-random.js';
import {describeWith} from '../../../support/tools.js';

const SIZE = 6 << 20;
let folder = '';
let source = '';
const content = new Uint8Array(SIZE);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-foreign-'));
  source = join(folder, 'source.raw');
  const random = new SeededRandom(9);
  for (let at = 0; at < SIZE; at += 8192) {
    const kind = random.below(4);
    if (kind === 1) content.fill(random.below(256), at, at + 8192);
    // Bytes that do not compress.
    if (kind === 2) for (let index = at; index < at + 8192; index++) content[index] = random.below(256);
  }
  await writeFile(source, content);
});
afterAll(() => rm(folder, {recursive: true}));

const qemuIo = (path: string, ...commands: readonly string[]) =>
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);

const open = async (path: string, isReadOnly: boolean) =>
  openQcow2(await HostFile.open(path, isReadOnly), {isReadOnly});

async function readAll(path: string): Promise<Uint8Array> {
  await using disk = await open(path, true);
  const bytes = new Uint8Array(disk.sizeBytes);
  await disk.readv([bytes], 0);
  return bytes;
}

const clusterSizes = [512, 4096, 65_536, 2 << 20];
const forms = [
  ...clusterSizes.flatMap((size) => [
    {name: `v2, clusters of ${size}`, args: ['-o', `compat=0.10,cluster_size=${size}`]},
    {name: `compressed by zlib, clusters of ${size}`, args: ['-c', '-o', `cluster_size=${size}`]},
    {name: `compressed by zstd, clusters of ${size}`, args: ['-c', '-o', `compression_type=zstd,cluster_size=${size}`]},
  ]),
  ...[1, 2, 4, 8, 32, 64].map((bits) => ({name: `refcounts of ${bits} bits`, args: ['-o', `refcount_bits=${bits}`]})),
  {name: 'tables made beforehand', args: ['-o', 'preallocation=metadata']},
  {name: 'clusters made beforehand', args: ['-o', 'preallocation=falloc']},
  {name: 'lazy refcounts', args: ['-o', 'lazy_refcounts=on']},
];

describeWith(['qemu-img'], 'an image of QEMU', () => {
  it.each(forms)('with $name reads equal, and stays clean when it is written', async ({name, args}) => {
    const path = join(folder, `${name.replace(/\W/g, '-')}.qcow2`);
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...args, source, path);
    expectEqual(await readAll(path), content, 0);
    const bytes = content.slice();
    {
      await using disk = await open(path, false);
      await new DiskModel(disk, bytes, new SeededRandom(11)).run(150);
    }
    expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
    await using file = await HostFile.open(path, true);
    expect(await checkQcow2(file)).toMatchObject({errorCount: 0, leakedClusters: 0});
    const expected = join(folder, 'expected.raw');
    await writeFile(expected, bytes);
    await expectSameContent(path, 'qcow2', expected, 'raw');
  });

  it('with internal snapshots keeps each of them as it was', async () => {
    const path = join(folder, 'snapshots.qcow2');
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=4096', source, path);
    await qemuImg('snapshot', '-c', 'first', path);
    qemuIo(path, 'write -P 7 0 1M');
    await qemuImg('snapshot', '-c', 'second', path);
    const bytes = content.slice();
    bytes.fill(7, 0, 1 << 20);
    const second = bytes.slice();
    expectEqual(await readAll(path), bytes, 0);
    {
      await using disk = await open(path, false);
      await new DiskModel(disk, bytes, new SeededRandom(12)).run(400);
      await expect(disk.resize(SIZE * 2)).rejects.toMatchObject({code: 'bad-option'});
    }
    expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
    expectEqual(await readAll(path), bytes, 0);
    for (const [snapshot, expected] of [
      ['first', content],
      ['second', second],
    ] as const) {
      const out = join(folder, `${snapshot}.raw`);
      const want = join(folder, `${snapshot}.want`);
      await qemuImg('convert', '-f', 'qcow2', '-l', snapshot, '-O', 'raw', path, out);
      await writeFile(want, expected);
      await expectSameContent(out, 'raw', want, 'raw');
    }
  });

  it('that QEMU left dirty is repaired as it is opened to write, and only then', async () => {
    const path = join(folder, 'dirty.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'lazy_refcounts=on', path, '4M');
    // Ends without a word, as a power cut would.
    expect(() => qemuIo(path, 'write -P 5 64k 192k', 'abort')).toThrow();
    expect((await qemuCheck(path)).errors).toBeGreaterThan(0);
    const before = await readAll(path);
    expect(before[70_000]).toBe(5);
    expect((await qemuCheck(path)).errors).toBeGreaterThan(0);
    {
      await using disk = await open(path, false);
      expect(disk.isReadOnly).toBe(false);
    }
    expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
    expectEqual(await readAll(path), before, 0);
  });

  it('that has grown and shrunk reads zeros where it grew', async () => {
    const path = join(folder, 'sizes.qcow2');
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=512', source, path);
    {
      await using disk = await open(path, false);
      await disk.resize(SIZE + 40 * 1024 * 1024);
      await disk.writev([new Uint8Array(512).fill(3)], disk.sizeBytes - 512);
      await disk.resize(SIZE - 3 * 512);
      await disk.resize(SIZE);
    }
    expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
    const bytes = content.slice();
    bytes.fill(0, SIZE - 3 * 512);
    expectEqual(await readAll(path), bytes, 0);
  });
});
