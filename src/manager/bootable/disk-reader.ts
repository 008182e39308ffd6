/** Reading a few bytes of a disk that a guest wrote. */

/**
 * Bytes of a disk, all of them there: what reaches beyond its end is `undefined`.
 * Units: bytes
 */
export type DiskReader = (offset: number, length: number) => Promise<Uint8Array | undefined>;

/** Little-endian numbers of what was read. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
