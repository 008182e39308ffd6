/** Lets work on one thing wait for the work before, and work on others go on beside it. */
export class Turns {
  /** The last work under way for each key; settles, never rejects. */
  readonly #last = new Map<string, Promise<void>>();

  /** Does the work when all that was asked for the same key before is done; answers with its outcome. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }

  /** Whether work is under way for a key. */
  isTaken(key: string): boolean {
    return this.#last.has(key);
  }

  /** Resolves when nothing that was asked for so far is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
