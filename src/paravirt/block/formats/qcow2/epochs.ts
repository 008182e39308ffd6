/** Counts requests under way, so that somebody can wait until all that had begun are done, without holding new ones up. */

/** The requests of one stretch of time. */
export interface Epoch {
  count: number;
  whenEmpty: (() => void) | undefined;
}

/** See the module. */
export class Epochs {
  #current: Epoch = {count: 0, whenEmpty: undefined};

  /** A request begins; it keeps what this answers for `leave`. */
  enter(): Epoch {
    this.#current.count++;
    return this.#current;
  }

  leave(epoch: Epoch): void {
    if (--epoch.count === 0) epoch.whenEmpty?.();
  }

  /** Resolves when every request that had begun is done. One caller at a time. */
  async settle(): Promise<void> {
    const old = this.#current;
    this.#current = {count: 0, whenEmpty: undefined};
    if (old.count === 0) return;
    await new Promise<void>((resolve) => {
      old.whenEmpty = resolve;
    });
  }
}
