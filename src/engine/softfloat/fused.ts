/** Fused multiply-add: a × b + c with one rounding, on 128-bit sums. */
import {get, type I64, i32, i64, type Local, select} from '../codegen/wasm/expression.js';
import type {FunctionBuilder} from '../codegen/wasm/function.js';
import {
  any,
  asDouble,
  double,
  type Emitter,
  type Format,
  isInfinite,
  isZero,
  narrow,
  ROUND_DOWN,
  returnIfNan,
  returnInvalid,
  signedInfinity,
  signedZero,
  signOf,
  unpack,
  wide,
} from './format.js';
import {multiplyWide} from './multiply.js';

interface Wide {
  readonly high: Local<'i64'>;
  readonly low: Local<'i64'>;
}

/** Shifts a 128-bit value right by `count` ≥ 1 places, jamming what is lost into the lowest bit. */
function shiftWideRightJam(f: FunctionBuilder, value: Wide, count: I64): void {
  const high = get(value.high);
  const low = get(value.low);
  const sticky = (lost: I64) => i64.extendU(i64.ne(lost, i64.const(0)));
  f.if(
    i64.ltU(count, i64.const(64)),
    () => {
      const back = f.let(i64.sub(i64.const(0), count));
      const kept = i64.or(i64.shrU(low, count), i64.shl(high, back));
      f.set(value.low, i64.or(kept, sticky(i64.shl(low, back))));
      f.set(value.high, i64.shrU(high, count));
    },
    () => {
      // From 64 on the low half is sticky only; at 127 and beyond (leading one at most at bit 126) all of it is.
      const rest = f.let(select(i64.ltU(count, i64.const(127)), i64.sub(count, i64.const(64)), i64.const(63)));
      const gone = i64.shl(i64.shl(high, i64.sub(i64.const(63), rest)), i64.const(1));
      f.set(value.low, i64.or(i64.shrU(high, rest), sticky(i64.or(low, gone))));
      f.set(value.high, i64.const(0));
    },
  );
}

