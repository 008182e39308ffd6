/**
 * Carries a ring's bytes to a receiver that may be slower than the guest: pulls from the ring while the receiver has
 * room, so that nothing waits anywhere but in the ring, and a receiver left behind skips what the ring has dropped.
 */
import type {ByteRing} from './byte-ring.js';
import type {PieceTurns} from './piece-turns.js';
import {ViewerPace} from './viewer-pace.js';

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

/**
 * What one receiver is sent at once where pieces have turns, more than anybody types or reads in a moment: so much in a piece,
 * and of all pieces so much a second. A guest that floods in small pieces finds that they wait for turns.
 */
const AT_ONCE_BYTES = 4096;
const AT_ONCE_BYTES_PER_SECOND = 262_144;

/**
 * A receiver that only looks, at a pace of its own: what it is behind by more than `mostBehindBytes` it skips down to
 * `keptBytes`, since a screen shows the end and a key is to be seen in it at once.
 */
export interface Onlooker {
  readonly pace: ViewerPace;
  readonly mostBehindBytes: number;
  readonly keptBytes: number;
}

/** See the module. Call `pull` after every append and whenever the receiver has drained. With `turns`, floods are sent in those. */
export class StreamPump {
  readonly #ring: ByteRing;
  readonly #target: PumpTarget;
  readonly #bounds: PumpBounds;
  readonly #turns: PieceTurns | undefined;
  readonly #onlooker: Onlooker | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #atOnce = new ViewerPace(AT_ONCE_BYTES_PER_SECOND);
  #nextOffset: number;
  #hasTurn = false;
  #isStopped = false;

  constructor(
    ring: ByteRing,
    target: PumpTarget,
    nextOffset: number,
    bounds: PumpBounds = socketPumpBounds,
    turns?: PieceTurns,
    onlooker?: Onlooker,
  ) {
    this.#turns = turns;
    this.#onlooker = onlooker;
    this.#ring = ring;
    this.#target = target;
    this.#nextOffset = nextOffset;
    this.#bounds = bounds;
  }

  pull(): void {
    if (this.#hasTurn || !this.#canSend) return;
    if (this.#turns === undefined) this.flush();
    else if (this.#ring.endOffset - this.#nextOffset <= AT_ONCE_BYTES && this.#atOnce.waitMs === 0) {
      this.#atOnce.spend(this.#ring.endOffset - this.#nextOffset);
      this.#send();
    } else {
      this.#hasTurn = true;
      this.#takeTurn();
    }
  }

  // An onlooker whose pace is spent comes back when it has some again.
  #takeTurn(): void {
    const waitMs = this.#onlooker?.pace.waitMs ?? 0;
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#takeTurn(), Math.ceil(waitMs)).unref();
      return;
    }
    this.#turns?.add(() => {
      if (this.#canSend) this.#send();
      this.#hasTurn = this.#canSend;
      if (!this.#hasTurn || (this.#onlooker?.pace.waitMs ?? 0) === 0) return this.#hasTurn;
      this.#takeTurn();
      return false;
    });
  }

  /** Sends what the receiver has room for without waiting for a turn. */
  flush(): void {
    while (this.#canSend) this.#send();
  }

  /** Like `flush`, before the receiver is told that this was all: of what it has no room for, the end is sent. */
  finish(): void {
    const room = this.#bounds.highWaterBytes - this.#target.bufferedBytes;
    if (room > 0) this.#nextOffset = Math.max(this.#nextOffset, this.#ring.endOffset - room);
    this.flush();
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  get #canSend(): boolean {
    return (
      !this.#isStopped &&
      this.#nextOffset < this.#ring.endOffset &&
      this.#target.bufferedBytes < this.#bounds.highWaterBytes
    );
  }

  #send(): void {
    const {endOffset} = this.#ring;
    if (this.#onlooker !== undefined && endOffset - this.#nextOffset > this.#onlooker.mostBehindBytes)
      this.#nextOffset = endOffset - this.#onlooker.keptBytes;
    const {offset, bytes} = this.#ring.read(this.#nextOffset, this.#bounds.pieceBytes);
    this.#onlooker?.pace.spend(bytes.length);
    this.#nextOffset = offset + bytes.length;
    this.#turns?.sent(bytes.length);
    this.#target.send(offset, bytes);
  }
}
