/** First writes over a backing image: no sync for each, and what a power cut in the wrong place leaves of them. */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {BlockBackend} from '../../../../src/paravirt/block/contract.js';
import {openQcow2, qcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {raw} from '../../../../src/paravirt/block/formats/raw.js';
import {MemoryFile} from '../../../support/memory-file.js';
import {qemuCheck, qemuIo} from '../../../support/qemu-img.js';
import {hasTool} from '../../../support/tools.js';

const CLUSTER = 4096;
const CLUSTERS = 256;
const SECTOR = 512;

class CountingFile extends MemoryFile {
  syncs = 0;

  override async sync(): Promise<void> {
    this.syncs++;
    await super.sync();
  }
}

const base = new Uint8Array(CLUSTERS * CLUSTER).fill(0xb5);
const sectors = (count: number, fill: number) => new Uint8Array(count * SECTOR).fill(fill);

async function openOverlay(file: MemoryFile, isReadOnly = false): Promise<BlockBackend> {
  const backing = await raw.open(new MemoryFile(base), {isReadOnly: true});
  return openQcow2(file, {isReadOnly, backing});
}

async function newOverlay(): Promise<CountingFile> {
  const file = new CountingFile();
  const backing = {path: 'base.raw', format: 'raw'};
  await qcow2.create(file, {sizeBytes: base.length, clusterBytes: CLUSTER, backing});
  return file;
}

async function read(disk: BlockBackend, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await disk.readv([bytes], offset);
  return bytes;
}

/** The file as it is, as after a kill, with the data of a cluster of the disk missing. */
async function withoutData(disk: BlockBackend, file: MemoryFile, offset: number): Promise<MemoryFile> {
  const {filePosition} = await disk.status(offset, CLUSTER);
  const lost = new MemoryFile(file.content);
  await lost.writev([new Uint8Array(CLUSTER)], filePosition ?? -1);
  return lost;
}

describe('a first write over a backing image', () => {
  it('waits for no sync of its own', async () => {
    const file = await newOverlay();
    const disk = await openOverlay(file);
    const before = file.syncs;
    for (let cluster = 0; cluster < CLUSTERS; cluster++) await disk.writev([sectors(1, 7)], cluster * CLUSTER + SECTOR);
    expect(file.syncs - before).toBeLessThan(8);
    await disk[Symbol.asyncDispose]();
  });

  it('shows the backing image where its data was lost with the power, to readers and to writers', async () => {
    const file = await newOverlay();
    const disk = await openOverlay(file);
    await disk.writev([sectors(1, 7)], SECTOR);
    await disk.writev([sectors(1, 8)], CLUSTER + SECTOR);
    const lost = await withoutData(disk, file, 0);
    for (const isReadOnly of [true, false]) {
      await using again = await openOverlay(lost, isReadOnly);
      expect(await read(again, 0, CLUSTER)).toEqual(base.subarray(0, CLUSTER));
      const kept = await read(again, CLUSTER, CLUSTER);
      expect(kept.subarray(SECTOR, 2 * SECTOR)).toEqual(sectors(1, 8));
      expect(kept.subarray(0, SECTOR)).toEqual(base.subarray(0, SECTOR));
    }
    await disk[Symbol.asyncDispose]();
  });

  it.each([
    ['at first', [0]],
    ['later, in place', [7, 0]],
    ['later, as zeroes', [7, -1]],
  ] as const)('keeps zeros that were written on purpose %s', async (_when, fills) => {
    const file = await newOverlay();
    const disk = await openOverlay(file);
    for (const fill of fills)
      await (fill < 0 ? disk.writeZeroes(SECTOR, SECTOR) : disk.writev([sectors(1, fill)], SECTOR));
    await disk.flush();
    // As a kill leaves it: the list is what it is now.
    for (const isReadOnly of [true, false]) {
      await using again = await openOverlay(new MemoryFile(file.content), isReadOnly);
      expect((await read(again, SECTOR, SECTOR)).every((byte) => byte === 0)).toBe(true);
      expect(await read(again, 0, SECTOR)).toEqual(base.subarray(0, SECTOR));
    }
    await disk[Symbol.asyncDispose]();
  });

  it('leaves nothing to fill in after a close, and no cluster uncounted', async () => {
    const file = await newOverlay();
    const disk = await openOverlay(file);
    for (let cluster = 0; cluster < 20; cluster++) await disk.writev([sectors(2, 9)], cluster * CLUSTER);
    await disk.discard(0, 4 * CLUSTER);
    const {filePosition = -1} = await disk.status(8 * CLUSTER, CLUSTER);
    await disk[Symbol.asyncDispose]();
    await file.writev([new Uint8Array(CLUSTER)], filePosition);
    await using again = await openOverlay(file, true);
    expect((await read(again, 8 * CLUSTER, CLUSTER)).every((byte) => byte === 0)).toBe(true);
  });
});

describe.runIf(hasTool('qemu-img'))('an overlay whose first writes are not settled', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-loose-'));
  });
  afterEach(() => rm(folder, {recursive: true}));

  it('is sound for QEMU, and what QEMU writes there stays', async () => {
    const file = await newOverlay();
    const disk = await openOverlay(file);
    await disk.writev([sectors(8, 7)], 0);
    const path = join(folder, 'disk.qcow2');
    await writeFile(path, file.content);
    await writeFile(join(folder, 'base.raw'), base);
    expect((await qemuCheck(path)).errors).toBe(0);
    await qemuIo(path, `write -P 0 0 ${SECTOR}`);
    await using again = await openOverlay(new MemoryFile(await readFile(path)));
    expect((await read(again, 0, SECTOR)).every((byte) => byte === 0)).toBe(true);
    expect(await read(again, SECTOR, SECTOR)).toEqual(sectors(1, 7));
    await disk[Symbol.asyncDispose]();
  });
});
