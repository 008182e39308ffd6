/**
 * Where everything of one machine lies in its shared `WebAssembly.Memory`.
 *
 *   0x00000  header page (see `header.ts`)
 *   0x01000  one block per hart, 2 KiB each (see `hart/layout.ts`); below 64 KiB so that a decoded op names a
 *            register by a 16-bit address
 *   0x10000  device state slices
 *            page generations: one u32 per guest page, counted up when a page with decoded code is written
 *            page flags: one byte per guest page (touched, has code)
 *            per hart: TLB banks with what belongs to them, entry and straddle ops, decoded code slots and their side
 *            cells
 *            guest RAM, 64 KiB aligned
 *
 * Untouched pages of the memory cost the host nothing, so generous tables are free until used.
 */
import {EngineError} from '../error.js';

/** Bytes of one guest page. */
export const PAGE_BYTES = 4096;
/** Guest-physical address of RAM on this platform. */
export const RAM_BASE = 0x8000_0000;
/** Harts that fit: their blocks must end below 64 KiB. */
export const MAX_HARTS = 16;
export const HART_BLOCK_BASE = 0x1000;
export const HART_BLOCK_BYTES = 0x800;
const DEVICE_BASE = 0x10000;

/**
 * Entries per TLB; 16 bytes each: tag u64 (page address; when empty see `mmu/tlb.ts`), addend i32, guest page index u32
 * (from RAM's start). The addend of a data entry is host address - virtual address; of an execute entry, the page's ops.
 */
export const TLB_ENTRIES = 16384;
export const TLB_ENTRY_BYTES = 16;
export const TLB_BYTES = TLB_ENTRIES * TLB_ENTRY_BYTES;
/** What turns the lower half of an entry's tag into that of an empty one (see `mmu/tlb.ts`). */
export const TLB_EMPTYING = PAGE_BYTES | (PAGE_BYTES - 1);
/** A flush visits only groups of entries that were filled since the last one: a bit each. */
export const TLB_GROUP = 32;
/** Bytes of the bits of one TLB. */
export const TLB_USE_BYTES = TLB_ENTRIES / TLB_GROUP / 8;
/** A bank holds three TLBs: read, write, execute, in this order; behind them the bits of their groups. */
export const TLB_USE = 3 * TLB_BYTES;
/** Some lines more than the TLBs, so that entries of one page in several banks do not meet in one set of a cache. */
export const BANK_BYTES = TLB_USE + Math.ceil((3 * TLB_USE_BYTES) / 64) * 64;
/** Address spaces whose translations a hart keeps. */
export const ADDRESS_SPACES = 6;
/** Banks by access rights: bare M, S; then for each address space S with SUM, U. */
export const BANKS = 2 + 2 * ADDRESS_SPACES;
/**
 * Behind the banks: per address space its satp (u64, all ones: never used), when it was chosen last (i32), unused i32;
 * then the count of choices made (i32), which is that time.
 */
export const SPACES_OFFSET = BANKS * BANK_BYTES;
export const SPACE_BYTES = 16;
/** In the line behind that count: what other harts want fenced (see `mmu/fence-box.ts`). */
export const FENCE_BOX_OFFSET = SPACES_OFFSET + ADDRESS_SPACES * SPACE_BYTES + 16;
/** Then a filter of superpages that the TLBs have entries of, one bit per hash (see `mmu/superpages.ts`). */
export const SUPERPAGE_OFFSET = SPACES_OFFSET + ADDRESS_SPACES * SPACE_BYTES + 64;
export const SUPERPAGE_BITS = 1 << 16;

/** Bytes of one decoded op. */
export const OP_BYTES = 16;
/** Ops of one decoded guest page: one per possible 2-byte instruction start, and two past the end. */
export const SLOT_OPS = PAGE_BYTES / 2 + 2;
/** Stride of decoded pages. */
export const SLOT_BYTES = SLOT_OPS * OP_BYTES;
/**
 * Decoded pages a hart keeps, and all harts together; the oldest is dropped when all are taken. A slot takes up to
 * 44 KiB, as far as its page's code has run. Processes that start and end all day need some 500 pages of Debian's
 * kernel and their own: with 400, each `exec` decoded nearly all of them anew and took three times as long.
 */
