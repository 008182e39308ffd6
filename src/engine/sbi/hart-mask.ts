import type {SbiCall, SbiHost} from './contract.js';

const ALL_ONES = 0xffff_ffff;

/**
 * Reads the (hart_mask, hart_mask_base) pair in arguments 0 and 1; true when it names only harts that exist.
 * Base all ones means every hart. Bit n of the mask is hart base + n.
 * Source: RISC-V SBI 2.0 §3.1
 */
export function isHartMaskValid(call: SbiCall, host: SbiHost): boolean {
  const base = call.low(1);
  if (call.high(1) !== 0) return isAllHarts(call) || isEmpty(call);
  const highest = call.high(0) !== 0 ? 63 - Math.clz32(call.high(0)) : 31 - Math.clz32(call.low(0));
  return isEmpty(call) || base + highest < host.hartCount;
}

/** True when a valid mask names this hart. Allocates nothing: callers loop over all harts with it. */
export function isInHartMask(call: SbiCall, hart: number): boolean {
  if (isAllHarts(call)) return true;
  const bit = hart - call.low(1);
  if (call.high(1) !== 0 || bit < 0 || bit > 63) return false;
  return bit < 32 ? ((call.low(0) >>> bit) & 1) !== 0 : ((call.high(0) >>> (bit - 32)) & 1) !== 0;
}

function isAllHarts(call: SbiCall): boolean {
  return call.low(1) === ALL_ONES && call.high(1) === ALL_ONES;
}

function isEmpty(call: SbiCall): boolean {
  return call.low(0) === 0 && call.high(0) === 0;
}
