/** Lines for a terminal that is not drawn on: text only, one after the other, and none while somebody else has the terminal. */
import {toAscii} from '../terminal/ascii.js';
import {visibleText} from '../terminal/visible-text.js';

/** Lines that wait while the terminal is lent: the newest are the ones that still tell something. */
const MAX_HELD_LINES = 50;

/** See the module. */
export class LineOutput {
  readonly #write: (text: string) => void;
  readonly #isAscii: boolean;
  readonly #held: string[] = [];
  #isHeld = false;

  /** With `isAscii` nothing but ASCII is written. */
  constructor(write: (text: string) => void, isAscii: boolean) {
    this.#write = write;
    this.#isAscii = isAscii;
  }

  /** Tells a line; what a terminal would obey in it is escaped. */
  readonly tell = (text: string): void => {
    const seen = visibleText(text).trimEnd();
    const line = this.#isAscii ? [...seen].map((char) => toAscii(char, 1)).join('') : seen;
    if (!this.#isHeld) this.#write(`${line}\n`);
    else if (this.#held.push(line) > MAX_HELD_LINES) this.#held.shift();
  };

  /** Lines are kept. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Keeps lines until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Tells what was kept, and all else at once from now on. */
  release(): void {
    this.#isHeld = false;
    for (const line of this.#held.splice(0)) this.#write(`${line}\n`);
  }
}