const MAX_CODE_SLOTS = 768;
const ALL_CODE_SLOTS = 6400;
/** Stride of the side cells of decoded pages. */
export const SIDE_BYTES = SLOT_BYTES / 4;
/** Ops outside any page: the entry op that goes to a new pc, and an instruction that straddles two pages. */
const STRADDLE_BYTES = 4 * OP_BYTES;

/** Samples of its pc that a hart keeps; whoever listens looks every few milliseconds. */
export const SAMPLE_COUNT = 4096;
/** A count of samples (i32) in the first 8 bytes, then 8 bytes each. */
const SAMPLES_BYTES = 8 + SAMPLE_COUNT * 8;

/** Largest RAM that fits beside the tables in a 4 GiB memory. */
export const MAX_RAM_BYTES = 3.5 * 1024 ** 3;

/** Offsets of one machine's areas, in bytes from the start of its memory. */
export interface MemoryLayout {
  readonly ramBytes: number;
  readonly hartCount: number;
  readonly deviceBase: number;
  readonly generations: number;
  readonly pageFlags: number;
  readonly ram: number;
  readonly totalBytes: number;
  /** Decoded pages that a hart keeps. */
  readonly codeSlots: number;
  /** Start of the TLB banks of a hart. */
  readonly banks: readonly number[];
  readonly slots: readonly number[];
  /** Start of the side cells of a hart's slots: 4 bytes for each op (see `codegen/region/abi.ts`). */
  readonly sides: readonly number[];
  /** Copies of decoded pages, as they were decoded. */
  readonly copies: readonly number[];
  readonly decodeTables: readonly number[];
  readonly straddle: readonly number[];
  /** Samples of the pc of a hart. */
  readonly samples: readonly number[];
}

/** Bytes of a hart's decode tables (see `codegen/op-decode.ts`). */
export const DECODE_TABLE_BYTES = 0x56000;

const align = (value: number, to: number) => Math.ceil(value / to) * to;

/**
 * Lays out a machine's memory.
 * Errors: EngineError `bad-spec` when RAM is no multiple of a page, or RAM or hart count exceed what fits
 */
export function layoutMemory(ramBytes: number, hartCount: number, deviceBytes: number): MemoryLayout {
  if (!Number.isInteger(hartCount) || hartCount < 1 || hartCount > MAX_HARTS)
    throw new EngineError('bad-spec', `A machine has 1 to ${MAX_HARTS} harts, not ${hartCount}.`, 'Choose fewer CPUs.');
  if (ramBytes % PAGE_BYTES !== 0 || ramBytes < 1024 * 1024 || ramBytes > MAX_RAM_BYTES)
    throw new EngineError(
      'bad-spec',
      `A machine has 1 MiB to ${MAX_RAM_BYTES / 1024 ** 2} MiB of memory in whole pages, not ${ramBytes / 1024 ** 2} MiB.`,
      'Choose another memory size.',
    );
  const pages = ramBytes / PAGE_BYTES;
  let end = DEVICE_BASE;
  const take = (bytes: number, to = 64) => {
    const at = align(end, to);
    end = at + bytes;
    return at;
  };
  const deviceBase = take(deviceBytes);
  const generations = take(pages * 4);
  const pageFlags = take(pages);
  const codeSlots = Math.min(MAX_CODE_SLOTS, Math.floor(ALL_CODE_SLOTS / hartCount));
  const banks: number[] = [];
  const slots: number[] = [];
  const sides: number[] = [];
  const copies: number[] = [];
  const decodeTables: number[] = [];
  const straddle: number[] = [];
  const samples: number[] = [];
  for (let hart = 0; hart < hartCount; hart++) {
    banks.push(take(SUPERPAGE_OFFSET + SUPERPAGE_BITS / 8, PAGE_BYTES));
    straddle.push(take(STRADDLE_BYTES));
    slots.push(take(codeSlots * SLOT_BYTES));
    samples.push(take(SAMPLES_BYTES));
    sides.push(take(codeSlots * SIDE_BYTES));
    copies.push(take(codeSlots * PAGE_BYTES));
    decodeTables.push(take(DECODE_TABLE_BYTES));
  }
  const ram = take(ramBytes, 65536);
  return {
    ramBytes,
    hartCount,
    deviceBase,
    generations,
    pageFlags,
    ram,
    codeSlots,
    totalBytes: align(end, 65536),
    banks,
    slots,
    sides,
    copies,
    decodeTables,
    straddle,
    samples,
  };
}
