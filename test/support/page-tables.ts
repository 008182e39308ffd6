/** Page tables for test guests, built in TypeScript and loaded with the guest. */
import {Assembler} from './assembler.js';
import {assembleText} from './assembly-text.js';
import type {Segment} from './elf-writer.js';

/** Bits of a page table entry. */
export const PTE = {V: 1n, R: 2n, W: 4n, X: 8n, U: 16n, G: 32n, A: 64n, D: 128n} as const;
/** A page for everything of S-mode, already accessed and dirty. */
export const RWX = PTE.V | PTE.R | PTE.W | PTE.X | PTE.A | PTE.D;

const PAGE = 4096;

/** A tree of page tables that grows from a physical address on. */
export class PageTables {
  readonly root: number;
  readonly levels: 3 | 4 | 5;
  readonly #tables: DataView[] = [];

  constructor(address: number, levels: 3 | 4 | 5 = 3) {
    this.root = address;
    this.levels = levels;
    this.#add();
  }

  /** Value of satp for this tree. */
  satp(asid = 0): bigint {
    return (BigInt(this.levels + 5) << 60n) | (BigInt(asid) << 44n) | BigInt(this.root / PAGE);
  }

  /** Maps a page (level 0: 4 KiB, 1: 2 MiB, 2: 1 GiB); no check of any kind. Returns the entry's physical address. */
  map(virtual: bigint, physical: bigint, flags: bigint, level = 0): number {
    return this.put(virtual, ((physical >> 12n) << 10n) | flags, level);
  }

  /** Stores an entry as it is. Returns its physical address. */
  put(virtual: bigint, entry: bigint, level = 0): number {
    let table = 0;
    for (let at = this.levels - 1; at > level; at--) {
      const index = indexOf(virtual, at);
      const below = this.#tables[table]!.getBigUint64(index * 8, true);
      const next = below === 0n ? this.#add() : Number(below >> 10n) - this.root / PAGE;
      if (below === 0n)
        this.#tables[table]!.setBigUint64(index * 8, (BigInt(this.root / PAGE + next) << 10n) | PTE.V, true);
      table = next;
    }
    this.#tables[table]!.setBigUint64(indexOf(virtual, level) * 8, BigInt.asUintN(64, entry), true);
    return this.root + table * PAGE + indexOf(virtual, level) * 8;
  }

  /** Maps 16 MiB of RAM and the test finisher at their own addresses. */
  mapIdentity(flags: bigint = RWX): this {
    for (let at = 0x8000_0000n; at < 0x8100_0000n; at += 0x20_0000n) this.map(at, at, flags, 1);
    this.map(0x10_0000n, 0x10_0000n, flags);
    return this;
  }

  /** The tables as memory contents. */
  segment(): Segment {
    const bytes = new Uint8Array(this.#tables.length * PAGE);
    for (const [i, table] of this.#tables.entries()) bytes.set(new Uint8Array(table.buffer), i * PAGE);
    return {address: this.root, bytes};
  }

  #add(): number {
    return this.#tables.push(new DataView(new ArrayBuffer(PAGE))) - 1;
  }
}

const indexOf = (virtual: bigint, level: number) => Number((virtual >> BigInt(12 + 9 * level)) & 511n);

/** Code or data at a physical address, as text. */
export function segmentOf(address: number, text: string): Segment {
  const a = new Assembler(address);
  assembleText(a, text);
  return {address, bytes: a.finish()};
}
