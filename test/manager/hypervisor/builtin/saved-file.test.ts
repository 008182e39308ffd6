import {mkdtemp, open, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {CHUNK_BYTES, type SaveHead} from '../../../../src/manager/hypervisor/builtin/saved/format.js';
import {SaveReader} from '../../../../src/manager/hypervisor/builtin/saved/save-reader.js';
import {type SavePacking, writeSave} from '../../../../src/manager/hypervisor/builtin/saved/save-writer.js';
import {RAM_PAGE_BYTES} from '../../../../src/manager/hypervisor/builtin/saved/saved-ram.js';
import {SeededRandom} from '../../../support/seeded-random.js';

/** Five chunks, the last of them short. */
const MEMORY_BYTES = 4 * CHUNK_BYTES + 3 * RAM_PAGE_BYTES;
const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
const packings: readonly SavePacking[] = ['small', 'quick'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-saved-'));
});
afterEach(() => rm(folder, {recursive: true}));

/** RAM of a machine that is none. */
class TestRam {
  readonly content = Buffer.alloc(MEMORY_BYTES);
  readonly marked = new Set<number>();
  readonly sizeBytes = MEMORY_BYTES;

  fill(page: number, kind: 'noise' | 'text'): void {
    const random = new SeededRandom(page + 1);
    const bytes = this.bytes(page, 1);
    for (let i = 0; i < bytes.length; i++) bytes[i] = kind === 'noise' ? random.below(256) : 97 + (i % 7);
  }

  isTouched(): boolean {
    return true;
  }

  take(first: number, count: number): Buffer {
    return Buffer.from(this.bytes(first, count));
  }

  bytes(page: number, count: number): Buffer {
    return this.content.subarray(page * RAM_PAGE_BYTES, (page + count) * RAM_PAGE_BYTES);
  }

  markWritten(page: number, count: number): void {
    for (let i = page; i < page + count; i++) this.marked.add(i);
  }
}

const head: SaveHead = {
  writer: 'test',
  savedAtMs: 1,
  machine: {memoryBytes: MEMORY_BYTES, hasSbi: true, tohost: -1, clockNs: 0, harts: [someHart()], devices: []},
  devices: [],
};

function someHart(): SaveHead['machine']['harts'][number] {
  const zeros = Array<string>(32).fill('0');
  const rest = {privilege: 1, csrs: {}, pending: 0, supervisorDeadline: null, machineDeadline: null, hsmState: 0};
  const place = {startAddress: '0', startOpaque: '0', instructions: 0, reservation: null};
  return {pc: '0', x: zeros, f: zeros, fcsr: 0, ...rest, ...place};
}

async function load(path: string): Promise<TestRam> {
  await using reader = await SaveReader.open(path);
  const ram = new TestRam();
  await reader.loadRam(ram);
  return ram;
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
    await writeSave(path, head, ram, packing);
    return {path, ram};
  }

  it.each(['noise', 'text'] as const)('gives %s back, and touches no page that is zero', async (kind) => {
    const {path, ram} = await saved(kind);
    const back = await load(path);
    expect(back.content.equals(ram.content)).toBe(true);
    expect([...back.marked].sort((a, b) => a - b)).toEqual(pages);
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
      await expect(load(path)).rejects.toMatchObject({
        code: 'bad-snapshot',
        message: expect.stringMatching(/memory from \d+ on is damaged/),
      });
      await flip(path, at);
    }
    await load(path);
  });

  it('is refused when its table names pages behind the end of memory', async () => {
    const ram = new TestRam();
    ram.fill(4 * CHUNK_PAGES + 2, 'text');
    const path = join(folder, 'file');
    const machine = {...head.machine, memoryBytes: MEMORY_BYTES - RAM_PAGE_BYTES};
    await writeSave(path, {...head, machine}, ram, packing);
    await expect(SaveReader.open(path)).rejects.toMatchObject({
      message: expect.stringContaining('table makes no sense'),
    });
  });
});
