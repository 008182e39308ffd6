/**
 * How fast bytes may pass: a token bucket that may be overdrawn by one frame, so that a large one passes as well, and is paid for
 * by waiting. Nothing is lost by it: whoever finds it spent keeps what he has and comes again.
 */

/** Of the rate, this much may pass at once; at least a large segment. Units: seconds, bytes */
const BURST_S = 0.1;
const BURST_BYTES_MIN = 65_536;

/** See the module. Units: bytes, milliseconds of `performance.now` */
export class Pace implements Disposable {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(bytesPerSecond: number) {
    this.#perMs = bytesPerSecond / 1000;
    this.#burst = Math.max(BURST_BYTES_MIN, bytesPerSecond * BURST_S);
    this.#tokens = this.#burst;
  }

  /** Nothing may pass now. */
  get isSpent(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#atMs) * this.#perMs);
    this.#atMs = now;
    return this.#tokens <= 0;
  }

  /** Bytes have passed. */
  spend(bytes: number): void {
    this.#tokens -= bytes;
  }

  /** Calls once when something may pass again; while that is under way, further calls do nothing. */
  whenReady(call: () => void): void {
    if (this.#timer !== undefined) return;
    const waitMs = Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      call();
    }, waitMs).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
