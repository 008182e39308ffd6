/**
 * The regions of one hart: which there are, where they start, and what must be dropped when code changes. The table and
 * the side cells that generated code reads are kept here; nothing else writes them.
 */
import {HANDLER} from '../codegen/interpreter.js';
import {SIDE_IS_TARGET, SIDE_REGION, SIDE_SHIFT} from '../codegen/region/abi.js';
import type {HartState} from './state.js';

/** A page a region was made from, with the generation its bytes had. */
export interface RegionPage {
  readonly guestPage: number;
  readonly generation: number;
}

/** A compiled region on its way to a hart. */
export interface NewRegion {
  /** Name of the batch that it came in. */
  readonly batch: number;
  readonly index: number;
  /** Byte offset of the entry in its page, which is the first of `pages`. */
  readonly entry: number;
  readonly pages: readonly RegionPage[];
  readonly run: unknown;
}

/** Where a hart's decoded pages are; `CodeCache` implements it. */
export interface DecodedPages {
  /** The guest page (index from RAM's start) whose ops hold this one, or -1. */
  pageAt(op: number): number;
  /** Address of a page's ops, or 0 when it is not decoded. */
  opsOf(guestPage: number): number;
  /** Generation of the page when it was decoded, or now if it is not; NaN while its code is being changed. */
  generationOf(guestPage: number): number;
  /** Has `forget` told of writes to the page from now on, decoded or not; false when they may go unnoticed. */
  keep(guestPage: number): boolean;
}

interface Installed extends NewRegion {
  /** Address of the op whose handler is HANDLER.region, 0 while that op is not decoded. */
  op: number;
}

/** A side cell that never grows hot: the interpreter's counting stops there. */
const NEVER = 0xffff;

/** The part of `WebAssembly.Table` that a hart needs. */
export interface RegionFunctions {
  set(index: number, run: unknown): void;
}

/** Installed regions of one hart. */
export class Regions {
  /** Regions taken and dropped since the start. */
  installed = 0;
  dropped = 0;
  readonly #state: HartState;
  readonly #functions: RegionFunctions;
  readonly #none: unknown;
  readonly #pages: DecodedPages;
  readonly #changed: (region: NewRegion) => void;
  readonly #byIndex = new Map<number, Installed>();
  readonly #byPage = new Map<number, Set<Installed>>();
  /** By page, then by op. */
  readonly #attempts = new Map<number, Map<number, number>>();

  /** `none` is the function that stands for no region; `changed` is told of regions that are no good to any hart any more. */
  constructor(
    state: HartState,
    functions: RegionFunctions,
    none: unknown,
    pages: DecodedPages,
    changed: (region: NewRegion) => void,
  ) {
    this.#state = state;
    this.#functions = functions;
    this.#none = none;
    this.#pages = pages;
    this.#changed = changed;
  }

  /** Takes a region; false when its code has changed since or the entry has one already. */
  install(region: NewRegion): boolean {
    const [home] = region.pages;
    const isCurrent = region.pages.every(
      ({guestPage, generation}) => this.#pages.keep(guestPage) && this.#pages.generationOf(guestPage) === generation,
    );
    if (!isCurrent || !home) {
      if (region.pages.some(({guestPage, generation}) => this.#pages.generationOf(guestPage) > generation))
        this.#changed(region);
      return false;
    }
    for (const other of this.#byPage.get(home.guestPage) ?? [])
      if (other.entry === region.entry && other.pages[0]!.guestPage === home.guestPage) return false;
    const installed: Installed = {...region, op: 0};
    this.#byIndex.set(region.index, installed);
    for (const {guestPage} of region.pages) {
      const known = this.#byPage.get(guestPage);
      if (known) known.add(installed);
      else this.#byPage.set(guestPage, new Set([installed]));
    }
    this.#functions.set(region.index, region.run);
    this.installed++;
    // When it goes again it may be asked for again as often.
    const ops = this.#pages.opsOf(home.guestPage);
    if (ops !== 0) this.#attempts.get(home.guestPage)?.delete(ops + region.entry * 8);
    this.#link(installed);
    return true;
  }

  /** Ops of a page were decoded: regions that start there become reachable. */
  decoded(guestPage: number): void {
    const regions = this.#byPage.get(guestPage);
    if (!regions) return;
    const generation = this.#pages.generationOf(guestPage);
    for (const region of [...regions]) {
      if (region.pages.some((page) => page.guestPage === guestPage && page.generation !== generation))
        this.#drop(region);
      else this.#link(region);
    }
  }

  /** A decoded page goes: with `isStale` its code has changed, else only its ops are forgotten. */
  forget(guestPage: number, isStale: boolean): void {
    this.#attempts.delete(guestPage);
    for (const region of [...(this.#byPage.get(guestPage) ?? [])]) {
      if (isStale) this.#drop(region);
      else if (region.pages[0]!.guestPage === guestPage) region.op = 0;
    }
  }

  /** True while there is a region made from a page. */
  holds(guestPage: number): boolean {
    return this.#byPage.has(guestPage);
  }

  /** Drops a region; calls of it go to the interpreter from now on. */
  remove(index: number): void {
    const region = this.#byIndex.get(index);
    if (!region) return;
    this.#byIndex.delete(index);
    for (const {guestPage} of region.pages) {
      const regions = this.#byPage.get(guestPage);
      regions?.delete(region);
      if (regions?.size === 0) this.#byPage.delete(guestPage);
    }
    this.#functions.set(index, this.#none);
    this.dropped++;
    if (region.op === 0) return;
    const {u16, i32} = this.#state.views;
    const side = this.sideOf(region.op);
    u16[region.op >>> 1] = u16[side >>> 1]! & ~SIDE_IS_TARGET;
    i32[side >>> 2] = 0;
  }

  #drop(region: Installed): void {
    this.remove(region.index);
    this.#changed(region);
  }

  /** How often an op was asked for, this time included, since its page was decoded. */
  attempt(op: number): number {
    const page = this.#pages.pageAt(op);
    let attempts = this.#attempts.get(page);
    if (!attempts) {
      attempts = new Map();
      this.#attempts.set(page, attempts);
    }
    const count = (attempts.get(op) ?? 0) + 1;
    attempts.set(op, count);
    return count;
  }

  /** Stops an op from being asked for again until its page is decoded anew. */
  giveUp(op: number): void {
    this.#state.views.u16[this.sideOf(op) >>> 1] = NEVER;
  }

  /** Lets an op be counted from the start. */
  cool(op: number): void {
    const {u16} = this.#state.views;
    const side = this.sideOf(op) >>> 1;
    if (u16[side + SIDE_REGION / 2] === 0) u16[side] = u16[side]! & 1;
  }

  /** Address of an op's side cell. */
  sideOf(op: number): number {
    const {layout, id} = this.#state;
    return layout.sides[id]! + ((op - layout.slots[id]!) >> SIDE_SHIFT);
  }

  /** Makes the entry's op call the region, once it is decoded. */
  #link(region: Installed): void {
    const ops = this.#pages.opsOf(region.pages[0]!.guestPage);
    if (ops === 0 || region.op !== 0) return;
    const {u16} = this.#state.views;
    const op = ops + region.entry * 8;
    const handler = u16[op >>> 1]!;
    if (handler === HANDLER.decode || handler === HANDLER.region) return;
    const side = this.sideOf(op) >>> 1;
    // A jump target keeps its mark.
    u16[side] = handler | ((u16[side]! & 1) !== 0 ? SIDE_IS_TARGET : 0);
    u16[side + SIDE_REGION / 2] = region.index;
    u16[op >>> 1] = HANDLER.region;
    region.op = op;
  }
}
