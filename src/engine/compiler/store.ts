/**
 * Which regions of a machine exist, in batches of one module each: hands out table indices, refuses what was compiled
 * already, and says which batches must go when a bound is reached (the oldest: hot code comes back by itself).
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
}

/** Names a region by where it starts, or a block of it at `delta`: guest page, its generation, offset. */
export function regionKey({entry, pages}: RegionRequest, delta = entry): string {
  const distance = Math.floor(delta / PAGE_BYTES);
  const home = pages.find((page) => page.distance === distance);
  return `${home?.guestPage}/${home?.generation}/${delta - distance * PAGE_BYTES}`;
}

/** Bookkeeping of compiled regions. */
export class RegionStore {
  /** Bytes of all modules that exist. */
  bytes = 0;
  readonly #limits: StoreLimits;
  readonly #batches: Batch[] = [];
  readonly #keys = new Set<string>();
  /** Keys of all blocks of the regions that exist, with how many of them; and requests that were deferred. */
  readonly #covered = new Map<string, number>();
  readonly #deferred = new Set<string>();
  readonly #free: number[] = [];
  #next = 1;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** Regions that exist. */
  get count(): number {
    return this.#next - 1 - this.#free.length;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Makes room for a batch: table indices to forget first, oldest batches first; empty when there is room. */
  evict(regions: number, bytes: number): readonly number[] {
    const gone: number[] = [];
    while (
      this.#batches.length > 0 &&
      (this.count + regions > this.#limits.maxRegions || this.bytes + bytes > this.#limits.maxBytes)
    ) {
      const oldest = this.#batches.shift()!;
      this.bytes -= oldest.bytes;
      for (const key of oldest.keys) this.#keys.delete(key);
      for (const key of oldest.blocks) this.#uncover(key);
      gone.push(...oldest.indices);
      this.#free.push(...oldest.indices);
    }
    return gone;
  }

  /** Enters a batch with the keys of its regions and of their blocks; its table indices in the order of the keys. */
  add(keys: readonly string[], blocks: readonly string[], bytes: number): readonly number[] {
    const indices = keys.map(() => this.#free.shift() ?? this.#next++);
    for (const key of keys) this.#keys.add(key);
    for (const key of blocks) this.#covered.set(key, (this.#covered.get(key) ?? 0) + 1);
    this.#batches.push({indices, keys, blocks, bytes});
    this.bytes += bytes;
    return indices;
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

  /** Remembers a request that led to nothing, so that it is not tried again. */
  refuse(key: string): void {
    this.#keys.add(key);
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
