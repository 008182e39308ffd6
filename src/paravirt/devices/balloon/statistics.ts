/** What a guest tells of its memory. Source: virtio 1.2 §5.5.6.4 */

/** A statistic: tag u16, value u64. */
const ENTRY_BYTES = 10;
/** Most bytes that are looked at; Linux has 16 entries. */
export const STATISTICS_BYTES_MAX = 64 * ENTRY_BYTES;
const TAG = {FREE: 4, TOTAL: 5, AVAILABLE: 6, CACHES: 7} as const;

/** What was told; what was not is missing. Units: bytes. `available` is what programs could get without swapping */
export interface GuestStatistics {
  readonly freeBytes?: number;
  readonly totalBytes?: number;
  readonly availableBytes?: number;
  readonly cacheBytes?: number;
}

/** Reads what the driver sent. Tags that are unknown, and values that are no sizes, are left out. */
export function readStatistics(bytes: Uint8Array<ArrayBuffer>): GuestStatistics {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Map<number, number>();
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const value = Number(view.getBigUint64(at + 2, true));
    if (Number.isSafeInteger(value)) values.set(view.getUint16(at, true), value);
  }
  const pick = (tag: number, name: keyof GuestStatistics) => {
    const value = values.get(tag);
    return value === undefined ? {} : {[name]: value};
  };
  return {
    ...pick(TAG.FREE, 'freeBytes'),
    ...pick(TAG.TOTAL, 'totalBytes'),
    ...pick(TAG.AVAILABLE, 'availableBytes'),
    ...pick(TAG.CACHES, 'cacheBytes'),
  };
}
