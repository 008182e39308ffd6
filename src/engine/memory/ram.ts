/** Guest RAM as devices and loaders see it, and the marks that host writes leave. */
import type {GuestMemory} from '../contract.js';
import type {MemoryViews} from '../hart/state.js';
import {CODE_WRITES, RAM_ABSENT, TOUCHED_PAGES} from './header.js';
import {type MemoryLayout, PAGE_BYTES, RAM_BASE} from './layout.js';

/**
 * Bits of a page's flag byte: written at least once; has or had decoded code; a hart's TLB may let stores through to it;
 * a snapshot has yet to take it as it is; it has yet to be read from one; written since the last snapshot was taken or
 * gone back to.
 */
export const PAGE_FLAG = {touched: 1, code: 2, writable: 4, frozen: 8, absent: 16, changed: 32} as const;

/** What every write leaves behind. */
export const WRITE_MARKS = PAGE_FLAG.touched | PAGE_FLAG.changed;

/**
 * Marks a guest page (index from RAM's start) as about to be written: counted as touched, its decoded code stale.
 * True when it has, or had, decoded code. A hart passes `writable` too, behind the entry it has made.
 */
export function markPageWritten(
  views: MemoryViews,
  layout: MemoryLayout,
  page: number,
  marks: number = WRITE_MARKS,
): boolean {
  const at = layout.pageFlags + page;
  // Read and modified in one step also where nothing changes: the step orders it against other harts' `CodeCache`.
  const flags = Atomics.or(views.u8, at, marks);
  if ((flags & PAGE_FLAG.touched) === 0) Atomics.add(views.i32, TOUCHED_PAGES >> 2, 1);
  if ((flags & PAGE_FLAG.code) === 0) return false;
  Atomics.add(views.i32, (layout.generations >> 2) + page, 1);
  Atomics.add(views.i32, CODE_WRITES >> 2, 1);
  return true;
}

/** Guest RAM over the machine's shared memory. */
export class Ram implements GuestMemory {
  readonly baseAddress = RAM_BASE;
  readonly sizeBytes: number;
  readonly view: DataView<SharedArrayBuffer>;
  readonly u16: Uint16Array<SharedArrayBuffer>;
  readonly #views: MemoryViews;
  readonly #layout: MemoryLayout;
  readonly #thaw: (page: number) => void;
  readonly #fetch: (page: number) => void;

  /** `thaw` makes a frozen page one that may be written, `fetch` an absent one one that is there. */
  constructor(
    views: MemoryViews,
    layout: MemoryLayout,
    thaw: (page: number) => void,
    fetch: (page: number) => void = () => undefined,
  ) {
    this.#thaw = thaw;
    this.#fetch = fetch;
    this.#views = views;
    this.#layout = layout;
    this.sizeBytes = layout.ramBytes;
    this.view = new DataView(views.buffer, layout.ram, layout.ramBytes);
    this.u16 = new Uint16Array(views.buffer, layout.ram, layout.ramBytes / 2);
  }

  contains(address: number, length: number): boolean {
    const isInside =
      length >= 0 && address >= RAM_BASE && length <= this.sizeBytes && address - RAM_BASE <= this.sizeBytes - length;
    // Whoever is told so may look at it.
    if (isInside && Atomics.load(this.#views.i32, RAM_ABSENT >> 2) !== 0) this.#fetchAll(address, length);
    return isInside;
  }

  #fetchAll(address: number, length: number): void {
    const last = Math.floor((address + length - 1 - RAM_BASE) / PAGE_BYTES);
    for (let page = Math.floor((address - RAM_BASE) / PAGE_BYTES); page <= last; page++)
      if ((Atomics.load(this.#views.u8, this.#layout.pageFlags + page) & PAGE_FLAG.absent) !== 0) this.#fetch(page);
  }

  bytes(address: number, length: number): Uint8Array<SharedArrayBuffer> | undefined {
    if (!this.contains(address, length)) return undefined;
    return new Uint8Array(this.#views.buffer, this.#layout.ram + (address - RAM_BASE), length);
  }

  prepareWrite(address: number, length: number): void {
    if (length === 0 || !this.contains(address, length)) return;
    const {u8} = this.#views;
    const last = Math.floor((address + length - 1 - RAM_BASE) / PAGE_BYTES);
    for (let page = Math.floor((address - RAM_BASE) / PAGE_BYTES); page <= last; page++)
      if ((Atomics.load(u8, this.#layout.pageFlags + page) & PAGE_FLAG.frozen) !== 0) this.#thaw(page);
  }

  discard(address: number, length: number): void {
    if (length === 0 || !this.contains(address, length)) return;
    const {u8} = this.#views;
    const {ram, pageFlags} = this.#layout;
    const end = Math.floor((address + length - RAM_BASE) / PAGE_BYTES);
    for (let page = Math.ceil((address - RAM_BASE) / PAGE_BYTES); page < end; page++) {
      const flags = Atomics.load(u8, pageFlags + page);
      // Others take no memory of the host yet, and zeros would make them.
      if ((flags & PAGE_FLAG.touched) === 0) continue;
      if ((flags & PAGE_FLAG.frozen) !== 0) this.#thaw(page);
      u8.fill(0, ram + page * PAGE_BYTES, ram + (page + 1) * PAGE_BYTES);
      markPageWritten(this.#views, this.#layout, page);
    }
  }

  markWritten(address: number, length: number): void {
    if (length === 0 || !this.contains(address, length)) return;
    const last = Math.floor((address + length - 1 - RAM_BASE) / PAGE_BYTES);
    for (let page = Math.floor((address - RAM_BASE) / PAGE_BYTES); page <= last; page++)
      markPageWritten(this.#views, this.#layout, page);
  }
}
