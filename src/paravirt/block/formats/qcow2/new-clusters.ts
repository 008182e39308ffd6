/**
 * Writes that need clusters of their own: where the disk shows its backing image, zeros, or what another disk state has
 * as well. What the disk showed around the data is copied, and must not be lost with a power cut:
 *
 *   showed zeros          the new clusters do so as well            data ─▶ entry
 *   showed the backing    loose clusters (see `loose-clusters.ts`)  data ─▶ entry
 *   all else              data ─▶ sync ─▶ entry
 */
import {isZero, sliceBuffers} from '../../buffers.js';
import type {ClusterLocks} from './cluster-locks.js';
import type {Qcow2Parts} from './image.js';
import {COPIED} from './layout.js';
import {hasZeroSector, type LooseRun} from './loose-clusters.js';
import {type Extent, newExtent} from './mapping.js';
import type {Run} from './refcounts.js';

/** Clusters' worth of memory that is kept for the next writes. */
const SPARE_MAX = 4;

/** What of the image is needed here. */
export interface NewClusterHost {
  /** Makes the cluster's L2 table one that may be written. */
  prepare(cluster: number): Promise<void>;
  /** Reads a whole cluster of the disk as the extent has it. */
  read(extent: Extent, bytes: Uint8Array, cluster: number): Promise<void>;
  /** Nothing points at what the extent names any more. */
  release(extent: Extent): void;
}

/** Neighbouring clusters that are to be replaced, and the part of the data that goes there. */
interface Plan {
  readonly cluster: number;
  readonly replaced: readonly Extent[];
  readonly inCluster: number;
}

/** What is written, and what it takes the place of. */
interface Filled {
  readonly buffers: readonly Uint8Array[];
  readonly start: number;
  readonly replaces: 'zeros' | 'backing' | 'others';
  /** To be kept for the next ones once the write is done. */
  readonly used: readonly Uint8Array[];
}

/** See the module. */
export class NewClusters {
  readonly #parts: Qcow2Parts;
  readonly #locks: ClusterLocks;
  readonly #host: NewClusterHost;
  readonly #clusterBytes: number;
  /** Room for a cluster each: making and clearing it anew takes as long as filling it. */
  readonly #spare: Uint8Array[] = [];

  constructor(parts: Qcow2Parts, locks: ClusterLocks, host: NewClusterHost) {
    this.#parts = parts;
    this.#locks = locks;
    this.#host = host;
    this.#clusterBytes = parts.mapping.clusterBytes;
  }

