/** Input on its way into a guest that takes it in its own time. */

/** Input that waits for a guest which does not read; what comes on top is dropped, as a terminal does. */
const MAX_WAITING_BYTES = 65_536;

/** Hands bytes to `push`, which says how many it took, and keeps the rest for the next `flush`. */
export class GuestInput {
  readonly #push: (bytes: Uint8Array) => number;
  #waiting: Uint8Array = new Uint8Array(0);

  constructor(push: (bytes: Uint8Array) => number) {
    this.#push = push;
  }

  get waitingBytes(): number {
    return this.#waiting.length;
  }

  write(bytes: Uint8Array): void {
    const room = MAX_WAITING_BYTES - this.#waiting.length;
    this.#waiting = Buffer.concat([this.#waiting, bytes.subarray(0, room)]);
    this.flush();
  }

  /** Tries again; to be called when the guest has made room. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.subarray(this.#push(this.#waiting));
  }

  /** What never reached the guest. */
  take(): Uint8Array {
    const left = this.#waiting;
    this.#waiting = new Uint8Array(0);
    return left;
  }
}
