/**
 * The last bytes a guest wrote, with their place in the whole stream, so that a viewer can come late, or come back and ask
 * for what it missed. A fixed ring: a guest that prints for a week costs the same memory.
 *
 *   stream   0 ........ startOffset ━━━━━━━━ endOffset
 *                       kept, at most capacityBytes
 */

/** The most a ring may keep. */
export const SCROLLBACK_BYTES_MAX = 64 << 20;

/** A bounded ring of bytes addressed by stream offset. Offsets are exact below 2^53. */
export class ScrollbackRing {
  readonly capacityBytes: number;
  // Grows by doubling up to the capacity: a guest that prints little costs little.
  #bytes: Uint8Array<ArrayBuffer>;
  #endOffset = 0;
  #startOffset = 0;

  constructor(capacityBytes: number) {
    if (!Number.isInteger(capacityBytes) || capacityBytes < 1 || capacityBytes > SCROLLBACK_BYTES_MAX) {
      throw new RangeError('scrollback capacity out of range');
    }
    this.capacityBytes = capacityBytes;
    this.#bytes = new Uint8Array(Math.min(capacityBytes, 4096));
  }

  /** Offset of the oldest byte that is kept. */
  get startOffset(): number {
    return this.#startOffset;
  }

  /** Offset of the next byte, which is the number of bytes ever appended. */
  get endOffset(): number {
    return this.#endOffset;
  }

  /** Appends bytes; the oldest go when the ring is full. */
  append(bytes: Uint8Array): void {
    const kept = bytes.length > this.capacityBytes ? bytes.subarray(bytes.length - this.capacityBytes) : bytes;
    this.#grow(this.#endOffset - this.#startOffset + kept.length);
    this.#endOffset += bytes.length - kept.length;
    const size = this.#bytes.length;
    const at = this.#endOffset % size;
    const head = kept.subarray(0, size - at);
    this.#bytes.set(head, at);
    this.#bytes.set(kept.subarray(head.length), 0);
    this.#endOffset += kept.length;
    this.#startOffset = Math.max(this.#startOffset, this.#endOffset - size);
  }

  /** A copy of what is kept from `fromOffset` on; begins later when that is gone already, and is empty at the end. */
  read(fromOffset = 0): {readonly offset: number; readonly bytes: Uint8Array} {
    const offset = Math.min(Math.max(fromOffset, this.#startOffset), this.#endOffset);
    return {offset, bytes: copyOut(this.#bytes, offset, this.#endOffset)};
  }

  #grow(neededBytes: number): void {
    const size = this.#bytes.length;
    if (neededBytes <= size || size === this.capacityBytes) return;
    let larger = size;
    while (larger < neededBytes && larger < this.capacityBytes) larger *= 2;
    const grown = new Uint8Array(Math.min(larger, this.capacityBytes));
    // Nothing was dropped before the ring had its full size, so byte n of the stream is still byte n of the ring.
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

function copyOut(ring: Uint8Array, from: number, to: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(to - from);
  const at = from % ring.length;
  const head = ring.subarray(at, Math.min(ring.length, at + copy.length));
  copy.set(head);
  copy.set(ring.subarray(0, copy.length - head.length), head.length);
  return copy;
}
