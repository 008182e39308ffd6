/** The machine process's side of syncing: asks the daemon of the moment, and knows when there is none. */
import type {FileSyncer} from '../../../paravirt/block/delegated-file.js';
import {type FileRange, worthPunching} from '../../../paravirt/block/punch-holes.js';
import {ParavirtError} from '../../../paravirt/error.js';
import {ManagerError} from '../../protocol/errors.js';
import type {Channel} from '../../rpc/channel.js';
import {linkPunch, linkSync} from './link.js';

/** A daemon that has not answered by then hangs; the machine goes on without it. */
const SYNC_TIMEOUT_MS = 30_000;

/** See the module. */
export class LinkedSyncer implements FileSyncer {
  readonly #channel: () => Channel | undefined;
  readonly #outside: (path: string) => string;
  /** One that could not do it: of another version, or stuck. It is not asked again. */
  #useless: Channel | undefined;

  /** `outside` has the names that the daemon knows for those of this process. */
  constructor(channel: () => Channel | undefined, outside: (path: string) => string = (path) => path) {
    this.#channel = channel;
    this.#outside = outside;
  }

  get isThere(): boolean {
    const channel = this.#channel();
    return channel !== undefined && channel !== this.#useless && !channel.isClosed;
  }

  async punch(path: string, ranges: readonly FileRange[]): Promise<void> {
    const worthwhile = worthPunching(ranges);
    if (worthwhile.length === 0) return;
    await this.#channel()
      ?.request(linkPunch, {path: this.#outside(path), ranges: worthwhile})
      // A hint: without an answer the file keeps its room.
      .catch(() => undefined);
  }

  async sync(path: string): Promise<void> {
    const channel = this.#channel();
    if (channel === undefined || !this.isThere) throw gone();
    try {
      await channel.request(linkSync, {path: this.#outside(path)}, AbortSignal.timeout(SYNC_TIMEOUT_MS));
    } catch (thrown) {
      if (thrown instanceof ManagerError && thrown.code === 'disk-full')
        throw new ParavirtError(
          'no-space',
          'The host disk is full.',
          'Free some space on it, then resume the VM.',
          thrown,
        );
      if (thrown instanceof ManagerError && thrown.code === 'storage-failed')
        throw new ParavirtError('io', thrown.message, thrown.hint, thrown);
      // Of a file that it does not know the next daemon may know; for all others it is as good as before.
      if (!(thrown instanceof ManagerError && thrown.code === 'file-not-found')) this.#useless = channel;
      throw gone(thrown);
    }
  }
}

function gone(cause?: unknown): ParavirtError {
  return new ParavirtError('unavailable', 'Nobody is there to sync.', 'Start the daemon: `viv daemon start`.', cause);
}
