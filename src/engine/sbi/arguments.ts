import type {SbiCall} from './contract.js';

/** Argument `index` as a guest-physical address; above 2^53 it is inexact, and outside RAM in any case. */
export function addressIn(call: SbiCall, index: number): number {
  return call.high(index) * 0x1_0000_0000 + call.low(index);
}

/** Argument `index` with all 64 bits. */
export function bigintIn(call: SbiCall, index: number): bigint {
  return (BigInt(call.high(index)) << 32n) | BigInt(call.low(index));
}
