/**
 * What a block device needs of whatever stores its bytes. Formats implement this, `devices/blk.ts` consumes it; neither
 * knows the other.
 */
import type {ParavirtError} from '../error.js';
import type {ImageFile, Pending} from './image-file.js';

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
  readv(buffers: readonly Uint8Array[], offset: number): Pending;
  /** Stores all buffers. Durable only after `flush`. */
  writev(buffers: readonly Uint8Array[], offset: number): Pending;
  /** Resolves when every write that had resolved before the call survives a power cut. */
  flush(): Promise<void>;
  /** The content of this range no longer matters; reads return old bytes or zeros. */
  discard(offset: number, length: number): Promise<void>;
  /** The range reads as zeros afterwards. */
  writeZeroes(offset: number, length: number): Promise<void>;
  /** What is at `offset`, and how far that goes at least. Shorter answers than the truth are allowed, wrong ones not. */
  status(offset: number, length: number): Promise<RangeStatus>;
  /** Puts the file in order as closing does: durable, and nothing reserved in it. No request is under way. */
  settle(): Promise<void>;
  /**
   * Stands on another image that shows the same; nothing is under way. The one before is the caller's to close. Missing
   * where there is nothing to stand on.
   */
  exchangeBacking?(backing: BlockBackend): BlockBackend | undefined;
  /** Gives the disk another size, with no request under way. Rejects with `bad-option` where the format cannot do that now. */
  resize(sizeBytes: number): Promise<void>;
}

/**
 * A stretch of a disk. `zero` reads as zeros; `data` may hold anything. `depth` says which image of the chain answers:
 * 0 the top, 1 its backing image, and so on; nobody answers for a `zero` beyond the last one's data.
 */
export interface RangeStatus {
  readonly kind: 'data' | 'zero';
  readonly length: number;
  readonly depth: number;
  /** Where the bytes lie in that image's file, when they are there as they are. */
  readonly filePosition?: number;
  /** True for data stored compressed. */
  readonly isCompressed?: boolean;
}

/** What an image's own header says, before anything of it is used. */
export interface ImageSummary {
  readonly sizeBytes: number;
  /** The image below it, as written in the header: untrusted. */
  readonly backing?: {readonly path: string; readonly format: string | undefined};
  /** More to know, for people: pairs of a name and a value. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** How to open an image. */
export interface BlockOpenOptions {
  readonly isReadOnly: boolean;
  /** What shows through where the image holds nothing. Owned by the image from then on; only read. */
  readonly backing?: BlockBackend;
}

/** How to make an image. A format refuses what it has no place for. */
export interface BlockCreateOptions {
  readonly sizeBytes: number;
  /** Written into the header. */
  readonly backing?: {readonly path: string; readonly format: string};
  readonly clusterBytes?: number;
  readonly refcountBits?: number;
  readonly version?: number;
  readonly compression?: 'zlib' | 'zstd';
}

/** One row of `formats/registry.ts`. Every function rejects with a `ParavirtError`. */
export interface BlockFormat {
  readonly name: string;
  readonly canHaveBacking: boolean;
  /** Reads the header alone, with bounds on everything in it. */
  inspect(file: ImageFile): Promise<ImageSummary>;
  /** Opens an image; the file is the image's to close from then on, also when this fails. */
  open(file: ImageFile, options: BlockOpenOptions): Promise<BlockBackend>;
  /** Writes a new image into an empty file, durably. */
  create(file: ImageFile, options: BlockCreateOptions): Promise<void>;
}

/** A request that failed on the host's side, as its device reports it to the machine's owner. */
export interface BlockFailure {
  readonly operation: 'read' | 'write' | 'flush' | 'discard' | 'write-zeroes';
  readonly error: ParavirtError;
  /** The guest waits for it; otherwise it was told. */
  readonly isParked: boolean;
}
