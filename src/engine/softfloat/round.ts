/**
 * The end of every inexact operation: one rounding, overflow and underflow, packing.
 * Source: IEEE 754-2019 §4.3, §7.4, §7.5; RISC-V detects tininess after rounding.
 */
import {get, type I64, i32, i64, select} from '../codegen/wasm/expression.js';
import type {FunctionRef} from '../codegen/wasm/function.js';
import type {ModuleBuilder} from '../codegen/wasm/module.js';
import {double, type Format, INEXACT, OVERFLOW, withSign} from './format.js';

/** Shifts right by 1…63 places; bits lost make the lowest bit 1. The operands are evaluated twice. */
export function shiftRightJam(value: I64, count: I64): I64 {
  const lost = i64.shl(value, i64.sub(i64.const(0), count));
  return i64.or(i64.shrU(value, count), i64.extendU(i64.ne(lost, i64.const(0))));
}

/**
 * Adds the function (sign, exponent, significand, rounding mode) → (bits, flags) for a format. The value is
 * significand × 2^(exponent - 1023 - 62): leading one at bit 62, anything lost before jammed into bit 0, and the
 * exponent biased as a double's whatever the format.
 */
export function addRoundPack(module: ModuleBuilder, form: Format): FunctionRef {
  const f = module.function(`${form.name}RoundPack`, {
    params: ['i32', 'i32', 'i64', 'i32'],
    results: [form.type, 'i32'],
  });
  const extraBits = BigInt(62 - form.fractionBits);
  const half = 1n << (extraBits - 1n);
  const extraMask = (1n << extraBits) - 1n;
  const sign = get(f.param(0, 'i32'));
  const exponent = f.param(1, 'i32');
  const significand = f.param(2, 'i64');
  const mode = get(f.param(3, 'i32'));
  const isTiny = f.local('i32');
  const e = get(exponent);
  if (form !== double) f.set(exponent, i32.sub(e, i32.const(double.bias - form.bias)));

  // Modes 0 and 4 go to nearest; 2 rounds up negative values, 3 positive ones: away from zero when mode = 3 - sign.
  const isAway = i32.eq(mode, i32.sub(i32.const(3), sign));
  const increment = f.let(
    select(i32.eqz(i32.and(mode, i32.const(3))), i64.const(half), select(isAway, i64.const(extraMask), i64.const(0))),
  );
  // The sum stays below 2^64; bit 63 set means that rounding carried into the next exponent.
  const carries = i64.ltS(i64.add(get(significand), increment), i64.const(0));

  f.if(
    i32.geU(i32.sub(e, i32.const(1)), i32.const(form.exponentMax - 2)),
    () => {
      f.if(
        i32.leS(e, i32.const(0)),
        () => {
          f.set(isTiny, i32.or(i32.ltS(e, i32.const(0)), i32.eqz(carries)));
          const distance = f.let(i32.sub(i32.const(1), e));
          const count = f.let(i64.extendU(select(i32.ltS(distance, i32.const(63)), distance, i32.const(63))));
          f.set(significand, shiftRightJam(get(significand), count));
          f.set(exponent, i32.const(1));
        },
        () => {
          f.if(i32.or(i32.geS(e, i32.const(form.exponentMax)), carries), () => {
            // Modes that do not round away stop at the largest finite value, the pattern before infinity.
            const bits = i64.sub(i64.const(form.infinity), i64.extendU(i64.eqz(increment)));
            f.return(withSign(form, sign, bits), i32.const(OVERFLOW | INEXACT));
          });
        },
      );
    },
    undefined,
    'unlikely',
  );
  const lost = f.let(i64.and(get(significand), i64.const(extraMask)));
  const isTie = i32.and(i32.eqz(mode), i64.eq(lost, i64.const(half)));
  const rounded = i64.and(
    i64.shrU(i64.add(get(significand), increment), i64.const(extraBits)),
    i64.xor(i64.extendU(isTie), i64.const(-1)),
  );
  // The leading one at `fractionBits` adds 1 to the exponent field; a subnormal has none and keeps 0.
  const field = i64.shl(i64.extendS(i32.sub(e, i32.const(1))), i64.const(form.fractionBits));
  const flags = select(i64.eqz(lost), i32.const(0), i32.or(i32.const(INEXACT), i32.shl(get(isTiny), i32.const(1))));
  f.return(withSign(form, sign, i64.add(field, rounded)), flags);
  return f;
}
