/**
 * Exact results from the host's arithmetic where the generated code's fast path does not hold: inexact is not raised
 * yet, or rounding is directed. The host rounds to nearest even; the sign of its error, computed exactly, tells whether
 * the result is inexact and which neighbour the other rounding modes want.
 *
 * All this is for results far from both ends of the range, where no other flag can be raised and no error term
 * underflows; for everything else, and for ties away from zero, the function goes on to its integer arithmetic.
 * Source: Muller et al., "Handbook of Floating-Point Arithmetic", §4.3–4.5 (error-free transforms), §5.3 (of the FMA)
 */
import type {FloatOps, FloatType} from '../isa/lowering.js';
import {type Expr, f32, f64, get, type I32, type I64, i32, i64, type Local, select} from './wasm/expression.js';
import type {FunctionBuilder} from './wasm/function.js';
import {multiplyAdd} from './wasm/fused.js';

const NEAREST = 0;
const TOWARDS_ZERO = 1;
const DOWN = 2;
const UP = 3;
const AWAY = 4;

/** Magnitudes (exponents of two) between which nothing over- or underflows on the way. */
const SAFE = {f32: {low: -100, high: 100}, f64: {low: -800, high: 800}} as const;

/** One function under construction: the result `value` and `error`, of the sign of exact result minus value. */
interface Shortcut<F extends FloatType> {
  readonly value: Expr<F>;
  readonly error: Expr<'f32' | 'f64'>;
  /** What must lie in the safe range, besides the value. */
  readonly safe: readonly Expr<F>[];
}

/** What a function's shortcut works with. */
export interface ShortcutSite {
  readonly f: FunctionBuilder;
  readonly operands: readonly Expr[];
  /** The effective rounding mode. */
  readonly mode: Local<'i32'>;
  readonly hasFusion: boolean;
  /** Returns from the function, raising inexact when the condition is not 0. */
  readonly finish: (value: Expr, isInexact: I32) => void;
}

/** Emits the shortcut of an exact function (by its name without the format), if it has one. */
export function emitShortcut(site: ShortcutSite, host: FloatType, operation: string): void {
  if (operation === 'ToF32') narrow(site);
  else if (/^From[IU](32|64)$/.test(operation)) fromInteger(site, host, operation);
  else if (/^To[IU](32|64)$/.test(operation)) toInteger(site, host, operation);
  else if (host === 'f64') {
    const shortcut = ofDoubles(site, operation);
    if (shortcut) finishRounded(site, 'f64', shortcut);
  } else {
    const shortcut = ofSingles(site, operation);
    if (shortcut) finishRounded(site, 'f32', shortcut);
  }
}

function constant<F extends FloatType>(type: F, value: number): Expr<F> {
  const view = new DataView(new ArrayBuffer(8));
  if (type === 'f64') {
    view.setFloat64(0, value);
    return f64.reinterpret(i64.const(view.getBigInt64(0))) as Expr as Expr<F>;
  }
  view.setFloat32(0, value);
  return f32.reinterpret(i32.const(view.getInt32(0))) as Expr as Expr<F>;
}

const opsOf = <F extends FloatType>(type: F) => (type === 'f64' ? f64 : f32) as unknown as FloatOps<F>;

/** A sum and its error: sum + error is exactly x + y. */
function twoSum<F extends FloatType>(f: FunctionBuilder, type: F, x: Expr<F>, y: Expr<F>) {
  const {add, sub} = opsOf(type);
  const sum = f.let(add(x, y));
  const second = f.let(sub(sum, x));
  return {sum, error: f.let(add(sub(x, sub(sum, second)), sub(y, second)))};
}

