/**
 * What the single- and double-precision records share: patterns, and the fast path.
 *
 * The fast path is the host's own operation. It may stand as it is when rounding is to nearest even, the inexact flag
 * is already set (so that raising it again changes nothing) and no *other* flag can have been raised. The result tells:
 * invalid, divide-by-zero and overflow end in a NaN or an infinity, underflow in at most the smallest normal number
 * (RISC-V detects tininess after rounding, so a tiny value may round up to it). All such results go to the exact
 * function, in branches marked unlikely: a call on a hot path would cost a region its register allocation. A single that
 * is not boxed reads as a NaN, which is such a result too.
 *
 * Values stay in the host's floating-point registers; only a check looks at patterns, beside the path of the data.
 */
import type {Expr, F32, F64, FloatOps, FloatType, I32, I64, Lowering, Register, Suspects} from './lowering.js';

/** Integer type of a precision's patterns. */
export type Bits<F extends FloatType> = F extends 'f32' ? 'i32' : 'i64';

/** How the records of one precision see their operands. */
export interface FloatFormat<F extends FloatType> {
  /** Host type, and prefix of the exact functions' names. */
  readonly host: F;
  ops(b: Lowering): FloatOps<F>;
  constant(b: Lowering, pattern: bigint): Expr<Bits<F>>;
  toBits(b: Lowering, value: Expr<F>): Expr<Bits<F>>;
  fromBits(b: Lowering, bits: Expr<Bits<F>>): Expr<F>;
  and(b: Lowering, x: Expr<Bits<F>>, y: Expr<Bits<F>>): Expr<Bits<F>>;
  isBelow(b: Lowering, x: Expr<Bits<F>>, y: Expr<Bits<F>>): I32;
  /** Rounds towards zero; the value must fit. */
  truncate(b: Lowering, value: Expr<F>): I64;
  /** 1 when a result is one of the suspects, or when the host may not round at all. */
  isSuspect(b: Lowering, value: Expr<F>, suspects: Suspects): I32;
  /** A number as a constant; it must have a pattern in this precision. */
  number(b: Lowering, value: number): Expr<F>;
  readonly sign: bigint;
  readonly infinity: bigint;
  readonly smallestNormal: bigint;
  readonly quiet: bigint;
}

// The checks work on twice the pattern, which drops the sign. A double's look for the smallest normal number is at its
// upper half alone and so takes in a few of its neighbours.
const extremeOffset = {f32: 2 * 2 ** 23 + 1, f64: 2 * 2 ** 20 + 1};
const extremeSpan = {f32: 2 * 0xff * 2 ** 23 - extremeOffset.f32, f64: 2 * 0x7ff * 2 ** 20 - extremeOffset.f64};

/** Limits for `Lowering.hostLimit`. */
export const SUSPECT_LIMITS = {
  f32: {special: 2 * 0xff * 2 ** 23, extreme: extremeSpan.f32},
  f64: {special: 2n * (0x7ffn << 52n), extreme: extremeSpan.f64},
} as const;

/** 1 when a 32-bit pattern, or the upper half of a longer one, is extreme. */
function isExtremeHalf(b: Lowering, host: FloatType, half: I32): I32 {
  const {i32} = b;
  const distance = i32.sub(i32.shl(half, i32.const(1)), i32.const(extremeOffset[host]));
  return i32.geU(distance, b.hostLimit(host, 'extreme', i32.const(SUSPECT_LIMITS[host].extreme)));
}

/** binary64 in f registers. */
export const double: FloatFormat<'f64'> = {
  host: 'f64',
  sign: 1n << 63n,
  infinity: 0x7ffn << 52n,
  smallestNormal: 1n << 52n,
  quiet: 1n << 51n,
  ops: (b) => b.f64,
  constant: (b, pattern) => b.i64.const(pattern),
  toBits: (b, value) => b.i64.reinterpret(value),
  fromBits: (b, bits) => b.f64.reinterpret(bits),
  and: (b, x, y) => b.i64.and(x, y),
  isBelow: (b, x, y) => b.i64.ltU(x, y),
  truncate: (b, value) => b.i64.truncF64(value),
  isSuspect: (b, value, suspects) => {
    const {i32, i64} = b;
    const bits = i64.reinterpret(value);
    if (suspects === 'extreme') return isExtremeHalf(b, 'f64', i32.wrap(i64.shrU(bits, i64.const(32))));
    const limit = b.hostLimit('f64', 'special', i64.const(SUSPECT_LIMITS.f64.special));
    return i64.geU(i64.shl(bits, i64.const(1)), limit);
  },
  number: (b, value) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return b.f64.reinterpret(b.i64.const(view.getBigInt64(0)));
  },
};

