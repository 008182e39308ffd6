/**
 * Keeps RAM as it is at one instant while the guest runs on, for as long as it takes to copy it: pages are frozen while
 * all harts stand still, and whoever wants to write one first has it copied.
 *
 *   touched ──freeze──▶ frozen ──copied, or wanted and then copied──▶ thawed
 *
 *   hart:  store to a frozen page (no TLB has an entry for it) ─▶ WANTED_PAGE, attention ─▶ waits until it is thawed
 *   I/O:   the copier's own pace; `serve` for waiting harts; devices at once
 *
 * Pages that are absent (see `absent-pages.ts`) are not frozen: they are as the file has them that they come from.
 */
import {HartRequest, hartBlock, WANTED_PAGE} from '../hart/layout.js';
import {request} from '../hart/signals.js';
import type {MemoryViews} from '../hart/state.js';
import {ATTENTION, ENDED, RUN_STATE, THAWED} from './header.js';
import {type MemoryLayout, PAGE_BYTES} from './layout.js';
import {PAGE_FLAG} from './ram.js';

/** A waiting hart looks this often whether the machine has ended. Units: milliseconds */
const LOOK_MS = 100;

/**
 * Copies what a frozen page holds, with any others it likes, and thaws them by `Freezer.thaw`. False to put it off, which
 * it may unless that is urgent: whoever wants to write then waits for pages to be thawed and asks again.
 */
export type PageCopier = (page: number, isUrgent: boolean) => boolean;

/** The I/O thread's side. */
export class Freezer {
  readonly #views: MemoryViews;
  readonly #layout: MemoryLayout;
  #copier: PageCopier | undefined;

  constructor(views: MemoryViews, layout: MemoryLayout) {
    this.#views = views;
    this.#layout = layout;
  }

  /** Freezes all pages that were ever written; unless `keepsChanges`, none has changed then. The harts stand still, and no freeze is under way. */
  freeze(copier: PageCopier, keepsChanges: boolean): void {
    if (this.#copier) throw new Error('RAM is frozen already');
    const {u8} = this.#views;
    const {pageFlags, ramBytes, hartCount} = this.#layout;
    const kept = keepsChanges ? -1 : ~PAGE_FLAG.changed;
    for (let at = pageFlags; at < pageFlags + ramBytes / PAGE_BYTES; at++)
      // Plain stores do: the harts stand still.
      if ((u8[at]! & PAGE_FLAG.touched) !== 0) u8[at] = (u8[at]! | PAGE_FLAG.frozen) & kept;
    this.#copier = copier;
    // Harts look at requests before they run again.
    for (let hart = 0; hart < hartCount; hart++) request(this.#views, hart, HartRequest.flushTlb);
  }

  /** Whether a page still is as it was. */
  isFrozen(page: number): boolean {
    return (Atomics.load(this.#views.u8, this.#layout.pageFlags + page) & PAGE_FLAG.frozen) !== 0;
  }

  /** Lets some pages be written: they are copied. */
  thaw(first: number, count: number): void {
    const {u8} = this.#views;
    for (let page = first; page < first + count; page++)
      Atomics.and(u8, this.#layout.pageFlags + page, ~PAGE_FLAG.frozen);
    tellWaiting(this.#views);
  }

  /** Has a page copied and thawed now, if it is frozen. For this thread's own writes, which cannot wait. */
  take(page: number): void {
    if (this.isFrozen(page)) this.#copier?.(page, true);
  }

  /** Has a page copied and thawed that a hart waits for, if it is frozen, now or when that suits. */
  serve(page: number): void {
    if (this.isFrozen(page)) this.#copier?.(page, false);
  }

  /** Ends a freeze: whatever is still frozen is thawed without being copied. */
  end(): void {
    this.#copier = undefined;
    this.thaw(0, this.#layout.ramBytes / PAGE_BYTES);
  }
}

/** Calls with each page that a hart waits for: a frozen one, or one that is absent. Cheap when none does. */
export function takeWanted({i32}: MemoryViews, {hartCount}: MemoryLayout, serve: (page: number) => void): void {
  for (let hart = 0; hart < hartCount; hart++) {
    const cell = (hartBlock(hart) + WANTED_PAGE) >> 2;
    if (Atomics.load(i32, cell) === 0) continue;
    const wanted = Atomics.exchange(i32, cell, 0);
    if (wanted !== 0) serve(wanted - 1);
  }
}

/** Wakes harts that wait for a page. */
export function tellWaiting({i32}: MemoryViews): void {
  Atomics.add(i32, THAWED >> 2, 1);
  Atomics.notify(i32, THAWED >> 2);
}

/** A hart's side: returns when the page may be written, or the machine has ended. */
export function awaitThaw(views: MemoryViews, layout: MemoryLayout, hart: number, page: number): void {
  awaitFlagged(views, layout, hart, page, PAGE_FLAG.frozen);
}

/** Has the I/O thread look at a page until a flag of it is gone, or the machine has ended. */
export function awaitFlagged(views: MemoryViews, layout: MemoryLayout, hart: number, page: number, flag: number): void {
  const {i32, u8} = views;
  const isWaiting = () =>
    (Atomics.load(u8, layout.pageFlags + page) & flag) !== 0 && Atomics.load(i32, RUN_STATE >> 2) !== ENDED;
  while (isWaiting()) {
    const seen = Atomics.load(i32, THAWED >> 2);
    Atomics.store(i32, (hartBlock(hart) + WANTED_PAGE) >> 2, page + 1);
    Atomics.add(i32, ATTENTION >> 2, 1);
    Atomics.notify(i32, ATTENTION >> 2);
    if (isWaiting()) Atomics.wait(i32, THAWED >> 2, seen, LOOK_MS);
  }
}
