/**
 * Reads one descriptor out of guest RAM. The guest may change it at any time, so each field is read exactly once and
 * whoever needs it later keeps the copy.
 */
import type {GuestMemory} from '../../engine/contract.js';
import {DESCRIPTOR_BYTES} from './layout.js';

/**
 * A descriptor's fields; one object is reused for a whole walk, so nothing is allocated per descriptor.
 * Units: address is guest-physical bytes, exact below 2^53 and certainly outside RAM above
 */
export class Descriptor {
  address = 0;
  length = 0;
  flags = 0;
  next = 0;

  /** Loads entry `index` of the table at `table`. The caller has checked that the whole table is RAM. */
  load(memory: GuestMemory, table: number, index: number): void {
    const offset = table - memory.baseAddress + index * DESCRIPTOR_BYTES;
    this.address = memory.view.getUint32(offset + 4, true) * 0x1_0000_0000 + memory.view.getUint32(offset, true);
    this.length = memory.view.getUint32(offset + 8, true);
    this.flags = memory.view.getUint16(offset + 12, true);
    this.next = memory.view.getUint16(offset + 14, true);
  }
}
