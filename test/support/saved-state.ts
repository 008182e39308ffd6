/** Saved states without machines: RAM that tests fill, and a machine that is filled from a file. */
import {CHUNK_BYTES, type SaveHead} from '../../src/manager/hypervisor/builtin/saved/format.js';
import {RamFiller} from '../../src/manager/hypervisor/builtin/saved/ram-filler.js';
import {SaveReader} from '../../src/manager/hypervisor/builtin/saved/save-reader.js';
import {RAM_PAGE_BYTES} from '../../src/manager/hypervisor/builtin/saved/saved-ram.js';
import {SeededRandom} from './seeded-random.js';

/** Five chunks, the last of them short. */
export const MEMORY_BYTES = 4 * CHUNK_BYTES + 3 * RAM_PAGE_BYTES;

/** RAM of a machine that is none. */
export class TestRam {
  readonly content = Buffer.alloc(MEMORY_BYTES);
  readonly sizeBytes = MEMORY_BYTES;
  readonly changed = new Set<number>();
  readonly absent = new Set<number>();
  readonly left = new Set<number>();

  fill(page: number, kind: 'noise' | 'text'): void {
    const random = new SeededRandom(page + 1);
    const bytes = this.bytes(page, 1);
    for (let i = 0; i < bytes.length; i++) bytes[i] = kind === 'noise' ? random.below(256) : 97 + (i % 7);
  }

  isTouched(): boolean {
    return true;
  }

  isAbsent(page: number): boolean {
    return this.absent.has(page);
  }

  isChanged(page: number): boolean {
    return this.changed.has(page);
  }

  leave(first: number, count: number): void {
    for (let page = first; page < first + count; page++) this.left.add(page);
  }

  take(first: number, count: number): Buffer {
    return Buffer.from(this.bytes(first, count));
  }

  bytes(page: number, count: number): Buffer {
    return this.content.subarray(page * RAM_PAGE_BYTES, (page + count) * RAM_PAGE_BYTES);
  }
}

/** A machine whose pages are filled, and nothing else. */
export class TestMachine {
  readonly ram = new TestRam();
  readonly missing = new Set<number>();
  readonly filled: number[] = [];
  readonly crashes: string[] = [];
  isWhole = false;
  want: (page: number) => void = () => undefined;
  readonly absent = {
    begin: (runs: readonly {first: number; count: number}[], fetcher: (page: number) => void) => {
      for (const {first, count} of runs) for (let i = 0; i < count; i++) this.missing.add(first + i);
      this.want = fetcher;
    },
    isAbsent: (page: number) => this.missing.has(page),
    fill: (first: number, content: Uint8Array) => {
      for (let at = 0; at < content.length; at += RAM_PAGE_BYTES) {
        const page = first + at / RAM_PAGE_BYTES;
        if (!this.missing.delete(page)) continue;
        this.ram.bytes(page, 1).set(content.subarray(at, at + RAM_PAGE_BYTES));
        this.filled.push(page);
      }
    },
    end: () => {
      this.isWhole = true;
    },
  };

  crash(reason: string): void {
    this.crashes.push(reason);
  }
}

/** All but RAM. */
export const testHead: Omit<SaveHead, 'sources'> = {
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

/** Checks a file and takes all of it. */
export async function loadState(path: string): Promise<TestMachine> {
  await using reader = await SaveReader.open(path);
  await reader.verify();
  const machine = new TestMachine();
  await using filler = new RamFiller(reader, machine);
  await filler.start();
  return machine;
}
