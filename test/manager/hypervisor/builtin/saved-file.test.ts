import {randomUUID} from 'node:crypto';
import {mkdtemp, open, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {CHUNK_BYTES} from '../../../../src/manager/hypervisor/builtin/saved/format.js';
import {RamFiller} from '../../../../src/manager/hypervisor/builtin/saved/ram-filler.js';
import {SaveReader} from '../../../../src/manager/hypervisor/builtin/saved/save-reader.js';
import {type SavePacking, writeSave} from '../../../../src/manager/hypervisor/builtin/saved/save-writer.js';
import type {SavedBase} from '../../../../src/manager/hypervisor/builtin/saved/saved-base.js';
import {RAM_PAGE_BYTES} from '../../../../src/manager/hypervisor/builtin/saved/saved-ram.js';
import {checkWholeState, readWholeState} from '../../../../src/manager/hypervisor/builtin/saved/whole-state.js';
import {loadState, MEMORY_BYTES, TestMachine, TestRam, testHead} from '../../../support/saved-state.js';
import {SeededRandom} from '../../../support/seeded-random.js';

const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
const packings: readonly SavePacking[] = ['small', 'quick'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-saved-'));
});
afterEach(() => rm(folder, {recursive: true}));

/** Pieces of a chunk have no order. */
function sorted(base: SavedBase | undefined) {
  const pieces = [...(base?.pieces ?? [])].filter(([, chunk]) => chunk.length > 0);
  return {
    id: base?.id,
    pieces: pieces
      .map(
        ([index, chunk]) =>
          [index, [...chunk].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))] as const,
      )
      .sort(([a], [b]) => a - b)
      .map(([index, chunk]) => [index, chunk.map((piece) => Object.entries(piece).sort())]),
  };
}

async function flip(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.of(byte[0]! ^ 1), 0, 1, at);
}

