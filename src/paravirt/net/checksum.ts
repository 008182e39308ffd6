/**
 * The Internet checksum: the ones' complement of the sum of 16-bit big-endian words.
 * Source: RFC 1071
 */

/**
 * Adds `bytes` from `start` to `end` to a sum that is not folded yet. An odd last byte counts as the high half of a word.
 * Cannot overflow: frames hold at most 2^16 bytes, so a sum stays far below 2^53.
 */
export function addBytes(sum: number, bytes: Uint8Array, start: number, end: number): number {
  let total = sum;
  let at = start;
  for (; at + 1 < end; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < end) total += bytes[at]! << 8;
  return total;
}

/** Adds pieces that lie one behind the other in a packet, whatever their lengths. */
export function addPieces(sum: number, pieces: readonly Uint8Array[]): number {
  let total = sum;
  let isOdd = false;
  for (const piece of pieces) {
    const own = fold(addBytes(0, piece, 0, piece.length));
    // A piece that begins in the middle of a word has its halves swapped.
    total += isOdd ? ((own & 0xff) << 8) | (own >> 8) : own;
    if (piece.length % 2 === 1) isOdd = !isOdd;
  }
  return total;
}

/** Brings a sum down to 16 bits. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

/** The checksum of a sum; of a packet that holds its own, 0 when it is right. */
export const finish = (sum: number): number => ~fold(sum) & 0xffff;
