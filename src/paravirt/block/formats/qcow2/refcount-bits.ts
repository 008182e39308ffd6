/** Refcounts of 1 to 64 bits inside a block: big-endian from 8 bits on, the lowest bits first below. */

/** Reads entry `index`. A 64-bit count above 2^53 is rounded. */
export function getRefcount(view: DataView, order: number, index: number): number {
  switch (order) {
    case 3:
      return view.getUint8(index);
    case 4:
      return view.getUint16(index * 2);
    case 5:
      return view.getUint32(index * 4);
    case 6:
      return view.getUint32(index * 8) * 0x1_0000_0000 + view.getUint32(index * 8 + 4);
    default: {
      const perByteLog = 3 - order;
      const shift = (index & ((1 << perByteLog) - 1)) << order;
      return (view.getUint8(index >> perByteLog) >> shift) & ((1 << (1 << order)) - 1);
    }
  }
}

/** Writes entry `index`. The value fits. */
export function setRefcount(view: DataView, order: number, index: number, value: number): void {
  switch (order) {
    case 3:
      view.setUint8(index, value);
      return;
    case 4:
      view.setUint16(index * 2, value);
      return;
    case 5:
      view.setUint32(index * 4, value);
      return;
    case 6:
      view.setUint32(index * 8, Math.floor(value / 0x1_0000_0000));
      view.setUint32(index * 8 + 4, value >>> 0);
      return;
    default: {
      const perByteLog = 3 - order;
      const shift = (index & ((1 << perByteLog) - 1)) << order;
      const mask = ((1 << (1 << order)) - 1) << shift;
      const at = index >> perByteLog;
      view.setUint8(at, (view.getUint8(at) & ~mask) | (value << shift));
    }
  }
}

/** The largest count that fits. */
export function maxRefcount(order: number): number {
  return order >= 6 ? Number.MAX_SAFE_INTEGER : 2 ** (1 << order) - 1;
}

/** Bytes that `count` entries take, rounded up. */
export function refcountBytes(order: number, count: number): number {
  return Math.ceil((count * 2 ** order) / 8);
}
