/** Multiplication, and the 64 × 64 → 128 bit product it shares with fused multiply-add. */
import {get, type I64, i32, i64} from '../codegen/wasm/expression.js';
import type {FunctionBuilder} from '../codegen/wasm/function.js';
import {
  any,
  asDouble,
  double,
  type Emitter,
  type Format,
  isInfinite,
  isZero,
  returnIfNan,
  returnInvalid,
  signedInfinity,
  signedZero,
  signOf,
  unpack,
  wide,
} from './format.js';

/** The 128-bit product of two unsigned values that are cheap to evaluate again. */
export function multiplyWide(f: FunctionBuilder, a: I64, b: I64): {high: I64; low: I64} {
  const lowHalf = (value: I64) => i64.and(value, i64.const(0xffffffffn));
  const highHalf = (value: I64) => i64.shrU(value, i64.const(32));
  const aLow = f.let(lowHalf(a));
  const aHigh = f.let(highHalf(a));
  const bLow = f.let(lowHalf(b));
  const bHigh = f.let(highHalf(b));
  const bottom = f.let(i64.mul(aLow, bLow));
  // Neither sum overflows: (2^32 - 1)^2 + 2^32 - 1 < 2^64.
  const middle = f.let(i64.add(i64.mul(aHigh, bLow), highHalf(bottom)));
  const other = f.let(i64.add(i64.mul(aLow, bHigh), lowHalf(middle)));
  return {
    high: f.let(i64.add(i64.add(i64.mul(aHigh, bHigh), highHalf(middle)), highHalf(other))),
    low: f.let(i64.or(i64.shl(other, i64.const(32)), lowHalf(bottom))),
  };
}

/** Adds `mul` of a format. */
export function addMultiplication(emitter: Emitter, form: Format): void {
  const {type} = form;
  const f = emitter.start(`${form.name}Mul`, [type, type], type, true);
  const left = f.let(wide(get(f.param(0, type))));
  const right = f.let(wide(get(f.param(1, type))));
  returnIfNan(f, form, [left, right]);
  const sign = f.let(i32.xor(signOf(form, left), signOf(form, right)));
  const hasZero = f.let(any(isZero(form, left), isZero(form, right)));
  f.if(any(isInfinite(form, left), isInfinite(form, right)), () => {
    f.if(hasZero, () => returnInvalid(f, form));
    f.return(signedInfinity(form, sign), i32.const(0));
  });
  f.if(hasZero, () => f.return(signedZero(form, sign), i32.const(0)));
  const a = unpack(f, f.let(asDouble(form, left)), form);
  const b = unpack(f, f.let(asDouble(form, right)), form);
  // Leading ones at 62 and 63 put the product's at bit 125 or 126, that is 61 or 62 of its high half.
  const {high, low} = multiplyWide(
    f,
    f.let(i64.shl(a.significand, i64.const(10))),
    f.let(i64.shl(b.significand, i64.const(11))),
  );
  const product = f.let(i64.or(high, i64.extendU(i64.ne(low, i64.const(0)))));
  const isShort = f.let(i64.eqz(i64.shrU(product, i64.const(62))));
  const exponent = i32.sub(i32.add(a.exponent, b.exponent), i32.add(i32.const(double.bias - 1), isShort));
  const significand = i64.shl(product, i64.extendU(isShort));
  f.tailCall(emitter.roundPack[form.name], sign, exponent, significand, get(f.param(2, 'i32')));
}
