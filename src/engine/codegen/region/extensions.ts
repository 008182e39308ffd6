/** Pairs of shifts that extend a part of a register: one operation of the host instead of two. */
import {immediate} from '../../isa/decoder.js';
import {type I64, i64} from '../wasm/expression.js';
import type {GuestOp} from './graph.js';
import type {RegionIntegers} from './integers.js';

/** What the second of two ops writes, when both only do this together. */
export interface Extension {
  readonly register: number;
  readonly value: I64;
}

/**
 * The value behind `slli rd, rs, n` and `srli rd, rd, m` (or srai with the same n) where the host has one operation for it.
 * The first op's result is nobody's: nothing can leave between the two.
 */
export function extension(
  first: GuestOp,
  second: GuestOp | undefined,
  x: Pick<RegionIntegers, 'x' | 'x32'>,
): Extension | undefined {
  if (first.record.name !== 'slli' || !second) return undefined;
  const register = (first.bits >>> 7) & 31;
  if (register === 0 || ((second.bits >>> 7) & 31) !== register || ((second.bits >>> 15) & 31) !== register)
    return undefined;
  const source = (first.bits >>> 15) & 31;
  const left = immediate('shift', first.bits);
  const right = immediate('shift', second.bits);
  const value = second.record.name === 'srli' ? zeros() : second.record.name === 'srai' ? signs() : undefined;
  return value && {register, value};

  function zeros(): I64 | undefined {
    if (left === 32) {
      const word = i64.extendU(x.x32(source));
      if (right === 32) return word;
      return right < 32 ? i64.shl(word, i64.const(32 - right)) : i64.shrU(word, i64.const(right - 32));
    }
    if (left !== right || left < 48) return undefined;
    return i64.and(x.x(source), i64.const(2 ** (64 - left) - 1));
  }

  function signs(): I64 | undefined {
    if (left !== right) return undefined;
    if (left === 32) return i64.extendS(x.x32(source));
    if (left === 48) return i64.extend16S(x.x(source));
    return left === 56 ? i64.extend8S(x.x(source)) : undefined;
  }
}
