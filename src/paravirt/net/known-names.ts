/**
 * The names by which a guest found addresses: what its lookups were answered with, so that a connection can be told by a
 * name. An address may have several; which of them a connection is for, nobody can see.
 */
import {formatAddress} from './address.js';

/** Addresses that are remembered; those that were looked up longest ago go for new ones. */
export const ADDRESSES_MAX = 1024;
/** Names of one address; the newest. */
export const NAMES_EACH_MAX = 4;
/** How long after a lookup its answer counts: addresses get other owners. Units: milliseconds */
export const NAME_LIFE_MS = 3600_000;

interface Entry {
  readonly names: readonly string[];
  readonly atMs: number;
}

/** See the module. */
export class KnownNames {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A lookup of `name` was answered with these. */
  learn(name: string, addresses: readonly Uint8Array[]): void {
    for (const address of addresses) {
      const key = formatAddress(address);
      const others = this.of(address).filter((other) => other !== name);
      this.#entries.delete(key);
      const [oldest] = this.#entries.keys();
      if (this.#entries.size >= ADDRESSES_MAX && oldest !== undefined) this.#entries.delete(oldest);
      this.#entries.set(key, {names: [name, ...others].slice(0, NAMES_EACH_MAX), atMs: this.#now()});
    }
  }

  /** Names of an address, the newest first. */
  of(address: Uint8Array): readonly string[] {
    const entry = this.#entries.get(formatAddress(address));
    return entry !== undefined && this.#now() - entry.atMs <= NAME_LIFE_MS ? entry.names : [];
  }
}
