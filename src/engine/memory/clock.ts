/**
 * The machine's clock: host monotonic time less what it spent paused, in the shared header so that all threads agree.
 */
import type {Clock} from '../contract.js';
import {CLOCK_OFFSET, CLOCK_STOPPED} from './header.js';

/** Pairs of readings: some 60 µs once a thread, and the narrowest pair is then about a tenth of a microsecond. */
const ORIGIN_SAMPLES = 200;

/**
 * What `performance.now()` of this thread lacks to the host's monotonic clock, which is the same on every thread. One
 * pair of readings will not do: the first calls take a millisecond, differently long on each thread, and a thread may
 * be preempted between two; guest time would go back whenever a program moves to another hart.
 */
function measureOrigin(): number {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < ORIGIN_SAMPLES; sample++) {
    const before = Number(process.hrtime.bigint());
    const now = performance.now() * 1e6;
    const after = Number(process.hrtime.bigint());
    low = Math.max(low, before - now);
    high = Math.min(high, after - now);
  }
  return (low + high) / 2;
}

/** Nanoseconds; see `measureOrigin`. */
const threadOrigin = measureOrigin();

/** Host monotonic time in nanoseconds (a double: exact to about a microsecond's fraction after years of uptime). */
export function hostNs(): number {
  return threadOrigin + performance.now() * 1e6;
}

/** Ticks of the guest's 10 MHz time base in one nanosecond's inverse: 100 ns a tick. */
export const NS_PER_TICK = 100;

/** Guest time of one machine. `stop` and `resume` belong to the I/O thread. */
export class MachineClock implements Clock {
  readonly #f64: Float64Array<SharedArrayBuffer>;

  constructor(f64: Float64Array<SharedArrayBuffer>) {
    this.#f64 = f64;
  }

  nowNs(): number {
    const stopped = this.#f64[CLOCK_STOPPED >> 3]!;
    return stopped >= 0 ? stopped : hostNs() - this.#f64[CLOCK_OFFSET >> 3]!;
  }

  /** Guest time in ticks of 10 MHz. */
  ticks(): number {
    return Math.floor(this.nowNs() / NS_PER_TICK);
  }

  stop(): void {
    this.#f64[CLOCK_STOPPED >> 3] = this.nowNs();
  }

  /** Goes on from where the clock stopped (or from 0 on a fresh machine). */
  resume(): void {
    const stopped = this.#f64[CLOCK_STOPPED >> 3]!;
    if (stopped < 0) return;
    this.#f64[CLOCK_OFFSET >> 3] = hostNs() - stopped;
    this.#f64[CLOCK_STOPPED >> 3] = -1;
  }
}
