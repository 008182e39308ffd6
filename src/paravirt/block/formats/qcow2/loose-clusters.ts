/**
 * New clusters over a backing image, whose entries may reach the disk before their data, so that a first write costs no
 * sync. The image's header lists them:
 *
 *   a sector that is zero, in a listed cluster that an entry points at, shows the backing image.
 *
 *   pool ──listed, synced──▶ free here ──take──▶ written, pointed at ──(synced)──▶ off the list, synced: like all others
 *
 * Clusters come zeroed, so after a power cut a sector is what was written or zero, and zero shows what was there before:
 * old or new, as on any disk. Whoever opens the image next fills such sectors in (`healLoose`). In return no sector of a
 * listed cluster may be zero on purpose unless the backing image's is: `settle` takes clusters off the list for that.
 *
 * The list is an extension of the header that counts only while an autoclear bit is set: a program that does not know it
 * takes the bit back before it writes. List and bit lie in one sector. Without room for it there (other programs' images,
 * version 2) nothing is loose.
 */
import {isZero, totalBytes} from '../../buffers.js';
import {SECTOR_BYTES} from '../../contract.js';
import type {ImageFile} from '../../image-file.js';
import type {Allocator} from './allocator.js';
import {type Epoch, Epochs} from './epochs.js';
import {LOOSE_RUNS_MAX, type LooseList, writeLooseList} from './loose-list.js';
import type {Run} from './refcounts.js';

/** The most clusters that are listed at once. */
const BATCH_CLUSTERS = 1024;

/** Clusters that were taken; `epoch` goes back with `written`. */
export interface LooseRun extends Run {
  readonly epoch: Epoch;
}

/** See the module. */
export class LooseClusters {
  readonly #file: ImageFile;
  readonly #list: LooseList;
  readonly #allocator: Allocator;
  readonly #clusterBytes: number;
  readonly #epochs = new Epochs();
  /** All that the list on the disk may name. */
  #listed: readonly Run[] = [];
  /** What is free of the last listed run. */
  #next = 0;
  #end = 0;
  #released: Run[] = [];
  #settling: Promise<void> | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(file: ImageFile, list: LooseList, allocator: Allocator, clusterBytes: number) {
    this.#file = file;
    this.#list = list;
    this.#allocator = allocator;
    this.#clusterBytes = clusterBytes;
  }

  /** Takes up to `wanted` neighbouring clusters. Errors: no-space, io */
  async take(wanted: number): Promise<LooseRun> {
    while (this.#next === this.#end)
      await this.#exclusive(async () => {
        if (this.#next === this.#end) await this.#refill();
      });
    const first = this.#next;
    const count = Math.min(wanted, this.#end - first);
    this.#next += count;
    return {first, count, epoch: this.#epochs.enter()};
  }

  /** The data of a run is in the file, or never will be. */
  written({epoch}: LooseRun): void {
    this.#epochs.leave(epoch);
  }

  /** False when the list names nothing. */
  get hasAny(): boolean {
    return this.#listed.length > 0;
  }

  /** True when the list may name the cluster at this position of the file. */
  has(position: number): boolean {
    return this.#listed.length > 0 && isListed(this.#listed, position / this.#clusterBytes);
  }

  /** Takes what is in use now off the list, durably. Whoever waits for a cluster looks again with `has`. */
  settle(): Promise<void> {
    this.#settling ??= this.#exclusive(() => this.#unlist()).finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /** Gives a cluster back once it is off the list. */
  release(run: Run): void {
    if (this.has(run.first * this.#clusterBytes)) this.#released.push(run);
    else this.#allocator.release(run);
  }

  /** Nothing is listed afterwards, and what was free is given back. No request is under way. */
  async close(): Promise<void> {
    await this.#exclusive(async () => {
      if (this.#listed.length === 0) return;
      if (this.#next < this.#end) this.#released.push({first: this.#next, count: this.#end - this.#next});
      this.#next = this.#end;
      await this.#unlist();
    });
  }

  async #refill(): Promise<void> {
    if (this.#listed.length === LOOSE_RUNS_MAX) await this.#unlist();
    const run = await this.#allocator.take(BATCH_CLUSTERS);
    const last = this.#listed.at(-1);
    const isBehind = last !== undefined && last.first + last.count === run.first;
    const listed = isBehind
      ? [...this.#listed.slice(0, -1), {first: last.first, count: last.count + run.count}]
      : [...this.#listed, run];
    // From here on the list may say so, also when this fails.
    this.#listed = listed;
    try {
      await writeLooseList(this.#file, this.#list, listed);
      await this.#file.sync();
    } catch (error) {
      this.#released.push(run);
      throw error;
    }
    this.#next = run.first;
    this.#end = run.first + run.count;
  }

  async #unlist(): Promise<void> {
    const rest = {first: this.#next, count: this.#end - this.#next};
    await this.#epochs.settle();
    await this.#file.sync();
    // What was taken meanwhile is part of the rest.
    const listed = rest.count > 0 ? [rest] : [];
    await writeLooseList(this.#file, this.#list, listed);
    await this.#file.sync();
    this.#listed = listed;
    for (const run of this.#released.splice(0)) this.release(run);
  }

  #exclusive(work: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/** True when one of the runs has the cluster. */
export function isListed(runs: readonly Run[], cluster: number): boolean {
  for (const {first, count} of runs) if (cluster >= first && cluster < first + count) return true;
  return false;
}

/** True when some sector is zero, or may be: buffers that share sectors are not looked into. */
export function hasZeroSector(buffers: readonly Uint8Array[]): boolean {
  for (const buffer of buffers) {
    if (buffer.length % SECTOR_BYTES !== 0) return true;
    for (let at = 0; at < buffer.length; at += SECTOR_BYTES) {
      // Nearly every sector is through with this; only others are worth a view.
      if (buffer[at] !== 0 || buffer[at + SECTOR_BYTES - 1] !== 0) continue;
      if (isZero(buffer.subarray(at, at + SECTOR_BYTES))) return true;
    }
  }
  return false;
}

/** Puts the sectors of `below` where `shown` has zeros. False when there was nothing to do. Both begin with a sector. */
export function fillZeroSectors(shown: readonly Uint8Array[], below: Uint8Array): boolean {
  const whole = shown.length === 1 ? shown[0]! : joined(shown);
  let isChanged = false;
  for (let at = 0; at < whole.length; at += SECTOR_BYTES) {
    const sector = whole.subarray(at, at + SECTOR_BYTES);
    const old = below.subarray(at, at + SECTOR_BYTES);
    if (!isZero(sector) || isZero(old)) continue;
    sector.set(old);
    isChanged = true;
  }
  if (isChanged && shown.length > 1) {
    let at = 0;
    for (const buffer of shown) {
      buffer.set(whole.subarray(at, at + buffer.length));
      at += buffer.length;
    }
  }
  return isChanged;
}

function joined(buffers: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(totalBytes(buffers));
  let at = 0;
  for (const buffer of buffers) {
    whole.set(buffer, at);
    at += buffer.length;
  }
  return whole;
}
