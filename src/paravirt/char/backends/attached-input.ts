import type {CharEndpointListener} from '../contract.js';

/**
 * Input from somebody attached, on its way to the guest: offers bytes to the owner, keeps what it did not take and says
 * that no more may be read until it did. Holds at most one chunk, so its source bounds it.
 */
export class AttachedInput {
  readonly #listener: CharEndpointListener;
  #rest: Uint8Array | undefined;

  constructor(listener: CharEndpointListener) {
    this.#listener = listener;
  }

  /** The source must not read on. */
  get isBlocked(): boolean {
    return this.#rest !== undefined;
  }

  /** Offers a chunk; call it only while not blocked. */
  offer(bytes: Uint8Array): void {
    const taken = this.#listener.input(bytes);
    this.#rest = taken < bytes.length ? bytes.slice(taken) : undefined;
  }

  /** Offers the rest again; true when the source may read on. */
  retry(): boolean {
    if (this.#rest !== undefined) this.offer(this.#rest);
    return this.#rest === undefined;
  }
}
