/** Records every write and sync of an image under load and looks at what a power cut could leave at any moment. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {type BlockCreateOptions, SECTOR_BYTES} from '../../../../src/paravirt/block/contract.js';
import {checkQcow2} from '../../../../src/paravirt/block/formats/qcow2/check.js';
import {openQcow2, qcow2} from '../../../../src/paravirt/block/formats/qcow2/qcow2.js';
import {raw} from '../../../../src/paravirt/block/formats/raw.js';
import {MemoryFile} from '../../../support/memory-file.js';
import {qemuCheck} from '../../../support/qemu-img.js';
import {Clock, RecordingFile} from '../../../support/recording-file.js';
import {fillSectors} from '../../../support/sector-fill.js';
import {SectorHistory} from '../../../support/sector-history.js';
import {SeededRandom} from '../../../support/seeded-random.js';
import {hasTool} from '../../../support/tools.js';

const STATES = Number(process.env['VIV_POWER_CUTS'] ?? 2000);
const REQUESTS = 400;
/** Every so many states qemu-img has a look as well. */
const QEMU_EVERY = 100;

/** So that clusters are used again and again. */
const smallPool = {bytesMin: 4096, bytesMax: 65_536, clustersMax: 64, clustersMin: 2};

interface Shape {
  readonly options: Omit<BlockCreateOptions, 'sizeBytes' | 'backing'>;
  readonly sectors: number;
  readonly hasBacking: boolean;
}

const shapes: readonly Shape[] = [
  {options: {clusterBytes: 512}, sectors: 700, hasBacking: false},
  {options: {clusterBytes: 512, refcountBits: 64}, sectors: 500, hasBacking: true},
  {options: {clusterBytes: 1024, refcountBits: 1}, sectors: 1000, hasBacking: true},
  {options: {clusterBytes: 4096, version: 2}, sectors: 1500, hasBacking: true},
  {options: {clusterBytes: 4096, refcountBits: 8}, sectors: 2000, hasBacking: false},
  {options: {clusterBytes: 16_384}, sectors: 2000, hasBacking: true},
  {options: {clusterBytes: 65_536}, sectors: 3000, hasBacking: true},
  {options: {clusterBytes: 65_536}, sectors: 3000, hasBacking: false},
];

interface Recording {
  readonly file: RecordingFile;
  readonly history: SectorHistory;
  readonly clock: Clock;
  readonly base: Uint8Array | undefined;
}

/** Runs a load of parallel writes, zeroes, discards and flushes, and closes the image at the end. */
async function record(shape: Shape, random: SeededRandom, syncs: 'all' | 'none' | 'only flushes'): Promise<Recording> {
  const clock = new Clock();
  const {sectors, hasBacking} = shape;
  const baseValues = Array.from({length: Math.floor((sectors * 3) / 4)}, (_, sector) =>
    sector % 5 < 3 ? 7_000_000 + sector : 0,
  );
  const base = hasBacking ? fillSectors(baseValues) : undefined;
  const history = new SectorHistory(clock, sectors, (sector) => (hasBacking ? (baseValues[sector] ?? 0) : 0));
  const empty = new MemoryFile();
  const backing = base === undefined ? {} : {backing: {path: 'base.raw', format: 'raw'}};
  await qcow2.create(empty, {...shape.options, sizeBytes: sectors * SECTOR_BYTES, ...backing});
  const file = new RecordingFile(clock, empty.content);
  let isFlushing = false;
  if (syncs === 'none') file.keepsSync = () => false;
  if (syncs === 'only flushes') file.keepsSync = () => isFlushing;
  {
    const below = base === undefined ? {} : {backing: await raw.open(new MemoryFile(base), {isReadOnly: true})};
    await using disk = await openQcow2(file, {isReadOnly: false, ...below, pool: smallPool});
    let value = 1;
    const lanes = 4;
    const lane = Math.floor(sectors / lanes);
    const step = async (from: number) => {
      const first = from + random.below(lane);
      const count = Math.min(1 + random.below(random.chance(70) ? 8 : 160), from + lane - first);
      const [offset, length] = [first * SECTOR_BYTES, count * SECTOR_BYTES];
      const kind = random.below(100);
      if (kind < 65) {
        const hasZeros = random.chance(15);
        const values = Array.from({length: count}, () => (hasZeros && random.chance(40) ? 0 : value++));
        await history.change(first, values, async () => disk.writev([fillSectors(values)], offset));
      } else if (kind < 80) {
        await history.change(first, new Array<number>(count).fill(0), () => disk.writeZeroes(offset, length));
      } else {
        // What a discard leaves is known afterwards: read as a request of its own that changes nothing.
        const before = Array.from({length: count}, (_, index) => history.latest(first + index));
        const zeros = new Array<number>(count).fill(0);
        await history.change(first, zeros, () => disk.discard(offset, length));
        const now = new Uint8Array(length);
        await disk.readv([now], offset);
        const view = new DataView(now.buffer);
        const shown = before.map((_, index) => view.getUint32(index * SECTOR_BYTES));
        await history.change(first, shown, async () => undefined);
      }
    };
    for (let done = 0; done < REQUESTS; done += lanes) {
      await Promise.all(Array.from({length: lanes}, (_, index) => step(index * lane)));
      if (!random.chance(20)) continue;
      isFlushing = true;
      await history.flush(() => disk.flush());
      isFlushing = false;
    }
  }
  return {file, history, clock, base};
}

