/**
 * A file of a process that may not sync (Node refuses fsync under its permission model): another process that holds the
 * file open as well syncs it on request. While nobody is there to ask, the file is durable all the same:
 *
 *   syncer there:  writes ─▶ page cache, their places remembered        sync ─▶ asks the syncer, or when it was one place
 *                                                                               only: that is written once more, O_DSYNC
 *                  who syncs after each write, again and again: its next is O_DSYNC at once, and its sync does nothing
 *   syncer gone:   writes ─▶ O_DSYNC                                    sync ─▶ remembered places are written once more, O_DSYNC
 *
 * Invariant: what was written and not synced is remembered until a sync that began later has passed, whoever did it.
 */
import {constants} from 'node:fs';
import {ParavirtError} from '../error.js';
import {totalBytes} from './buffers.js';
import {HostFile} from './host-file.js';
import type {ImageFile, Pending} from './image-file.js';
import type {FileRange} from './punch-holes.js';
import {SyncGate} from './sync-gate.js';

/** Somebody who may sync. */
export interface FileSyncer {
  /** False while there is nobody to ask. */
  readonly isThere: boolean;
  /** Syncs a file. Rejects with `unavailable` when nobody answered; any other error is one of the disk. */
  sync(path: string): Promise<void>;
  /** Gives parts of a file back to the host, as far as that can be done. Never rejects. */
  punch(path: string, ranges: readonly FileRange[]): Promise<void>;
}

/** Places are remembered in blocks of this size. */
const BLOCK_BYTES = 256 << 10;
/**
 * The most bytes that are written once more rather than that the syncer is asked: two turns through sockets and event
 * loops are saved, and whoever writes waits meanwhile. One place is the usual thing for what syncs each write. Of 1 MiB the
 * copies cost more than the turns.
 */
const REWRITE_BYTES_MAX = 128 << 10;
/** So many syncs in a row that each followed one write make the next write durable by itself. */
const SYNCED_EACH_MIN = 2;
/** Remembered blocks at which a sync begins by itself: 4 GiB of the file, and under 1 MiB of ours. */
const BLOCKS_MAX = 16_384;

/** See the module. */
export class DelegatedFile implements ImageFile {
  readonly path: string;
  readonly isReadOnly = false;
  readonly #cached: HostFile;
  readonly #through: HostFile;
  readonly #syncer: FileSyncer;
  readonly #gate = new SyncGate(() => this.#makeDurable());
  #unsynced = new Set<number>();
  /** The one place that was written since the last sync; undefined when there are several, or none. */
  #onlyPlace: {from: number; to: number} | undefined;
  #isSizeUnsynced = false;
  #writesSinceSync = 0;
  /** Syncs in a row that each followed exactly one write. */
  #syncedEach = 0;
  #writing = 0;
  #whenIdle: (() => void) | undefined;
  /** Set while remembered places are written once more: nobody may change them meanwhile. */
  #rewriting: Promise<void> | undefined;

  private constructor(path: string, cached: HostFile, through: HostFile, syncer: FileSyncer) {
    this.path = path;
    this.#cached = cached;
    this.#through = through;
    this.#syncer = syncer;
  }

  /** Opens an existing file to write. Errors: those of `HostFile.open` */
  static async open(path: string, syncer: FileSyncer): Promise<DelegatedFile> {
    const cached = await HostFile.open(path, false);
    try {
      const through = await HostFile.open(path, false, constants.O_DSYNC);
      return new DelegatedFile(path, cached, through, syncer);
    } catch (error) {
      await cached[Symbol.asyncDispose]();
      throw error;
    }
  }

