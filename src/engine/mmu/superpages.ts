/**
 * Which superpages a hart's TLBs may hold entries of. One superpage is many entries, and a fence of any address in it
 * must reach them all; so each fill sets a bit by hash, and a fence whose address finds a bit set forgets everything.
 * A bit set by another address only costs time, but always for the same addresses: at 200 superpages of one level, for
 * 1 in 300 of them.
 */
import {TLB_FLAGS, TlbFlag} from '../hart/layout.js';
import type {HartState} from '../hart/state.js';
import {SUPERPAGE_BITS, SUPERPAGE_OFFSET} from '../memory/layout.js';

/** The hash multiplies (an odd number near 2^32 / golden ratio) and takes the upper bits. */
export const SUPERPAGE_FACTOR = 0x9e3779b1;
/** The same for the address's upper 12 bits, which the low 32 bits of a page number miss. */
export const SUPERPAGE_UPPER_FACTOR = 0x85ebca6b;
/** Right shift of the product. */
export const SUPERPAGE_SHIFT = 32 - Math.log2(SUPERPAGE_BITS);
const MAX_LEVEL = 4;

/** The filter of one hart, in shared memory; generated code sets bits too (`codegen/tlb-fill.ts`). */
export class SuperpageFilter {
  readonly #state: HartState;
  readonly #start: number;

  constructor(state: HartState) {
    this.#state = state;
    this.#start = state.layout.banks[state.id]! + SUPERPAGE_OFFSET;
  }

  /** Notes an entry made from a page of a level (1: 2 MiB, 2: 1 GiB and so on). */
  add(low: number, high: number, level: number): void {
    const state = this.#state;
    const bit = bitOf(low, high, level);
    state.views.u8[this.#start + (bit >> 3)]! |= 1 << (bit & 7);
    state.setI32(TLB_FLAGS, state.i32(TLB_FLAGS) | (TlbFlag.superpages << level));
  }

  /** True when an entry may come from a superpage that holds the address. */
  mayHold(low: number, high: number): boolean {
    const flags = this.#state.i32(TLB_FLAGS);
    for (let level = 1; level <= MAX_LEVEL; level++) {
      if ((flags & (TlbFlag.superpages << level)) === 0) continue;
      const bit = bitOf(low, high, level);
      if ((this.#state.views.u8[this.#start + (bit >> 3)]! & (1 << (bit & 7))) !== 0) return true;
    }
    return false;
  }

  clear(): void {
    const state = this.#state;
    state.setI32(TLB_FLAGS, state.i32(TLB_FLAGS) & ~ALL_LEVELS);
    state.fill(this.#start, 0, SUPERPAGE_BITS / 8);
  }
}

const ALL_LEVELS = TlbFlag.superpages * (2 ** (MAX_LEVEL + 1) - 2);

/** Hash of the low 32 bits of address >> (12 + 9 * level), of the upper bits, and of the level. */
function bitOf(low: number, high: number, level: number): number {
  const shift = 12 + 9 * level;
  const key = shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >> (shift - 32);
  const mixed = (key ^ Math.imul(high >>> 20, SUPERPAGE_UPPER_FACTOR)) + level;
  return Math.imul(mixed, SUPERPAGE_FACTOR) >>> SUPERPAGE_SHIFT;
}
