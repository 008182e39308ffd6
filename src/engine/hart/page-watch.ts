/**
 * Tells at a `fence.i` which decoded pages of a hart have changed since they were decoded, and where.
 *
 *   tracked ──generation moved──▶ watched ──quiet for long, or too many──▶ settling ──others past a boundary──▶ tracked
 *      ▲                                                                      ▲
 *      └──────────────── taken on a machine with one hart      taken on one with several
 *
 * tracked   No hart has a write-TLB entry of the page: its first write since counts up its generation.
 * watched   Is written now and then: its bytes are compared with a copy at each `fence.i`, and stores to it cost nothing.
 * settling  Write entries are gone, but another hart may be in the midst of a store through one it had looked up before.
 *           Compared as well, until each other hart has come to a boundary or sleeps.
 *
 * Copies hold what was decoded; where nothing was, they hold what was seen last.
 */
import {CHUNK_BYTES} from '../codegen/memory-functions.js';
import {CODE_WRITES} from '../memory/header.js';
import {PAGE_BYTES} from '../memory/layout.js';
import {PAGE_FLAG} from '../memory/ram.js';
import {BOUNDARY, hartBlock, IDLE_SINCE, SEEN_WRITES} from './layout.js';
import type {HartState} from './state.js';

/** Pages that are watched at once: bounds what a `fence.i` compares. */
const MAX_WATCHED = 8;
/** Times that a watched page may be found unchanged. */
const MAX_QUIET = 16;

/** What the pages of a watch belong to. */
export interface WatchedCode {
  /** Forgets write translations of a page in all harts; `wasCode`: it had code before. */
  flushWrites(page: number, wasCode: boolean): void;
  /** A page is written; what was made of its code beside the ops is stale. */
  written(page: number): void;
  /** The ops of a slot that touch the bytes [from, from + CHUNK_BYTES) of the page are stale; its copy is still as it was. */
  changed(slot: number, from: number): void;
}

interface Watched {
  quiet: number;
}

/** The decoded pages of one hart, by slot. */
export class PageWatch {
  readonly #state: HartState;
  readonly #code: WatchedCode;
  readonly #copies: number;
  readonly #pageOf: Int32Array;
  readonly #generationOf: Int32Array;
  /** Bounds of what was decoded in a page. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  /** Oldest first. */
  readonly #watched = new Map<number, Watched>();
  /** Boundaries of all harts when write entries had been flushed. */
  readonly #settling = new Map<number, readonly number[]>();
  /** Generations of pages that have no slot any more while something made of their code is still in use, by page. */
  readonly #retired = new Map<number, number>();
  #seenWrites = 0;

  constructor(state: HartState, code: WatchedCode) {
    this.#state = state;
    this.#code = code;
    this.#copies = state.layout.copies[state.id]!;
    const {codeSlots} = state.layout;
    this.#pageOf = new Int32Array(codeSlots).fill(-1);
    this.#generationOf = new Int32Array(codeSlots);
    this.#from = new Int32Array(codeSlots);
    this.#to = new Int32Array(codeSlots);
  }

