/**
 * RAM of a machine at the instant at which this is made, while its guest goes on: chunks are copied as the save asks for
 * them, or before, when the guest wants to write to one.
 */
import type {Machine} from '../../../../engine/machine.js';
import {PAGE_FLAG} from '../../../../engine/memory/ram.js';
import {CHUNK_BYTES} from './format.js';
import {RAM_PAGE_BYTES, type RamSource} from './saved-ram.js';

const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
/**
 * Chunks that were copied early and wait to be stored, at most, before harts that write have to wait: 16 MiB. Devices
 * do not wait, but write little.
 */
export const EARLY_CHUNKS_MAX = 64;

/** See the module. Dispose it to let the guest write everything. */
export class FrozenRam implements RamSource, Disposable {
  readonly sizeBytes: number;
  readonly #machine: Machine;
  /** `PAGE_FLAG`s of all pages at that instant. */
  readonly #flags: Uint8Array;
  readonly #early = new Map<number, Buffer>();

  /** The machine is paused. `keepsChanges` where nothing will stand on what is saved now. */
  constructor(machine: Machine, keepsChanges = false) {
    this.#machine = machine;
    this.sizeBytes = machine.memory.sizeBytes;
    this.#flags = machine.copyPageFlags();
    machine.freeze((page, isUrgent) => this.#copyEarly(page, isUrgent), keepsChanges);
  }

  isTouched(page: number): boolean {
    return (this.#flags[page]! & (PAGE_FLAG.touched | PAGE_FLAG.absent)) !== 0;
  }

  isAbsent(page: number): boolean {
    return (this.#flags[page]! & PAGE_FLAG.absent) !== 0;
  }

  isChanged(page: number): boolean {
    return (this.#flags[page]! & PAGE_FLAG.changed) !== 0;
  }

  take(first: number, count: number): Buffer {
    const early = this.#early.get(first);
    this.#early.delete(first);
    return early ?? this.#copy(first, count);
  }

  leave(first: number, count: number): void {
    this.#early.delete(first);
    this.#machine.thaw(first, count);
  }

  [Symbol.dispose](): void {
    this.#machine.endFreeze();
    this.#early.clear();
  }

  /** False when it is put off. */
  #copyEarly(page: number, isUrgent: boolean): boolean {
    if (!isUrgent && this.#early.size >= EARLY_CHUNKS_MAX) return false;
    const first = page - (page % CHUNK_PAGES);
    this.#early.set(first, this.#copy(first, Math.min(CHUNK_PAGES, this.sizeBytes / RAM_PAGE_BYTES - first)));
    return true;
  }

  #copy(first: number, count: number): Buffer {
    const {memory} = this.#machine;
    const copy = Buffer.alloc(count * RAM_PAGE_BYTES);
    for (let page = first; page < first + count; page++) {
      // What was zero then may have been written since, and what was absent is not asked for.
      if (!this.isTouched(page) || this.isAbsent(page)) continue;
      const bytes = memory.bytes(memory.baseAddress + page * RAM_PAGE_BYTES, RAM_PAGE_BYTES);
      if (bytes) copy.set(bytes, (page - first) * RAM_PAGE_BYTES);
    }
    this.#machine.thaw(first, count);
    return copy;
  }
}
