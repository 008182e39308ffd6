/**
 * Conversions between the formats and to and from integers.
 * Source: RISC-V Unprivileged ISA, chapter "F", table "Domains of float-to-integer conversions and behavior for
 * invalid inputs"
 */
import {f32, f64, get, type I64, i32, i64, select} from '../codegen/wasm/expression.js';
import {
  asDouble,
  canonicalNan,
  double,
  type Emitter,
  type Format,
  INEXACT,
  INVALID,
  invalidWhen,
  isI32,
  isInfinite,
  isNan,
  isSignalling,
  isZero,
  narrow,
  signedInfinity,
  signedZero,
  signOf,
  single,
  wide,
} from './format.js';

interface IntegerType {
  readonly name: 'I32' | 'U32' | 'I64' | 'U64';
  readonly type: 'i32' | 'i64';
  readonly isSigned: boolean;
  readonly bits: bigint;
}

const integerTypes: readonly IntegerType[] = [
  {name: 'I32', type: 'i32', isSigned: true, bits: 32n},
  {name: 'U32', type: 'i32', isSigned: false, bits: 32n},
  {name: 'I64', type: 'i64', isSigned: true, bits: 64n},
  {name: 'U64', type: 'i64', isSigned: false, bits: 64n},
];

/** Adds the conversions of a format from and to all integer types. */
export function addIntegerConversions(emitter: Emitter, form: Format): void {
  for (const integer of integerTypes) {
    addFromInteger(emitter, form, integer);
    addToInteger(emitter, form, integer);
  }
}

function addFromInteger(emitter: Emitter, form: Format, integer: IntegerType): void {
  const f = emitter.start(`${form.name}From${integer.name}`, [integer.type], form.type, true);
  const raw = get(f.param(0, integer.type));
  const source = isI32(raw) && integer.isSigned ? i64.extendS(raw) : wide(raw);
  const operand = f.let(source);
  f.if(i64.eqz(operand), () => f.return(narrow(form, i64.const(0)), i32.const(0)));
  const sign = f.let(integer.isSigned ? i64.ltS(operand, i64.const(0)) : i32.const(0));
  const size = f.let(integer.isSigned ? select(sign, i64.sub(i64.const(0), operand), operand) : operand);
  const zeros = f.let(i64.clz(size));
  // 2^63 and more already use bit 63: one place to the right, jamming; everything else to the left.
  const significand = select(
    i64.eqz(zeros),
    i64.or(i64.shrU(size, i64.const(1)), i64.and(size, i64.const(1))),
    i64.shl(size, i64.sub(zeros, i64.const(1))),
  );
  const exponent = i32.sub(i32.const(double.bias + 63), i32.wrap(zeros));
  f.tailCall(emitter.roundPack[form.name], sign, exponent, significand, get(f.param(1, 'i32')));
}

function addToInteger(emitter: Emitter, form: Format, integer: IntegerType): void {
  const f = emitter.start(`${form.name}To${integer.name}`, [form.type], integer.type, true);
  const mode = get(f.param(1, 'i32'));
  const result = (value: I64) => (integer.type === 'i32' ? i32.wrap(value) : value);
  const largest = integer.isSigned ? (1n << (integer.bits - 1n)) - 1n : (1n << integer.bits) - 1n;
  const smallestSize = integer.isSigned ? 1n << (integer.bits - 1n) : 0n;
  const bits = f.let(wide(get(f.param(0, form.type))));
  f.if(isNan(form, bits), () => f.return(result(i64.const(largest)), i32.const(INVALID)));
  const operand = f.let(asDouble(form, bits));
  const sign = f.let(signOf(double, operand));
  const saturate = () =>
    f.return(
      result(select(sign, i64.sub(i64.const(0), i64.const(smallestSize)), i64.const(largest))),
      i32.const(INVALID),
    );
  const exponent = f.let(i64.sub(i64.and(i64.shrU(operand, i64.const(52)), i64.const(0x7ff)), i64.const(double.bias)));
  f.if(i64.geS(exponent, i64.const(64)), saturate);
  // A subnormal keeps a hidden bit it does not have; it is far below one half either way, and zero is tested below.
  const significand = f.let(
    i64.or(
      i64.and(operand, i64.const((1n << 52n) - 1n)),
      i64.shl(i64.extendU(i32.eqz(isZero(double, operand))), i64.const(52)),
    ),
  );
  const size = f.local('i64');
  const flags = f.local('i32');
  f.if(
    i64.geS(exponent, i64.const(52)),
    () => f.set(size, i64.shl(significand, i64.sub(exponent, i64.const(52)))),
    () => {
      const places = f.let(i64.sub(i64.const(52), exponent));
      const count = f.let(select(i64.ltS(places, i64.const(63)), places, i64.const(63)));
      const whole = f.let(i64.shrU(significand, count));
      const fraction = f.let(i64.shl(significand, i64.sub(i64.const(0), count)));
      const half = i64.const(1n << 63n);
      const isNearest = i32.eqz(i32.and(mode, i32.const(3)));
      const isTieToEven = i32.and(
        i64.eq(fraction, half),
        i32.and(i32.eqz(mode), i32.eqz(i32.wrap(i64.and(whole, i64.const(1))))),
      );
      const roundsUp = i32.and(i64.geU(fraction, half), i32.eqz(isTieToEven));
      const isAway = i32.and(i32.eq(mode, i32.sub(i32.const(3), sign)), i64.ne(fraction, i64.const(0)));
      f.set(size, i64.add(whole, i64.extendU(select(isNearest, roundsUp, isAway))));
      f.set(flags, select(i64.eqz(fraction), i32.const(0), i32.const(INEXACT)));
    },
  );
  const limit = select(sign, i64.const(smallestSize), i64.const(largest));
  f.if(i64.gtU(get(size), limit), saturate);
  const signed = integer.isSigned ? select(sign, i64.sub(i64.const(0), get(size)), get(size)) : get(size);
  f.return(result(signed), get(flags));
}

/** Adds `f64ToF32` and `f32ToF64`. */
export function addFormatConversions(emitter: Emitter): void {
  const widen = emitter.start('f32ToF64', ['i32'], 'i64', true);
  const short = get(widen.param(0, 'i32'));
  widen.if(isNan(single, wide(short)), () => {
    widen.return(canonicalNan(double), invalidWhen(isSignalling(single, wide(short))));
  });
  widen.return(i64.reinterpret(f64.promote(f32.reinterpret(short))), i32.const(0));

  const f = emitter.start('f64ToF32', ['i64'], 'i32', true);
  const operand = get(f.param(0, 'i64'));
  f.if(isNan(double, operand), () => {
    f.return(canonicalNan(single), invalidWhen(isSignalling(double, operand)));
  });
  const sign = f.let(signOf(double, operand));
  f.if(isInfinite(double, operand), () => f.return(signedInfinity(single, sign), i32.const(0)));
  f.if(isZero(double, operand), () => f.return(signedZero(single, sign), i32.const(0)));
  const exponent = i32.and(i32.wrap(i64.shrU(operand, i64.const(52))), i32.const(0x7ff));
  // A subnormal double is so far below the smallest single that only its being non-zero matters.
  const fraction = i64.and(operand, i64.const((1n << 52n) - 1n));
  const significand = i64.shl(i64.or(fraction, i64.const(1n << 52n)), i64.const(10));
  f.tailCall(emitter.roundPack.f32, sign, exponent, significand, get(f.param(1, 'i32')));
}
