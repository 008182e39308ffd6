/**
 * Which regions of a machine exist, in batches of one module each: hands out table indices, refuses what was compiled
 * already, and says which batches must go: the oldest when a bound is reached (hot code comes back by itself), and those
 * most of whose code has changed.
 */
import type {RegionRequest} from '../codegen/region/request.js';
import {PAGE_BYTES} from '../memory/layout.js';

/** Bounds of a machine's compiled code. */
export interface StoreLimits {
  readonly maxRegions: number;
  /** Bytes of WebAssembly. */
  readonly maxBytes: number;
}

interface Batch {
  readonly indices: readonly number[];
  readonly keys: readonly string[];
  readonly blocks: readonly string[];
  readonly bytes: number;
  /** Indices of regions whose code has not changed, as far as is known. */
  readonly current: Set<number>;
}

/** A batch that was entered. */
export interface Entered {
  /** Its name; none is given twice. */
  readonly batch: number;
  /** Table indices, in the order of the keys. */
  readonly indices: readonly number[];
}

/** Requests that led to nothing and are remembered; with more of them the oldest are tried again. */
export const MAX_REFUSED = 4096;

/** Share of a batch's regions that must be of use. */
const LEAST_CURRENT = 1 / 4;

/** Names a region by where it starts, or a block of it at `delta`: guest page, its generation, offset. */
export function regionKey({entry, pages}: Pick<RegionRequest, 'entry' | 'pages'>, delta = entry): string {
  const distance = Math.floor(delta / PAGE_BYTES);
  const home = pages.find((page) => page.distance === distance);
  return `${home?.guestPage}/${home?.generation}/${delta - distance * PAGE_BYTES}`;
}

/** Bookkeeping of compiled regions. */
export class RegionStore {
  /** Bytes of all modules that exist. */
  bytes = 0;
  readonly #limits: StoreLimits;
  /** Oldest first. */
  readonly #batches = new Map<number, Batch>();
  readonly #keys = new Set<string>();
  readonly #refused = new Set<string>();
  /** Keys of all blocks of the regions that exist, with how many of them; and requests that were deferred. */
  readonly #covered = new Map<string, number>();
  readonly #deferred = new Set<string>();
  readonly #free: number[] = [];
  #nextIndex = 1;
  #nextBatch = 1;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** Regions that exist. */
  get count(): number {
    return this.#nextIndex - 1 - this.#free.length;
  }

  has(key: string): boolean {
    return this.#keys.has(key) || this.#refused.has(key);
  }

  /** True when a batch can be entered once enough others are gone. */
  fits(regions: number, bytes: number): boolean {
    return regions <= this.#limits.maxRegions && bytes <= this.#limits.maxBytes;
  }

  /** Makes room for a batch that fits: table indices to forget first; empty when there is room. */
  evict(regions: number, bytes: number): readonly number[] {
    const gone: number[] = [];
    for (const [name, batch] of this.#batches) {
      if (this.count + regions <= this.#limits.maxRegions && this.bytes + bytes <= this.#limits.maxBytes) break;
      gone.push(...this.#remove(name, batch));
    }
    return gone;
  }

  /** Enters a batch with the keys of its regions and of their blocks. */
  add(keys: readonly string[], blocks: readonly string[], bytes: number): Entered {
    const indices = keys.map(() => this.#free.shift() ?? this.#nextIndex++);
    for (const key of keys) this.#keys.add(key);
    for (const key of blocks) this.#covered.set(key, (this.#covered.get(key) ?? 0) + 1);
    const batch = this.#nextBatch++;
    this.#batches.set(batch, {indices, keys, blocks, bytes, current: new Set(indices)});
    this.bytes += bytes;
    return {batch, indices};
  }

  /**
   * Notes that a region's code has changed: table indices to forget, which are all of its batch or none. A batch goes
   * when no more than a quarter of it is any good: a module's memory comes back as a whole.
   */
  changed(name: number, index: number): readonly number[] {
    const batch = this.#batches.get(name);
    if (!batch?.current.delete(index) || batch.current.size > batch.indices.length * LEAST_CURRENT) return [];
    return this.#remove(name, batch);
  }

  /**
   * True when a request should wait for its next time: its code lies inside a region that exists, and was asked for the
   * first time. Before the first region of a loop is there, every block of it that is jumped to grows hot by itself.
   */
  defers(key: string): boolean {
    if (!this.#covered.has(key) || this.#deferred.has(key)) return false;
    this.#deferred.add(key);
    return true;
  }

  /** Remembers a request that led to nothing, so that it is not tried again soon. */
  refuse(key: string): void {
    this.#refused.add(key);
    if (this.#refused.size > MAX_REFUSED) this.#refused.delete(this.#refused.values().next().value!);
  }

  #remove(name: number, batch: Batch): readonly number[] {
    this.#batches.delete(name);
    this.bytes -= batch.bytes;
    for (const key of batch.keys) this.#keys.delete(key);
    for (const key of batch.blocks) this.#uncover(key);
    this.#free.push(...batch.indices);
    return batch.indices;
  }

  #uncover(key: string): void {
    const left = (this.#covered.get(key) ?? 1) - 1;
    if (left > 0) this.#covered.set(key, left);
    else {
      this.#covered.delete(key);
      this.#deferred.delete(key);
    }
  }
}
