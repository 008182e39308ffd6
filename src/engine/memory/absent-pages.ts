/**
 * RAM that is not there yet: a restored guest runs while its memory is still read. Whoever comes to a page first has it
 * fetched.
 *
 *   absent ──filled in its turn, or wanted and then filled──▶ there
 *
 *   hart:  while RAM_ABSENT says so, generated code finds no page by itself (`Pmp` tells it of no free pages); the runtime
 *          asks here at every translation and for every page table ─▶ WANTED_PAGE, attention ─▶ waits until it is filled
 *   I/O:   fills at its own pace; `take` for waiting harts; devices at once (`Ram.contains`)
 */
import {HartRequest} from '../hart/layout.js';
import {request} from '../hart/signals.js';
import type {MemoryViews} from '../hart/state.js';
import {awaitFlagged, tellWaiting} from './freezer.js';
import {RAM_ABSENT} from './header.js';
import {type MemoryLayout, PAGE_BYTES} from './layout.js';
import {markPageWritten, PAGE_FLAG} from './ram.js';

/** Fills a page, with any others it likes, by `AbsentPages.fill`. It throws nothing: what fails ends the machine. */
export type PageFetcher = (page: number) => void;

/** The I/O thread's side. Units: pages are indices from RAM's start */
export class AbsentPages {
  readonly #views: MemoryViews;
  readonly #layout: MemoryLayout;
  #fetcher: PageFetcher | undefined;

  constructor(views: MemoryViews, layout: MemoryLayout) {
    this.#views = views;
    this.#layout = layout;
  }

  /** True from `begin` to `end`. */
  get isActive(): boolean {
    return this.#fetcher !== undefined;
  }

  /** Takes pages away from a machine that was never started. */
  begin(runs: readonly {readonly first: number; readonly count: number}[], fetcher: PageFetcher): void {
    const {u8, i32} = this.#views;
    for (const {first, count} of runs)
      for (let page = first; page < first + count; page++)
        Atomics.or(u8, this.#layout.pageFlags + page, PAGE_FLAG.absent);
    this.#fetcher = fetcher;
    Atomics.store(i32, RAM_ABSENT >> 2, 1);
    this.#tellHarts();
  }

  isAbsent(page: number): boolean {
    return (Atomics.load(this.#views.u8, this.#layout.pageFlags + page) & PAGE_FLAG.absent) !== 0;
  }

  /** Gives pages their content. Those that are there already may have been written since, and stay. */
  fill(first: number, content: Uint8Array): void {
    const {u8} = this.#views;
    const {pageFlags, ram} = this.#layout;
    for (let at = 0; at < content.length; at += PAGE_BYTES) {
      const page = first + at / PAGE_BYTES;
      if (!this.isAbsent(page)) continue;
      u8.set(content.subarray(at, at + PAGE_BYTES), ram + page * PAGE_BYTES);
      // As the snapshot has it: nothing has changed.
      markPageWritten(this.#views, this.#layout, page, PAGE_FLAG.touched);
      Atomics.and(u8, pageFlags + page, ~PAGE_FLAG.absent);
    }
    tellWaiting(this.#views);
  }

  /** Has a page filled now, if it is absent. */
  take(page: number): void {
    if (this.isAbsent(page)) this.#fetcher?.(page);
  }

  /** All pages are there. */
  end(): void {
    this.#fetcher = undefined;
    Atomics.store(this.#views.i32, RAM_ABSENT >> 2, 0);
    this.#tellHarts();
  }

  /** They look at requests before they run on. */
  #tellHarts(): void {
    for (let hart = 0; hart < this.#layout.hartCount; hart++) request(this.#views, hart, HartRequest.presence);
  }
}

/** A hart's side: returns when the page is there, or the machine has ended. Cheap while nothing is absent. */
export function awaitPage(views: MemoryViews, layout: MemoryLayout, hart: number, page: number): void {
  if (Atomics.load(views.i32, RAM_ABSENT >> 2) !== 0) awaitFlagged(views, layout, hart, page, PAGE_FLAG.absent);
}