/** binary32, boxed in f registers. */
export const single: FloatFormat<'f32'> = {
  host: 'f32',
  sign: 1n << 31n,
  infinity: 0xffn << 23n,
  smallestNormal: 1n << 23n,
  quiet: 1n << 22n,
  ops: (b) => b.f32,
  constant: (b, pattern) => b.i32.const(Number(pattern)),
  toBits: (b, value) => b.i32.reinterpret(value),
  fromBits: (b, bits) => b.f32.reinterpret(bits),
  and: (b, x, y) => b.i32.and(x, y),
  isBelow: (b, x, y) => b.i32.ltU(x, y),
  truncate: (b, value) => b.i64.truncF32(value),
  isSuspect: (b, value, suspects) => {
    const {i32} = b;
    const bits = i32.reinterpret(value);
    if (suspects === 'extreme') return isExtremeHalf(b, 'f32', bits);
    const limit = b.hostLimit('f32', 'special', i32.const(SUSPECT_LIMITS.f32.special));
    return i32.geU(i32.shl(bits, i32.const(1)), limit);
  },
  number: (b, value) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return b.f32.reinterpret(b.i32.const(view.getInt32(0)));
  },
};

/** The operands of an instruction, each evaluated once. */
function operandsOf<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  registers: readonly Register[],
): readonly Expr<F>[] {
  return registers.map((register) => b.let(b.float(format.host, register)));
}

/** 1 when a value is a NaN. */
export function isNan<F extends FloatType>(b: Lowering, format: FloatFormat<F>, value: Expr<F>): I32 {
  return b.i32.eqz(format.ops(b).le(value, value));
}

/** One operation with a fast path: see the module header. */
export interface FastOperation<F extends FloatType> {
  /** Exact function without the format's prefix, e.g. `Add`. */
  readonly exact: string;
  readonly compute: (ops: FloatOps<F>, operands: readonly Expr<F>[]) => Expr<F>;
  /** Results that may have raised a flag. */
  readonly suspects: Suspects;
  /** 1 when a zero result is exact: the one suspect that is common. */
  readonly isExactZero?: (b: Lowering, isZero: readonly I32[]) => I32;
}

/** Runs an operation on f registers and writes its result to `rd`. */
export function arithmetic<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  operation: FastOperation<F>,
  rd: Register,
  ...sources: readonly Register[]
): void {
  const operands = operandsOf(b, format, sources);
  const {exact, compute, suspects, isExactZero} = operation;
  const {eq} = format.ops(b);
  const isZero = (of: Expr<F>) => eq(of, format.number(b, 0));
  const result = b.attempt(
    format.host,
    (doubt) => {
      const value = b.let(compute(format.ops(b), operands));
      const isFast = () => b.i32.ne(b.hostLimit(format.host, 'extreme', b.i32.const(1)), b.i32.const(0));
      const excuse =
        isExactZero && (() => b.i32.and(isZero(value), b.i32.and(isFast(), isExactZero(b, operands.map(isZero)))));
      doubt(format.isSuspect(b, value, suspects), excuse);
      return value;
    },
    () => b.exact(format.host + exact, format.host, ...operands),
  );
  setFloat(b, rd, result);
}

// A generic `Expr<F>` is one of the two, which the compiler does not see.
const setFloat = (b: Lowering, rd: Register, value: Expr<FloatType>): void => b.setFloat(rd, value as F32 | F64);

/** Writes a comparison's result to `rd`. Without a NaN there are no flags, whatever the rounding mode. */
export function compare<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  name: 'Eq' | 'Lt' | 'Le',
  rd: Register,
  ...sources: readonly [Register, Register]
): void {
  const operands = operandsOf(b, format, sources);
  const operation = {Eq: format.ops(b).eq, Lt: format.ops(b).lt, Le: format.ops(b).le}[name];
  const result = b.attempt(
    'i32',
    (doubt) => {
      for (const operand of operands) doubt(isNan(b, format, operand));
      return operation(operands[0]!, operands[1]!);
    },
    () => b.exact(format.host + name, 'i32', ...operands),
  );
  b.setX(rd, b.i64.extendU(result));
}

