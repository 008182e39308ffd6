/**
 * Puts IP packets together that arrive in pieces. A guest cannot make it keep much: packets, pieces, bytes and time are
 * bounded, and pieces that overlap lose the packet, as RFC 5722 asks.
 *
 *   add(piece) ─▶ undefined (kept, or dropped) … ─▶ the payload, when the last gap is closed
 */

/** Packets that are incomplete at a time; the oldest goes for a new one. */
export const PACKETS_MAX = 16;
/** Pieces of one packet. */
export const PIECES_MAX = 64;
/** Bytes of a whole payload, which no IP packet can exceed. With the bound above: 1 MiB is kept at most. */
export const PAYLOAD_BYTES_MAX = 65535;
/** A packet that is not complete by then is forgotten. */
const LIFETIME_MS = 30_000;

/** A piece: its place in the payload, and whether another follows. */
export interface Fragment {
  /** Of the packet: addresses, protocol and identification as text. */
  readonly key: string;
  readonly offset: number;
  readonly hasMore: boolean;
  readonly bytes: Uint8Array;
}

interface Partial {
  readonly bornMs: number;
  readonly pieces: {readonly offset: number; readonly bytes: Uint8Array}[];
  heldBytes: number;
  totalBytes: number | undefined;
}

/** See the module. */
export class Reassembler {
  readonly #partials = new Map<string, Partial>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Packets that wait for pieces. */
  get size(): number {
    return this.#partials.size;
  }

  /** Takes a piece (a copy of it) and returns the whole payload when it was the last one missing. */
  add({key, offset, hasMore, bytes}: Fragment): Uint8Array | undefined {
    const partial = this.#find(key);
    const end = offset + bytes.length;
    // Only the last piece may be of a length that 8 does not divide: the next could not say where it begins.
    const isSound = bytes.length > 0 && end <= PAYLOAD_BYTES_MAX && (!hasMore || bytes.length % 8 === 0);
    const fits = isSound && partial.pieces.length < PIECES_MAX && end <= (partial.totalBytes ?? PAYLOAD_BYTES_MAX);
    const isLastTwice = !hasMore && partial.totalBytes !== undefined;
    const overlaps = partial.pieces.some((other) => offset < other.offset + other.bytes.length && other.offset < end);
    const isBeyondEnd = !hasMore && partial.pieces.some((other) => other.offset + other.bytes.length > end);
    if (!fits || isLastTwice || overlaps || isBeyondEnd) {
      this.#partials.delete(key);
      return undefined;
    }
    partial.pieces.push({offset, bytes: bytes.slice()});
    partial.heldBytes += bytes.length;
    if (!hasMore) partial.totalBytes = end;
    // Without overlaps, as many bytes as there are in all means no gap.
    if (partial.heldBytes !== partial.totalBytes) return undefined;
    this.#partials.delete(key);
    const whole = new Uint8Array(partial.totalBytes);
    for (const piece of partial.pieces) whole.set(piece.bytes, piece.offset);
    return whole;
  }

  /** Forgets all. */
  clear(): void {
    this.#partials.clear();
  }

  #find(key: string): Partial {
    const now = this.#nowMs();
    // A Map keeps the order of insertion: the oldest come first.
    for (const [other, {bornMs}] of this.#partials) {
      if (now - bornMs < LIFETIME_MS) break;
      this.#partials.delete(other);
    }
    const known = this.#partials.get(key);
    if (known !== undefined) return known;
    if (this.#partials.size >= PACKETS_MAX) {
      const [oldest] = this.#partials.keys();
      if (oldest !== undefined) this.#partials.delete(oldest);
    }
    const fresh: Partial = {bornMs: now, pieces: [], heldBytes: 0, totalBytes: undefined};
    this.#partials.set(key, fresh);
    return fresh;
  }
}
