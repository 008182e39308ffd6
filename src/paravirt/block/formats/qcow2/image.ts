/**
 * A qcow2 image that is open. Reads and writes of allocated clusters are one call on the file; everything else goes
 * through the cluster locks.
 *
 *   write ─▶ in place, where the cluster belongs to this disk state alone
 *         └▶ new clusters from the pool: data ─▶ (sync, if the disk showed something else there before) ─▶ entry
 *
 * Invariants: an entry on disk never points at a cluster that does not show the data, or what the disk showed before it;
 * entries are in the file before a request is answered, so that a killed process loses nothing. See `Allocator`.
 */

import type {ParavirtError} from '../../../error.js';
import {clearBuffers, sliceBuffers, totalBytes} from '../../buffers.js';
import {type BlockBackend, type RangeStatus, SECTOR_BYTES} from '../../contract.js';
import type {ImageFile, Pending} from '../../image-file.js';
import type {Allocator} from './allocator.js';
import {ClusterLocks} from './cluster-locks.js';
import {compress, decompress} from './compression.js';
import {type Epoch, Epochs} from './epochs.js';
import {corrupt, type Header, writeIncompatible, writeSize} from './header.js';
import {COMPRESSED, INCOMPATIBLE, ZERO} from './layout.js';
import {fillZeroSectors, hasZeroSector, isListed, type LooseClusters} from './loose-clusters.js';
import {type Extent, type Mapping, newExtent} from './mapping.js';
import type {MetadataMap} from './metadata-map.js';
import {NewClusters} from './new-clusters.js';
import type {Run} from './refcounts.js';
import {checkResize, growImage} from './resize.js';

/** Clusters that wait to be freed at which freeing begins by itself; a flush begins it as well. */
const RECLAIM_STRETCHES = 64;

/** The pieces of an open image. */
export interface Qcow2Parts {
  readonly file: ImageFile;
  readonly header: Header;
  readonly metadata: MetadataMap;
  readonly mapping: Mapping;
  /** Missing when the image is read-only. */
  readonly allocator: Allocator | undefined;
  backing: BlockBackend | undefined;
  /** Missing when the image is read-only or has no room for their list. */
  readonly loose: LooseClusters | undefined;
}

/** See the module. */
export class Qcow2Image implements BlockBackend {
  readonly isReadOnly: boolean;
  readonly canDiscard: boolean;
  readonly #parts: Qcow2Parts;
  readonly #mapping: Mapping;
  readonly #file: ImageFile;
  readonly #clusterBytes: number;
  readonly #locks = new ClusterLocks();
  /** L2 tables that are being made or copied, by L1 index. */
  readonly #tables = new Map<number, Promise<void>>();
  readonly #epochs = new Epochs();
  readonly #scratch = newExtent();
  readonly #newClusters: NewClusters;
  /** Clusters with sectors that a power cut may have left behind; only what is never written has any. */
  readonly #unfilled: readonly Run[];
  #sizeBytes: number;
  #reclaiming: Promise<void> | undefined;
  #isDirty: boolean;
  #isClosed = false;

