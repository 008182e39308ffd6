/**
 * Looking at a shared cell for a moment before sleeping on it. Waking a thread that sleeps costs both sides 10 to 70 µs,
 * as much as a disk request that the host's memory answers. How long to look is learnt from how long the last waits took,
 * as KVM does it for halted processors: waits too long for it cost nothing but the first look.
 */
import {availableParallelism} from 'node:os';
import {hostNs} from './clock.js';

/** The longest look; on one processor whoever looks keeps the other from working. Units: nanoseconds */
const LOOK_NS_MAX = availableParallelism() > 1 ? 200_000 : 0;
const LOOK_NS_MIN = 10_000;
/** Waits that took longer, what sleeping adds to them included, would not have been shorter by a look. */
const WORTH_NS_MAX = 400_000;

/** One thread's waits on one cell. */
export class Poll {
  readonly #nowNs: () => number;
  #lookNs = 0;
  #beganNs = 0;

  constructor(nowNs: () => number = hostNs) {
    this.#nowNs = nowNs;
  }

  /** Begins a wait: looks whether the cell still holds `seen`. False when it may sleep now. */
  look(cells: Int32Array<SharedArrayBuffer>, cell: number, seen: number): boolean {
    this.#beganNs = this.#nowNs();
    const endNs = this.#beganNs + this.#lookNs;
    while (Atomics.load(cells, cell) === seen) if (this.#nowNs() >= endNs) return false;
    return true;
  }

  /** Ends the wait that `look` began. */
  woken(): void {
    const waitedNs = this.#nowNs() - this.#beganNs;
    if (waitedNs > WORTH_NS_MAX) this.#lookNs = this.#lookNs > LOOK_NS_MIN ? this.#lookNs / 2 : 0;
    else if (waitedNs > this.#lookNs) this.#lookNs = Math.min(LOOK_NS_MAX, Math.max(LOOK_NS_MIN, this.#lookNs * 2));
  }
}
