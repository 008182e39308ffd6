/**
 * Whether a file may be asked directly, on this thread. What the page cache answers takes microseconds, a turn through
 * the thread pool and back several times that; but a disk that has to be asked would hold up everything else here.
 *
 *   direct ──a call was slow──▶ in the pool, for a number of calls ──▶ direct …    twice as many after each slow call in a row
 */

/** Larger requests go to the pool: they are copies that another processor can do. */
const DIRECT_BYTES_MAX = 1 << 20;
/**
 * A call that took longer was not answered from memory, unless this thread had to wait for a processor: so one alone says
 * little. Units: milliseconds, and milliseconds a byte
 */
const SLOW_MS = 2;
const SLOW_MS_PER_BYTE = 1e-6;
const POOLED_MIN = 16;
const POOLED_MAX = 4096;
/** Fast calls in a row after which a slow one is a first one again. */
const FAST_CALLS = 8;

/** See the module. */
export class Patience {
  #pooled = 0;
  #nextPooled = POOLED_MIN;
  #fastCalls = 0;

  /** True when a request of so many bytes should be made directly; `took` follows then. */
  isDirect(bytes: number): boolean {
    if (bytes > DIRECT_BYTES_MAX) return false;
    if (this.#pooled === 0) return true;
    this.#pooled--;
    return false;
  }

  /** How long a direct call took. Units: milliseconds */
  took(milliseconds: number, bytes: number): void {
    if (milliseconds < SLOW_MS + bytes * SLOW_MS_PER_BYTE) {
      if (++this.#fastCalls === FAST_CALLS) this.#nextPooled = POOLED_MIN;
      return;
    }
    this.#fastCalls = 0;
    this.#pooled = this.#nextPooled;
    this.#nextPooled = Math.min(POOLED_MAX, this.#nextPooled * 2);
  }
}
