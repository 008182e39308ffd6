/**
 * The two ends of what a machine process may not do in its shared folders: it asks, the daemon does. The daemon goes by
 * names from the shared folder, which it has from the machine's definition, so that a process gets no further by asking.
 */
import {type Deputy, type DeputyTask, LocalDeputy} from '../../../paravirt/share/deputy.js';
import {ERRNO} from '../../../paravirt/share/errno.js';
import {HostFolder} from '../../../paravirt/share/host-folder.js';
import type {Share} from '../../protocol/machine.js';
import type {Channel} from '../../rpc/channel.js';
import {linkShare} from './link.js';

/** A daemon that has not answered by then hangs. */
const TIMEOUT_MS = 30_000;

/** The machine process's end, for one of its shares. Without a daemon that can do it, the guest gets an I/O error. */
export class LinkedDeputy implements Deputy {
  readonly #channel: () => Channel | undefined;
  readonly #share: number;

  constructor(channel: () => Channel | undefined, share: number) {
    this.#channel = channel;
    this.#share = share;
  }

  async perform(task: DeputyTask): Promise<number> {
    const channel = this.#channel();
    if (channel === undefined || channel.isClosed) return ERRNO.EIO;
    const params = {share: this.#share, task: withOwnNames(task)};
    return channel.request(linkShare, params, AbortSignal.timeout(TIMEOUT_MS)).then(
      ({errno}) => errno,
      (thrown: unknown) => {
        console.error(`shared folder: ${thrown instanceof Error ? thrown.message : thrown}`);
        return ERRNO.EIO;
      },
    );
  }
}

/** The daemon's end, for one machine: one thing at a time, so that a folder that hangs keeps one thread. */
export class ShareDeputies {
  readonly #shares: readonly Share[];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(shares: readonly Share[]) {
    this.#shares = shares;
  }

  /** Resolves with 0, or with an error's number: also for a share that the machine does not have. */
  perform(index: number, task: DeputyTask): Promise<number> {
    const done = this.#turn.then(() => this.#perform(index, task));
    this.#turn = done;
    return done;
  }

  async #perform(index: number, task: DeputyTask): Promise<number> {
    const share = this.#shares[index];
    if (share === undefined) return ERRNO.ENOENT;
    try {
      return await new LocalDeputy(HostFolder.open(share.path, share.isReadOnly)).perform(task);
    } catch (thrown) {
      console.error(`shared folder ${share.path}: ${thrown instanceof Error ? thrown.message : thrown}`);
      return ERRNO.EIO;
    }
  }
}

/** Requests are made of arrays that can be changed. */
function withOwnNames(task: DeputyTask) {
  const names = [...task.names];
  return 'newNames' in task ? {...task, names, newNames: [...task.newNames]} : {...task, names};
}
