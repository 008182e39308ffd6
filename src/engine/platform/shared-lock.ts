const FREE = 0;
const HELD = 1;
const HELD_WITH_WAITERS = 2;
/** Tries before sleeping: the sections behind these locks are shorter than a futex call. */
const SPINS = 64;

/**
 * A mutual exclusion lock in one cell of shared memory, for state that harts and the I/O thread both change.
 * Not reentrant. Hold it for a few dozen instructions only: the I/O thread waits for it too.
 * A zero-filled cell is an unlocked lock.
 */
export class SharedLock {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(cells: Int32Array<SharedArrayBuffer>, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  /** Blocks the thread until the lock is ours. */
  acquire(): void {
    for (let i = 0; i < SPINS; i++) {
      if (Atomics.compareExchange(this.#cells, this.#index, FREE, HELD) === FREE) return;
    }
    // Taking it as "with waiters" may wake one thread too many, never one too few.
    while (Atomics.exchange(this.#cells, this.#index, HELD_WITH_WAITERS) !== FREE) {
      Atomics.wait(this.#cells, this.#index, HELD_WITH_WAITERS);
    }
  }

  release(): void {
    if (Atomics.exchange(this.#cells, this.#index, FREE) === HELD_WITH_WAITERS) {
      Atomics.notify(this.#cells, this.#index, 1);
    }
  }
}
