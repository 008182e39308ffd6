/**
 * Carries a ring's bytes to a receiver that may be slower than the guest: pulls from the ring while the receiver has
 * room, so that nothing waits anywhere but in the ring, and a receiver left behind skips what the ring has dropped.
 */
import type {ByteRing} from './byte-ring.js';

/** How much a pump hands over. */
export interface PumpBounds {
  /** Largest piece in one message. */
  readonly pieceBytes: number;
  /** Bytes that may wait for the receiver before the pump pauses. */
  readonly highWaterBytes: number;
}

/** Bounds for sockets. */
export const socketPumpBounds: PumpBounds = {pieceBytes: 65_536, highWaterBytes: 262_144};

/** The other side of a pump. */
export interface PumpTarget {
  /** Bytes sent but not yet taken. */
  readonly bufferedBytes: number;
  send(offset: number, bytes: Uint8Array): void;
}

/** See the module. Call `pull` after every append and whenever the receiver has drained. */
export class StreamPump {
  readonly #ring: ByteRing;
  readonly #target: PumpTarget;
  readonly #bounds: PumpBounds;
  #nextOffset: number;

  constructor(ring: ByteRing, target: PumpTarget, nextOffset: number, bounds = socketPumpBounds) {
    this.#ring = ring;
    this.#target = target;
    this.#nextOffset = nextOffset;
    this.#bounds = bounds;
  }

  pull(): void {
    while (this.#nextOffset < this.#ring.endOffset && this.#target.bufferedBytes < this.#bounds.highWaterBytes) {
      const {offset, bytes} = this.#ring.read(this.#nextOffset, this.#bounds.pieceBytes);
      this.#nextOffset = offset + bytes.length;
      this.#target.send(offset, bytes);
    }
  }
}
