import {mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as fc from 'fast-check';
import {afterAll, beforeAll, expect, it} from 'vitest';
import type {DiskReader} from '../../../src/manager/bootable/disk-reader.js';
import {findEfiPartitions} from '../../../src/manager/bootable/efi-partitions.js';
import {hasFatFile} from '../../../src/manager/bootable/fat.js';
import {hasBootLoader} from '../../../src/manager/services/volume-boot-loader.js';
import {type EfiDiskSpec, makeEfiDisk} from '../../support/efi-disk.js';
import {describeWith} from '../../support/tools.js';

const LOADER = 'EFI/BOOT/BOOTRISCV64.EFI';
const START = 1 << 20;

describeWith(['sfdisk', 'mformat', 'mcopy'], 'looking for a boot loader', () => {
  let folder: string;
  let path: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'viv-esp-'));
    path = join(folder, 'disk.img');
  });
  afterAll(() => rmSync(folder, {recursive: true}));

  const make = (file: string | undefined, spec: Partial<EfiDiskSpec> = {}) => {
    // So that the folder needs more than one cluster, and its names more than one entry.
    const others = Array.from(
      {length: 60},
      (_, i) => [`EFI/BOOT/a quite long name ${i}.bin`, Buffer.alloc(1)] as const,
    );
    const own = file === undefined ? [] : [[file, Buffer.alloc(100, 1)] as const];
    makeEfiDisk(path, {sizeMiB: 40, files: new Map([...others, ...own]), ...spec});
  };
  const look = (format = 'raw') => hasBootLoader([{path, format}]);

  it.each<Partial<EfiDiskSpec>>([
    {label: 'gpt', fatBits: 32},
    {label: 'gpt', fatBits: 16},
    {label: 'gpt', fatBits: 12},
    {label: 'dos', fatBits: 16},
  ])('finds it on %o, by its long name', async (spec) => {
    make(LOADER, spec);
    expect(await look()).toBe(true);
    make('EFI/BOOT/BOOTX64.EFI', spec);
    expect(await look()).toBe(false);
  });

  it('does not take for one what is empty, elsewhere, or a folder', async () => {
    for (const [name, bytes] of [
      [LOADER, 0],
      ['BOOTRISCV64.EFI', 1],
      [`${LOADER}/file`, 1],
    ] as const) {
      makeEfiDisk(path, {sizeMiB: 10, files: new Map([[name, Buffer.alloc(bytes)]])});
      expect(await look()).toBe(false);
    }
  });

  it('finds none on disks that are empty, tiny, or cut off', async () => {
    for (const bytes of [0, 100, 512, 1000, 1 << 20]) {
      writeFileSync(path, Buffer.alloc(bytes));
      expect(await look()).toBe(false);
    }
    make(LOADER);
    truncateSync(path, START + 1000);
    expect(await look()).toBe(false);
  });

  it('ends, whatever a guest wrote into tables and folders', async () => {
    make(LOADER, {fatBits: 16});
    const disk = readFileSync(path);
    const damaged = Buffer.from(disk);
    const touched = START + 80_001;
    // Table, boot sector, both allocation tables and the root folder.
    const places = fc.oneof(
      fc.nat(2048),
      fc.integer({min: START, max: START + 512}),
      fc.integer({min: START, max: START + 80_000}),
    );
    const change = fc.tuple(places, fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.nat(255)));
    await fc.assert(
      fc.asyncProperty(fc.array(change, {minLength: 1, maxLength: 12}), async (changes) => {
        damaged.set(disk.subarray(0, touched));
        for (const [at, value] of changes) damaged[at] = value;
        let readBytes = 0;
        const read: DiskReader = async (offset, length) => {
          readBytes += length;
          const isThere = Number.isSafeInteger(offset) && offset >= 0 && offset + length <= damaged.length;
          return isThere ? damaged.subarray(offset, offset + length) : undefined;
        };
        for (const partition of await findEfiPartitions(read)) await hasFatFile(read, partition, LOADER);
        expect(readBytes).toBeLessThan(256 * 3 * (2 << 20));
      }),
      {numRuns: 300},
    );
  });

  it('does not follow a folder that leads back into itself', async () => {
    make(undefined, {fatBits: 16});
    const disk = readFileSync(path);
    const view = new DataView(disk.buffer, disk.byteOffset);
    const tableAt = START + view.getUint16(START + 14, true) * 512;
    // Every cluster's next is the first one.
    for (let cluster = 2; cluster < 4000; cluster++) view.setUint16(tableAt + cluster * 2, 2, true);
    writeFileSync(path, disk);
    expect(await look()).toBe(false);
  });
});
