/**
 * What a block device needs of whatever stores its bytes. Formats implement this, `devices/blk.ts` consumes it; neither
 * knows the other.
 */
import type {ParavirtError} from '../error.js';

/** The unit of a disk's size and of every request, in bytes. */
export const SECTOR_BYTES = 512;

/**
 * A disk image that is open. Calls may overlap; overlapping ranges are the caller's business.
 * Units:  offsets and lengths are bytes, multiples of `SECTOR_BYTES`, inside [0, sizeBytes)
 * Errors: every method rejects with a `ParavirtError`: `no-space` when it may be repeated later, else `io`
 */
export interface BlockBackend extends AsyncDisposable {
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  /** `discard` gives room back to the host. */
  readonly canDiscard: boolean;
  /** Fills all buffers, in order, from `offset` on. Buffers may be views into guest RAM. */
  readv(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** Stores all buffers. Durable only after `flush`. */
  writev(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** Resolves when every write that had resolved before the call survives a power cut. */
  flush(): Promise<void>;
  /** The content of this range no longer matters; reads return old bytes or zeros. */
  discard(offset: number, length: number): Promise<void>;
  /** The range reads as zeros afterwards. */
  writeZeroes(offset: number, length: number): Promise<void>;
}

/** How to open an image. */
export interface BlockOpenOptions {
  readonly path: string;
  readonly isReadOnly: boolean;
  /**
   * Every write is durable when it resolves and `flush` has nothing left to do. For processes that may not sync:
   * Node refuses fsync under its permission model.
   */
  readonly isWriteThrough?: boolean;
}

/** One row of `formats/registry.ts`. */
export interface BlockFormat {
  readonly name: string;
  /** Opens an existing image. Rejects with a `ParavirtError`. */
  open(options: BlockOpenOptions): Promise<BlockBackend>;
  /** Makes a new, empty image; fails with `in-use` if the path exists. Rejects with a `ParavirtError`. */
  create(path: string, sizeBytes: number): Promise<void>;
}

/** A request that failed on the host's side, as its device reports it to the machine's owner. */
export interface BlockFailure {
  readonly operation: 'read' | 'write' | 'flush' | 'discard' | 'write-zeroes';
  readonly error: ParavirtError;
}
