/** A host disk that is full: requests fail, nothing is lost, and they succeed when there is room. */
import {execFileSync} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {createImage} from '../../../../src/paravirt/block/create-image.js';
import {checkQcow2} from '../../../../src/paravirt/block/formats/qcow2/check.js';
import {openQcow2, qcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../../../src/paravirt/block/host-file.js';
import {ParavirtError} from '../../../../src/paravirt/error.js';
import {expectEqual} from '../../../support/disk-model.js';
import {MemoryFile} from '../../../support/memory-file.js';
import {SeededRandom} from '../../../support/seeded-random.js';

const full = () => new ParavirtError('no-space', 'The host disk is full.', 'Free some space.');

describe('a qcow2 image on a full disk', () => {
  it.each([512, 4096, 65_536])(
    'with clusters of %d loses nothing when requests are tried again',
    async (clusterBytes) => {
      const size = 2 << 20;
      const random = new SeededRandom(clusterBytes);
      const file = new MemoryFile();
      await qcow2.create(file, {sizeBytes: size, clusterBytes});
      const pool = {bytesMin: 4096, bytesMax: 65_536, clustersMax: 64, clustersMin: 2};
      const disk = await openQcow2(file, {isReadOnly: false, pool});
      const bytes = new Uint8Array(size);
      let failures = 0;
      const persist = async (attempt: () => Promise<void>) => {
        for (;;) {
          try {
            return await attempt();
          } catch (error) {
            expect(error).toMatchObject({code: 'no-space'});
            failures++;
            // Somebody frees space after a few tries.
            if (random.chance(30)) file.failure = undefined;
          }
        }
      };
      for (let round = 0; round < 400; round++) {
        if (random.chance(25)) file.failure = full();
        // Two neighbours at once, which share a cluster.
        const middle = 512 * (64 + random.below(size / 512 - 128));
        const [left, right] = [1 + random.below(60), 1 + random.below(60)];
        await Promise.all([
          (async () => {
            const data = new Uint8Array(left * 512).fill(random.below(256));
            bytes.set(data, middle - data.length);
            await persist(async () => disk.writev([data], middle - data.length));
          })(),
          (async () => {
            const data = new Uint8Array(right * 512).fill(random.below(256));
            const isZeroes = random.chance(20);
            bytes.set(isZeroes ? data.fill(0) : data, middle);
            await persist(async () => (isZeroes ? disk.writeZeroes(middle, data.length) : disk.writev([data], middle)));
          })(),
        ]);
      }
      file.failure = undefined;
      expect(failures).toBeGreaterThan(50);
      const back = new Uint8Array(size);
      await disk.readv([back], 0);
      expectEqual(back, bytes, 0);
      await disk.flush();
      await disk[Symbol.asyncDispose]();
      expect((await checkQcow2(file)).errorCount).toBe(0);
      const again = await openQcow2(file, {isReadOnly: true});
      await again.readv([back], 0);
      expectEqual(back, bytes, 0);
    },
  );

  it('fails every flush after one that failed: what the kernel dropped cannot be called durable', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viv-sync-'));
    try {
      await createImage(join(folder, 'disk'), 'raw', {sizeBytes: 4096});
      const file = await HostFile.open(join(folder, 'disk'), false);
      // A descriptor that is gone is the one way to make fdatasync fail without a broken disk.
      await file[Symbol.asyncDispose]();
      await expect(file.sync()).rejects.toMatchObject({code: 'io'});
      await expect(file.sync()).rejects.toMatchObject({code: 'io'});
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});

describe('a file system that is full', () => {
  let folder = '';
  let isMounted = false;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-full-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], {stdio: 'ignore'});
      isMounted = true;
    } catch {
      // Only root may mount: everything else of this file still proves what happens.
      isMounted = false;
    }
  });
  afterEach(async () => {
    if (isMounted) execFileSync('umount', [folder]);
    await rm(folder, {recursive: true});
  });

  it('says so, and takes the rest when there is room again', async (context) => {
    if (!isMounted) context.skip();
    const path = join(folder, 'disk.qcow2');
    const filler = join(folder, 'filler');
    await createImage(path, 'qcow2', {sizeBytes: 64 << 20});
    await writeFile(filler, new Uint8Array(2 << 20));
    const disk = await openQcow2(await HostFile.open(path, false), {isReadOnly: false});
    const chunk = (index: number) => new Uint8Array(256 << 10).fill(index + 1);
    let written = 0;
    const writeOn = async (until: number) => {
      for (; written < until; written++) await disk.writev([chunk(written)], written * (256 << 10));
    };
    await expect(writeOn(12)).rejects.toMatchObject({code: 'no-space', hint: expect.stringContaining('resume')});
    expect(written).toBeGreaterThan(0);
    await rm(filler);
    await writeOn(12);
    await disk.flush();
    await disk[Symbol.asyncDispose]();
    const again = await openQcow2(await HostFile.open(path, true), {isReadOnly: true});
    for (let index = 0; index < 12; index++) {
      const back = new Uint8Array(256 << 10);
      await again.readv([back], index * (256 << 10));
      expectEqual(back, chunk(index), index * (256 << 10));
    }
    await again[Symbol.asyncDispose]();
  });
});