  get sizeBytes(): number {
    return Math.max(this.#cached.sizeBytes, this.#through.sizeBytes);
  }

  readv(buffers: readonly Uint8Array[], position: number): Pending {
    return this.#cached.readv(buffers, position);
  }

  writev(buffers: readonly Uint8Array[], position: number): Pending {
    if (++this.#writesSinceSync > 1) this.#syncedEach = 0;
    if (this.#rewriting !== undefined || !this.#syncer.isThere) return this.#write(buffers, position);
    if (this.#syncedEach >= SYNCED_EACH_MIN && this.#unsynced.size === 0 && this.#writing === 0)
      return this.#writeDurably(buffers, position);
    const pending = this.#cached.writev(buffers, position);
    if (pending !== undefined) return this.#finishCached(pending, buffers, position);
    this.#remember(position, totalBytes(buffers));
    this.#boundUnsynced();
    return undefined;
  }

  async #write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    while (this.#rewriting !== undefined) await this.#rewriting;
    if (this.#syncer.isThere) {
      await this.#finishCached(this.#cached.writev(buffers, position), buffers, position);
      return;
    }
    await this.#writeDurably(buffers, position);
  }

  async #writeDurably(buffers: readonly Uint8Array[], position: number): Promise<void> {
    this.#writing++;
    try {
      await this.#through.writev(buffers, position);
    } finally {
      this.#endWrite();
    }
  }

  async #finishCached(pending: Pending, buffers: readonly Uint8Array[], position: number): Promise<void> {
    this.#writing++;
    try {
      await pending;
    } finally {
      // Also after a failure: part of it may be in the page cache.
      this.#remember(position, totalBytes(buffers));
      this.#endWrite();
    }
    this.#boundUnsynced();
  }

  #endWrite(): void {
    if (--this.#writing === 0) this.#whenIdle?.();
  }

  #boundUnsynced(): void {
    if (this.#unsynced.size > BLOCKS_MAX) this.sync().catch(() => undefined);
  }

  async deallocate(ranges: readonly FileRange[]): Promise<void> {
    if (this.#syncer.isThere) await this.#syncer.punch(this.path, ranges);
  }

  async resize(sizeBytes: number): Promise<void> {
    while (this.#rewriting !== undefined) await this.#rewriting;
    await this.#cached.resize(sizeBytes);
    await this.#through.resize(sizeBytes);
    this.#isSizeUnsynced = true;
  }

  sync(): Promise<void> {
    if (this.#writesSinceSync > 0) this.#syncedEach = this.#writesSinceSync === 1 ? this.#syncedEach + 1 : 0;
    this.#writesSinceSync = 0;
    return this.#gate.pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cached[Symbol.asyncDispose]();
    await this.#through[Symbol.asyncDispose]();
  }

  async #makeDurable(): Promise<void> {
    if (this.#unsynced.size === 0 && !this.#isSizeUnsynced) return;
    const place = this.#onlyPlace;
    if (this.#syncer.isThere && place !== undefined && !this.#isSizeUnsynced && this.#writing === 0) {
      await this.#rewriteOnly(place);
      return;
    }
    if (this.#syncer.isThere && (await this.#askSyncer())) return;
    await this.#rewrite();
  }

  /** Writes the one remembered place once more, with nobody writing beside it. */
  async #rewriteOnly({from, to}: {readonly from: number; readonly to: number}): Promise<void> {
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#rewriting = promise;
    // Remembered until it is through, but no longer the only one for a sync that may come after a failure.
    this.#onlyPlace = undefined;
    try {
      await this.#rewritePart(new Uint8Array(to - from), from);
      this.#unsynced.clear();
    } finally {
      this.#rewriting = undefined;
      resolve();
    }
  }

  /** False when nobody answered. */
  async #askSyncer(): Promise<boolean> {
    const covered = this.#unsynced;
    const isSizeCovered = this.#isSizeUnsynced;
    this.#unsynced = new Set();
    this.#onlyPlace = undefined;
    this.#isSizeUnsynced = false;
    try {
      await this.#syncer.sync(this.path);
      return true;
    } catch (error) {
      for (const block of covered) this.#unsynced.add(block);
      this.#onlyPlace = undefined;
      this.#isSizeUnsynced ||= isSizeCovered;
      if (error instanceof ParavirtError && error.code === 'unavailable') return false;
      throw error;
    }
  }

  /** Writes every remembered place once more, with nobody writing beside it. */
  async #rewrite(): Promise<void> {
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#rewriting = promise;
    try {
      if (this.#writing > 0) {
        await new Promise<void>((idle) => {
          this.#whenIdle = idle;
        });
        this.#whenIdle = undefined;
      }
      const block = new Uint8Array(BLOCK_BYTES);
      const size = this.sizeBytes;
      // The last byte carries the size of a file that was only lengthened.
      if (this.#isSizeUnsynced && size > 0) await this.#rewritePart(block.subarray(0, 1), size - 1);
      this.#isSizeUnsynced = false;
      for (const index of this.#unsynced) {
        const position = index * BLOCK_BYTES;
        const length = Math.min(BLOCK_BYTES, size - position);
        if (length > 0) await this.#rewritePart(block.subarray(0, length), position);
        this.#unsynced.delete(index);
      }
    } finally {
      this.#rewriting = undefined;
      resolve();
    }
  }

  async #rewritePart(part: Uint8Array, position: number): Promise<void> {
    await this.#cached.readv([part], position);
    await this.#through.writev([part], position);
  }

  #remember(position: number, length: number): void {
    const end = position + length;
    const place = this.#onlyPlace;
    if (this.#unsynced.size === 0)
      this.#onlyPlace = length <= REWRITE_BYTES_MAX ? {from: position, to: end} : undefined;
    else if (place !== undefined) {
      const isTouching = position <= place.to && end >= place.from;
      place.from = Math.min(place.from, position);
      place.to = Math.max(place.to, end);
      if (!isTouching || place.to - place.from > REWRITE_BYTES_MAX) this.#onlyPlace = undefined;
    }
    const last = Math.floor((position + length - 1) / BLOCK_BYTES);
    for (let block = Math.floor(position / BLOCK_BYTES); block <= last; block++) this.#unsynced.add(block);
  }
}
