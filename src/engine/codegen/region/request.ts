/**
 * What a hart asks the region compiler for, and the plan that becomes of it. A request names guest pages as the hart
 * sees them at this moment; the compiler reads their bytes from shared memory at its own time, so a region carries the
 * generations of its pages from before the bytes were read, and a hart takes it only while they are its own.
 */
import type {MemoryViews} from '../../hart/state.js';
import type {Decoder} from '../../isa/decoder.js';
import {type MemoryLayout, PAGE_BYTES} from '../../memory/layout.js';
import {HANDLER} from '../interpreter.js';
import {SIDE_IS_TARGET, SIDE_REGION, SIDE_SHIFT} from './abi.js';
import {type CodeReader, discover, type GraphLimits, type GuestGraph} from './graph.js';
import {peelEntry, splitLoops} from './loops.js';
import {orderBlocks} from './order.js';
import type {RegionPlan} from './region.js';
import {unrollLoops} from './unroll.js';

/** A page of code near a region's entry. */
export interface RequestPage {
  /** Pages from the entry's page; that one is 0. */
  readonly distance: number;
  /** Index from RAM's start. */
  readonly guestPage: number;
  readonly generation: number;
  /** The hart's decoded ops and side cells of the page. */
  readonly ops: number;
  readonly side: number;
}

/** Asks for a region at a byte offset of the page with distance 0. */
export interface RegionRequest {
  readonly entry: number;
  readonly pages: readonly RequestPage[];
  /** Only code that ran before is worth translating; without it all that can be reached is. */
  readonly isSelective: boolean;
}

/** Reads the pages of a request. */
class RequestReader implements CodeReader {
  readonly #views: MemoryViews;
  readonly #ram: number;
  readonly #request: RegionRequest;
  readonly #pages = new Map<number, RequestPage>();

  constructor(views: MemoryViews, layout: MemoryLayout, request: RegionRequest) {
    this.#views = views;
    this.#ram = layout.ram;
    this.#request = request;
    for (const page of request.pages) this.#pages.set(page.distance, page);
  }

  half(delta: number): number {
    const page = this.#pages.get(Math.floor(delta / PAGE_BYTES));
    if (!page) return -1;
    return this.#views.u16[(this.#ram + page.guestPage * PAGE_BYTES + (delta & (PAGE_BYTES - 1))) >>> 1]!;
  }

  isWanted(delta: number): boolean {
    if (!this.#request.isSelective) return true;
    const page = this.#pages.get(Math.floor(delta / PAGE_BYTES));
    return page !== undefined && this.#views.u16[(page.ops + (delta & (PAGE_BYTES - 1)) * 8) >>> 1] !== HANDLER.decode;
  }

  isJumpTarget(delta: number): boolean {
    const page = this.#pages.get(Math.floor(delta / PAGE_BYTES));
    if (!page) return false;
    const cell = (page.side + (((delta & (PAGE_BYTES - 1)) * 8) >> SIDE_SHIFT)) >>> 1;
    const flag = this.#views.u16[cell + SIDE_REGION / 2] === 0 ? 1 : SIDE_IS_TARGET;
    return (this.#views.u16[cell]! & flag) !== 0;
  }
}

/** Plans the region of a request; undefined when there is nothing to translate at its entry. */
export function planRegion(
  decoder: Decoder,
  views: MemoryViews,
  layout: MemoryLayout,
  request: RegionRequest,
  limits: GraphLimits,
): RegionPlan | undefined {
  const graph = discover(decoder, new RequestReader(views, layout, request), request.entry, limits);
  const entry = graph.get(request.entry);
  if (!entry || entry.ops.length === 0) return undefined;
  const peeled = peelEntry(graph, request.entry);
  const order = (graph: GuestGraph) => orderBlocks(graph, peeled.entry);
  const nested = splitLoops(peeled.graph, order(peeled.graph));
  const blocks = order(unrollLoops(nested, order(nested), limits.maxOps));
  const distances = new Set<number>();
  for (const {block} of blocks) {
    for (const {delta, length} of block.ops) {
      distances.add(Math.floor(delta / PAGE_BYTES));
      distances.add(Math.floor((delta + length - 1) / PAGE_BYTES));
    }
  }
  distances.delete(0);
  const pages = request.pages.filter(({distance}) => distances.has(distance));
  return {entry: request.entry, blocks, pages};
}
