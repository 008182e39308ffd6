/**
 * What the exact functions know about the two formats, and the tests and constants they share.
 *
 * All of them work on doubles inside: a single is widened first (exactly; every single is a normal double or zero), so
 * one piece of code serves both formats and only the final rounding differs. A bit pattern of either format travels as
 * an i64 (`wide`), zero-extended for singles, and becomes the format's own integer type on return.
 */
import {type Expr, f32, f64, get, type I32, type I64, i32, i64} from '../codegen/wasm/expression.js';
import type {FunctionBuilder, FunctionRef} from '../codegen/wasm/function.js';

/**
 * fflags NX; UF is the next bit and only ever raised together with it.
 * Source: RISC-V Unprivileged ISA, chapter "F", §"Floating-Point Control and Status Register"
 */
export const INEXACT = 1;
/** fflags OF. */
export const OVERFLOW = 4;
/** fflags DZ. */
export const DIVIDE_BY_ZERO = 8;
/** fflags NV. */
export const INVALID = 16;

/** Rounding mode towards minus infinity: the only one in which an exact cancellation gives -0. */
export const ROUND_DOWN = 2;

/** One binary interchange format. */
export interface Format {
  readonly name: 'f32' | 'f64';
  /** The integer type its bit patterns have as parameters and results. */
  readonly type: 'i32' | 'i64';
  readonly fractionBits: number;
  /** The exponent field of infinities and NaNs. */
  readonly exponentMax: number;
  readonly bias: number;
  readonly signShift: number;
  readonly infinity: bigint;
  readonly quietBit: bigint;
}

const format = (name: 'f32' | 'f64', fractionBits: number, exponentBits: number): Format => {
  const exponentMax = 2 ** exponentBits - 1;
  return {
    name,
    type: name === 'f32' ? 'i32' : 'i64',
    fractionBits,
    exponentMax,
    bias: (exponentMax - 1) / 2,
    signShift: fractionBits + exponentBits,
    infinity: BigInt(exponentMax) << BigInt(fractionBits),
    quietBit: 1n << BigInt(fractionBits - 1),
  };
};

/** binary32. */
export const single = format('f32', 23, 8);
/** binary64. */
export const double = format('f64', 52, 11);

/** What every group of operations needs to emit itself. */
export interface Emitter {
  /** Rounds and packs: see `addRoundPack`. */
  readonly roundPack: Readonly<Record<Format['name'], FunctionRef>>;
  /** Starts an exported-by-name operation: operands as given, rounding mode appended, result and flags returned. */
  start(
    name: string,
    operands: readonly ('i32' | 'i64')[],
    result: 'i32' | 'i64',
    takesRounding: boolean,
  ): FunctionBuilder;
}

/** A bit pattern as an i64. */
export function wide(bits: Expr<'i32' | 'i64'>): I64 {
  return isI32(bits) ? i64.extendU(bits) : {type: 'i64', code: bits.code};
}

/** Narrows an integer expression to an i32 one. */
export function isI32(value: Expr<'i32' | 'i64'>): value is I32 {
  return value.type === 'i32';
}

/** An i64 bit pattern in the type that the format's functions return. */
export function narrow(form: Format, bits: I64): I32 | I64 {
  return form.type === 'i32' ? i32.wrap(bits) : bits;
}

/** The bits of the double with the same value; not for NaNs. */
export function asDouble(form: Format, bits: I64): I64 {
  return form.name === 'f64' ? bits : i64.reinterpret(f64.promote(f32.reinterpret(i32.wrap(bits))));
}

/** The pattern without its sign. */
export function magnitude(form: Format, bits: I64): I64 {
  return i64.and(bits, i64.const((1n << BigInt(form.signShift)) - 1n));
}

/** The sign bit as 0 or 1. */
export function signOf(form: Format, bits: I64): I32 {
  return i32.wrap(i64.and(i64.shrU(bits, i64.const(form.signShift)), i64.const(1)));
}

