/**
 * Barriers that many ask for and few have to be made: whoever comes while one is under way shares the next. Once one
 * has failed all fail: what the kernel could not write it may have dropped, and a later barrier would say nothing of it.
 */
import {ParavirtError} from '../error.js';
import {hostError} from './host-error.js';

/** See the module. */
export class SyncGate {
  readonly #sync: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Resolves when a barrier that began after this call has been passed. */
  pass(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const running = this.#run();
    this.#running = running;
    const end = () => {
      if (this.#running === running) this.#running = undefined;
    };
    running.then(end, end);
    return running;
  }

  async #run(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#sync();
    } catch (error) {
      this.#failure = lost(hostError(error));
      throw this.#failure;
    }
  }
}

/** A full disk that is met this late has cost what it was to take: room made now does not bring it back. */
function lost(error: ParavirtError): ParavirtError {
  if (error.code !== 'no-space') return error;
  return new ParavirtError(
    'io',
    'The host disk was full when it had to keep what was written before; some of that may be lost.',
    'Free some space on it, then start the VM again.',
    error,
  );
}
