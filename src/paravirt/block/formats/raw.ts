/**
 * A raw image: byte n of the disk is byte n of the file.
 *
 * A file that is no multiple of 512 bytes long reads as zeros up to the next sector. What is discarded goes back to the
 * host in stretches that are worth it; zeros are written only where the file holds something else: sparse files stay so.
 */
import {ParavirtError} from '../../error.js';
import {isZero} from '../buffers.js';
import {
  type BlockBackend,
  type BlockCreateOptions,
  type BlockFormat,
  type BlockOpenOptions,
  type RangeStatus,
  SECTOR_BYTES,
} from '../contract.js';
import type {ImageFile, Pending} from '../image-file.js';

/** The most bytes `writeZeroes` looks at or writes in one step; the bound of its host memory. */
const ZERO_CHUNK_BYTES = 1 << 20;

/** A raw image that is open. */
class RawImage implements BlockBackend {
  readonly isReadOnly: boolean;
  readonly canDiscard: boolean;
  readonly #file: ImageFile;
  #sizeBytes: number;
  #isClosed = false;

  constructor(file: ImageFile, isReadOnly: boolean) {
    this.#file = file;
    this.isReadOnly = isReadOnly;
    this.canDiscard = !isReadOnly;
    this.#sizeBytes = Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  readv(buffers: readonly Uint8Array[], offset: number): Pending {
    return this.#file.readv(buffers, offset);
  }

  writev(buffers: readonly Uint8Array[], offset: number): Pending {
    return this.#file.writev(buffers, offset);
  }

  async flush(): Promise<void> {
    if (!this.isReadOnly) await this.#file.sync();
  }

  discard(offset: number, length: number): Promise<void> {
    // Not beyond the file's end, which may lie within the last sector.
    const left = this.#file.sizeBytes - offset;
    return this.#file.deallocate([{position: offset, length: Math.min(length, left)}]);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    const chunk = new Uint8Array(Math.min(length, ZERO_CHUNK_BYTES));
    const zeros = new Uint8Array(chunk.length);
    for (let done = 0; done < length; done += chunk.length) {
      const count = Math.min(chunk.length, length - done);
      await this.readv([chunk.subarray(0, count)], offset + done);
      if (!isZero(chunk.subarray(0, count))) await this.writev([zeros.subarray(0, count)], offset + done);
    }
  }

  async status(offset: number, length: number): Promise<RangeStatus> {
    return {kind: 'data', length, depth: 0, filePosition: offset};
  }

  settle(): Promise<void> {
    return this.flush();
  }

  async resize(sizeBytes: number): Promise<void> {
    checkSize(sizeBytes);
    await this.#file.resize(sizeBytes);
    await this.#file.sync();
    this.#sizeBytes = sizeBytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.flush();
    } finally {
      await this.#file[Symbol.asyncDispose]();
    }
  }
}

function checkSize(sizeBytes: number): void {
  if (Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes % SECTOR_BYTES === 0) return;
  throw new ParavirtError('bad-option', `A disk cannot have ${sizeBytes} bytes.`, 'Use a multiple of 512.');
}

async function openRaw(file: ImageFile, {isReadOnly, backing}: BlockOpenOptions): Promise<BlockBackend> {
  if (backing !== undefined) throw new ParavirtError('bad-option', 'A raw image has no backing image.', 'Use qcow2.');
  return new RawImage(file, isReadOnly);
}

async function createRaw(file: ImageFile, options: BlockCreateOptions): Promise<void> {
  checkSize(options.sizeBytes);
  const {backing, clusterBytes, refcountBits, version, compression} = options;
  if ([backing, clusterBytes, refcountBits, version, compression].some((option) => option !== undefined))
    throw new ParavirtError('bad-option', 'A raw image has only a size.', 'Use qcow2 for everything else.');
  await file.resize(options.sizeBytes);
  await file.sync();
}

/** Raw images: `*.img`, ISO files, anything without a format of its own. */
export const raw: BlockFormat = {
  name: 'raw',
  canHaveBacking: false,
  inspect: async (file) => ({sizeBytes: Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES, details: {}}),
  open: openRaw,
  create: createRaw,
};
