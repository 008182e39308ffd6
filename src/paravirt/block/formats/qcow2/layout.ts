/**
 * Constants of qcow2 and the shapes of its table entries. All numbers in the file are big-endian.
 *
 * L1 entry     63 copied   9–55 host offset of an L2 table
 * L2 entry     63 copied   62 compressed   9–55 host offset of a cluster   0 reads as zeros (v3)
 * compressed   62 set      x–61 further 512-byte sectors   0–(x-1) host offset of the first byte;  x = 62 - (clusterBits - 8)
 * refcount table entry     9–63 host offset of a refcount block
 *
 * Entries are handled as two 32-bit halves: bit operations on them are exact and allocate nothing.
 * Source: QEMU's docs/interop/qcow2.txt
 */

/** `QFI\xfb`. */
export const MAGIC = 0x514649fb;

/** Bits of the upper half of an entry. */
export const COPIED = 0x8000_0000;
/** See `COPIED`. */
export const COMPRESSED = 0x4000_0000;
/** Bit of the lower half of an L2 entry, v3. */
export const ZERO = 1;
/**
 * Set in memory on an entry that cannot be right, in place of what it was. Bit 61 is reserved in standard entries and
 * never written by us.
 */
export const CORRUPT = 0x2000_0000;

/** Host offsets are whole clusters below this. 2^53 is beyond every file system, and exact. */
export const OFFSET_MAX = 2 ** 53;

/** Incompatible features. */
export const INCOMPATIBLE = {DIRTY: 1, CORRUPT: 2, DATA_FILE: 4, COMPRESSION: 8, EXTENDED_L2: 16} as const;

/** Header extensions that we read; the last is our own. */
export const EXTENSION = {END: 0, BACKING_FORMAT: 0xe2792aca, LOOSE_CLUSTERS: 0x7669_766c} as const;

/** Bounds on what an image may make us hold. Those of QEMU, so that what it opens we open. */
export const LIMITS = {
  clusterBitsMin: 9,
  clusterBitsMax: 21,
  refcountOrderMax: 6,
  l1Bytes: 32 << 20,
  refcountTableBytes: 8 << 20,
  snapshots: 65_536,
  snapshotTableBytes: 16 << 20,
  /** Of all snapshots together. */
  snapshotL1Bytes: 32 << 20,
  backingPathBytes: 1023,
  extensions: 64,
} as const;

/** Reads a 64-bit number. Above 2^53 it is rounded, and larger than every bound that it is compared with. */
export function u64(view: DataView, at: number): number {
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}

/** Writes a 64-bit number below 2^53. */
export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 0x1_0000_0000));
  view.setUint32(at + 4, value >>> 0);
}

/** The host offset in a standard entry. */
export function hostOffset(high: number, low: number): number {
  return (high & 0x00ff_ffff) * 0x1_0000_0000 + ((low & 0xffff_fe00) >>> 0);
}
