/**
 * Comparisons, minimum and maximum. `eq` is quiet, `lt` and `le` signal on any NaN; `min` and `max` prefer a number to
 * a NaN and order -0 below +0.
 * Source: RISC-V Unprivileged ISA, chapter "F", §"Single-Precision Floating-Point Compare Instructions" and
 * "Computational Instructions"
 */
import {f64, get, type I32, type I64, i32, i64, select} from '../codegen/wasm/expression.js';
import type {FunctionBuilder} from '../codegen/wasm/function.js';
import {
  any,
  asDouble,
  canonicalNan,
  type Emitter,
  type Format,
  INVALID,
  invalidWhen,
  isNan,
  isSignalling,
  narrow,
  wide,
} from './format.js';

const value = (form: Format, bits: I64) => f64.reinterpret(asDouble(form, bits));

function operands(f: FunctionBuilder, form: Format): readonly [I64, I64] {
  return [f.let(wide(get(f.param(0, form.type)))), f.let(wide(get(f.param(1, form.type))))];
}

/** Adds `eq`, `lt`, `le`, `min` and `max` of a format. */
export function addComparisons(emitter: Emitter, form: Format): void {
  for (const [name, isQuiet] of [
    ['eq', true],
    ['lt', false],
    ['le', false],
  ] as const) {
    const title = {eq: 'Eq', lt: 'Lt', le: 'Le'}[name];
    const f = emitter.start(`${form.name}${title}`, [form.type, form.type], 'i32', false);
    const [left, right] = operands(f, form);
    f.if(any(isNan(form, left), isNan(form, right)), () => {
      const isSignal = any(isSignalling(form, left), isSignalling(form, right));
      f.return(i32.const(0), isQuiet ? invalidWhen(isSignal) : i32.const(INVALID));
    });
    f.return(f64[name](value(form, left), value(form, right)), i32.const(0));
  }
  for (const name of ['Min', 'Max']) {
    const f = emitter.start(`${form.name}${name}`, [form.type, form.type], form.type, false);
    const [left, right] = operands(f, form);
    const flags = f.let(invalidWhen(any(isSignalling(form, left), isSignalling(form, right))));
    f.if(isNan(form, left), () => {
      f.if(isNan(form, right), () => f.return(canonicalNan(form), flags));
      f.return(narrow(form, right), flags);
    });
    f.if(isNan(form, right), () => f.return(narrow(form, left), flags));
    // Patterns order like integers once negative ones have their other bits flipped; this puts -0 below +0.
    const ordinal = (bits: I64): I64 => {
      const spread = f.let(form.name === 'f32' ? i64.extend32S(bits) : bits);
      return f.let(i64.xor(spread, i64.shrU(i64.shrS(spread, i64.const(63)), i64.const(1))));
    };
    const isLess: I32 = i64.ltS(ordinal(left), ordinal(right));
    const [whenLess, otherwise] = name === 'Min' ? [left, right] : [right, left];
    f.return(narrow(form, select(isLess, whenLess, otherwise)), i32.const(0));
  }
}
