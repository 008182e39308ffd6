/**
 * What a host peer sent and the guest has not acknowledged, in the pieces in which it came: nothing is copied until it goes
 * into guest RAM, and again if the guest asks again.
 */

/** See the module. Offsets count from the first byte that is not acknowledged. */
export class SendQueue {
  #pieces: Uint8Array[] = [];
  // Pieces before this one are gone; of it, that many bytes.
  #first = 0;
  #firstOffset = 0;
  #bytes = 0;

  /** Bytes in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a piece, which is kept. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Forgets the first bytes: they were acknowledged. */
  drop(count: number): void {
    let left = Math.min(count, this.#bytes);
    this.#bytes -= left;
    while (left > 0) {
      const here = this.#pieces[this.#first]!.length - this.#firstOffset;
      if (left < here) {
        this.#firstOffset += left;
        break;
      }
      left -= here;
      this.#first++;
      this.#firstOffset = 0;
    }
    // Moved together now and then, so that dropping costs the same however long the queue is.
    if (this.#first < 64 && this.#first < this.#pieces.length) return;
    this.#pieces = this.#pieces.slice(this.#first);
    this.#first = 0;
  }

  /** Puts views of `length` bytes from `offset` on into `into`; all of them are in the queue. */
  gather(offset: number, length: number, into: Uint8Array[]): void {
    let skip = this.#firstOffset + offset;
    let left = length;
    for (let at = this.#first; left > 0; at++) {
      const piece = this.#pieces[at]!;
      if (skip >= piece.length) {
        skip -= piece.length;
        continue;
      }
      const count = Math.min(left, piece.length - skip);
      into.push(count === piece.length ? piece : piece.subarray(skip, skip + count));
      left -= count;
      skip = 0;
    }
  }
}