/** Writes the smaller or larger operand to `rd`; of two zeros, -0 is the smaller. */
export function extremum<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  name: 'Min' | 'Max',
  rd: Register,
  ...sources: readonly [Register, Register]
): void {
  const operands = operandsOf(b, format, sources);
  const {min, max} = format.ops(b);
  const result = b.attempt(
    format.host,
    (doubt) => {
      const value = b.let((name === 'Min' ? min : max)(operands[0]!, operands[1]!));
      doubt(isNan(b, format, value));
      return value;
    },
    () => b.exact(format.host + name, format.host, ...operands),
  );
  setFloat(b, rd, result);
}

/** Writes the first operand with a sign made of both: that of the second, its opposite, or the product's. */
export function injectSign<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  kind: 'copy' | 'negate' | 'multiply',
  rd: Register,
  ...sources: readonly [Register, Register]
): void {
  const ops = format.ops(b);
  const [x, y] = operandsOf(b, format, sources) as [Expr<F>, Expr<F>];
  if (b.isSame(...sources))
    setFloat(b, rd, {copy: () => x, negate: () => ops.neg(x), multiply: () => ops.abs(x)}[kind]());
  else if (kind === 'multiply') {
    const isNegative = b.i32.eqz(format.isBelow(b, format.toBits(b, y), format.constant(b, format.sign)));
    setFloat(b, rd, b.select(isNegative, ops.neg(x), x));
  } else setFloat(b, rd, ops.copysign(x, kind === 'copy' ? y : ops.neg(y)));
}

/** The class of an operand as a one-hot number: bit 0 -∞ … bit 7 +∞, bit 8 signalling NaN, bit 9 quiet NaN. */
export function classify<F extends FloatType>(b: Lowering, format: FloatFormat<F>, source: Register): I64 {
  const {i32} = b;
  const bits = b.let(format.toBits(b, b.float(format.host, source)));
  const size = b.let(format.and(b, bits, format.constant(b, format.sign - 1n)));
  const isAtLeast = (limit: bigint) => i32.eqz(format.isBelow(b, size, format.constant(b, limit)));
  // Zero 4, subnormal 5, normal 6, infinite 7; mirrored below zero.
  const positive = b.let(
    i32.add(
      i32.add(i32.const(4), isAtLeast(1n)),
      i32.add(isAtLeast(format.smallestNormal), isAtLeast(format.infinity)),
    ),
  );
  const isNegative = i32.eqz(format.isBelow(b, bits, format.constant(b, format.sign)));
  const number = b.select(isNegative, i32.sub(i32.const(7), positive), positive);
  const nan = i32.add(i32.const(8), isAtLeast(format.infinity | format.quiet));
  const index = b.select(isAtLeast(format.infinity + 1n), nan, number);
  return b.i64.extendU(i32.shl(i32.const(1), index));
}

/** Converts an integer to a float and writes it to `rd`; the host rounds to nearest even, once, and never overflows. */
export function fromInteger<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  kind: 'I32S' | 'I32U' | 'I64S' | 'I64U',
  rd: Register,
  source: Register,
): void {
  const ops = format.ops(b);
  const wide = b.let(b.x(source));
  const short = b.i32.wrap(wide);
  const [exact, operand, value] = {
    I32S: () => ['FromI32', short, ops.convertI32S(short)] as const,
    I32U: () => ['FromU32', short, ops.convertI32U(short)] as const,
    I64S: () => ['FromI64', wide, ops.convertI64S(wide)] as const,
    I64U: () => ['FromU64', wide, ops.convertI64U(wide)] as const,
  }[kind]();
  // 32 bits fit into a double: no rounding, no flags.
  const isExact = format.host === 'f64' && operand === short;
  const result = b.attempt<FloatType>(
    format.host,
    (doubt) => {
      const mode = b.modeDoubt();
      if (isExact && mode) doubt(mode);
      if (!isExact) doubt(b.i32.eqz(b.hostLimit(format.host, 'extreme', b.i32.const(1))));
      return value;
    },
    () => b.exact(format.host + exact, format.host, operand),
  );
  setFloat(b, rd, result);
}