/** Adds `mulAdd` of a format. */
export function addFused(emitter: Emitter, form: Format): void {
  const {type} = form;
  const f = emitter.start(`${form.name}MulAdd`, [type, type, type], type, true);
  const mode = get(f.param(3, 'i32'));
  const left = f.let(wide(get(f.param(0, type))));
  const right = f.let(wide(get(f.param(1, type))));
  const addend = f.let(wide(get(f.param(2, type))));
  // Infinity times zero is invalid even when the addend is a quiet NaN.
  const isUndefined = f.let(
    any(i32.and(isInfinite(form, left), isZero(form, right)), i32.and(isZero(form, left), isInfinite(form, right))),
  );
  returnIfNan(f, form, [left, right, addend], isUndefined);
  f.if(isUndefined, () => returnInvalid(f, form), undefined, 'unlikely');
  const sign = f.let(i32.xor(signOf(form, left), signOf(form, right)));
  const addendSign = f.let(signOf(form, addend));
  const isOpposite = f.let(i32.xor(sign, addendSign));
  f.if(any(isInfinite(form, left), isInfinite(form, right)), () => {
    f.if(i32.and(isInfinite(form, addend), isOpposite), () => returnInvalid(f, form));
    f.return(signedInfinity(form, sign), i32.const(0));
  });
  f.if(isInfinite(form, addend), () => f.return(narrow(form, addend), i32.const(0)));
  const cancelledSign = i32.eq(mode, i32.const(ROUND_DOWN));
  f.if(any(isZero(form, left), isZero(form, right)), () => {
    f.if(isZero(form, addend), () => {
      f.return(signedZero(form, select(isOpposite, cancelledSign, sign)), i32.const(0));
    });
    f.return(narrow(form, addend), i32.const(0));
  });

  const a = unpack(f, f.let(asDouble(form, left)), form);
  const b = unpack(f, f.let(asDouble(form, right)), form);
  const product = multiplyWide(
    f,
    f.let(i64.shl(a.significand, i64.const(10))),
    f.let(i64.shl(b.significand, i64.const(10))),
  );
  // Bit 124 stands for 2^exponent in both terms: the product leads at 124 or 125, the addend at 124.
  const exponent = f.local('i32');
  const p: Wide = {high: f.local('i64'), low: f.local('i64')};
  const c: Wide = {high: f.local('i64'), low: f.local('i64')};
  const resultSign = f.local('i32');
  f.set(exponent, i32.sub(i32.add(a.exponent, b.exponent), i32.const(double.bias)));
  f.set(p.high, product.high);
  f.set(p.low, product.low);
  f.set(resultSign, sign);
  f.if(i32.eqz(isZero(form, addend)), () => {
    const term = unpack(f, f.let(asDouble(form, addend)), form);
    f.set(c.high, i64.shl(term.significand, i64.const(8)));
    f.set(c.low, i64.const(0));
    const distance = f.let(i32.sub(get(exponent), term.exponent));
    f.if(
      i32.gtS(distance, i32.const(0)),
      () => shiftWideRightJam(f, c, f.let(i64.extendU(distance))),
      () => {
        f.if(distance, () => {
          shiftWideRightJam(f, p, f.let(i64.extendU(i32.sub(i32.const(0), distance))));
          f.set(exponent, term.exponent);
        });
      },
    );
    f.if(
      isOpposite,
      () => {
        const difference = {high: f.local('i64'), low: f.local('i64')};
        f.set(difference.low, i64.sub(get(p.low), get(c.low)));
        f.set(
          difference.high,
          i64.sub(i64.sub(get(p.high), get(c.high)), i64.extendU(i64.ltU(get(p.low), get(c.low)))),
        );
        f.if(i64.ltS(get(difference.high), i64.const(0)), () => {
          f.set(resultSign, addendSign);
          f.set(difference.low, i64.sub(i64.const(0), get(difference.low)));
          // The borrow out of the low half: it was not zero exactly when its negation is not.
          const borrow = i64.extendU(i64.ne(get(difference.low), i64.const(0)));
          f.set(difference.high, i64.sub(i64.sub(i64.const(0), get(difference.high)), borrow));
        });
        f.if(i64.eqz(i64.or(get(difference.high), get(difference.low))), () => {
          f.return(signedZero(form, cancelledSign), i32.const(0));
        });
        f.set(p.high, get(difference.high));
        f.set(p.low, get(difference.low));
      },
      () => {
        f.set(p.low, i64.add(get(p.low), get(c.low)));
        const carry = i64.extendU(i64.ltU(get(p.low), get(c.low)));
        f.set(p.high, i64.add(i64.add(get(p.high), get(c.high)), carry));
      },
    );
  });
  // Brings the leading one to bit 126 (62 of the high half); after a deep cancellation it starts in the low half.
  f.if(i64.eqz(get(p.high)), () => {
    f.set(p.high, i64.shrU(get(p.low), i64.const(1)));
    f.set(p.low, i64.shl(get(p.low), i64.const(63)));
    f.set(exponent, i32.sub(get(exponent), i32.const(63)));
    f.if(i64.eqz(get(p.high)), () => {
      f.set(p.high, i64.shrU(get(p.low), i64.const(1)));
      f.set(p.low, i64.const(0));
      f.set(exponent, i32.sub(get(exponent), i32.const(63)));
    });
  });
  const shift = f.let(i64.sub(i64.clz(get(p.high)), i64.const(1)));
  const carried = i64.shrU(i64.shrU(get(p.low), i64.sub(i64.const(63), shift)), i64.const(1));
  const lost = i64.ne(i64.shl(get(p.low), shift), i64.const(0));
  const significand = i64.or(i64.or(i64.shl(get(p.high), shift), carried), i64.extendU(lost));
  const finalExponent = i32.add(get(exponent), i32.sub(i32.const(2), i32.wrap(shift)));
  f.tailCall(emitter.roundPack[form.name], get(resultSign), finalExponent, significand, mode);
}
