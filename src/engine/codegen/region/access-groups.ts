/**
 * Loads and stores of a block that share a base register: one look at the TLB serves all of them when the whole span of
 * their offsets lies in one page.
 */
import {immediate} from '../../isa/decoder.js';
import type {GuestBlock, GuestOp} from './graph.js';
import {effectsOf} from './registers.js';

/** Accesses through one value of one base register. Units: bytes relative to the base. */
export interface AccessGroup {
  min: number;
  /** End of the last byte. */
  max: number;
  hasStore: boolean;
  size: number;
}

const LOAD = 0x03;
const LOAD_FP = 0x07;
const STORE = 0x23;
const STORE_FP = 0x27;
const SYSTEM = 0x73;
/** A group's span; wider ones cross pages too often. */
const MAX_SPAN = 1024;

/** Width of a load or store, 0 for other ops. */
export function accessBytes({bits}: GuestOp): 0 | 1 | 2 | 4 | 8 {
  switch (bits & 0x7f) {
    case LOAD:
    case LOAD_FP:
    case STORE:
    case STORE_FP:
      return ([1, 2, 4, 8] as const)[(bits >>> 12) & 3]!;
    default:
      return 0;
  }
}

/** True for the stores among the loads and stores. */
export function isStore({bits}: GuestOp): boolean {
  return (bits & 0x20) !== 0;
}

/** The group of each op of a block that is an access; those through x0 and those proven already have none. */
export function groupAccesses({ops, places}: GuestBlock): ReadonlyMap<GuestOp, AccessGroup> {
  const groups = new Map<GuestOp, AccessGroup>();
  const open = new Map<number, AccessGroup>();
  for (const op of ops) {
    const bytes = accessBytes(op);
    const base = (op.bits >>> 15) & 31;
    if (bytes !== 0 && base !== 0 && !places?.has(op)) {
      const offset = immediate(isStore(op) ? 'S' : 'I', op.bits);
      const group = open.get(base);
      const min = Math.min(group?.min ?? offset, offset);
      const max = Math.max(group?.max ?? offset, offset + bytes);
      if (group && max - min <= MAX_SPAN) {
        group.min = min;
        group.max = max;
        group.hasStore ||= isStore(op);
        group.size++;
        groups.set(op, group);
      } else {
        const fresh = {min: offset, max: offset + bytes, hasStore: isStore(op), size: 1};
        open.set(base, fresh);
        groups.set(op, fresh);
      }
    }
    // A CSR may change which addresses mean what.
    if ((op.bits & 0x7f) === SYSTEM) open.clear();
    const {x} = effectsOf(op).writes;
    if (x !== 0) open.delete(31 - Math.clz32(x));
  }
  return groups;
}