/** Converts a float to an integer of a kind and writes it to `rd`; 32-bit results are sign-extended. */
export function toInteger<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  kind: 'I32' | 'U32' | 'I64' | 'U64',
  rd: Register,
  source: Register,
): void {
  const ops = format.ops(b);
  const [operand] = operandsOf(b, format, [source]) as [Expr<F>];
  const result = b.attempt(
    'i64',
    (doubt) => {
      const rounded = b.integral(format.host, operand);
      doubt(rounded.doubt);
      const value = b.let(rounded.value);
      // Within these bounds nothing but inexact can be raised; the lowest number of each signed type is left out.
      const bound = format.number(b, {I32: 2 ** 31, U32: 2 ** 32, I64: 2 ** 63, U64: 2 ** 63}[kind]);
      const isSigned = kind === 'I32' || kind === 'I64';
      doubt(b.i32.eqz(ops.lt(isSigned ? ops.abs(value) : value, bound)));
      if (!isSigned) doubt(b.i32.eqz(ops.ge(value, format.number(b, 0))));
      const wide = format.truncate(b, value);
      return kind === 'U32' ? b.i64.extend32S(wide) : wide;
    },
    () => {
      const name = `${format.host}To${kind}`;
      return kind === 'I32' || kind === 'U32'
        ? b.i64.extendS(b.exact(name, 'i32', operand))
        : b.exact(name, 'i64', operand);
    },
  );
  b.setX(rd, result);
}

/** Converts a double to a single. */
export function narrow(b: Lowering, rd: Register, source: Register): void {
  const operand = b.let(b.float('f64', source));
  const result = b.attempt(
    'f32',
    (doubt) => {
      const value = b.let(b.f32.demote(operand));
      doubt(single.isSuspect(b, value, 'extreme'));
      return value;
    },
    () => b.exact('f64ToF32', 'f32', operand),
  );
  b.setFloat(rd, result);
}

/** Converts a single to a double, which only a NaN makes worth a second look. */
export function widen(b: Lowering, rd: Register, source: Register): void {
  const operand = b.let(b.float('f32', source));
  const result = b.attempt(
    'f64',
    (doubt) => {
      const mode = b.modeDoubt();
      if (mode) doubt(mode);
      doubt(isNan(b, single, operand));
      return b.f64.promote(operand);
    },
    () => b.exact('f32ToF64', 'f64', operand),
  );
  b.setFloat(rd, result);
}

/** Signs that a fused multiply-add changes before it adds. */
export interface FusedSigns {
  readonly product: boolean;
  readonly addend: boolean;
}

/** A fused multiply-add with the product's or addend's sign changed. */
export function fusedMultiplyAdd<F extends FloatType>(
  b: Lowering,
  format: FloatFormat<F>,
  signs: FusedSigns,
  rd: Register,
  ...sources: readonly [Register, Register, Register]
): void {
  const {neg} = format.ops(b);
  const [x, y, z] = operandsOf(b, format, sources) as [Expr<F>, Expr<F>, Expr<F>];
  const addend = signs.addend ? b.let(neg(z)) : z;
  const exact = () => b.exact(`${format.host}MulAdd`, format.host, signs.product ? neg(x) : x, y, addend);
  const fused = b.fused(format.host, x, y, addend, signs.product);
  if (fused) {
    const result = b.attempt<F>(
      format.host,
      (doubt) => {
        const value = b.let(fused);
        doubt(format.isSuspect(b, value, 'extreme'));
        return value;
      },
      exact,
    );
    setFloat(b, rd, result);
  } else if (format.host === 'f64') setFloat(b, rd, exact());
  else setFloat(b, rd, fusedByDoubles(b, signs.product, [x, y, addend] as readonly Expr[] as readonly F32[], exact));
}

/**
 * A single fused multiply-add by way of doubles: the product is exact, the sum rounds to 53 bits and then to 24. The
 * second rounding can only go wrong where the first ended exactly half-way between two singles: those go to the exact
 * function too.
 */
function fusedByDoubles(
  b: Lowering,
  isNegated: boolean,
  operands: readonly F32[],
  exact: () => Expr<FloatType>,
): Expr<FloatType> {
  const {i32, i64, f32, f64} = b;
  const [x, y, z] = operands.map((operand) => f64.promote(operand)) as [F64, F64, F64];
  return b.attempt<FloatType>(
    'f32',
    (doubt) => {
      const product = f64.mul(x, y);
      const wide = b.let(isNegated ? f64.sub(z, product) : f64.add(product, z));
      const value = b.let(f32.demote(wide));
      doubt(single.isSuspect(b, value, 'extreme'));
      const rest = i32.and(i32.wrap(i64.reinterpret(wide)), i32.const(0x1fffffff));
      doubt(i32.eq(rest, i32.const(0x10000000)));
      return value;
    },
    exact,
  );
}
