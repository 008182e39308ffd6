/**
 * Which superpages a hart's TLBs may hold entries of. One superpage is many entries, and a fence of any address in it
 * must reach them all; so each fill sets a bit by hash, and a fence whose address finds a bit set forgets everything.
 * A bit set by another address only costs time. 32768 bits: at 200 superpages 1 fence in 160 is mistaken.
 */
import type {HartState} from '../hart/state.js';
import {SUPERPAGE_BITS, SUPERPAGE_OFFSET} from '../memory/layout.js';

/** Sets the levels' hashes apart. */
export const SUPERPAGE_LEVEL_STEP = 0x1235;
/** How far the upper bits of an address's page number are folded down. */
export const SUPERPAGE_FOLD = 15;

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
    const bit = bitOf(low, high, level);
    this.#state.views.u8[this.#start + (bit >> 3)]! |= 1 << (bit & 7);
  }

  /** True when an entry may come from a superpage that holds the address. */
  mayHold(low: number, high: number): boolean {
    for (let level = 1; level <= 4; level++) {
      const bit = bitOf(low, high, level);
      if ((this.#state.views.u8[this.#start + (bit >> 3)]! & (1 << (bit & 7))) !== 0) return true;
    }
    return false;
  }

  clear(): void {
    this.#state.fill(this.#start, 0, SUPERPAGE_BITS / 8);
  }
}

/** Low 32 bits of address >> (12 + 9 * level), folded. */
function bitOf(low: number, high: number, level: number): number {
  const shift = 12 + 9 * level;
  const key = shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >> (shift - 32);
  return ((key ^ (key >>> SUPERPAGE_FOLD)) + level * SUPERPAGE_LEVEL_STEP) & (SUPERPAGE_BITS - 1);
}
