/**
 * Finds bells in a guest's raw output. A BEL that ends an OSC string (a title, as many prompts set it) is none.
 *
 * ```
 *  text --ESC--> escape --] P X ^ _--> string --BEL / CAN / SUB--> text
 *    ▲             └--other--> text      └--ESC--> escape (ESC \ ends a string like any other)
 * ```
 * Bounds: nothing is stored; a string that never ends hides bells until another ESC or CAN.
 */

const BEL = 0x07;
const CAN = 0x18;
const SUB = 0x1a;
const ESC = 0x1b;
const STRING_STARTS: ReadonlySet<number> = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]);

/** Incremental; bytes may come in any pieces. */
export class BellWatch {
  #state: 'text' | 'escape' | 'string' = 'text';

  /** True when a bell rang in these bytes. Text without a bell costs two searches. */
  feed(bytes: Uint8Array): boolean {
    if (this.#state === 'text' && !bytes.includes(BEL)) {
      const at = bytes.lastIndexOf(ESC);
      // What begins before the last ESC ends before it, and without a BEL nothing rings.
      if (at >= 0) this.#walk(bytes.subarray(at));
      return false;
    }
    return this.#walk(bytes);
  }

  #walk(bytes: Uint8Array): boolean {
    let hasBell = false;
    for (const byte of bytes) {
      if (byte === ESC) this.#state = 'escape';
      else if (this.#state === 'escape') this.#state = STRING_STARTS.has(byte) ? 'string' : 'text';
      else if (this.#state === 'string') {
        if (byte === BEL || byte === CAN || byte === SUB) this.#state = 'text';
      } else if (byte === BEL) hasBell = true;
    }
    return hasBell;
  }
}
