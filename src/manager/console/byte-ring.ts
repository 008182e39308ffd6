/** The newest bytes of an endless stream, addressed by their offset in it. */

/** See the module. Memory is taken once, at the first write. */
export class ByteRing {
  readonly #capacity: number;
  #bytes: Uint8Array | undefined;
  #startOffset: number;
  #endOffset: number;

  constructor(capacity: number, firstOffset = 0) {
    this.#capacity = capacity;
    this.#startOffset = firstOffset;
    this.#endOffset = firstOffset;
  }

  /** Offset of the oldest byte kept. */
  get startOffset(): number {
    return this.#startOffset;
  }

  /** Offset the next byte will have. */
  get endOffset(): number {
    return this.#endOffset;
  }

  append(bytes: Uint8Array): void {
    this.#bytes ??= new Uint8Array(this.#capacity);
    const kept = bytes.length > this.#capacity ? bytes.subarray(bytes.length - this.#capacity) : bytes;
    const at = (this.#endOffset + bytes.length - kept.length) % this.#capacity;
    const head = Math.min(kept.length, this.#capacity - at);
    this.#bytes.set(kept.subarray(0, head), at);
    this.#bytes.set(kept.subarray(head), 0);
    this.#endOffset += bytes.length;
    this.#startOffset = Math.max(this.#startOffset, this.#endOffset - this.#capacity);
  }

  /** Goes on at a later offset: the bytes between were lost, and those before them no longer join on. */
  skipTo(offset: number): void {
    if (offset <= this.#endOffset) return;
    this.#startOffset = offset;
    this.#endOffset = offset;
  }

  /** A copy of up to `maxBytes` from `offset` on, or from the oldest byte kept when that is later. */
  read(offset: number, maxBytes: number): {readonly offset: number; readonly bytes: Uint8Array} {
    const from = Math.min(Math.max(offset, this.#startOffset), this.#endOffset);
    const length = Math.min(maxBytes, this.#endOffset - from);
    const copy = new Uint8Array(length);
    if (this.#bytes !== undefined && length > 0) {
      const at = from % this.#capacity;
      const head = Math.min(length, this.#capacity - at);
      copy.set(this.#bytes.subarray(at, at + head), 0);
      copy.set(this.#bytes.subarray(0, length - head), head);
    }
    return {offset: from, bytes: copy};
  }
}
