/**
 * The file below an image format: positional I/O, a size, and a barrier. Formats know nothing of paths, descriptors or
 * how a sync reaches the disk; tests put a file in memory here that remembers every write.
 */
import type {FileRange} from './punch-holes.js';

/** When something is done: a promise, or undefined for what is done already. Requests from memory then cost no promise. */
export type Pending = Promise<void> | undefined;

/**
 * An open file. Calls may overlap; a write that has resolved is seen by every read that starts later.
 * Units:  positions and sizes are bytes, of any alignment
 * Errors: every method rejects with a `ParavirtError`: `no-space` when it may be repeated later, else `io`
 */
export interface ImageFile extends AsyncDisposable {
  /** For messages. */
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Grows with writes behind the end. */
  readonly sizeBytes: number;
  /** Fills all buffers; what lies behind the end of the file is zeros. */
  readv(buffers: readonly Uint8Array[], position: number): Pending;
  writev(buffers: readonly Uint8Array[], position: number): Pending;
  /** A hint that these parts hold nothing any more: they read as before or as zeros, and the host may have their room. */
  deallocate(ranges: readonly FileRange[]): Promise<void>;
  /** Cuts the file or lengthens it by zeros that take no room. */
  resize(sizeBytes: number): Promise<void>;
  /**
   * A barrier: resolves when every write that had resolved before the call survives a power cut. Once it has failed it
   * fails for ever: the kernel may have dropped what it could not write.
   */
  sync(): Promise<void>;
}
