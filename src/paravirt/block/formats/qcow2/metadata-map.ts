/**
 * Which clusters of the file hold the image's own tables. Guest data that an image claims to keep there would let a
 * guest rewrite the header, so no mapping may point at them and nothing of them is ever handed out.
 */
import {OffsetSet} from './offset-set.js';

/** See the module. Numbers are clusters of the file. */
export class MetadataMap {
  /** Header, L1 and refcount tables, snapshots: a handful of stretches, [from, to). */
  readonly #stretches: {from: number; to: number}[] = [];
  /** L2 tables and refcount blocks. */
  readonly #single = new OffsetSet();

  /** False when part of it is taken already. */
  addStretch(from: number, count: number): boolean {
    const isFree = !this.#stretches.some((other) => from < other.to && from + count > other.from);
    this.#stretches.push({from, to: from + count});
    return isFree;
  }

  removeStretch(from: number): void {
    const at = this.#stretches.findIndex((stretch) => stretch.from === from);
    if (at >= 0) this.#stretches.splice(at, 1);
  }

  /** False when the cluster is taken already. */
  add(cluster: number): boolean {
    return !this.#isInStretch(cluster) && this.#single.add(cluster);
  }

  remove(cluster: number): void {
    this.#single.delete(cluster);
  }

  has(cluster: number): boolean {
    return this.#isInStretch(cluster) || this.#single.has(cluster);
  }

  #isInStretch(cluster: number): boolean {
    for (const {from, to} of this.#stretches) if (cluster >= from && cluster < to) return true;
    return false;
  }
}
