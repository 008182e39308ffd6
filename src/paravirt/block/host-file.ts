/**
 * A file of the host behind `ImageFile`: preadv and pwritev directly while the page cache answers, else, like ftruncate
 * and fdatasync, in libuv's thread pool.
 */
import {
  close,
  constants,
  fdatasync,
  fstat,
  ftruncate,
  open,
  read,
  readSync,
  readv,
  readvSync,
  type Stats,
  write,
  writeSync,
  writev,
  writevSync,
} from 'node:fs';
import {ParavirtError} from '../error.js';
import {clearBuffers, totalBytes} from './buffers.js';
import {hostError, openError} from './host-error.js';
import type {ImageFile, Pending} from './image-file.js';
import {Patience} from './patience.js';
import {type FileRange, punchHoles} from './punch-holes.js';
import {SyncGate} from './sync-gate.js';

/** The most buffers in one system call (IOV_MAX on Linux). */
const VECTOR_MAX = 1024;

/** A file of the host that is open. */
export class HostFile implements ImageFile {
  readonly path: string;
  readonly isReadOnly: boolean;
  readonly #fd: number;
  readonly #gate: SyncGate;
  readonly #patience = new Patience();
  readonly #isWriteThrough: boolean;
  #sizeBytes: number;
  #isClosed = false;

  private constructor(path: string, isReadOnly: boolean, fd: number, sizeBytes: number, isWriteThrough: boolean) {
    this.path = path;
    this.isReadOnly = isReadOnly;
    this.#fd = fd;
    this.#sizeBytes = sizeBytes;
    this.#isWriteThrough = isWriteThrough;
    this.#gate = new SyncGate(async () => {
      if (!isWriteThrough) await call<void>((done) => fdatasync(fd, done));
    });
  }

  /**
   * Opens an existing regular file. `flags` are added to the system's own: with O_DSYNC every write is durable when it
   * resolves, and `sync` has nothing left to do. Errors: those of `openError`
   */
  static async open(path: string, isReadOnly: boolean, flags = 0): Promise<HostFile> {
    let fd: number | undefined;
    try {
      // Not blocked for ever by a pipe that somebody put in place of an image.
      const mode = (isReadOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK | flags;
      const opened = await call<number>((done) => open(path, mode, 0o600, done));
      fd = opened;
      const stat = await call<Stats>((done) => fstat(opened, done));
      if (!stat.isFile()) throw new ParavirtError('not-a-file', `${path} is no regular file.`, 'Name a disk image.');
      return new HostFile(path, isReadOnly, opened, stat.size, (flags & constants.O_DSYNC) !== 0);
    } catch (error) {
      if (fd !== undefined) close(fd);
      throw openError(error, path);
    }
  }

  /** Makes a file that was not there. Errors: in-use, and those of `openError` */
  static create(path: string): Promise<HostFile> {
    return HostFile.open(path, false, constants.O_CREAT | constants.O_EXCL);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  readv(buffers: readonly Uint8Array[], position: number): Pending {
    const bytes = totalBytes(buffers);
    if (bytes === 0) return undefined;
    if (buffers.length > VECTOR_MAX || !this.#patience.isDirect(bytes)) return this.#readInPool(buffers, position);
    const began = performance.now();
    let count: number;
    try {
      count =
        buffers.length === 1
          ? readSync(this.#fd, buffers[0]!, 0, bytes, position)
          : readvSync(this.#fd, buffers, position);
    } catch (error) {
      return Promise.reject(hostError(error));
    }
    this.#patience.took(performance.now() - began, bytes);
    if (count === bytes) return undefined;
    if (count > 0) return this.#readInPool(behind(buffers, count, buffers.length), position + count);
    clearBuffers(buffers);
    return undefined;
  }

  writev(buffers: readonly Uint8Array[], position: number): Pending {
    const bytes = totalBytes(buffers);
    if (bytes === 0) return undefined;
    if (this.#isWriteThrough || buffers.length > VECTOR_MAX || !this.#patience.isDirect(bytes))
      return this.#writeInPool(buffers, position);
    const began = performance.now();
    let count: number;
    try {
      count =
        buffers.length === 1
          ? writeSync(this.#fd, buffers[0]!, 0, bytes, position)
          : writevSync(this.#fd, buffers, position);
    } catch (error) {
      return Promise.reject(hostError(error));
    }
    this.#patience.took(performance.now() - began, bytes);
    if (position + count > this.#sizeBytes) this.#sizeBytes = position + count;
    if (count === bytes) return undefined;
    return this.#writeInPool(behind(buffers, count, buffers.length), position + count);
  }

  async #readInPool(buffers: readonly Uint8Array[], position: number): Promise<void> {
    await this.#transfer(buffers, position, async (rest, at) => {
      const count = await call<number>((done) => {
        if (rest.length === 1) read(this.#fd, rest[0]!, 0, rest[0]!.length, at, done);
        else readv(this.#fd, rest, at, done);
      });
      if (count > 0) return count;
      clearBuffers(rest);
      return undefined;
    });
  }

  async #writeInPool(buffers: readonly Uint8Array[], position: number): Promise<void> {
    await this.#transfer(buffers, position, async (rest, at) => {
      const count = await call<number>((done) => {
        if (rest.length === 1) write(this.#fd, rest[0]!, 0, rest[0]!.length, at, done);
        else writev(this.#fd, rest, at, done);
      });
      if (count === 0) throw new ParavirtError('io', 'The disk image takes no more bytes.', 'Check the host disk.');
      if (at + count > this.#sizeBytes) this.#sizeBytes = at + count;
      return count;
    });
  }

  deallocate(ranges: readonly FileRange[]): Promise<void> {
    return punchHoles(this.#fd, ranges);
  }

  async resize(sizeBytes: number): Promise<void> {
    try {
      await call<void>((done) => ftruncate(this.#fd, sizeBytes, done));
    } catch (error) {
      throw hostError(error);
    }
    this.#sizeBytes = sizeBytes;
  }

  sync(): Promise<void> {
    return this.#gate.pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await call<void>((done) => close(this.#fd, done));
  }

  /** Calls `step` until all buffers are through or it says that it is done: a system call may do less than asked. */
  async #transfer(
    buffers: readonly Uint8Array[],
    position: number,
    step: (rest: readonly Uint8Array[], at: number) => Promise<number | undefined>,
  ): Promise<void> {
    let rest = buffers;
    let at = position;
    try {
      while (rest.length > 0) {
        const batch = rest.length > VECTOR_MAX ? rest.slice(0, VECTOR_MAX) : rest;
        let wanted = 0;
        for (const buffer of batch) wanted += buffer.length;
        const count = wanted === 0 ? 0 : await step(batch, at);
        if (count === undefined) {
          clearBuffers(rest);
          return;
        }
        at += count;
        rest = behind(rest, count, batch.length);
      }
    } catch (error) {
      throw hostError(error);
    }
  }
}

/** What is left of the buffers after `count` bytes of the first `batched`. */
function behind(buffers: readonly Uint8Array[], count: number, batched: number): readonly Uint8Array[] {
  let whole = 0;
  let left = count;
  while (whole < batched && left >= buffers[whole]!.length) left -= buffers[whole++]!.length;
  if (whole === buffers.length) return [];
  const rest = buffers.slice(whole);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

function call<T>(start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
}
