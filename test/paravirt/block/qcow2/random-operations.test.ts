import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import type {BlockBackend} from '../../../../src/paravirt/block/contract.js';
import {checkQcow2} from '../../../../src/paravirt/block/formats/qcow2/check.js';
import {openQcow2, qcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {raw} from '../../../../src/paravirt/block/formats/raw.js';
import {HostFile} from '../../../../src/paravirt/block/host-file.js';
import {DiskModel} from '../../../support/disk-model.js';
import {expectSameContent, qemuCheck, qemuImg} from '../../../support/qemu-img.js';
import {SeededRandom} from '../../../support/seeded-random.js';
import {describeWith} from '../../../support/tools.js';

/** All together; `VIV_DISK_OPERATIONS=1000000` is the long run. */
const OPERATIONS = Number(process.env['VIV_DISK_OPERATIONS'] ?? 100_000);
const ROUNDS = 4;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-qcow2-'));
});
afterAll(() => rm(folder, {recursive: true}));

interface Shape {
  readonly clusterBytes: number;
  readonly refcountBits: number;
  readonly version: number;
  readonly compression?: 'zlib' | 'zstd';
  /** What it stands on, made by qemu-img: a raw file, a qcow2 with compressed clusters, or a chain of both. */
  readonly backing?: 'raw' | 'compressed' | 'chain';
  readonly sizeBytes: number;
}

const shapes: readonly Shape[] = [
  {clusterBytes: 512, refcountBits: 16, version: 3, sizeBytes: 1_000_448},
  {clusterBytes: 512, refcountBits: 64, version: 3, sizeBytes: 700_416, backing: 'raw'},
  {clusterBytes: 512, refcountBits: 16, version: 2, sizeBytes: 500_224, backing: 'chain'},
  {clusterBytes: 1024, refcountBits: 1, version: 3, sizeBytes: 2 << 20},
  {clusterBytes: 4096, refcountBits: 2, version: 3, sizeBytes: (4 << 20) + 512},
  {clusterBytes: 4096, refcountBits: 4, version: 3, sizeBytes: 3 << 20, backing: 'compressed'},
  {clusterBytes: 16_384, refcountBits: 8, version: 3, sizeBytes: (8 << 20) - 512, backing: 'raw'},
  {clusterBytes: 65_536, refcountBits: 16, version: 3, sizeBytes: 16 << 20},
  {clusterBytes: 65_536, refcountBits: 16, version: 2, sizeBytes: 12 << 20, backing: 'compressed'},
  {clusterBytes: 65_536, refcountBits: 32, version: 3, sizeBytes: 16 << 20, backing: 'chain', compression: 'zstd'},
  {clusterBytes: 2 << 20, refcountBits: 16, version: 3, sizeBytes: 32 << 20, backing: 'raw'},
];

/** Makes the lower images with qemu-img, smaller than the disk so that its end shows nothing, and opens them. */
async function makeBacking(shape: Shape, name: string, random: SeededRandom) {
  const sizeBytes = Math.floor((shape.sizeBytes * 3) / 4 / 512) * 512;
  const content = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 4096) if (random.chance(60)) content.fill(random.below(256), at, at + 4096);
  const rawPath = join(folder, `${name}.base.raw`);
  await writeFile(rawPath, content);
  if (shape.backing === 'raw') return {path: rawPath, format: 'raw', content, open: () => openRaw(rawPath)};
  const method = shape.compression ?? 'zlib';
  const packed = join(folder, `${name}.base.qcow2`);
  const options = `compression_type=${method},cluster_size=4096`;
  await qemuImg('convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', options, rawPath, packed);
  const openPacked = async () => openQcow2(await HostFile.open(packed, true), {isReadOnly: true});
  if (shape.backing === 'compressed') return {path: packed, format: 'qcow2', content, open: openPacked};
  const middle = join(folder, `${name}.middle.qcow2`);
  await qemuImg('create', '-q', '-f', 'qcow2', '-b', packed, '-F', 'qcow2', middle);
  const openMiddle = async () =>
    openQcow2(await HostFile.open(middle, true), {isReadOnly: true, backing: await openPacked()});
  return {path: middle, format: 'qcow2', content, open: openMiddle};
}

const openRaw = async (path: string): Promise<BlockBackend> =>
  raw.open(await HostFile.open(path, true), {isReadOnly: true});

describeWith(['qemu-img'], 'a qcow2 image under random requests', () => {
  it.each(shapes)(
    'stays clean and equal for $clusterBytes $refcountBits v$version $backing',
    async (shape) => {
      const seed = shapes.indexOf(shape) + 1;
      const random = new SeededRandom(seed);
      const {clusterBytes, refcountBits, version, sizeBytes, compression} = shape;
      const name = `shape-${seed}`;
      const path = join(folder, `${name}.qcow2`);
      const base = shape.backing === undefined ? undefined : await makeBacking(shape, name, random);
      await using created = await HostFile.create(path);
      await qcow2.create(created, {
        sizeBytes,
        clusterBytes,
        refcountBits,
        version,
        ...(compression === undefined ? {} : {compression}),
        ...(base === undefined ? {} : {backing: {path: base.path, format: base.format}}),
      });
      const bytes = new Uint8Array(sizeBytes);
      if (base !== undefined) bytes.set(base.content);
      for (let round = 0; round < ROUNDS; round++) {
        {
          const backing = base === undefined ? {} : {backing: await base.open()};
          await using disk = await openQcow2(await HostFile.open(path, false), {
            isReadOnly: false,
            ...backing,
            // Every other round clusters are used again at once.
            ...(round % 2 === 0 ? {} : {pool: {bytesMin: 4096, bytesMax: 1 << 20, clustersMax: 64, clustersMin: 2}}),
          });
          const model = new DiskModel(disk, bytes, random);
          await model.run(Math.ceil(OPERATIONS / shapes.length / ROUNDS), {parallel: 1 + random.below(8)});
          await model.verify();
        }
        expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
        await using file = await HostFile.open(path, true);
        expect(await checkQcow2(file)).toMatchObject({errorCount: 0, leakedClusters: 0});
      }
      const expected = join(folder, `${name}.expected`);
      await writeFile(expected, bytes);
      await expectSameContent(path, 'qcow2', expected, 'raw');
      expect((await readFile(expected)).length).toBe(sizeBytes);
    },
    300_000,
  );
});
