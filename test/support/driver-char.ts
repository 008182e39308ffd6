import type {CharEndpointListener} from '../../src/paravirt/char/contract.js';

/** The owner of an endpoint: takes input up to a bound, and lets a test wait for what happens instead of sleeping. */
export class FakeOwner implements CharEndpointListener {
  received = '';
  attachedCount = 0;
  /** Bytes it still takes. */
  room = Number.POSITIVE_INFINITY;
  #waiting: {isMet: () => boolean; resolve: () => void}[] = [];

  input(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room);
    this.room -= count;
    this.received += Buffer.from(bytes.subarray(0, count)).toString('latin1');
    this.#check();
    return count;
  }

  attachedChanged(attachedCount: number): void {
    this.attachedCount = attachedCount;
    this.#check();
  }

  /** Resolves when the condition holds; it is looked at after every event. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    return new Promise((resolve) => {
      // Endpoints do not keep the process alive; a test that waits for one does.
      const keepAlive = setInterval(() => {}, 1000);
      this.#waiting.push({
        isMet,
        resolve: () => {
          clearInterval(keepAlive);
          resolve();
        },
      });
    });
  }

  #check(): void {
    const met = this.#waiting.filter((waiter) => waiter.isMet());
    this.#waiting = this.#waiting.filter((waiter) => !met.includes(waiter));
    for (const waiter of met) waiter.resolve();
  }
}