/** What is wrong with one state, if anything. */
async function examine({history, base}: Recording, content: Uint8Array, moment: number): Promise<string | undefined> {
  const file = new MemoryFile(content);
  file.isPrompt = true;
  const report = await checkQcow2(file);
  if (report.errorCount > 0) return `${report.errorCount} errors: ${report.problems.join('; ')}`;
  const below = async () =>
    base === undefined ? {} : {backing: await raw.open(new MemoryFile(base), {isReadOnly: true})};
  await using disk = await openQcow2(file, {isReadOnly: true, ...(await below())});
  const bytes = new Uint8Array(disk.sizeBytes);
  await disk.readv([bytes], 0);
  return history.judge(bytes, moment);
}

async function countBadStates(
  shape: Shape,
  syncs: 'all' | 'none' | 'only flushes',
  states: number,
  spoil: (content: Uint8Array) => void = () => undefined,
): Promise<string[]> {
  const random = new SeededRandom(shapes.indexOf(shape) + 100);
  const recording = await record(shape, random, syncs);
  const bad: string[] = [];
  for (let state = 0; state < states; state++) {
    const moment = random.below(recording.clock.now + 1);
    const content = recording.file.contentAfterCut(moment, random);
    spoil(content);
    const problem = await examine(recording, content, moment).catch(String);
    if (problem !== undefined) bad.push(`state ${state} at ${moment}: ${problem}`);
  }
  return bad;
}

describe('a power cut', () => {
  it.each(shapes)(
    'at any moment leaves every flushed byte and nothing worse than unused clusters: $options backing $hasBacking',
    async (shape) => {
      expect(await countBadStates(shape, 'all', Math.ceil(STATES / shapes.length))).toEqual([]);
    },
    120_000,
  );

  it('leaves what qemu-img finds no error in, and what opens and heals', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'viv-power-'));
    try {
      for (const [index, shape] of shapes.entries()) {
        const random = new SeededRandom(index + 200);
        const recording = await record(shape, random, 'all');
        for (let state = 0; state < Math.ceil(STATES / shapes.length / QEMU_EVERY); state++) {
          const moment = random.below(recording.clock.now + 1);
          const content = recording.file.contentAfterCut(moment, random);
          const path = join(folder, `${index}-${state}.qcow2`);
          await writeFile(path, content);
          if (recording.base !== undefined) await writeFile(join(folder, 'base.raw'), recording.base);
          if (hasTool('qemu-img')) expect((await qemuCheck(path)).errors).toBe(0);
          const file = new MemoryFile(content);
          const below =
            recording.base === undefined
              ? {}
              : {backing: await raw.open(new MemoryFile(recording.base), {isReadOnly: true})};
          const disk = await openQcow2(file, {isReadOnly: false, ...below});
          await disk.writev([fillSectors([1])], 0);
          await disk[Symbol.asyncDispose]();
          const isHealing = shape.options.version !== 2;
          expect(await checkQcow2(file)).toMatchObject({errorCount: 0, ...(isHealing ? {leakedClusters: 0} : {})});
        }
      }
    } finally {
      await rm(folder, {recursive: true});
    }
  }, 120_000);

  // The test itself: without syncs it must find what is lost.
  it.each(['none', 'only flushes'] as const)(
    'would be fatal if the image made %s of its syncs',
    async (syncs) => {
      for (const shape of shapes.filter(({hasBacking}) => hasBacking).slice(0, 3))
        expect((await countBadStates(shape, syncs, 60)).length).toBeGreaterThan(0);
    },
    120_000,
  );

  it('would take bytes of the backing image with it without the list of loose clusters', async () => {
    // The autoclear bits: none is set.
    const spoil = (content: Uint8Array) => content.fill(0, 88, 96);
    for (const shape of shapes.filter(({hasBacking, options: {clusterBytes = 0}}) => hasBacking && clusterBytes > 4096))
      expect((await countBadStates(shape, 'all', 200, spoil)).length).toBeGreaterThan(0);
  }, 120_000);
});
