/**
 * Work in pieces that is done in turns with everything else of this process: after each piece the event loop goes round. So
 * who floods many viewers delays others by a piece and not by all of them.
 */

/** Does a piece; true when there is more. */
export type Piece = () => boolean;

/** See the module. One for all who share a process. */
export class PieceTurns {
  readonly #waiting: Piece[] = [];
  #isRunning = false;

  /** Its turn comes after those that wait. */
  add(piece: Piece): void {
    this.#waiting.push(piece);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#run);
  }

  readonly #run = () => {
    const piece = this.#waiting.shift();
    if (piece?.()) this.#waiting.push(piece);
    this.#isRunning = this.#waiting.length > 0;
    if (this.#isRunning) setImmediate(this.#run);
  };
}