  /** A slot now holds a page of which nothing is decoded yet. */
  take(slot: number, page: number): void {
    const {layout} = this.#state;
    this.#pageOf[slot] = page;
    this.#from[slot] = PAGE_BYTES;
    this.#to[slot] = 0;
    this.#track(slot);
    const retired = this.#retired.get(page);
    this.#retired.delete(page);
    if (retired !== undefined && retired !== this.#generationOf[slot]) this.#code.written(page);
    // Chunks are compared whole, also where only a part of one was decoded.
    this.#state.copy(this.copyOf(slot), layout.ram + page * PAGE_BYTES, PAGE_BYTES);
    this.#publish();
  }

  /** A slot holds no page any more. With `isInUse` its page is told of when it is written, as if it still had one. */
  release(slot: number, isInUse: boolean): void {
    const page = this.#pageOf[slot]!;
    const isSettled = !this.#watched.delete(slot) && !this.#settling.delete(slot);
    this.#pageOf[slot] = -1;
    if (!isInUse) return;
    if (isSettled) this.#retired.set(page, this.#generationOf[slot]!);
    else this.#code.written(page);
  }

  /** What the slot's page was found to be when its generation was this, as long as it is not watched (then NaN). */
  generationOf(slot: number): number {
    return this.#watched.has(slot) ? Number.NaN : this.#generationOf[slot]!;
  }

  /** Counts the writes to any page that were noticed. */
  generationNow(page: number): number {
    const {views, layout} = this.#state;
    return Atomics.load(views.i32, (layout.generations >> 2) + page);
  }

  /** A page that has no slot is told of when it is written, as if it had one; false when a hart may write unnoticed. */
  keep(page: number): boolean {
    const {views, layout} = this.#state;
    const generation = this.generationNow(page);
    if ((Atomics.or(views.u8, layout.pageFlags + page, PAGE_FLAG.code) & PAGE_FLAG.writable) !== 0) return false;
    // What is kept already may be of an older generation, which the next fence.i tells.
    if ((this.#retired.get(page) ?? generation) !== generation) return false;
    this.#retired.set(page, generation);
    return true;
  }

  /** Address of the copy of a slot's page. The decoder writes there what it has read. */
  copyOf(slot: number): number {
    return this.#copies + slot * PAGE_BYTES;
  }

  /** Bytes [from, to) of a slot's page were decoded. */
  decoded(slot: number, from: number, to: number): void {
    this.#from[slot] = Math.min(this.#from[slot]!, from & -CHUNK_BYTES);
    this.#to[slot] = Math.max(this.#to[slot]!, to);
  }

  /** Reports all changes that a `fence.i` at this point must make visible. */
  fence(): void {
    const {views, layout} = this.#state;
    const writes = Atomics.load(views.i32, CODE_WRITES >> 2);
    if (writes !== this.#seenWrites) {
      this.#seenWrites = writes;
      const generations = layout.generations >> 2;
      for (let slot = 0; slot < this.#pageOf.length; slot++) {
        const page = this.#pageOf[slot]!;
        if (page !== -1 && views.i32[generations + page] !== this.#generationOf[slot]) this.#watch(slot, page);
      }
      for (const [page, generation] of this.#retired) {
        if (views.i32[generations + page] === generation) continue;
        this.#retired.delete(page);
        this.#code.written(page);
      }
    }
    for (const [slot, watched] of this.#watched) {
      watched.quiet = this.#compare(slot) ? 0 : watched.quiet + 1;
      if (watched.quiet > MAX_QUIET || this.#watched.size > MAX_WATCHED) this.#unwatch(slot);
    }
    if (this.#settling.size > 0) this.#settle();
    this.#publish();
  }

  /** The generation is read before bytes are compared: a write in between counts again. */
  #watch(slot: number, page: number): void {
    this.#generationOf[slot] = this.generationNow(page);
    if (this.#watched.has(slot)) return;
    this.#settling.delete(slot);
    this.#watched.set(slot, {quiet: 0});
    this.#code.written(page);
  }

  #unwatch(slot: number): void {
    this.#watched.delete(slot);
    this.#track(slot);
    this.#compare(slot);
  }

  /**
   * Has the next store to a slot's page counted. A hart that makes a write entry meanwhile marks the page behind it: its
   * mark either is in the flags, then the entry goes, or counts up the generation that was read before.
   */
  #track(slot: number): void {
    const {views, layout} = this.#state;
    const page = this.#pageOf[slot]!;
    const flagsAt = layout.pageFlags + page;
    this.#generationOf[slot] = this.generationNow(page);
    const flags = Atomics.or(views.u8, flagsAt, PAGE_FLAG.code);
    if ((flags & PAGE_FLAG.writable) !== 0) {
      Atomics.and(views.u8, flagsAt, ~PAGE_FLAG.writable);
      this.#code.flushWrites(page, (flags & PAGE_FLAG.code) !== 0);
    }
    if (layout.hartCount > 1) this.#settling.set(slot, this.#boundaries());
  }

  #settle(): void {
    const {views, id, layout} = this.#state;
    const now = this.#boundaries();
    const isAsleep = now.map((_, hart) => views.f64[(hartBlock(hart) + IDLE_SINCE) >> 3] !== 0);
    for (const [slot, then] of this.#settling) {
      if (this.#compare(slot)) {
        // By a store that was counted before: counted again, so that nothing made of the old bytes counts as current.
        const page = this.#pageOf[slot]!;
        Atomics.add(views.i32, (layout.generations >> 2) + page, 1);
        this.#watch(slot, page);
      } else if (now.every((count, hart) => hart === id || isAsleep[hart] || count !== then[hart]))
        this.#settling.delete(slot);
    }
  }

  /** Reports what differs from the slot's copy and brings the copy up to date; false when nothing does. */
  #compare(slot: number): boolean {
    const {layout} = this.#state;
    const memory = layout.ram + this.#pageOf[slot]! * PAGE_BYTES;
    const copy = this.copyOf(slot);
    const to = this.#to[slot]!;
    let isChanged = false;
    let at = this.#from[slot]!;
    for (;;) {
      at = this.#state.differs(memory, copy, at, to);
      if (at >= to) return isChanged;
      isChanged = true;
      this.#code.changed(slot, at);
      this.#state.copy(copy + at, memory + at, CHUNK_BYTES);
      at += CHUNK_BYTES;
    }
  }

  #boundaries(): readonly number[] {
    const {views, layout} = this.#state;
    return Array.from({length: layout.hartCount}, (_, hart) =>
      Atomics.load(views.i32, (hartBlock(hart) + BOUNDARY) >> 2),
    );
  }

  /** Tells generated code at which count of writes a `fence.i` has nothing to do: one that never comes where it has. */
  #publish(): void {
    const isIdle = this.#watched.size === 0 && this.#settling.size === 0;
    this.#state.setI32(SEEN_WRITES, isIdle ? this.#seenWrites : this.#seenWrites - 1);
  }
}
