/**
 * Where one hart leaves for another what to fence: one range at a time, in the other's TLB area. A hart that finds the
 * box taken asks for everything to be forgotten instead.
 *
 *   free ─▶ being written ─▶ full ─▶ (its hart has read it) free
 */
import type {MemoryViews} from '../hart/state.js';
import {FENCE_BOX_OFFSET, type MemoryLayout, PAGE_BYTES} from '../memory/layout.js';
import type {Tlb} from './tlb.js';

const FREE = 0;
const WRITING = 1;
const FULL = 2;

/** Words of the box. */
const WORD = {state: 0, asid: 1, low: 2, high: 3, pages: 4} as const;

/** Pages of a range that are forgotten one by one; more are dearer than to fill the TLB again. */
const MAX_PAGES = 64;

/** A hart's box, in shared memory. */
export class FenceBox {
  readonly #i32: Int32Array<SharedArrayBuffer>;
  readonly #at: number;

  constructor(views: MemoryViews, layout: MemoryLayout, hart: number) {
    this.#i32 = views.i32;
    this.#at = (layout.banks[hart]! + FENCE_BOX_OFFSET) >> 2;
  }

  /** Leaves a range for the box's hart, which must then be asked to look. False when the box is taken. */
  post(low: number, high: number, pages: number, asid: number): boolean {
    const i32 = this.#i32;
    if (Atomics.compareExchange(i32, this.#at + WORD.state, FREE, WRITING) !== FREE) return false;
    i32[this.#at + WORD.asid] = asid;
    i32[this.#at + WORD.low] = low;
    i32[this.#at + WORD.high] = high;
    i32[this.#at + WORD.pages] = pages;
    Atomics.store(i32, this.#at + WORD.state, FULL);
    return true;
  }

  /** Fences what was left here; the box's hart only. */
  serve(tlb: Tlb): void {
    const i32 = this.#i32;
    if (Atomics.load(i32, this.#at + WORD.state) !== FULL) return;
    const word = (index: number) => i32[this.#at + index]!;
    fenceRange(tlb, word(WORD.low), word(WORD.high), word(WORD.pages), word(WORD.asid));
    Atomics.store(i32, this.#at + WORD.state, FREE);
  }
}

/**
 * Forgets a range's translations in the address spaces with an ASID (-1: in all). Addresses are 32-bit halves.
 * Too many pages to be worth it: the whole of those address spaces.
 */
export function fenceRange(tlb: Tlb, low: number, high: number, pages: number, asid: number): void {
  if (pages > MAX_PAGES) {
    if (asid === -1) tlb.flushAll();
    else tlb.flushAddressSpace(asid);
    return;
  }
  for (let page = 0; page < pages; page++) {
    const sum = (low >>> 0) + page * PAGE_BYTES;
    tlb.flushPage(sum | 0, (high + (sum > 0xffff_ffff ? 1 : 0)) | 0, asid);
  }
}

/** Pages that a range of SBI touches; Infinity for all there are. Units: halves unsigned */
export function pagesOf(startLow: number, startHigh: number, sizeLow: number, sizeHigh: number): number {
  const isAll = startLow === 0 && startHigh === 0 && sizeLow === 0 && sizeHigh === 0;
  if (isAll || sizeHigh !== 0) return Number.POSITIVE_INFINITY;
  return Math.ceil(((startLow & (PAGE_BYTES - 1)) + sizeLow) / PAGE_BYTES);
}
