/**
 * The daemon's part in a machine's disks: it holds them open and syncs them when the machine's process asks, which may
 * not do that itself, and gives their holes back to the host. Only the files named at its making; nothing is read or written.
 */
import {constants} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {type FileRange, punchHoles} from '../../../paravirt/block/punch-holes.js';
import {ManagerError} from '../../protocol/errors.js';

/** Syncs at once over all machines: a disk that hangs must leave threads for the daemon's own files. */
const SYNCS_MAX = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** See the module. */
export class DiskSyncer implements AsyncDisposable {
  readonly #files = new Map<string, FileHandle>();
  #isDisposed = false;

  /** Opens a file that the machine writes, before it does: errors of its writes are told from then on. */
  async add(path: string): Promise<void> {
    if (this.#files.has(path)) return;
    // What is no regular file any more must neither block nor be followed; the machine then syncs its own way.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
      () => undefined,
    );
    if (file === undefined) return;
    const isRegular = await file.stat().then(
      (stat) => stat.isFile(),
      () => false,
    );
    // Meanwhile the machine may have ended. A file that nobody closes ends the daemon, at the next garbage collection.
    if (isRegular && !this.#isDisposed && !this.#files.has(path)) this.#files.set(path, file);
    else await file.close();
  }

  /** Lets go of a file that the machine writes no more. */
  async remove(path: string): Promise<void> {
    const file = this.#files.get(path);
    this.#files.delete(path);
    await file?.close();
  }

  /** Errors: file-not-found for a file that was not added; disk-full, storage-failed when the disk says so */
  async sync(path: string): Promise<void> {
    const file = this.#files.get(path);
    if (file === undefined)
      throw new ManagerError('file-not-found', `${path} is no disk of this machine.`, 'Nothing was synced.');
    if (running >= SYNCS_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      await file.datasync();
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
      const isFull = code === 'ENOSPC' || code === 'EDQUOT';
      throw new ManagerError(
        isFull ? 'disk-full' : 'storage-failed',
        `The disk ${path} could not be synced (${code}).`,
        'Check the host disk and its log.',
        {cause: thrown},
      );
    } finally {
      // The place goes to the next in line, or is free.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  }

  /** Gives parts of a disk back to the host, as far as that can be done. Errors: file-not-found */
  async punch(path: string, ranges: readonly FileRange[]): Promise<void> {
    const file = this.#files.get(path);
    if (file === undefined)
      throw new ManagerError('file-not-found', `${path} is no disk of this machine.`, 'Nothing was changed.');
    const writable = await open(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
      () => undefined,
    );
    if (writable === undefined) return;
    try {
      // The machine's process can put another file or link in the place of its own; that one is nobody's to change.
      const [held, found] = await Promise.all([file.stat(), writable.stat()]);
      if (held.dev === found.dev && held.ino === found.ino) await punchHoles(writable.fd, ranges);
    } finally {
      await writable.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) await file.close();
  }
}