/** 1 for a NaN of either kind. */
export function isNan(form: Format, bits: I64): I32 {
  return i64.gtU(magnitude(form, bits), i64.const(form.infinity));
}

/** 1 for an infinity of either sign. */
export function isInfinite(form: Format, bits: I64): I32 {
  return i64.eq(magnitude(form, bits), i64.const(form.infinity));
}

/** 1 for a zero of either sign. */
export function isZero(form: Format, bits: I64): I32 {
  return i64.eqz(magnitude(form, bits));
}

/** 1 for a signalling NaN: the top fraction bit is clear. */
export function isSignalling(form: Format, bits: I64): I32 {
  return i32.and(isNan(form, bits), i64.eqz(i64.and(bits, i64.const(form.quietBit))));
}

/** `magnitudeBits` with a sign of 0 or 1, in the format's return type. */
export function withSign(form: Format, sign: I32, magnitudeBits: I64): I32 | I64 {
  return narrow(form, i64.or(i64.shl(i64.extendU(sign), i64.const(form.signShift)), magnitudeBits));
}

/** Infinity with a sign of 0 or 1. */
export function signedInfinity(form: Format, sign: I32): I32 | I64 {
  return withSign(form, sign, i64.const(form.infinity));
}

/** Zero with a sign of 0 or 1. */
export function signedZero(form: Format, sign: I32): I32 | I64 {
  return withSign(form, sign, i64.const(0));
}

/** The one NaN that operations return. */
export function canonicalNan(form: Format): I32 | I64 {
  return narrow(form, i64.const(form.infinity | form.quietBit));
}

/** Returns the canonical NaN and the invalid flag. */
export function returnInvalid(f: FunctionBuilder, form: Format): void {
  f.return(canonicalNan(form), i32.const(INVALID));
}

/** `condition ? INVALID : 0`; the condition must be exactly 0 or 1. */
export function invalidWhen(condition: I32): I32 {
  return i32.shl(condition, i32.const(4));
}

/** Or of one or more conditions. */
export function any(first: I32, ...rest: readonly I32[]): I32 {
  return rest.reduce((whole, part) => i32.or(whole, part), first);
}

/** Returns the canonical NaN when an operand is a NaN; invalid when one is signalling or `isInvalid` holds besides. */
export function returnIfNan(f: FunctionBuilder, form: Format, operands: readonly I64[], isInvalid?: I32): void {
  const [first, ...rest] = operands.map((bits) => isNan(form, bits));
  f.if(
    any(first!, ...rest),
    () => {
      const [signalling, ...others] = operands.map((bits) => isSignalling(form, bits));
      const invalid = any(signalling!, ...others, ...(isInvalid ? [isInvalid] : []));
      f.return(canonicalNan(form), invalidWhen(invalid));
    },
    undefined,
    'unlikely',
  );
}

/** Biased exponent and significand (leading one at bit 52) of the bits of a double that is finite and not zero. */
export function unpack(f: FunctionBuilder, bits: I64, form: Format): {exponent: I32; significand: I64} {
  const fraction = i64.and(bits, i64.const((1n << 52n) - 1n));
  const field = f.let(i32.and(i32.wrap(i64.shrU(bits, i64.const(52))), i32.const(0x7ff)));
  if (form.name === 'f32') return {exponent: field, significand: f.let(i64.or(fraction, i64.const(1n << 52n)))};
  const exponent = f.local('i32');
  const significand = f.local('i64');
  f.set(exponent, field);
  f.set(significand, fraction);
  const value = get(significand);
  f.if(
    field,
    () => f.set(significand, i64.or(value, i64.const(1n << 52n))),
    () => {
      const shift = f.let(i64.sub(i64.clz(value), i64.const(11)));
      f.set(significand, i64.shl(value, shift));
      f.set(exponent, i32.sub(i32.const(1), i32.wrap(shift)));
    },
    'likely',
  );
  return {exponent: get(exponent), significand: value};
}
