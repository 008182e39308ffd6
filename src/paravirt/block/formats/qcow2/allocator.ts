/**
 * Hands out clusters and takes them back, so that a power cut at any moment costs no more than some unused room.
 *
 *   free ──(counted, zeroed, synced)──▶ pool ──take──▶ in use ──free──▶ waiting ──(unlinked, synced)──▶ free
 *
 * Invariants:
 * - a cluster in the pool is counted as used and reads as zeros, both on disk: pointing at it is safe at any time, and
 *   what it shows before its data is there is what the disk showed before;
 * - a cluster goes back only when the sync after its unlinking has passed and every request that could still use it is done.
 *
 * So a pool costs one sync for up to 64 MiB of new clusters, however small the writes are.
 */
import {ParavirtError} from '../../../error.js';
import {isZero} from '../../buffers.js';
import type {ImageFile} from '../../image-file.js';
import type {MetadataMap} from './metadata-map.js';
import type {Refcounts, Run} from './refcounts.js';

/** How many clusters are made ready at once. Units: bytes, but for `clusters` */
export interface PoolBounds {
  /** The first batch; each next one is twice as large, so that small disks stay small and growing ones sync seldom. */
  readonly bytesMin: number;
  readonly bytesMax: number;
  /** Bounds the counts that one batch writes where clusters are tiny. */
  readonly clustersMax: number;
  readonly clustersMin: number;
}

/** What is used unless a test wants every batch to be the last. */
export const poolBounds: PoolBounds = {bytesMin: 1 << 20, bytesMax: 64 << 20, clustersMax: 8192, clustersMin: 4};

/** Clusters looked at for holes in one batch. */
const SCAN_CLUSTERS = 65_536;
const ZERO_CHUNK_BYTES = 1 << 20;

