/**
 * Floods to viewers of consoles, in pieces: they take turns, the event loop goes round after each, and all keep to one pace. So who
 * floods many viewers delays others by a piece and not by all of them, and takes a share of the daemon that has a bound.
 */
import type {ViewerPace} from './viewer-pace.js';

/** Sends a piece; false when there is no more for now. */
export type Piece = () => boolean;

/** See the module. One for all viewers of a daemon. */
export class PieceTurns {
  readonly #pace: ViewerPace;
  readonly #waiting: Piece[] = [];
  #isRunning = false;

  constructor(pace: ViewerPace) {
    this.#pace = pace;
  }

  /** Its turn comes after those that wait. */
  add(piece: Piece): void {
    this.#waiting.push(piece);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#wait();
  }

  /** Counts what was sent, in a turn or without one. */
  sent(bytes: number): void {
    this.#pace.spend(bytes);
  }

  #wait(): void {
    const {waitMs} = this.#pace;
    if (waitMs === 0) setImmediate(this.#run);
    else setTimeout(this.#run, Math.ceil(waitMs)).unref();
  }

  readonly #run = () => {
    const piece = this.#waiting.shift();
    if (piece?.()) this.#waiting.push(piece);
    this.#isRunning = this.#waiting.length > 0;
    if (this.#isRunning) this.#wait();
  };
}
