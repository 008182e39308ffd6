/**
 * Which regions of a machine exist, in batches of one module each: hands out table indices, refuses what was compiled
 * already, and says which batches must go when a bound is reached (the oldest: hot code comes back by itself).
 */
import type {RegionRequest} from '../codegen/region/request.js';

/** Bounds of a machine's compiled code. */
export interface StoreLimits {
  readonly maxRegions: number;
  /** Bytes of WebAssembly. */
  readonly maxBytes: number;
}

interface Batch {
  readonly indices: readonly number[];
  readonly keys: readonly string[];
  readonly bytes: number;
}

/** Names a region by its code: the entry, its page, and the generations of the pages it may have been made from. */
export function regionKey({entry, pages}: RegionRequest): string {
  const home = pages.find(({distance}) => distance === 0);
  return `${home?.guestPage}/${home?.generation}/${entry}`;
}

/** Bookkeeping of compiled regions. */
export class RegionStore {
  /** Bytes of all modules that exist. */
  bytes = 0;
  readonly #limits: StoreLimits;
  readonly #batches: Batch[] = [];
  readonly #keys = new Set<string>();
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
      gone.push(...oldest.indices);
      this.#free.push(...oldest.indices);
    }
    return gone;
  }

  /** Enters a batch; its table indices in the order of the keys. */
  add(keys: readonly string[], bytes: number): readonly number[] {
    const indices = keys.map(() => this.#free.shift() ?? this.#next++);
    for (const key of keys) this.#keys.add(key);
    this.#batches.push({indices, keys, bytes});
    this.bytes += bytes;
    return indices;
  }

  /** Remembers a request that led to nothing, so that it is not tried again. */
  refuse(key: string): void {
    this.#keys.add(key);
  }
}
