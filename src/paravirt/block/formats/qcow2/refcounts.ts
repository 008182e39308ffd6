/**
 * How often each cluster of the file is used: the refcount table, whole in memory, and its blocks in pieces. Changes are
 * written at once, in memory's order; when they have to be durable is the allocator's business.
 *
 * Only one caller at a time changes refcounts (`Allocator` queues them).
 */
import type {ImageFile} from '../../image-file.js';
import {corrupt, type Header, writeRefcountTablePlace} from './header.js';
import {LIMITS, setU64, u64} from './layout.js';
import type {MetadataMap} from './metadata-map.js';
import {getRefcount, maxRefcount, refcountBytes, setRefcount} from './refcount-bits.js';
import {type Slice, SliceCache} from './slice-cache.js';

const CACHE_BYTES = 2 << 20;

/** A stretch of clusters of the file. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** What `plan` found out about a stretch that is to be taken into use. */
export interface GrowthPlan {
  /** Refcount blocks that are missing, each with the cluster it is to live in. */
  readonly blocks: readonly {readonly index: number; readonly cluster: number}[];
  /** Where a larger refcount table is to live, if one is needed. */
  readonly table: Run | undefined;
  /** The clusters left for data. */
  readonly data: Run;
  /** Everything above together. */
  readonly all: Run;
}

/** See the module. */
export class Refcounts {
  readonly #file: ImageFile;
  readonly #metadata: MetadataMap;
  readonly #clusterBytes: number;
  readonly #order: number;
  readonly #perBlock: number;
  readonly #perSlice: number;
  readonly #max: number;
  readonly #slices: SliceCache;
  /** Host offset of each block, 0 where there is none. */
  #table: Float64Array;
  #tableRun: Run;

