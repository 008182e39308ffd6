/** A bounded first-in first-out queue of bytes: copies what is put in, hands out views of what comes next. */
export class ByteQueue {
  readonly #limitBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #lengthBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes in the queue, never above the limit. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Copies what there is room for and returns how much that was. */
  put(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.#limitBytes - this.#lengthBytes);
    if (count > 0) {
      this.#chunks.push(bytes.slice(0, count));
      this.#lengthBytes += count;
    }
    return count;
  }

  /** The next bytes without taking them: one chunk, empty when there are none. */
  peek(): Uint8Array {
    return this.#chunks[0] ?? EMPTY;
  }

  /** Takes `count` bytes off the front; at most what `peek` shows. */
  drop(count: number): void {
    const first = this.peek();
    this.#lengthBytes -= count;
    if (count === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
  }

  /** All bytes, which stay in the queue. */
  copy(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#lengthBytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#lengthBytes = 0;
  }
}

const EMPTY = new Uint8Array(0);
