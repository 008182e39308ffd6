/** Addition and subtraction. */
import {get, i32, i64, select} from '../codegen/wasm/expression.js';
import {
  asDouble,
  double,
  type Emitter,
  type Format,
  isInfinite,
  magnitude,
  narrow,
  ROUND_DOWN,
  returnIfNan,
  returnInvalid,
  signedZero,
  signOf,
  wide,
} from './format.js';
import {shiftRightJam} from './round.js';

/** Adds `add` and `sub` of a format. */
export function addAddition(emitter: Emitter, form: Format): void {
  const {type} = form;
  const f = emitter.start(`${form.name}Add`, [type, type], type, true);
  const mode = get(f.param(2, 'i32'));
  const left = f.let(wide(get(f.param(0, type))));
  const right = f.let(wide(get(f.param(1, type))));
  returnIfNan(f, form, [left, right]);
  const isOpposite = f.let(i32.xor(signOf(form, left), signOf(form, right)));
  f.if(isInfinite(form, left), () => {
    f.if(i32.and(isInfinite(form, right), isOpposite), () => returnInvalid(f, form));
    f.return(narrow(form, left), i32.const(0));
  });
  f.if(isInfinite(form, right), () => f.return(narrow(form, right), i32.const(0)));

  const isSwapped = f.let(i64.ltU(magnitude(form, left), magnitude(form, right)));
  const sign = f.let(signOf(form, select(isSwapped, right, left)));
  const large = f.let(magnitude(double, asDouble(form, select(isSwapped, right, left))));
  const small = f.let(magnitude(double, asDouble(form, select(isSwapped, left, right))));
  // Leading ones at bit 61 leave room for the carry; 9 bits below keep the jam out of the way of cancellation.
  const parts = [large, small].map((bits) => {
    const field = f.let(i64.shrU(bits, i64.const(52)));
    const isNormal = f.let(i64.ne(field, i64.const(0)));
    const hidden = i64.shl(i64.extendU(isNormal), i64.const(52));
    const fraction = i64.and(bits, i64.const((1n << 52n) - 1n));
    return {
      exponent: f.let(i64.add(field, i64.extendU(i32.eqz(isNormal)))),
      significand: f.let(i64.shl(i64.or(fraction, hidden), i64.const(9))),
    };
  });
  const [a, b] = [parts[0]!, parts[1]!];
  const shifted = f.local('i64');
  f.set(shifted, b.significand);
  const distance = f.let(i64.sub(a.exponent, b.exponent));
  f.if(i32.eqz(i64.eqz(distance)), () => {
    const count = f.let(select(i64.ltU(distance, i64.const(63)), distance, i64.const(63)));
    f.set(shifted, shiftRightJam(b.significand, count));
  });
  const sum = f.let(select(isOpposite, i64.sub(a.significand, get(shifted)), i64.add(a.significand, get(shifted))));
  f.if(i64.eqz(sum), () => {
    f.return(signedZero(form, select(isOpposite, i32.eq(mode, i32.const(ROUND_DOWN)), sign)), i32.const(0));
  });
  const shift = f.let(i64.sub(i64.clz(sum), i64.const(1)));
  const exponent = i32.wrap(i64.sub(i64.add(a.exponent, i64.const(1)), shift));
  f.tailCall(emitter.roundPack[form.name], sign, exponent, i64.shl(sum, shift), mode);

  const subtract = emitter.start(`${form.name}Sub`, [type, type], type, true);
  const negated = i64.xor(wide(get(subtract.param(1, type))), i64.const(1n << BigInt(form.signShift)));
  subtract.tailCall(f, get(subtract.param(0, type)), narrow(form, negated), get(subtract.param(2, 'i32')));
}