  /**
   * Writes from `inCluster` on into clusters of its own, as many as one slice and one stretch of free clusters allow. The
   * first is free, loaded and to be replaced. Answers how many bytes of the buffers that were.
   */
  async write(
    cluster: number,
    inCluster: number,
    buffers: readonly Uint8Array[],
    done: number,
    length: number,
  ): Promise<number> {
    const {mapping} = this.#parts;
    const wanted = Math.ceil((inCluster + length - done) / this.#clusterBytes);
    const replaced = this.#replaceable(cluster, Math.min(wanted, mapping.leftInSlice(cluster)));
    const hold = this.#locks.hold(cluster, replaced.length);
    let plain: Run | undefined;
    let loose: LooseRun | undefined;
    try {
      await this.#host.prepare(cluster);
      loose = await this.#takeLoose(cluster, replaced, sliceBuffers(buffers, done, length - done));
      plain = loose === undefined ? await this.#parts.allocator!.take(replaced.length) : undefined;
      const {first, count} = (loose ?? plain)!;
      hold.shrink(count);
      const bytes = Math.min(count * this.#clusterBytes - inCluster, length - done);
      const target = first * this.#clusterBytes;
      const plan = {cluster, replaced: replaced.slice(0, count), inCluster};
      const filled = await this.#fill(plan, bytes, sliceBuffers(buffers, done, bytes));
      await this.#parts.file.writev(filled.buffers, target + filled.start);
      for (const room of filled.used) if (this.#spare.length < SPARE_MAX) this.#spare.push(room);
      if (filled.replaces === 'others' || (filled.replaces === 'backing' && loose === undefined))
        await this.#parts.file.sync();
      while (!mapping.isLoaded(cluster)) await mapping.load(cluster);
      await mapping.setEntries(cluster, count, COPIED, target, this.#clusterBytes);
      plain = undefined;
      if (loose !== undefined) this.#parts.loose!.written(loose);
      loose = undefined;
      for (const old of plan.replaced) this.#host.release(old);
      return bytes;
    } finally {
      if (plain !== undefined) this.#parts.allocator!.release(plain);
      if (loose !== undefined) {
        this.#parts.loose!.written(loose);
        this.#parts.loose!.release(loose);
      }
      hold.release();
    }
  }

  /** False when the cluster is known to show zeros. */
  async showsBytes(extent: Extent, cluster: number): Promise<boolean> {
    if (extent.kind === 'zero') return false;
    if (extent.kind !== 'nothing') return true;
    const {backing} = this.#parts;
    const offset = cluster * this.#clusterBytes;
    const length = Math.min(this.#clusterBytes, (backing?.sizeBytes ?? 0) - offset);
    if (backing === undefined || length <= 0) return false;
    const status = await backing.status(offset, length);
    return status.kind !== 'zero' || status.length < length;
  }

  /** Entries from `cluster` on that have to be replaced, up to the first one that somebody has or that can stay. */
  #replaceable(cluster: number, countMax: number): Extent[] {
    const free = this.#locks.freeCount(cluster, countMax);
    const replaced: Extent[] = [];
    while (replaced.length < free) {
      const extent = newExtent();
      this.#parts.mapping.extent(cluster + replaced.length, 1, extent);
      if (extent.kind === 'corrupt' || (extent.kind === 'data' && extent.isCopied)) break;
      replaced.push(extent);
    }
    return replaced;
  }

  /** Loose clusters where these will do: the backing image shows, and no sector of the data is zero. */
  async #takeLoose(
    cluster: number,
    replaced: readonly Extent[],
    data: readonly Uint8Array[],
  ): Promise<LooseRun | undefined> {
    const {loose} = this.#parts;
    if (loose === undefined || replaced.some(({kind}) => kind !== 'nothing') || hasZeroSector(data)) return undefined;
    // Most of a disk that was never written shows zeros from end to end.
    return (await this.showsBytes(replaced[0]!, cluster)) ? loose.take(replaced.length) : undefined;
  }

  /** What to write around the data so that the clusters show what they showed before. */
  async #fill({cluster, replaced, inCluster}: Plan, bytes: number, data: readonly Uint8Array[]): Promise<Filled> {
    const count = replaced.length;
    const end = inCluster + bytes;
    const tailAt = count * this.#clusterBytes;
    let replaces: Filled['replaces'] = 'zeros';
    let head: Uint8Array | undefined;
    let tail: Uint8Array | undefined;
    const used: Uint8Array[] = [];
    for (const [index, extent] of replaced.entries()) {
      const isHead = index === 0 && inCluster > 0;
      const isTail = index === count - 1 && end < tailAt;
      if (!(await this.showsBytes(extent, cluster + index))) continue;
      let old: Uint8Array | undefined;
      if (isHead || isTail) {
        old = this.#spare.pop() ?? new Uint8Array(this.#clusterBytes);
        used.push(old);
        await this.#host.read(extent, old, cluster + index);
        if (isZero(old)) continue;
      }
      if (extent.kind !== 'nothing') replaces = 'others';
      else if (replaces === 'zeros') replaces = 'backing';
      if (isHead) head = old?.subarray(0, inCluster);
      if (isTail) tail = old?.subarray(end - index * this.#clusterBytes);
    }
    if (head === undefined && tail === undefined) return {buffers: data, start: inCluster, replaces, used};
    const buffers = [...(head === undefined ? [] : [head]), ...data, ...(tail === undefined ? [] : [tail])];
    return {buffers, start: head === undefined ? inCluster : 0, replaces, used};
  }
}
