/**
 * One half of a descriptor chain as a sequence of bytes: views straight into guest RAM, in order, with a cursor. What the
 * framing is (how the driver cut its request into descriptors) makes no difference to a device that reads and writes
 * through these.
 */
import type {GuestMemory} from '../../engine/contract.js';

/** A piece of guest RAM. */
export type GuestBytes = Uint8Array<SharedArrayBuffer>;

/** Shared by reader and writer: the pieces, what is left of them, and taking views off the front. */
class ChainCursor {
  protected readonly pieces: readonly GuestBytes[];
  /** Bytes from begin to end. */
  readonly totalBytes: number;
  protected piece = 0;
  protected offset = 0;
  #remaining: number;

  constructor(pieces: readonly GuestBytes[]) {
    this.pieces = pieces;
    let total = 0;
    for (const bytes of pieces) total += bytes.length;
    this.totalBytes = total;
    this.#remaining = total;
  }

  /** Bytes not taken yet. */
  get remainingBytes(): number {
    return this.#remaining;
  }

  /** Takes the next `count` bytes (or what is left) as views into guest RAM, without copying. */
  take(count: number): GuestBytes[] {
    const views: GuestBytes[] = [];
    let left = Math.min(count, this.#remaining);
    this.#remaining -= left;
    while (left > 0) {
      const bytes = this.pieces[this.piece]!;
      const length = Math.min(left, bytes.length - this.offset);
      // Most pieces are taken whole: a view of its own costs as much as all else here.
      if (length === bytes.length) views.push(bytes);
      else if (length > 0) views.push(bytes.subarray(this.offset, this.offset + length));
      left -= length;
      this.offset += length;
      if (this.offset === bytes.length) {
        this.piece++;
        this.offset = 0;
      }
    }
    return views;
  }
}

/** What the driver wrote for the device. Its content may change while it is read: copy before checking. */
export class ChainReader extends ChainCursor {
  /** Takes the next `count` bytes (or what is left) as one copy that the guest cannot change any more. */
  copy(count: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(Math.min(count, this.remainingBytes));
    this.copyTo(copy);
    return copy;
  }

  /** Copies the next bytes into `target`, as many as fit or are left. */
  copyTo(target: Uint8Array): void {
    let offset = 0;
    for (const view of this.take(target.length)) {
      target.set(view, offset);
      offset += view.length;
    }
  }
}

/** Room for the device's answer. */
export class ChainWriter extends ChainCursor {
  readonly #memory: GuestMemory;
  #writtenBytes = 0;

  constructor(pieces: readonly GuestBytes[], memory: GuestMemory) {
    super(pieces);
    this.#memory = memory;
  }

  /** Bytes that count as written, for the used ring: the length of the prefix that `write` and `commit` covered. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Writes as much of `bytes` as there is room for and returns how much that was. */
  write(bytes: Uint8Array): number {
    let offset = 0;
    for (const view of this.take(bytes.length)) {
      view.set(bytes.subarray(offset, offset + view.length));
      this.commit(view);
      offset += view.length;
    }
    return offset;
  }

  /** Says that a view handed out by `take` was filled: tells the engine, and counts it as written. */
  commit(view: GuestBytes): void {
    this.#memory.markWritten(guestAddress(this.#memory, view), view.length);
    this.#writtenBytes += view.length;
  }
}

/** The guest-physical address a view into RAM begins at. */
export const guestAddress = (memory: GuestMemory, view: GuestBytes): number =>
  memory.baseAddress + view.byteOffset - memory.view.byteOffset;
