/**
 * Division and square root. The host's correctly rounded double operation gives the leading 53 bits; the sign of the
 * exact integer remainder says on which side of them the true value lies. Nothing more is needed: a quotient or root
 * of 53-bit numbers is never half-way between two of them, and rounding to fewer bits only asks for that side.
 */
import {f64, get, type I32, type I64, i32, i64} from '../codegen/wasm/expression.js';
import type {FunctionBuilder} from '../codegen/wasm/function.js';
import {
  asDouble,
  DIVIDE_BY_ZERO,
  double,
  type Emitter,
  type Format,
  isInfinite,
  isZero,
  narrow,
  returnIfNan,
  returnInvalid,
  signedInfinity,
  signedZero,
  signOf,
  unpack,
  wide,
} from './format.js';

const HIDDEN = 1n << 52n;
const FRACTION = HIDDEN - 1n;

/** The double significand × 2^-52, in [1, 2). */
function inUnit(significand: I64) {
  return f64.reinterpret(i64.or(i64.and(significand, i64.const(FRACTION)), i64.const(BigInt(double.bias) << 52n)));
}

/** Sign of a remainder: -1, 0 or 1. */
function side(remainder: I64): I64 {
  return i64.extendS(i32.sub(i64.gtS(remainder, i64.const(0)), i64.ltS(remainder, i64.const(0))));
}

/**
 * Ends the function by rounding `estimate` (53 bits) plus an infinitesimal of the remainder's sign. An estimate that is
 * a power of two with a value just below it loses its leading bit; the shift restores it.
 */
function finish(
  emitter: Emitter,
  form: Format,
  f: FunctionBuilder,
  sign: I32,
  exponent: I32,
  estimate: I64,
  remainder: I64,
  mode: I32,
): void {
  const value = f.let(i64.add(i64.shl(estimate, i64.const(10)), side(f.let(remainder))));
  const isShort = f.let(i64.eqz(i64.shrU(value, i64.const(62))));
  const significand = i64.shl(value, i64.extendU(isShort));
  f.tailCall(emitter.roundPack[form.name], sign, i32.sub(exponent, isShort), significand, mode);
}

/** Adds `div` of a format. */
export function addDivision(emitter: Emitter, form: Format): void {
  const {type} = form;
  const f = emitter.start(`${form.name}Div`, [type, type], type, true);
  const left = f.let(wide(get(f.param(0, type))));
  const right = f.let(wide(get(f.param(1, type))));
  returnIfNan(f, form, [left, right]);
  const sign = f.let(i32.xor(signOf(form, left), signOf(form, right)));
  f.if(isInfinite(form, left), () => {
    f.if(isInfinite(form, right), () => returnInvalid(f, form));
    f.return(signedInfinity(form, sign), i32.const(0));
  });
  f.if(isInfinite(form, right), () => f.return(signedZero(form, sign), i32.const(0)));
  f.if(isZero(form, left), () => {
    f.if(isZero(form, right), () => returnInvalid(f, form));
    f.return(signedZero(form, sign), i32.const(0));
  });
  f.if(isZero(form, right), () => f.return(signedInfinity(form, sign), i32.const(DIVIDE_BY_ZERO)));
  const a = unpack(f, f.let(asDouble(form, left)), form);
  const b = unpack(f, f.let(asDouble(form, right)), form);
  const quotient = f.let(i64.reinterpret(f64.div(inUnit(a.significand), inUnit(b.significand))));
  // 0 when the quotient is in [1, 2), 1 when it is in (1/2, 1).
  const isBelowOne = f.let(i64.ltU(quotient, i64.const(BigInt(double.bias) << 52n)));
  const estimate = f.let(i64.or(i64.and(quotient, i64.const(FRACTION)), i64.const(HIDDEN)));
  // a × 2^52 (or 2^53) minus estimate × b is below 2^53 in size, so 64-bit wrap-around arithmetic gives it exactly.
  const scale = i64.add(i64.const(52), i64.extendU(isBelowOne));
  const remainder = i64.sub(i64.shl(a.significand, scale), i64.mul(estimate, b.significand));
  const exponent = i32.sub(i32.add(i32.sub(a.exponent, b.exponent), i32.const(double.bias)), isBelowOne);
  finish(emitter, form, f, sign, exponent, estimate, remainder, get(f.param(2, 'i32')));
}

/** Adds `sqrt` of a format. */
export function addSquareRoot(emitter: Emitter, form: Format): void {
  const {type} = form;
  const f = emitter.start(`${form.name}Sqrt`, [type], type, true);
  const operand = f.let(wide(get(f.param(0, type))));
  returnIfNan(f, form, [operand]);
  f.if(isZero(form, operand), () => f.return(narrow(form, operand), i32.const(0)));
  f.if(signOf(form, operand), () => returnInvalid(f, form));
  f.if(isInfinite(form, operand), () => f.return(narrow(form, operand), i32.const(0)));
  const a = unpack(f, f.let(asDouble(form, operand)), form);
  // The exponent is halved; its odd bit goes into the significand, which is then in [1, 4).
  const unbiased = f.let(i32.sub(a.exponent, i32.const(double.bias)));
  const isOdd = f.let(i32.and(unbiased, i32.const(1)));
  const scaled = f64.reinterpret(
    i64.add(i64.reinterpret(inUnit(a.significand)), i64.shl(i64.extendU(isOdd), i64.const(52))),
  );
  const root = f.let(i64.reinterpret(f64.sqrt(scaled)));
  const estimate = f.let(i64.or(i64.and(root, i64.const(FRACTION)), i64.const(HIDDEN)));
  // Below 2^54 in size: exact in wrap-around arithmetic, as for division. The root of a value below 4 stays below 2.
  const scale = i64.add(i64.const(52), i64.extendU(isOdd));
  const remainder = i64.sub(i64.shl(a.significand, scale), i64.mul(estimate, estimate));
  const exponent = i32.add(i32.shrS(unbiased, i32.const(1)), i32.const(double.bias));
  finish(emitter, form, f, i32.const(0), exponent, estimate, remainder, get(f.param(1, 'i32')));
}