/** See the module. */
export class Allocator {
  readonly #file: ImageFile;
  readonly #refcounts: Refcounts;
  readonly #metadata: MetadataMap;
  readonly #clusterBytes: number;
  readonly #bounds: PoolBounds;
  #pool: {first: number; count: number}[] = [];
  #pooled = 0;
  /** Counted as free, with old bytes in them. */
  #free: {first: number; count: number}[] = [];
  #waiting: Run[] = [];
  #batchClusters: number;
  #end: number;
  /** Up to where the file was searched for holes; what lies behind is found by the search, not remembered. */
  #scanned = 0;
  #scanEnd: number;
  /** Free clusters are with the host at the moment. */
  #givingBack = 0;
  #refilling: Promise<void> | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(
    file: ImageFile,
    refcounts: Refcounts,
    metadata: MetadataMap,
    clusterBytes: number,
    bounds: PoolBounds = poolBounds,
  ) {
    this.#bounds = bounds;
    this.#file = file;
    this.#refcounts = refcounts;
    this.#metadata = metadata;
    this.#clusterBytes = clusterBytes;
    this.#batchClusters = this.#batchOf(bounds.bytesMin);
    this.#end = Math.ceil(file.sizeBytes / clusterBytes);
    this.#scanEnd = this.#end;
  }

  /** Stretches that wait for the next reclaim. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Takes up to `wanted` neighbouring clusters that read as zeros. Errors: no-space, io, corrupt */
  async take(wanted: number): Promise<Run> {
    while (this.#pool.length === 0) await this.#refill();
    const run = this.#pool[0]!;
    const count = Math.min(wanted, run.count);
    const taken = {first: run.first, count};
    run.first += count;
    run.count -= count;
    if (run.count === 0) this.#pool.shift();
    this.#pooled -= count;
    // Early, so that nobody waits for the sync. A failure is met by whoever needs it.
    if (this.#pooled < this.#batchClusters / 4) this.#refill().catch(() => undefined);
    return taken;
  }

  /** Like `take`, for a table that must lie in one piece. Always at the end of the file. */
  takeTogether(count: number): Promise<Run> {
    return this.#exclusive(() => this.#extend(count));
  }

  /** Counts one more use of a cluster: another compressed stream in it. */
  share(cluster: number): Promise<void> {
    return this.#exclusive(() => this.#refcounts.change({first: cluster, count: 1}, 1));
  }

  /** Gives clusters back that nothing durable points at any more after the next sync, or never did. */
  release(run: Run): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.first + last.count === run.first)
      this.#waiting[this.#waiting.length - 1] = {first: last.first, count: last.count + run.count};
    else this.#waiting.push(run);
  }

  /**
   * Frees what waits. `settle` resolves when all requests that had begun are done; the sync covers the unlinking of
   * everything released before this call.
   */
  async reclaim(settle: () => Promise<void>): Promise<void> {
    const runs = this.#waiting.splice(0);
    if (runs.length === 0) return;
    const freed: number[] = [];
    this.#givingBack++;
    try {
      await settle();
      await this.#file.sync();
      await this.#exclusive(async () => {
        while (runs.length > 0) {
          await this.#refcounts.change(runs[0]!, -1, (cluster) => freed.push(cluster));
          runs.shift();
        }
      });
    } finally {
      // What could not be counted is tried again, but for a count that was wrong before.
      this.#waiting.unshift(...runs.slice(1));
      await this.#giveBack(freed);
      this.#givingBack--;
    }
  }

  /** The host has the room of free clusters until they are used again; nobody takes them meanwhile. */
  async #giveBack(freed: number[]): Promise<void> {
    if (freed.length === 0) return;
    const ranges: {position: number; length: number}[] = [];
    for (const cluster of freed.sort((a, b) => a - b)) {
      const position = cluster * this.#clusterBytes;
      const last = ranges.at(-1);
      if (last !== undefined && last.position + last.length === position) last.length += this.#clusterBytes;
      else ranges.push({position, length: this.#clusterBytes});
    }
    await this.#file.deallocate(ranges.filter(({position}) => !this.#metadata.has(position / this.#clusterBytes)));
    for (const cluster of freed) this.#addFree(cluster);
  }

  /** Gives the pool back and cuts free room off the end of the file. No other call is under way. */
  async close(): Promise<void> {
    await this.#refilling?.catch(() => undefined);
    await this.#exclusive(async () => {
      for (const run of this.#pool.splice(0)) await this.#refcounts.change(run, -1);
      this.#pooled = 0;
      await this.#file.sync();
      await this.#cutTail();
    });
  }

  #refill(): Promise<void> {
    this.#refilling ??= this.#exclusive(() => this.#makeBatch()).finally(() => {
      this.#refilling = undefined;
    });
    return this.#refilling;
  }

  async #makeBatch(): Promise<void> {
    const wanted = this.#batchClusters;
    const reused = await this.#reuse(wanted);
    const left = wanted - reused.reduce((sum, {count}) => sum + count, 0);
    const fresh = left > wanted / 2 ? await this.#extend(left) : undefined;
    if (fresh === undefined) await this.#file.sync();
    for (const run of fresh === undefined ? reused : [...reused, fresh]) {
      this.#pool.push({first: run.first, count: run.count});
      this.#pooled += run.count;
    }
    this.#batchClusters = Math.min(wanted * 2, this.#batchOf(this.#bounds.bytesMax));
  }

  /** Counts and clears free clusters inside the file. */
  async #reuse(wanted: number): Promise<Run[]> {
    // What is being given back counts as free already and must not be found.
    if (this.#scanned < this.#scanEnd && this.#givingBack === 0) {
      const stop = Math.min(this.#scanEnd, this.#scanned + SCAN_CLUSTERS);
      for (const run of await this.#refcounts.findFree(this.#scanned, stop)) this.#free.push({...run});
      this.#scanned = stop;
    }
    const reused: Run[] = [];
    let left = wanted;
    while (left > 0 && this.#free.length > 0) {
      const run = this.#free[0]!;
      const part = {first: run.first, count: Math.min(left, run.count)};
      await this.#refcounts.change(part, 1);
      run.first += part.count;
      run.count -= part.count;
      if (run.count === 0) this.#free.shift();
      await this.#clear(part);
      left -= part.count;
      reused.push(part);
    }
    return reused;
  }

  async #clear({first, count}: Run): Promise<void> {
    const end = (first + count) * this.#clusterBytes;
    const chunk = new Uint8Array(Math.min(ZERO_CHUNK_BYTES, count * this.#clusterBytes));
    for (let position = first * this.#clusterBytes; position < end; position += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, end - position));
      await this.#file.readv([part], position);
      if (isZero(part)) continue;
      part.fill(0);
      await this.#file.writev([part], position);
    }
  }

  /** Lengthens the file by counted clusters, durably. */
  async #extend(count: number): Promise<Run> {
    let start = this.#end;
    // Counts behind the end are leaks of another program, or lies: left alone.
    for (let plan = this.#refcounts.plan(start, count); ; plan = this.#refcounts.plan(start, count)) {
      const taken = await this.#firstCounted(plan.all);
      if (taken === undefined) break;
      start = taken + 1;
    }
    const plan = this.#refcounts.plan(start, count);
    const end = plan.all.first + plan.all.count;
    if (this.#refcounts.isTooLarge(plan) || end * this.#clusterBytes > Number.MAX_SAFE_INTEGER)
      throw new ParavirtError('io', `The disk image ${this.#file.path} cannot grow any more.`, 'Use larger clusters.');
    if (this.#file.sizeBytes < end * this.#clusterBytes) await this.#file.resize(end * this.#clusterBytes);
    await this.#refcounts.writeCounts(plan);
    await this.#file.sync();
    this.#end = end;
    if (plan.blocks.length > 0) {
      const replaced = await this.#refcounts.link(plan);
      if (replaced !== undefined) {
        this.#metadata.removeStretch(replaced.first);
        await this.#refcounts.change(replaced, -1, (cluster) => this.#addFree(cluster));
      }
    }
    return plan.data;
  }

  async #firstCounted({first, count}: Run): Promise<number | undefined> {
    for (let cluster = first + count - 1; cluster >= first; cluster--)
      if ((await this.#refcounts.get(cluster)) !== 0 || this.#metadata.has(cluster)) return cluster;
    return undefined;
  }

  #addFree(cluster: number): void {
    if (this.#metadata.has(cluster)) return;
    if (cluster >= this.#scanned && cluster < this.#scanEnd) return;
    const last = this.#free.at(-1);
    if (last !== undefined && last.first + last.count === cluster) last.count++;
    else this.#free.push({first: cluster, count: 1});
  }

  async #cutTail(): Promise<void> {
    let end = Math.ceil(this.#file.sizeBytes / this.#clusterBytes);
    while (end > 1 && !this.#metadata.has(end - 1) && (await this.#refcounts.get(end - 1)) === 0) end--;
    if (end * this.#clusterBytes >= this.#file.sizeBytes) return;
    await this.#file.resize(end * this.#clusterBytes);
    this.#end = end;
    // What lies behind is made anew by lengthening the file.
    this.#scanEnd = Math.min(this.#scanEnd, end);
    this.#free = this.#free
      .filter((run) => run.first < end)
      .map((run) => ({...run, count: Math.min(run.count, end - run.first)}));
  }

  #batchOf(bytes: number): number {
    const {clustersMin, clustersMax} = this.#bounds;
    return Math.min(clustersMax, Math.max(clustersMin, Math.floor(bytes / this.#clusterBytes)));
  }

  /** One change of refcounts after the other. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