describe.each(packings)('the file of a saved machine, %s', (packing) => {
  const pages = [3, 4, 63, CHUNK_PAGES, 2 * CHUNK_PAGES + 31, 2 * CHUNK_PAGES + 32, 4 * CHUNK_PAGES + 2];

  async function saved(kind: 'noise' | 'text'): Promise<{path: string; ram: TestRam}> {
    const ram = new TestRam();
    for (const page of pages) ram.fill(page, kind);
    const path = join(folder, 'file');
    await writeSave(path, testHead, ram, {packing});
    return {path, ram};
  }

  it.each(['noise', 'text'] as const)('gives %s back, and touches no page that is zero', async (kind) => {
    const {path, ram} = await saved(kind);
    const back = await loadState(path);
    expect(back.ram.content.equals(ram.content)).toBe(true);
    expect(back.filled.sort((a, b) => a - b)).toEqual(pages);
    expect(back).toMatchObject({isWhole: true, crashes: []});
  });

  it('holds no pages that are zero, and what does not get shorter as it is', async () => {
    const {path} = await saved('noise');
    const {size} = await stat(path);
    expect(size).toBeGreaterThan(pages.length * RAM_PAGE_BYTES);
    expect(size).toBeLessThan((pages.length + 1) * RAM_PAGE_BYTES);
  });

  it.each(['noise', 'text'] as const)('is refused when a byte of %s is flipped', async (kind) => {
    const {path} = await saved(kind);
    for (const at of [16, 100]) {
      await flip(path, at);
      await expect(loadState(path)).rejects.toMatchObject({
        code: 'bad-snapshot',
        message: expect.stringMatching(/memory from \d+ on is damaged/),
      });
      await flip(path, at);
    }
    await loadState(path);
  });

  it('stands on an older one for what has not changed, over many rounds, and each comes back as it was', async () => {
    const random = new SeededRandom(5);
    const ram = new TestRam();
    for (const page of pages) ram.fill(page, 'text');
    const states: {path: string; content: Buffer}[] = [];
    let base: SavedBase | undefined;
    for (let round = 0; round < 12; round++) {
      const id = randomUUID();
      const path = join(folder, `${id}.state`);
      const summary = await writeSave(path, testHead, ram, {packing, id, base});
      base = summary.base;
      states.push({path, content: Buffer.from(ram.content)});
      // Later rounds may store a whole chunk again.
      if (round === 1) expect(summary.fileBytes).toBeLessThan(ram.changed.size * RAM_PAGE_BYTES + 8192);
      // What a restored machine knows of its file is what the writer knew.
      await using reader = await SaveReader.open(path);
      expect(sorted(reader.base)).toEqual(sorted(base));
      ram.changed.clear();
      ram.left.clear();
      for (let i = random.below(6); i > 0; i--) {
        const page = random.chance(50) ? random.below(CHUNK_PAGES) : random.below(MEMORY_BYTES / RAM_PAGE_BYTES);
        if (random.chance(20)) ram.bytes(page, 1).fill(0);
        else ram.bytes(page, 1).fill(1 + random.below(255));
        ram.changed.add(page);
      }
    }
    for (const {path, content} of states) expect((await loadState(path)).ram.content.equals(content)).toBe(true);
    // Each comes back from one file of its own, too, which holds nothing twice.
    for (const [round, {path, content}] of states.entries()) {
      const whole = join(folder, `whole-${round}`);
      const steps: [number, number][] = [];
      await writeFile(
        whole,
        readWholeState(path, (done, total) => steps.push([done, total])),
      );
      await checkWholeState(whole, {memoryBytes: MEMORY_BYTES, hartCount: 1});
      expect(steps.at(-1)).toEqual([steps.length, steps.length]);
      expect((await loadState(whole)).ram.content.equals(content)).toBe(true);
      await using reader = await SaveReader.open(whole);
      expect(new Set(reader.rows.map(({index}) => index)).size).toBe(reader.rows.length);
    }
    await expect(checkWholeState(states.at(-1)!.path, {memoryBytes: MEMORY_BYTES, hartCount: 1})).rejects.toMatchObject(
      {code: 'bad-snapshot', message: expect.stringContaining('stands on other files')},
    );
  });

  it('leaves pages that are not there yet to the older one, also in chunks that it would store again', async () => {
    const ram = new TestRam();
    for (let page = 0; page < CHUNK_PAGES; page++) ram.fill(page, 'text');
    const [first, second] = [randomUUID(), randomUUID()];
    const {base} = await writeSave(join(folder, `${first}.state`), testHead, ram, {packing, id: first});
    const content = Buffer.from(ram.content);
    // All but a few of a chunk have changed: what is left of the older piece is hardly worth being read.
    for (let page = 0; page < CHUNK_PAGES; page++) {
      if (page < 3) ram.absent.add(page);
      else ram.changed.add(page);
      ram.bytes(page, 1).fill(0xee);
    }
    const path = join(folder, `${second}.state`);
    await writeSave(path, testHead, ram, {packing, id: second, base});
    const back = (await loadState(path)).ram;
    expect(back.bytes(0, 3).equals(content.subarray(0, 3 * RAM_PAGE_BYTES))).toBe(true);
    expect(back.bytes(3, CHUNK_PAGES - 3).equals(ram.bytes(3, CHUNK_PAGES - 3))).toBe(true);
  });

  it('made whole is the same when it stands alone already, and fits one make of machine', async () => {
    const {path} = await saved('text');
    const whole = join(folder, 'whole');
    await writeFile(whole, readWholeState(path));
    expect((await loadState(whole)).ram.content.equals((await loadState(path)).ram.content)).toBe(true);
    await expect(checkWholeState(whole, {memoryBytes: MEMORY_BYTES * 2, hartCount: 1})).rejects.toMatchObject({
      message: expect.stringContaining('another memory size'),
    });
    await expect(checkWholeState(whole, {memoryBytes: MEMORY_BYTES, hartCount: 2})).rejects.toMatchObject({
      message: expect.stringContaining('another number of CPUs'),
    });
    await flip(path, 100);
    await expect(writeFile(whole, readWholeState(path))).rejects.toMatchObject({code: 'bad-snapshot'});
  });

  it('lets the guest write at once to chunks that it does not store', async () => {
    const ram = new TestRam();
    for (const page of pages) ram.fill(page, 'text');
    const [first, second] = [randomUUID(), randomUUID()];
    const {base} = await writeSave(join(folder, `${first}.state`), testHead, ram, {packing, id: first});
    ram.changed.add(CHUNK_PAGES);
    const writing = writeSave(join(folder, `${second}.state`), testHead, ram, {packing, id: second, base});
    expect(ram.left.has(0)).toBe(true);
    expect(ram.left.has(CHUNK_PAGES)).toBe(false);
    await writing;
  });

  it('is refused by name when a file that it stands on is missing, or another', async () => {
    const ram = new TestRam();
    for (const page of pages) ram.fill(page, 'text');
    const [first, second] = [randomUUID(), randomUUID()];
    const below = join(folder, `${first}.state`);
    const {base} = await writeSave(below, testHead, ram, {packing, id: first});
    const path = join(folder, `${second}.state`);
    await writeSave(path, testHead, ram, {packing, id: second, base});
    await loadState(path);
    await flip(below, 100);
    await expect(loadState(path)).rejects.toMatchObject({message: expect.stringContaining('is damaged')});
    await rm(below);
    await expect(SaveReader.open(path)).rejects.toMatchObject({
      code: 'bad-snapshot',
      message: expect.stringContaining(`${first}.state, which it stands on, cannot be read`),
    });
  });

  it('is refused when its table names pages behind the end of memory', async () => {
    const ram = new TestRam();
    ram.fill(4 * CHUNK_PAGES + 2, 'text');
    const path = join(folder, 'file');
    const machine = {...testHead.machine, memoryBytes: MEMORY_BYTES - RAM_PAGE_BYTES};
    await writeSave(path, {...testHead, machine}, ram, {packing});
    await expect(SaveReader.open(path)).rejects.toMatchObject({
      message: expect.stringContaining('table makes no sense'),
    });
  });

  it.each(['noise', 'text'] as const)('gives a page of %s at once to whoever wants it, and only once', async (kind) => {
    const {path, ram} = await saved(kind);
    await using reader = await SaveReader.open(path);
    const machine = new TestMachine();
    await using filler = new RamFiller(reader, machine);
    machine.want(63);
    // It came with its chunk.
    expect(machine.filled).toEqual([3, 4, 63]);
    expect(machine.ram.bytes(63, 1).equals(ram.bytes(63, 1))).toBe(true);
    machine.ram.bytes(63, 1).fill(9);
    await filler.start();
    expect(machine.filled.toSorted((a, b) => a - b)).toEqual(pages);
    expect(machine.ram.bytes(63, 1).every((byte) => byte === 9)).toBe(true);
  });

  it.each(['wanted', 'in its turn'])(
    'ends the machine when a chunk, %s, has changed since it was checked',
    async (how) => {
      const {path} = await saved('text');
      await using reader = await SaveReader.open(path);
      await reader.verify();
      // Chunks lie in the file as they were ready.
      await flip(path, reader.rows.find(({index}) => index === 0)!.offset + 4);
      const machine = new TestMachine();
      await using filler = new RamFiller(reader, machine);
      if (how === 'wanted') machine.want(3);
      else await filler.start();
      expect(machine).toMatchObject({
        isWhole: false,
        crashes: [expect.stringContaining('memory from 0 on is damaged')],
      });
    },
  );
});
