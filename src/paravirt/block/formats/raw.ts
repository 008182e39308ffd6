/**
 * A raw image: byte n of the disk is byte n of the file. Positional I/O on one descriptor, straight between the file and
 * the buffers (views into guest RAM included: Node's fs takes views over shared memory), in libuv's thread pool.
 *
 * A file that is no multiple of 512 bytes long reads as zeros up to the next sector. Node has no hole punching, so
 * `discard` is not offered and zeros are written only where the file holds something else: sparse files stay sparse.
 */
import {constants} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {ParavirtError} from '../../error.js';
import {type BlockBackend, type BlockFormat, type BlockOpenOptions, SECTOR_BYTES} from '../contract.js';
import {hostError, openError} from '../host-error.js';

/** The most bytes `writeZeroes` looks at or writes in one step; the bound of its host memory. */
const ZERO_CHUNK_BYTES = 1 << 20;
/** The most buffers in one system call (IOV_MAX on Linux). */
const VECTOR_MAX = 1024;

/** A raw image that is open. */
class RawImage implements BlockBackend {
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly canDiscard = false;
  readonly #file: FileHandle;
  readonly #needsSync: boolean;

  constructor(file: FileHandle, sizeBytes: number, isReadOnly: boolean, needsSync: boolean) {
    this.#file = file;
    this.#needsSync = needsSync;
    this.sizeBytes = sizeBytes;
    this.isReadOnly = isReadOnly;
  }

  async readv(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    await this.#transfer(buffers, offset, async (rest, position) => {
      const {bytesRead} = await this.#file.readv(rest, position);
      if (bytesRead > 0) return bytesRead;
      // Behind the end of the file: the padding up to a whole sector, or somebody truncated it.
      let zeroed = 0;
      for (const view of rest) {
        view.fill(0);
        zeroed += view.length;
      }
      return zeroed;
    });
  }

  async writev(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    await this.#transfer(buffers, offset, async (rest, position) => {
      const {bytesWritten} = await this.#file.writev(rest, position);
      return bytesWritten;
    });
  }

  async flush(): Promise<void> {
    if (!this.#needsSync) return;
    try {
      await this.#file.datasync();
    } catch (error) {
      throw hostError(error);
    }
  }

  async discard(): Promise<void> {}

  async writeZeroes(offset: number, length: number): Promise<void> {
    const chunk = new Uint8Array(Math.min(length, ZERO_CHUNK_BYTES));
    const zeros = new Uint8Array(chunk.length);
    for (let done = 0; done < length; done += chunk.length) {
      const count = Math.min(chunk.length, length - done);
      await this.readv([chunk.subarray(0, count)], offset + done);
      if (chunk.subarray(0, count).some((byte) => byte !== 0)) {
        await this.writev([zeros.subarray(0, count)], offset + done);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  /** Calls `step` until all buffers are through: a system call may do less than it was asked for. */
  async #transfer(
    buffers: readonly Uint8Array[],
    offset: number,
    step: (rest: Uint8Array[], position: number) => Promise<number>,
  ): Promise<void> {
    let rest = buffers.filter((buffer) => buffer.length > 0);
    let position = offset;
    try {
      while (rest.length > 0) {
        let count = await step(rest.slice(0, VECTOR_MAX), position);
        if (count === 0) throw new ParavirtError('io', 'The disk image takes no more bytes.', 'Check the host disk.');
        position += count;
        let whole = 0;
        while (whole < rest.length && count >= rest[whole]!.length) count -= rest[whole++]!.length;
        rest = rest.slice(whole);
        if (count > 0) rest[0] = rest[0]!.subarray(count);
      }
    } catch (error) {
      throw hostError(error);
    }
  }
}

async function openRaw({path, isReadOnly, isWriteThrough = false}: BlockOpenOptions): Promise<BlockBackend> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, isReadOnly ? 'r' : constants.O_RDWR | (isWriteThrough ? constants.O_DSYNC : 0));
    const stat = await file.stat();
    if (!stat.isFile()) throw new ParavirtError('not-a-file', `${path} is no regular file.`, 'Name a disk image.');
    return new RawImage(
      file,
      Math.ceil(stat.size / SECTOR_BYTES) * SECTOR_BYTES,
      isReadOnly,
      !isReadOnly && !isWriteThrough,
    );
  } catch (error) {
    await file?.close();
    throw openError(error, path);
  }
}

async function createRaw(path: string, sizeBytes: number): Promise<void> {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % SECTOR_BYTES !== 0) {
    throw new ParavirtError('bad-option', `A disk cannot have ${sizeBytes} bytes.`, 'Use a multiple of 512.');
  }
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'wx', 0o600);
    await file.truncate(sizeBytes);
  } catch (error) {
    throw openError(error, path);
  } finally {
    await file?.close();
  }
}

/** Raw images: `*.img`, ISO files, anything without a format of its own. */
export const raw: BlockFormat = {name: 'raw', open: openRaw, create: createRaw};
