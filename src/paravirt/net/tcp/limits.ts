/** What one guest can make its machine's process keep for TCP. */

/** Connections at a time, in any state, half-closed ones and those that are being set up too. */
export const CONNECTIONS_MAX = 1024;
/** Connections of the guest whose host has not answered yet. A guest that scans waits for its own. */
export const CONNECTING_MAX = 256;
/** Bytes of one connection on their way to the host: the window a guest is given. */
export const TO_HOST_BYTES = 1 << 20;
/**
 * Bytes of one connection on their way to the guest, after which its host socket is not read any more. What was read at
 * once is kept whole, so one piece of 64 KiB may come on top.
 */
export const TO_GUEST_BYTES = 1 << 20;
/**
 * Bytes of all connections, both ways. Beyond, windows stay shut and sockets unread; of those that were not yet told, each
 * may bring one piece of 64 KiB more.
 */
export const BUFFERED_BYTES_MAX = 64 << 20;
/** Shift of the windows we offer: TO_HOST_BYTES fits 16 bits with it. */
export const WINDOW_SHIFT = 5;
/** Wait before the first repetition; each further one waits twice as long, up to the second. Units: milliseconds */
export const RETRANSMIT_MS = {first: 1000, longest: 30_000} as const;
/** Repetitions of a segment that opens a connection into the guest, before it counts as not listening: some 15 s. */
export const OPENING_TRIES = 4;

/** Bytes that all connections of a machine keep. */
export class Budget {
  readonly maxBytes: number;
  usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes that may still come. */
  get leftBytes(): number {
    return Math.max(0, this.maxBytes - this.usedBytes);
  }
}