  constructor(parts: Qcow2Parts) {
    this.#parts = parts;
    this.#mapping = parts.mapping;
    this.#file = parts.file;
    this.#clusterBytes = parts.mapping.clusterBytes;
    this.#sizeBytes = parts.header.sizeBytes;
    this.isReadOnly = parts.allocator === undefined;
    this.canDiscard = !this.isReadOnly;
    this.#isDirty = false;
    this.#unfilled = this.isReadOnly ? (parts.header.looseList?.runs ?? []) : [];
    this.#newClusters = new NewClusters(parts, this.#locks, {
      prepare: async (cluster) => {
        await this.#writableTable(cluster);
        await this.#touch();
      },
      read: async (extent, bytes, cluster) =>
        this.#readPiece(extent, [bytes], cluster * this.#clusterBytes, 0, bytes.length),
      release: (extent) => this.#releaseOld(extent),
    });
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes of a cluster. */
  get clusterBytes(): number {
    return this.#clusterBytes;
  }

  readv(buffers: readonly Uint8Array[], offset: number): Pending {
    const length = totalBytes(buffers);
    const extent = this.#scratch;
    if (!this.#isOneExtent(offset, length, extent)) return this.#readParts(buffers, offset);
    const epoch = this.#epochs.enter();
    const inCluster = offset % this.#clusterBytes;
    return this.#leaveAfter(this.#readPiece(extent, buffers, offset, inCluster, length), epoch);
  }

  writev(buffers: readonly Uint8Array[], offset: number): Pending {
    const length = totalBytes(buffers);
    const extent = this.#scratch;
    const isInPlace = this.#isOneExtent(offset, length, extent) && extent.kind === 'data' && extent.isCopied;
    if (!isInPlace || !this.#areFree(offset, length) || this.#mustSettle(extent, buffers))
      return this.#writeParts(buffers, offset);
    const epoch = this.#epochs.enter();
    return this.#leaveAfter(this.#file.writev(buffers, extent.position + (offset % this.#clusterBytes)), epoch);
  }

  async #readParts(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    const epoch = this.#epochs.enter();
    let work: Promise<void>[] | undefined;
    try {
      const length = totalBytes(buffers);
      for (let done = 0; done < length; ) {
        const position = offset + done;
        const cluster = Math.floor(position / this.#clusterBytes);
        while (!this.#mapping.isLoaded(cluster)) await this.#mapping.load(cluster);
        const extent = this.#scratch;
        this.#mapping.extent(cluster, Math.ceil((offset + length) / this.#clusterBytes) - cluster, extent);
        const inCluster = position - cluster * this.#clusterBytes;
        const count = Math.min(extent.count * this.#clusterBytes - inCluster, length - done);
        const part = sliceBuffers(buffers, done, count);
        const piece = this.#readPiece(extent, part, position, inCluster, count);
        done += count;
        if (piece === undefined) continue;
        work ??= [];
        work.push(piece);
      }
      if (work !== undefined) await Promise.all(work);
    } finally {
      // The buffers are the caller's again only when nothing fills them any more.
      if (work !== undefined) await Promise.allSettled(work);
      this.#epochs.leave(epoch);
    }
  }

  async #writeParts(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    const epoch = this.#epochs.enter();
    try {
      await this.#write(buffers, offset);
    } finally {
      this.#epochs.leave(epoch);
    }
  }

  /** True when the range is known without a wait and all of one kind in one stretch; `extent` tells which. */
  #isOneExtent(offset: number, length: number, extent: Extent): boolean {
    const cluster = Math.floor(offset / this.#clusterBytes);
    if (length === 0 || !this.#mapping.isLoaded(cluster)) return false;
    const count = Math.ceil((offset + length) / this.#clusterBytes) - cluster;
    this.#mapping.extent(cluster, count, extent);
    return extent.count >= count;
  }

  /** True when nobody changes the entries of the range. */
  #areFree(offset: number, length: number): boolean {
    const cluster = Math.floor(offset / this.#clusterBytes);
    const count = Math.ceil((offset + length) / this.#clusterBytes) - cluster;
    return this.#locks.freeCount(cluster, count) === count;
  }

  /** True when zeros would not stay what they are in these clusters; see `LooseClusters`. */
  #mustSettle({position, count}: Extent, buffers: readonly Uint8Array[]): boolean {
    const {loose} = this.#parts;
    if (loose?.hasAny !== true) return false;
    for (let index = 0; index < count; index++)
      if (loose.has(position + index * this.#clusterBytes)) return hasZeroSector(buffers);
    return false;
  }

  #leaveAfter(pending: Pending, epoch: Epoch): Pending {
    if (pending !== undefined) return pending.finally(() => this.#epochs.leave(epoch));
    this.#epochs.leave(epoch);
    return undefined;
  }

  async flush(): Promise<void> {
    if (this.isReadOnly) return;
    await this.#file.sync();
    if ((this.#parts.allocator?.waitingCount ?? 0) > 0) this.#reclaim();
  }

  /** Whole clusters go back to the file; parts of clusters keep their bytes. */
  async discard(offset: number, length: number): Promise<void> {
    const first = Math.ceil(offset / this.#clusterBytes);
    const isToEnd = offset + length === this.#sizeBytes;
    const end = isToEnd
      ? Math.ceil(this.#sizeBytes / this.#clusterBytes)
      : Math.floor((offset + length) / this.#clusterBytes);
    const epoch = this.#epochs.enter();
    try {
      if (first < end) await this.#unmap(first, end, true);
    } finally {
      this.#epochs.leave(epoch);
    }
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    const epoch = this.#epochs.enter();
    try {
      const end = offset + length;
      const headEnd = Math.min(end, Math.ceil(offset / this.#clusterBytes) * this.#clusterBytes);
      if (offset < headEnd) await this.#writeZeroBytes(offset, headEnd);
      const whole =
        end === this.#sizeBytes ? Math.ceil(end / this.#clusterBytes) : Math.floor(end / this.#clusterBytes);
      const first = headEnd / this.#clusterBytes;
      if (headEnd < end && first < whole) await this.#unmap(first, whole, false);
      const tailStart = Math.max(headEnd, whole * this.#clusterBytes);
      if (tailStart < end) await this.#writeZeroBytes(tailStart, end);
    } finally {
      this.#epochs.leave(epoch);
    }
  }

  async status(offset: number, length: number): Promise<RangeStatus> {
    const cluster = Math.floor(offset / this.#clusterBytes);
    await this.#loaded(cluster);
    const extent = newExtent();
    this.#mapping.extent(cluster, Math.ceil((offset + length) / this.#clusterBytes) - cluster, extent);
    const inCluster = offset - cluster * this.#clusterBytes;
    const count = Math.min(length, extent.count * this.#clusterBytes - inCluster);
    switch (extent.kind) {
      case 'data':
        return {kind: 'data', length: count, depth: 0, filePosition: extent.position + inCluster};
      case 'compressed':
        return {kind: 'data', length: count, depth: 0, isCompressed: true};
      case 'corrupt':
        return {kind: 'data', length: count, depth: 0};
      case 'zero':
        return {kind: 'zero', length: count, depth: 0};
      case 'nothing': {
        const {backing} = this.#parts;
        const below = backing === undefined ? 0 : Math.min(count, backing.sizeBytes - offset);
        if (backing === undefined || below <= 0) return {kind: 'zero', length: count, depth: 1};
        const status = await backing.status(offset, below);
        return {...status, depth: status.depth + 1};
      }
    }
  }

  exchangeBacking(backing: BlockBackend): BlockBackend | undefined {
    const before = this.#parts.backing;
    this.#parts.backing = backing;
    return before;
  }

  /** Nothing else is under way. Errors: bad-option for an image with internal snapshots, which keep their size */
  async resize(sizeBytes: number): Promise<void> {
    const before = this.#sizeBytes;
    checkResize(this.#parts, sizeBytes);
    await this.#touch();
    if (sizeBytes > before) {
      await growImage(this.#parts, sizeBytes);
      this.#sizeBytes = sizeBytes;
      // What the backing image has there was never part of this disk.
      const hidden = Math.min(sizeBytes, this.#parts.backing?.sizeBytes ?? 0) - before;
      if (hidden > 0) await this.writeZeroes(before, hidden);
    } else if (sizeBytes < before) {
      // So that growing again shows zeros.
      const end = Math.min(before, Math.ceil(sizeBytes / this.#clusterBytes) * this.#clusterBytes);
      if (sizeBytes < end) await this.writeZeroes(sizeBytes, end - sizeBytes);
      await this.discard(end, before - end);
      await this.#file.sync();
      await writeSize(this.#file, sizeBytes);
      this.#sizeBytes = sizeBytes;
    }
    await this.settle();
  }

  /**
   * Stores a whole cluster compressed where the disk holds nothing yet; answers false when it would save nothing. For
   * writers that go from front to back: bytes are packed one after the other.
   */
  async writeCompressed(cluster: number, bytes: Uint8Array, tail: CompressedTail): Promise<boolean> {
    const packed = await compress(this.#parts.header.compression, bytes);
    if (packed === undefined) return false;
    await this.#writableTable(cluster);
    const allocator = this.#parts.allocator!;
    // A stream may not leave the cluster it began in: each host cluster is then counted once for each stream in it.
    if (tail.position === 0 || tail.position + packed.length > tail.end) {
      const run = await allocator.take(1);
      tail.position = run.first * this.#clusterBytes;
      tail.end = tail.position + this.#clusterBytes;
    } else await allocator.share(Math.floor(tail.position / this.#clusterBytes));
    await this.#file.writev([packed], tail.position);
    await this.#loaded(cluster);
    const last = Math.floor((tail.position + packed.length - 1) / SECTOR_BYTES);
    const sectors = last - Math.floor(tail.position / SECTOR_BYTES);
    const offsetBits = 62 - (this.#parts.header.clusterBits - 8) - 32;
    const high = (COMPRESSED | (sectors << offsetBits)) >>> 0;
    await this.#mapping.setEntries(cluster, 1, high, tail.position, 0);
    tail.position += packed.length;
    return true;
  }

  /** Makes the image as if it had been closed: nothing reserved, everything durable. Other requests are not under way. */
  async settle(): Promise<void> {
    const {allocator} = this.#parts;
    if (allocator === undefined) return;
    await this.#reclaiming;
    await this.#parts.loose?.close();
    await allocator.reclaim(() => this.#epochs.settle());
    if (this.#isDirty) {
      await allocator.close();
      await this.#setDirty(false);
    }
    await this.#file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.settle();
    } finally {
      await this.#file[Symbol.asyncDispose]();
      await this.#parts.backing?.[Symbol.asyncDispose]();
    }
  }

  #readPiece(
    extent: Extent,
    buffers: readonly Uint8Array[],
    position: number,
    inCluster: number,
    length: number,
  ): Pending {
    switch (extent.kind) {
      case 'data':
        return this.#unfilled.length > 0 && extent.isCopied
          ? this.#readUnfilled(extent.position, buffers, position, inCluster, length)
          : this.#file.readv(buffers, extent.position + inCluster);
      case 'zero':
        clearBuffers(buffers);
        return undefined;
      case 'nothing':
        return this.#readBacking(buffers, position, length);
      case 'compressed':
        return this.#readCompressed(extent.high, extent.low, buffers, inCluster);
      case 'corrupt':
        return Promise.reject(this.#damaged(position));
    }
  }

  async #readUnfilled(
    at: number,
    buffers: readonly Uint8Array[],
    position: number,
    inCluster: number,
    length: number,
  ): Promise<void> {
    await this.#file.readv(buffers, at + inCluster);
    for (let done = 0; done < length; ) {
      const inOne = (inCluster + done) % this.#clusterBytes;
      const count = Math.min(this.#clusterBytes - inOne, length - done);
      if (isListed(this.#unfilled, Math.floor((at + inCluster + done) / this.#clusterBytes))) {
        const below = new Uint8Array(count);
        await this.#readBacking([below], position + done, count);
        fillZeroSectors(sliceBuffers(buffers, done, count), below);
      }
      done += count;
    }
  }

  #readBacking(buffers: readonly Uint8Array[], position: number, length: number): Pending {
    const {backing} = this.#parts;
    const below = backing === undefined ? 0 : Math.max(0, Math.min(length, backing.sizeBytes - position));
    if (below < length) clearBuffers(sliceBuffers(buffers, below, length - below));
    return below > 0 ? backing?.readv(sliceBuffers(buffers, 0, below), position) : undefined;
  }

  async #readCompressed(high: number, low: number, buffers: readonly Uint8Array[], inCluster: number): Promise<void> {
    const place = this.#mapping.compressedPlace(high, low);
    const packed = new Uint8Array(place.length);
    await this.#file.readv([packed], place.position);
    const cluster = await decompress(this.#parts.header.compression, packed, this.#clusterBytes);
    if (cluster === undefined) throw this.#damaged(place.position);
    let at = inCluster;
    for (const buffer of buffers) {
      buffer.set(cluster.subarray(at, at + buffer.length));
      at += buffer.length;
    }
  }

  async #write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    const length = totalBytes(buffers);
    for (let done = 0; done < length; ) {
      const position = offset + done;
      const cluster = Math.floor(position / this.#clusterBytes);
      const holder = this.#locks.holder(cluster);
      if (holder !== undefined) {
        await holder;
        continue;
      }
      if (!this.#mapping.isLoaded(cluster)) {
        await this.#mapping.load(cluster);
        continue;
      }
      const countMax = Math.ceil((offset + length) / this.#clusterBytes) - cluster;
      const extent = this.#scratch;
      this.#mapping.extent(cluster, countMax, extent);
      if (extent.kind === 'corrupt') throw this.#damaged(position);
      const inCluster = position - cluster * this.#clusterBytes;
      if (extent.kind === 'data' && extent.isCopied) {
        const clusters = this.#locks.freeCount(cluster, extent.count);
        const count = Math.min(clusters * this.#clusterBytes - inCluster, length - done);
        const data = sliceBuffers(buffers, done, count);
        if (this.#mustSettle(extent, data)) {
          await this.#parts.loose?.settle();
          continue;
        }
        const pending = this.#file.writev(data, extent.position + inCluster);
        if (pending !== undefined) await pending;
        done += count;
      } else done += await this.#newClusters.write(cluster, inCluster, buffers, done, length);
    }
  }

  async #writeZeroBytes(from: number, to: number): Promise<void> {
    const cluster = Math.floor(from / this.#clusterBytes);
    await this.#loaded(cluster);
    const extent = newExtent();
    this.#mapping.extent(cluster, 1, extent);
    // Whoever has the cluster may be writing it now: then the bytes are not known to be zeros.
    if (this.#locks.holder(cluster) === undefined && !(await this.#newClusters.showsBytes(extent, cluster))) return;
    await this.#write([new Uint8Array(to - from)], from);
  }

  /**
   * Makes whole clusters show zeros and gives their room back. `isHint`: nothing need be done where that would cost
   * more than it brings.
   */
  async #unmap(first: number, end: number, isHint: boolean): Promise<void> {
    const {backing, header} = this.#parts;
    for (let cluster = first; cluster < end; ) {
      const holder = this.#locks.holder(cluster);
      if (holder !== undefined) {
        await holder;
        continue;
      }
      if (!this.#mapping.isLoaded(cluster)) {
        await this.#mapping.load(cluster);
        continue;
      }
      const left = Math.min(end - cluster, this.#mapping.leftInSlice(cluster));
      const count = this.#locks.freeCount(cluster, left);
      const extent = newExtent();
      this.#mapping.extent(cluster, end - cluster, extent);
      const showsBacking = backing !== undefined && cluster * this.#clusterBytes < backing.sizeBytes;
      if (
        (extent.kind === 'nothing' && (!showsBacking || isHint)) ||
        (extent.kind === 'zero' && extent.position === 0)
      ) {
        cluster += Math.min(extent.count, end - cluster);
        continue;
      }
      if (showsBacking && header.version === 2) {
        // Version 2 cannot say that zeros hide the backing image: they have to be there.
        const to = Math.min((cluster + 1) * this.#clusterBytes, this.#sizeBytes);
        if (!isHint)
          await this.#write([new Uint8Array(to - cluster * this.#clusterBytes)], cluster * this.#clusterBytes);
        cluster++;
        continue;
      }
      const hold = this.#locks.hold(cluster, count);
      try {
        await this.#writableTable(cluster);
        await this.#touch();
        await this.#loaded(cluster);
        const old: Extent[] = [];
        for (let index = 0; index < count; index++) {
          const one = newExtent();
          this.#mapping.extent(cluster + index, 1, one);
          if (one.kind === 'corrupt') throw this.#damaged((cluster + index) * this.#clusterBytes);
          old.push(one);
        }
        await this.#mapping.setEntries(cluster, count, 0, showsBacking ? ZERO : 0, 0);
        for (const one of old) this.#releaseOld(one);
      } finally {
        hold.release();
      }
      cluster += count;
    }
    if ((this.#parts.allocator?.waitingCount ?? 0) >= RECLAIM_STRETCHES) this.#reclaim();
  }

  /** Sees to it that the cluster's L2 table is there and belongs to this disk state alone. */
  async #writableTable(cluster: number): Promise<void> {
    const l1Index = Math.floor(cluster / this.#mapping.entriesPerTable);
    for (;;) {
      const position = this.#mapping.tablePosition(l1Index);
      if (position !== 0 && this.#mapping.isTableCopied(l1Index)) return;
      let making = this.#tables.get(l1Index);
      if (making === undefined) {
        making = this.#makeTable(l1Index, position).finally(() => this.#tables.delete(l1Index));
        this.#tables.set(l1Index, making);
      }
      await making;
    }
  }

  async #makeTable(l1Index: number, old: number): Promise<void> {
    await this.#touch();
    const allocator = this.#parts.allocator!;
    const run = await allocator.take(1);
    const position = run.first * this.#clusterBytes;
    try {
      if (old !== 0) {
        const table = new Uint8Array(this.#clusterBytes);
        await this.#file.readv([table], old);
        await this.#file.writev([table], position);
        await this.#file.sync();
      }
      this.#mapping.dropTable(position);
      this.#parts.metadata.add(run.first);
      await this.#mapping.setTable(l1Index, position);
    } catch (error) {
      this.#parts.metadata.remove(run.first);
      allocator.release(run);
      throw error;
    }
    // The old one is a snapshot's now, with one use less.
    if (old !== 0) allocator.release({first: old / this.#clusterBytes, count: 1});
  }

  async #loaded(cluster: number): Promise<void> {
    while (!this.#mapping.isLoaded(cluster)) await this.#mapping.load(cluster);
  }

  #releaseOld({kind, position, high, low}: Extent): void {
    const allocator = this.#parts.allocator!;
    if (kind === 'compressed') {
      const place = this.#mapping.compressedPlace(high, low);
      const first = Math.floor(place.position / this.#clusterBytes);
      const last = Math.floor((place.position + place.length - 1) / this.#clusterBytes);
      allocator.release({first, count: last - first + 1});
    } else if (position !== 0)
      (this.#parts.loose ?? allocator).release({first: position / this.#clusterBytes, count: 1});
  }

  #reclaim(): void {
    this.#reclaiming ??= this.#parts
      .allocator!.reclaim(() => this.#epochs.settle())
      // What is not freed stays counted: room that `viv disk check --repair` gives back.
      .catch(() => undefined)
      .finally(() => {
        this.#reclaiming = undefined;
      });
  }

  /** Marks the image as in use before its first change, so that the next user looks for what this one may leave. */
  async #touch(): Promise<void> {
    if (!this.#isDirty) await this.#setDirty(true);
  }

  async #setDirty(isDirty: boolean): Promise<void> {
    this.#isDirty = isDirty;
    const {header} = this.#parts;
    if (header.version === 2) return;
    const others = header.incompatible & ~INCOMPATIBLE.DIRTY;
    await writeIncompatible(this.#file, isDirty ? others | INCOMPATIBLE.DIRTY : others);
  }

  #damaged(position: number): ParavirtError {
    return corrupt(this.#file.path, `the entry for byte ${position} of the disk points nowhere`);
  }
}

/** Where the next compressed cluster can go; starts as zeros. */
export interface CompressedTail {
  position: number;
  end: number;
}
