/** How often each cluster of a file is used, by those who point at it. Sparse: files may be huge and nearly empty. */
import {ParavirtError} from '../../../error.js';

const CHUNK_CLUSTERS = 4096;
/** 64 MiB of counts: 1 TiB of file at clusters of 64 KiB. */
const CHUNKS_MAX = 4096;

/** See the module. */
export class UsageCount {
  readonly #chunks = new Map<number, Uint32Array>();
  #end = 0;

  /** One behind the last cluster that is used. */
  get end(): number {
    return this.#end;
  }

  add(first: number, count = 1): void {
    for (let cluster = first; cluster < first + count; cluster++) {
      const chunk = this.#chunk(Math.floor(cluster / CHUNK_CLUSTERS));
      chunk[cluster % CHUNK_CLUSTERS]!++;
    }
    this.#end = Math.max(this.#end, first + count);
  }

  get(cluster: number): number {
    return this.#chunks.get(Math.floor(cluster / CHUNK_CLUSTERS))?.[cluster % CHUNK_CLUSTERS] ?? 0;
  }

  /** Stretches outside of which nothing is used. */
  *stretches(): Iterable<{readonly first: number; readonly count: number}> {
    for (const index of this.#chunks.keys()) yield {first: index * CHUNK_CLUSTERS, count: CHUNK_CLUSTERS};
  }

  /** Forgets uses. */
  clear(first: number, count: number): void {
    for (let cluster = first; cluster < first + count; cluster++) {
      const chunk = this.#chunks.get(Math.floor(cluster / CHUNK_CLUSTERS));
      if (chunk !== undefined) chunk[cluster % CHUNK_CLUSTERS] = 0;
    }
  }

  #chunk(index: number): Uint32Array {
    const present = this.#chunks.get(index);
    if (present !== undefined) return present;
    if (this.#chunks.size === CHUNKS_MAX)
      throw new ParavirtError(
        'unsupported',
        'The image has more clusters than can be checked here.',
        'Use `qemu-img check`.',
      );
    const chunk = new Uint32Array(CHUNK_CLUSTERS);
    this.#chunks.set(index, chunk);
    return chunk;
  }
}
