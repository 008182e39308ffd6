import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {openChain} from '../../../src/paravirt/block/chain.js';
import type {BlockBackend} from '../../../src/paravirt/block/contract.js';
import {createImage} from '../../../src/paravirt/block/create-image.js';
import {checkQcow2} from '../../../src/paravirt/block/formats/qcow2/check.js';
import {openQcow2} from '../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../../src/paravirt/block/host-file.js';
import {LiveDisk} from '../../../src/paravirt/block/live-disk.js';
import {DiskModel} from '../../support/disk-model.js';
import {SeededRandom} from '../../support/seeded-random.js';

const SIZE = 4 << 20;
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-live-'));
});
afterEach(() => rm(folder, {recursive: true}));

async function addOverlay(disk: LiveDisk, path: string, below: {path: string; format: string}): Promise<void> {
  await createImage(path, 'qcow2', {sizeBytes: disk.sizeBytes, backing: below});
  await disk.addOverlay(async (backing) => openQcow2(await HostFile.open(path, false), {isReadOnly: false, backing}));
}

it.each(['raw', 'qcow2'])('a running disk goes on over new overlays, and what is below stays: %s', async (format) => {
  const path = join(folder, `0.${format}`);
  await createImage(path, format, {sizeBytes: SIZE});
  const bytes = new Uint8Array(SIZE);
  const states: {path: string; format: string; bytes: Uint8Array; content: Buffer}[] = [];
  {
    await using disk = new LiveDisk(await openChain([{path, format}], false));
    const model = new DiskModel(disk, bytes, new SeededRandom(21));
    let top = {path, format};
    for (let depth = 1; depth <= 3; depth++) {
      await model.run(120);
      const next = {path: join(folder, `${depth}.qcow2`), format: 'qcow2'};
      await addOverlay(disk, next.path, top);
      // From here on the image below is as if it had been closed.
      states.unshift({...top, bytes: bytes.slice(), content: await readFile(top.path)});
      top = next;
      await model.verify();
    }
    await model.run(120);
    await model.verify();
    states.unshift({...top, bytes, content: Buffer.alloc(0)});
  }
  for (const [index, state] of states.entries()) {
    if (index > 0) expect(Buffer.compare(await readFile(state.path), state.content)).toBe(0);
    if (state.format === 'qcow2') {
      await using file = await HostFile.open(state.path, true);
      expect(await checkQcow2(file)).toMatchObject({errorCount: 0, leakedClusters: 0});
    }
    await using chain = await openChain(states.slice(index), true);
    await new DiskModel(chain, state.bytes, new SeededRandom(1)).verify();
  }
});

it('a disk whose overlay cannot be opened goes on as it was', async () => {
  const path = join(folder, 'disk.qcow2');
  await createImage(path, 'qcow2', {sizeBytes: SIZE});
  await using disk = new LiveDisk(await openChain([{path, format: 'qcow2'}], false));
  const model = new DiskModel(disk, new Uint8Array(SIZE), new SeededRandom(22));
  await model.run(50);
  const fail = async (backing: BlockBackend) => {
    // As an open does that fails after it has taken the backing image over.
    await backing[Symbol.asyncDispose]();
    throw new Error('no overlay today');
  };
  await expect(disk.addOverlay(fail)).rejects.toThrow('no overlay today');
  await model.run(50);
  await model.verify();
});

it('a qcow2 disk that was put in order goes on within its file, however often', async () => {
  const path = join(folder, 'disk.qcow2');
  await createImage(path, 'qcow2', {sizeBytes: SIZE, clusterBytes: 4096});
  const bytes = new Uint8Array(SIZE);
  for (let round = 0; round < 3; round++) {
    await using disk = await openQcow2(await HostFile.open(path, false), {isReadOnly: false});
    const model = new DiskModel(disk, bytes, new SeededRandom(40 + round));
    for (let turn = 0; turn < 3; turn++) {
      await model.run(100);
      // Empties the end of the file, which is then cut off and needed again.
      await disk.writeZeroes(SIZE / 2, SIZE / 2);
      bytes.fill(0, SIZE / 2);
      await disk.settle();
      await using file = await HostFile.open(path, true);
      expect(await checkQcow2(file)).toMatchObject({errorCount: 0, leakedClusters: 0});
    }
    await model.verify();
  }
});
