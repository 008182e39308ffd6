/** Lists of buffers as one stretch of bytes. */

/** The bytes of all buffers together. */
export function totalBytes(buffers: readonly Uint8Array[]): number {
  if (buffers.length === 1) return buffers[0]!.length;
  let total = 0;
  for (const buffer of buffers) total += buffer.length;
  return total;
}

/** Views of `length` bytes from `start` on; the list itself when that is all of it. */
export function sliceBuffers(buffers: readonly Uint8Array[], start: number, length: number): readonly Uint8Array[] {
  if (start === 0 && totalBytes(buffers) === length) return buffers;
  const parts: Uint8Array[] = [];
  let skip = start;
  let left = length;
  for (const buffer of buffers) {
    if (left === 0) break;
    if (skip >= buffer.length) {
      skip -= buffer.length;
      continue;
    }
    const part = buffer.subarray(skip, skip + left);
    skip = 0;
    left -= part.length;
    parts.push(part);
  }
  return parts;
}

/** Fills all buffers with zeros. */
export function clearBuffers(buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

/** Copies into the buffers, in order, from the beginning of `source` on. */
export function fillBuffers(buffers: readonly Uint8Array[], source: Uint8Array): void {
  let at = 0;
  for (const buffer of buffers) {
    buffer.set(source.subarray(at, at + buffer.length));
    at += buffer.length;
  }
}

/** True when every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  // The native search beats any loop of ours.
  return (
    bytes.length === 0 ||
    (bytes[0] === 0 && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1).equals(bytes.subarray(1)))
  );
}