  private constructor(file: ImageFile, header: Header, metadata: MetadataMap, table: Float64Array) {
    this.#file = file;
    this.#metadata = metadata;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.#order = header.refcountOrder;
    this.#perBlock = (this.#clusterBytes * 8) / 2 ** header.refcountOrder;
    this.#slices = new SliceCache(file, this.#clusterBytes, CACHE_BYTES);
    this.#perSlice = (this.#slices.sliceBytes * 8) / 2 ** header.refcountOrder;
    this.#max = maxRefcount(header.refcountOrder);
    this.#table = table;
    this.#tableRun = {
      first: header.refcountTableOffset / this.#clusterBytes,
      count: header.refcountTableClusters,
    };
  }

  /** Reads the table and enters it and its blocks into the map of metadata. Errors: corrupt */
  static async open(file: ImageFile, header: Header, metadata: MetadataMap): Promise<Refcounts> {
    const clusterBytes = 2 ** header.clusterBits;
    const bytes = new Uint8Array(header.refcountTableClusters * clusterBytes);
    await file.readv([bytes], header.refcountTableOffset);
    const view = new DataView(bytes.buffer);
    const table = new Float64Array(bytes.length / 8);
    for (let index = 0; index < table.length; index++) {
      const position = u64(view, index * 8);
      if (position === 0) continue;
      const isInside = position % clusterBytes === 0 && position < file.sizeBytes;
      if (!isInside || !metadata.add(position / clusterBytes))
        throw corrupt(file.path, `entry ${index} of its refcount table points at 0x${position.toString(16)}`);
      table[index] = position;
    }
    return new Refcounts(file, header, metadata, table);
  }

  /** Uses of a cluster. */
  async get(cluster: number): Promise<number> {
    const slice = await this.#slice(cluster);
    return slice === undefined ? 0 : getRefcount(slice.view, this.#order, cluster % this.#perSlice);
  }

  /** Finds clusters of [from, to) that nobody uses, as stretches. */
  async findFree(from: number, to: number): Promise<Run[]> {
    const found: {first: number; count: number}[] = [];
    for (let cluster = from; cluster < to; ) {
      const end = Math.min(to, cluster + this.#perSlice - (cluster % this.#perSlice));
      const slice = await this.#slice(cluster);
      // Without a block they are free, but using them costs a block: left alone.
      if (slice === undefined) {
        cluster = end;
        continue;
      }
      for (; cluster < end; cluster++) {
        if (getRefcount(slice.view, this.#order, cluster % this.#perSlice) !== 0 || this.#metadata.has(cluster))
          continue;
        const last = found.at(-1);
        if (last !== undefined && last.first + last.count === cluster) last.count++;
        else found.push({first: cluster, count: 1});
      }
    }
    return found;
  }

  /**
   * Changes the uses of clusters that all have a block, and writes that. Calls `reachedZero` for each that nobody uses
   * any more. Errors: corrupt when a count would leave its bounds (nothing of that slice is changed then)
   */
  async change(run: Run, delta: 1 | -1, reachedZero?: (cluster: number) => void): Promise<void> {
    const end = run.first + run.count;
    for (let cluster = run.first; cluster < end; ) {
      const stop = Math.min(end, cluster + this.#perSlice - (cluster % this.#perSlice));
      const slice = await this.#slice(cluster);
      if (slice === undefined) throw corrupt(this.#file.path, `cluster ${cluster} has no refcount`);
      this.#checkChange(slice, cluster, stop, delta);
      const first = cluster % this.#perSlice;
      const from = Math.floor((first * 2 ** this.#order) / 8);
      const to = refcountBytes(this.#order, first + stop - cluster);
      const before = slice.bytes.slice(from, to);
      const zeros: number[] = [];
      for (; cluster < stop; cluster++) {
        const index = cluster % this.#perSlice;
        const count = getRefcount(slice.view, this.#order, index) + delta;
        setRefcount(slice.view, this.#order, index, count);
        if (count === 0) zeros.push(cluster);
      }
      try {
        await this.#slices.write(slice, from, to);
      } catch (error) {
        slice.bytes.set(before, from);
        throw error;
      }
      for (const zero of zeros) reachedZero?.(zero);
    }
  }

  /** Lays out `dataClusters` from `start` on, with the blocks and the table that they and it itself need. */
  plan(start: number, dataClusters: number): GrowthPlan {
    let blockCount = 0;
    let tableClusters = 0;
    for (;;) {
      const last = start + blockCount + tableClusters + dataClusters - 1;
      const lastBlock = Math.floor(last / this.#perBlock);
      let missing = 0;
      for (let block = Math.floor(start / this.#perBlock); block <= lastBlock; block++)
        if (!this.#table[block]) missing++;
      const isTooSmall = lastBlock >= this.#table.length;
      // Half as much again, so that growing does not happen often.
      const wanted = isTooSmall ? Math.ceil((Math.ceil(lastBlock * 1.5) + 1) / (this.#clusterBytes / 8)) : 0;
      const needed = Math.max(wanted, tableClusters);
      if (missing === blockCount && needed === tableClusters) break;
      blockCount = missing;
      tableClusters = needed;
    }
    const blocks: {index: number; cluster: number}[] = [];
    const all = {first: start, count: blockCount + tableClusters + dataClusters};
    for (let block = Math.floor(start / this.#perBlock); blocks.length < blockCount; block++)
      if (!this.#table[block]) blocks.push({index: block, cluster: start + blocks.length});
    return {
      blocks,
      table: tableClusters === 0 ? undefined : {first: start + blockCount, count: tableClusters},
      data: {first: start + blockCount + tableClusters, count: dataClusters},
      all,
    };
  }

  /** Bytes that a table of the plan would take; above the limit an image cannot grow any more. */
  isTooLarge(plan: GrowthPlan): boolean {
    return (plan.table?.count ?? 0) * this.#clusterBytes > LIMITS.refcountTableBytes;
  }

  /** Writes the plan's new blocks and counts: one use of each of its clusters. Nothing points at them yet. */
  async writeCounts(plan: GrowthPlan): Promise<void> {
    const end = plan.all.first + plan.all.count;
    for (const {index, cluster} of plan.blocks) {
      const bytes = new Uint8Array(this.#clusterBytes);
      const view = new DataView(bytes.buffer);
      const base = index * this.#perBlock;
      for (let at = Math.max(base, plan.all.first); at < Math.min(base + this.#perBlock, end); at++)
        setRefcount(view, this.#order, at - base, 1);
      await this.#file.writev([bytes], cluster * this.#clusterBytes);
    }
    const isNew = new Set(plan.blocks.map(({index}) => index));
    for (let first = plan.all.first; first < end; ) {
      const block = Math.floor(first / this.#perBlock);
      const stop = Math.min(end, (block + 1) * this.#perBlock);
      if (!isNew.has(block)) await this.change({first, count: stop - first}, 1);
      first = stop;
    }
    if (plan.table !== undefined) {
      const table = this.#grown(plan);
      const bytes = new Uint8Array(plan.table.count * this.#clusterBytes);
      const view = new DataView(bytes.buffer);
      for (const [index, position] of table.entries()) setU64(view, index * 8, position);
      await this.#file.writev([bytes], plan.table.first * this.#clusterBytes);
    }
  }

  /** Points at the plan's blocks, which are durable by now, durably. Answers with the clusters of a table that was replaced. */
  async link(plan: GrowthPlan): Promise<Run | undefined> {
    if (plan.table !== undefined) {
      await writeRefcountTablePlace(this.#file, plan.table.first * this.#clusterBytes, plan.table.count);
      await this.#file.sync();
      const old = this.#tableRun;
      this.#table = this.#grown(plan);
      this.#tableRun = plan.table;
      this.#metadata.addStretch(plan.table.first, plan.table.count);
      for (const {cluster} of plan.blocks) this.#metadata.add(cluster);
      return old;
    }
    // A block that is linked counts as used, so the block that counts it has to be there before.
    let waiting = [...plan.blocks];
    while (waiting.length > 0) {
      const isReady = ({index, cluster}: (typeof waiting)[number]) => {
        const counting = Math.floor(cluster / this.#perBlock);
        return counting === index || Boolean(this.#table[counting]);
      };
      const ready = waiting.filter(isReady);
      waiting = waiting.filter((block) => !ready.includes(block));
      for (const {index, cluster} of ready) {
        const entry = new Uint8Array(8);
        setU64(new DataView(entry.buffer), 0, cluster * this.#clusterBytes);
        await this.#file.writev([entry], this.#tableRun.first * this.#clusterBytes + index * 8);
      }
      await this.#file.sync();
      for (const {index, cluster} of ready) {
        this.#table[index] = cluster * this.#clusterBytes;
        this.#metadata.add(cluster);
      }
    }
    return undefined;
  }

  #grown(plan: GrowthPlan): Float64Array {
    const table = new Float64Array(((plan.table?.count ?? 0) * this.#clusterBytes) / 8);
    table.set(this.#table);
    for (const {index, cluster} of plan.blocks) table[index] = cluster * this.#clusterBytes;
    return table;
  }

  #checkChange(slice: Slice, from: number, to: number, delta: 1 | -1): void {
    for (let cluster = from; cluster < to; cluster++) {
      const count = getRefcount(slice.view, this.#order, cluster % this.#perSlice);
      if (delta < 0 && count === 0) throw corrupt(this.#file.path, `cluster ${cluster} is used and counted as free`);
      if (delta > 0 && count >= this.#max) throw corrupt(this.#file.path, `cluster ${cluster} is used too often`);
    }
  }

  #slice(cluster: number): Promise<Slice> | undefined {
    const block = Math.floor(cluster / this.#perBlock);
    const position = this.#table[block];
    if (!position) return undefined;
    const inBlock = cluster % this.#perBlock;
    const byte = (inBlock - (inBlock % this.#perSlice)) * 2 ** this.#order;
    return this.#slices.load(position + byte / 8);
  }
}