function ofDoubles({f, operands, hasFusion}: ShortcutSite, operation: string): Shortcut<'f64'> | undefined {
  const [x, y, z] = operands as readonly Expr<'f64'>[];
  const {add, sub, mul, div, sqrt, neg, lt} = f64;
  const residue = (a: Expr<'f64'>, b: Expr<'f64'>, c: Expr<'f64'>) => f.let(multiplyAdd('f64', a, b, c, true));
  switch (operation) {
    case 'Add':
    case 'Sub': {
      const {sum, error} = twoSum(f, 'f64', x!, operation === 'Add' ? y! : f.let(neg(y!)));
      return {value: sum, error, safe: []};
    }
    case 'Mul': {
      if (!hasFusion) return undefined;
      const value = f.let(mul(x!, y!));
      return {value, error: neg(residue(x!, y!, value)), safe: []};
    }
    case 'Div': {
      if (!hasFusion) return undefined;
      const value = f.let(div(x!, y!));
      const rest = residue(value, y!, x!);
      return {value, error: select(lt(y!, constant('f64', 0)), neg(rest), rest), safe: [x!, y!]};
    }
    case 'Sqrt': {
      if (!hasFusion) return undefined;
      const value = f.let(sqrt(x!));
      return {value, error: residue(value, value, x!), safe: [x!]};
    }
    case 'MulAdd': {
      if (!hasFusion) return undefined;
      const value = f.let(multiplyAdd('f64', x!, y!, z!, false));
      const product = f.let(mul(x!, y!));
      const low = f.let(neg(residue(x!, y!, product)));
      const a = twoSum(f, 'f64', z!, low);
      const b = twoSum(f, 'f64', product, a.sum);
      const error = add(add(sub(b.sum, value), b.error), a.error);
      return {value, error, safe: [product, z!]};
    }
    default:
      return undefined;
  }
}

function ofSingles({f, operands, hasFusion}: ShortcutSite, operation: string): Shortcut<'f32'> | undefined {
  const [x, y, z] = operands as readonly Expr<'f32'>[];
  const {add, sub, mul, neg, lt} = f64;
  const wide = (value: Expr<'f32'>) => f64.promote(value);
  switch (operation) {
    case 'Add':
    case 'Sub': {
      const {sum, error} = twoSum(f, 'f32', x!, operation === 'Add' ? y! : f.let(f32.neg(y!)));
      return {value: sum, error, safe: []};
    }
    case 'Mul': {
      const value = f.let(f32.mul(x!, y!));
      return {value, error: sub(mul(wide(x!), wide(y!)), wide(value)), safe: []};
    }
    case 'Div': {
      const value = f.let(f32.div(x!, y!));
      const rest = f.let(sub(wide(x!), mul(wide(value), wide(y!))));
      return {value, error: select(lt(wide(y!), constant('f64', 0)), neg(rest), rest), safe: [x!, y!]};
    }
    case 'Sqrt': {
      const value = f.let(f32.sqrt(x!));
      return {value, error: sub(wide(x!), mul(wide(value), wide(value))), safe: [x!]};
    }
    case 'MulAdd': {
      if (!hasFusion) return undefined;
      const value = f.let(multiplyAdd('f32', x!, y!, z!, false));
      const {sum, error} = twoSum(f, 'f64', f.let(mul(wide(x!), wide(y!))), f.let(wide(z!)));
      return {value, error: add(sub(sum, wide(value)), error), safe: [z!]};
    }
    default:
      return undefined;
  }
}

/** Returns a value with an error as the rounding mode says; when that is not possible here, control goes on. */
function finishRounded<F extends FloatType>(site: ShortcutSite, type: F, {value, error, safe}: Shortcut<F>): void {
  const {f, mode, finish} = site;
  const {abs, lt, gt} = opsOf(type);
  const {low, high} = SAFE[type];
  const isSafe = [value, ...safe]
    .map((part) => i32.and(lt(abs(part), constant(type, 2 ** high)), gt(abs(part), constant(type, 2 ** low))))
    .reduce((whole, part) => i32.and(whole, part));
  f.if(isSafe, () => {
    const off = f.let(error.type === 'f64' ? (error as Expr<'f64'>) : f64.promote(error as Expr<'f32'>));
    f.if(f64.eq(off, constant('f64', 0)), () => finish(value, i32.const(0)));
    f.if(i32.ne(get(mode), i32.const(AWAY)), () => {
      const isBelow = f.let(f64.lt(off, constant('f64', 0)));
      const isGrowing = f.let(i32.eq(isBelow, lt(value, constant(type, 0))));
      finish(neighbour(site, type, value, isBelow, isGrowing), i32.const(1));
    });
  });
}

