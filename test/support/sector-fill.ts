import {SECTOR_BYTES} from '../../src/paravirt/block/contract.js';

/** Sectors each filled with their value. */
export function fillSectors(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries())
    for (let at = 0; at < SECTOR_BYTES; at += 4) view.setUint32(index * SECTOR_BYTES + at, value);
  return bytes;
}
