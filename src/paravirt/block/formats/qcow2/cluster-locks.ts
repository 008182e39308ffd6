/** Clusters of the disk whose entry is being changed; everybody else who wants to write them waits. */

/** See the module. */
export class ClusterLocks {
  readonly #held = new Map<number, Promise<void>>();

  /** Whom to wait for before this cluster can be had, if anyone has it. */
  holder(cluster: number): Promise<void> | undefined {
    return this.#held.size === 0 ? undefined : this.#held.get(cluster);
  }

  /** How many of `count` clusters from `first` on nobody has. */
  freeCount(first: number, count: number): number {
    if (this.#held.size === 0) return count;
    let free = 0;
    while (free < count && !this.#held.has(first + free)) free++;
    return free;
  }

  /** Takes clusters that nobody has; `length` may shrink before they are released. */
  hold(first: number, count: number): {release(): void; shrink(count: number): void} {
    const {promise, resolve} = Promise.withResolvers<void>();
    let end = first + count;
    for (let cluster = first; cluster < end; cluster++) this.#held.set(cluster, promise);
    const drop = (from: number) => {
      for (let cluster = from; cluster < end; cluster++) this.#held.delete(cluster);
      end = from;
    };
    return {
      shrink: (kept) => {
        // Who waits for these waits until the rest is done as well: late, never wrong.
        drop(first + kept);
      },
      release: () => {
        drop(first);
        resolve();
      },
    };
  }
}