/**
 * The value or its neighbour: the exact result lies below it or above, farther from zero (`isGrowing`) or nearer. The
 * neighbours' patterns follow each other.
 */
function neighbour<F extends FloatType>(
  {mode}: ShortcutSite,
  type: F,
  value: Expr<F>,
  isBelow: I32,
  isGrowing: I32,
): Expr<F> {
  const is = (wanted: number) => i32.eq(get(mode), i32.const(wanted));
  const isOther = i32.or(
    i32.and(is(TOWARDS_ZERO), i32.eqz(isGrowing)),
    i32.or(i32.and(is(DOWN), isBelow), i32.and(is(UP), i32.eqz(isBelow))),
  );
  const step = i32.mul(isOther, i32.sub(i32.shl(isGrowing, i32.const(1)), i32.const(1)));
  if (type === 'f32')
    return f32.reinterpret(i32.add(i32.reinterpret(value as Expr as Expr<'f32'>), step)) as Expr as Expr<F>;
  const bits = i64.reinterpret(value as Expr as Expr<'f64'>);
  return f64.reinterpret(i64.add(bits, i64.extendS(step))) as Expr as Expr<F>;
}

function narrow(site: ShortcutSite): void {
  const x = site.operands[0] as Expr<'f64'>;
  const value = site.f.let(f32.demote(x));
  finishRounded(site, 'f32', {value, error: f64.sub(x, f64.promote(value)), safe: []});
}

/** Integers below 2^62 in magnitude, so that what the host makes of them is an integer again. */
function fromInteger(site: ShortcutSite, host: FloatType, operation: string): void {
  const {f, operands, mode, finish} = site;
  const [operand] = operands as readonly Expr[];
  const wide = f.let(
    operand!.type === 'i64'
      ? (operand as I64)
      : operation === 'FromI32'
        ? i64.extendS(operand as I32)
        : i64.extendU(operand as I32),
  );
  const bound = 1n << 62n;
  const isSafe =
    operation === 'FromU64'
      ? i64.ltU(wide, i64.const(bound))
      : i64.ltU(i64.add(wide, i64.const(bound)), i64.const(2n * bound));
  const isRounded = i32.or(i32.eq(get(mode), i32.const(AWAY)), i64.eqz(wide));
  f.if(i32.and(isSafe, i32.eqz(isRounded)), () => {
    const {convertI64S} = opsOf(host);
    const value = f.let(convertI64S(wide));
    const back = host === 'f64' ? i64.truncF64(value as Expr<'f64'>) : i64.truncF32(value as Expr<'f32'>);
    const off = f.let(i64.sub(wide, back));
    f.if(i64.eqz(off), () => finish(value, i32.const(0)));
    const isBelow = f.let(i64.ltS(off, i64.const(0)));
    const isGrowing = f.let(i32.eq(isBelow, i64.ltS(wide, i64.const(0))));
    finish(neighbour(site, host, value, isBelow, isGrowing), i32.const(1));
  });
}

/** Values that are well inside the integer type once rounded. */
function toInteger(site: ShortcutSite, host: FloatType, operation: string): void {
  const {f, operands, mode, finish} = site;
  const ops = opsOf(host);
  const x = operands[0] as Expr<FloatType>;
  const is = (wanted: number) => i32.eq(get(mode), i32.const(wanted));
  const directed = select(is(TOWARDS_ZERO), ops.trunc(x), select(is(DOWN), ops.floor(x), ops.ceil(x)));
  const value = f.let(select(is(NEAREST), ops.nearest(x), directed));
  const [, sign, width] = /^To([IU])(32|64)$/.exec(operation)!;
  const bound = constant(host, 2 ** (sign === 'U' && width === '32' ? 32 : Number(width) - 1));
  const isInside =
    sign === 'I' ? ops.lt(ops.abs(value), bound) : i32.and(ops.lt(value, bound), ops.ge(value, constant(host, 0)));
  f.if(i32.and(isInside, i32.ne(get(mode), i32.const(AWAY))), () => {
    const wide = host === 'f64' ? i64.truncF64(value as Expr<'f64'>) : i64.truncF32(value as Expr<'f32'>);
    finish(width === '64' ? wide : i32.wrap(wide), ops.ne(value, x));
  });
}
