/** The time of a recording while it is played: it can be paused, go faster or slower, and jump ahead. Units: milliseconds */

/** Slowest and fastest: an eighth and 64 times. */
export const MIN_SPEED = 0.125;
/** See {@link MIN_SPEED}. */
export const MAX_SPEED = 64;

/** Longest time a timer of Node's takes. */
const MAX_TIMER_MS = 2_147_483_647;

/** See the module. */
export class PlayClock {
  #speed: number;
  #isPaused = false;
  #anchorMs = performance.now();
  #anchorAt = 0;
  #wake = Promise.withResolvers<void>();

  constructor(speed: number) {
    this.#speed = clampSpeed(speed);
  }

  get speed(): number {
    return this.#speed;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Where the recording is. */
  get at(): number {
    return this.#isPaused ? this.#anchorAt : this.#anchorAt + (performance.now() - this.#anchorMs) * this.#speed;
  }

  setPaused(isPaused: boolean): void {
    this.#change(() => {
      this.#isPaused = isPaused;
    });
  }

  setSpeed(speed: number): void {
    this.#change(() => {
      this.#speed = clampSpeed(speed);
    });
  }

  /** Goes ahead. */
  skip(ms: number): void {
    this.#change(() => {
      this.#anchorAt += ms;
    });
  }

  /** Resolves when the recording is there; false when it was aborted before. */
  async until(at: number, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const left = (at - this.at) / this.#speed;
      if (left <= 0) return true;
      const {promise} = this.#wake;
      const timer = this.#isPaused
        ? undefined
        : setTimeout(() => this.#wakeAll(), Math.min(MAX_TIMER_MS, Math.ceil(left)));
      const abort = () => this.#wakeAll();
      signal.addEventListener('abort', abort, {once: true});
      await promise;
      signal.removeEventListener('abort', abort);
      clearTimeout(timer);
    }
    return false;
  }

  #change(change: () => void): void {
    this.#anchorAt = this.at;
    this.#anchorMs = performance.now();
    change();
    this.#wakeAll();
  }

  #wakeAll(): void {
    const {resolve} = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }
}

function clampSpeed(speed: number): number {
  return Math.min(MAX_SPEED, Math.max(MIN_SPEED, speed));
}
