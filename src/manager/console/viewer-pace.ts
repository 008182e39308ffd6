/**
 * How fast viewers of consoles are sent floods: so many bytes a second, all viewers together. Nobody reads more, and without a
 * bound a guest that prints without end would have the daemon do nothing but encrypt what it prints, once for each viewer.
 *
 * Bytes may be spent that are not there; then nobody spends any until they have come in.
 */

/** Bytes that may be spent at once after a while without floods, in seconds of the pace. */
const BURST_SECONDS = 1 / 64;

/** See the module. Units: `now` milliseconds, of a clock that only goes on */
export class ViewerPace {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  readonly #now: () => number;
  #bytes: number;
  #atMs: number;

  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = bytesPerSecond * BURST_SECONDS;
    this.#now = now;
    this.#bytes = this.#burstBytes;
    this.#atMs = now();
  }

  /** How long nobody may spend anything. Units: milliseconds, 0 when somebody may now */
  get waitMs(): number {
    this.#fill();
    return this.#bytes > 0 ? 0 : (1 - this.#bytes) / this.#bytesPerMs;
  }

  /** Spends bytes; no more than a burst is owed, so that what is sent without asking never stops what asks. */
  spend(bytes: number): void {
    this.#fill();
    this.#bytes = Math.max(this.#bytes - bytes, -Math.max(this.#burstBytes, bytes));
  }

  #fill(): void {
    const now = this.#now();
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + (now - this.#atMs) * this.#bytesPerMs);
    this.#atMs = now;
  }
}
