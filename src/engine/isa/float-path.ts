/**
 * What the single- and double-precision records share: reading and boxing operands, and the fast path.
 *
 * The fast path is the host's own operation. It may stand as it is when rounding is to nearest even, the inexact flag
 * is already set (so that raising it again changes nothing) and no *other* flag can have been raised. The result tells:
 * invalid, divide-by-zero and overflow end in a NaN or an infinity, underflow in at most the smallest normal number
 * (RISC-V detects tininess after rounding, so a tiny value may round up to it). All such results, and operands that are
 * not boxed properly, go to the exact function, in one branch marked unlikely: a call on a hot path would cost a region
 * its register allocation.
 */
import type {Expr, F64, FloatOps, I32, I64, Lowering, Register} from './lowering.js';

/** Upper half of an f register that holds a single. */
const BOX = -0x100000000n;

/** How the records of one precision see their operands; `N` is the integer type of the bit patterns. */
export interface FloatFormat<F extends 'f32' | 'f64', N extends 'i32' | 'i64'> {
  /** Host type, and prefix of the exact functions' names. */
  readonly host: F;
  readonly bits: N;
  ops(b: Lowering): FloatOps<F>;
  constant(b: Lowering, pattern: bigint): Expr<N>;
  /** The pattern in a raw register as far as the format goes, whether it is boxed or not. */
  low(b: Lowering, raw: I64): Expr<N>;
  /** The pattern that an operation must see: the canonical NaN when the register does not hold a boxed single. */
  read(b: Lowering, raw: I64): Expr<N>;
  /** `read` of several operands, as arguments of an exact function. */
  readAll(b: Lowering, raw: readonly I64[]): readonly (I32 | I64)[];
  /** The raw register contents for a pattern. */
  box(b: Lowering, bits: Expr<N>): I64;
  /** 1 when one of the raw operands is not boxed; absent where nothing is. */
  isUnboxed?(b: Lowering, raw: readonly I64[]): I32;
  toHost(b: Lowering, bits: Expr<N>): Expr<F>;
  fromHost(b: Lowering, value: Expr<F>): Expr<N>;
  and(b: Lowering, x: Expr<N>, y: Expr<N>): Expr<N>;
  or(b: Lowering, x: Expr<N>, y: Expr<N>): Expr<N>;
  xor(b: Lowering, x: Expr<N>, y: Expr<N>): Expr<N>;
  isBelow(b: Lowering, x: Expr<N>, y: Expr<N>): I32;
  /** 1 for infinities and NaNs. */
  isSpecial(b: Lowering, bits: Expr<N>): I32;
  /** 1 for infinities, NaNs, zeros, subnormals and the smallest normal number. */
  isExtreme(b: Lowering, bits: Expr<N>): I32;
  readonly sign: bigint;
  readonly infinity: bigint;
  readonly smallestNormal: bigint;
  readonly quiet: bigint;
}

// Both range checks work on twice the pattern, which drops the sign.
const doubled = (pattern: bigint) => pattern * 2n;

/** binary64 in f registers. */
export const double: FloatFormat<'f64', 'i64'> = {
  host: 'f64',
  bits: 'i64',
  sign: 1n << 63n,
  infinity: 0x7ffn << 52n,
  smallestNormal: 1n << 52n,
  quiet: 1n << 51n,
  ops: (b) => b.f64,
  constant: (b, pattern) => b.i64.const(pattern),
  low: (_b, raw) => raw,
  read: (_b, raw) => raw,
  readAll: (_b, raw) => raw,
  box: (_b, bits) => bits,
  toHost: (b, bits) => b.f64.reinterpret(bits),
  fromHost: (b, value) => b.i64.reinterpret(value),
  and: (b, x, y) => b.i64.and(x, y),
  or: (b, x, y) => b.i64.or(x, y),
  xor: (b, x, y) => b.i64.xor(x, y),
  isBelow: (b, x, y) => b.i64.ltU(x, y),
  isSpecial: (b, bits) => b.i64.geU(b.i64.shl(bits, b.i64.const(1)), b.i64.const(doubled(0x7ffn << 52n))),
  isExtreme: (b, bits) => {
    const lowest = doubled(1n << 52n) + 1n;
    const offset = b.i64.sub(b.i64.shl(bits, b.i64.const(1)), b.i64.const(lowest));
    return b.i64.geU(offset, b.i64.const(doubled(0x7ffn << 52n) - lowest));
  },
};

/** binary32, boxed in f registers. */
export const single: FloatFormat<'f32', 'i32'> = {
  host: 'f32',
  bits: 'i32',
  sign: 1n << 31n,
  infinity: 0xffn << 23n,
  smallestNormal: 1n << 23n,
  quiet: 1n << 22n,
  ops: (b) => b.f32,
  constant: (b, pattern) => b.i32.const(Number(pattern)),
  low: (b, raw) => b.i32.wrap(raw),
  read: (b, raw) => b.select(b.i64.geU(raw, b.i64.const(BOX)), b.i32.wrap(raw), b.i32.const(0x7fc00000)),
  readAll: (b, raw) => raw.map((operand) => single.read(b, operand)),
  box: (b, bits) => b.i64.or(b.i64.extendU(bits), b.i64.const(BOX)),
  isUnboxed: (b, raw) =>
    b.i64.ltU(
      raw.reduce((whole, part) => b.i64.and(whole, part)),
      b.i64.const(BOX),
    ),
  toHost: (b, bits) => b.f32.reinterpret(bits),
  fromHost: (b, value) => b.i32.reinterpret(value),
  and: (b, x, y) => b.i32.and(x, y),
  or: (b, x, y) => b.i32.or(x, y),
  xor: (b, x, y) => b.i32.xor(x, y),
  isBelow: (b, x, y) => b.i32.ltU(x, y),
  isSpecial: (b, bits) => b.i32.geU(b.i32.shl(bits, b.i32.const(1)), b.i32.const(Number(doubled(0xffn << 23n)))),
  isExtreme: (b, bits) => {
    const lowest = doubled(1n << 23n) + 1n;
    const offset = b.i32.sub(b.i32.shl(bits, b.i32.const(1)), b.i32.const(Number(lowest)));
    return b.i32.geU(offset, b.i32.const(Number(doubled(0xffn << 23n) - lowest)));
  },
};

/** The raw contents of f registers, each evaluated once. */
export function rawOperands(b: Lowering, registers: readonly Register[]): readonly I64[] {
  return registers.map((register) => b.let(b.f(register)));
}

/** Or of conditions, some of which may be absent. */
export function anyOf(b: Lowering, ...conditions: readonly (I32 | undefined)[]): I32 {
  return conditions.filter((condition) => condition !== undefined).reduce((whole, part) => b.i32.or(whole, part));
}

/** One operation with a fast path: see the module header. */
export interface FastOperation<F extends 'f32' | 'f64', N extends 'i32' | 'i64'> {
  /** Exact function without the format's prefix, e.g. `Add`. */
  readonly exact: string;
  readonly compute: (ops: FloatOps<F>, operands: readonly Expr<F>[]) => Expr<F>;
  /** Results that may have raised a flag. */
  readonly suspects: 'special' | 'extreme';
  /** 1 when a zero result is known to be exact, which spares it the exact function. */
  readonly isExactZero?: (b: Lowering, operands: readonly Expr<N>[]) => I32;
}

/** Runs an operation on f registers and writes its result to `rd`. */
export function arithmetic<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  operation: FastOperation<F, N>,
  rd: Register,
  ...sources: readonly Register[]
): void {
  const raw = rawOperands(b, sources);
  const low = raw.map((operand) => format.low(b, operand));
  const result = b.variable(format.bits);
  const value = operation.compute(
    format.ops(b),
    low.map((bits) => format.toHost(b, bits)),
  );
  b.set(result, format.fromHost(b, value));
  const isFast = b.let(b.isFastFloat());
  const isUnboxed = format.isUnboxed?.(b, raw);
  const isSuspect = operation.suspects === 'special' ? format.isSpecial : format.isExtreme;
  const exact = () => {
    b.set(result, b.soft(format.host + operation.exact, format.bits, ...format.readAll(b, raw)));
  };
  const {isExactZero} = operation;
  b.if(
    anyOf(b, b.i32.eqz(isFast), isSuspect(b, b.get(result)), isUnboxed),
    () => {
      if (!isExactZero) return exact();
      const zero = format.constant(b, 1n);
      const isZero = format.isBelow(b, magnitude(b, format, b.get(result)), zero);
      const cannotKeep = anyOf(b, b.i32.eqz(b.i32.and(isFast, b.i32.and(isZero, isExactZero(b, low)))), isUnboxed);
      b.if(cannotKeep, exact);
    },
    undefined,
    'unlikely',
  );
  b.setF(rd, format.box(b, b.get(result)));
}

/** A pattern without its sign. */
export function magnitude<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  bits: Expr<N>,
): Expr<N> {
  return format.and(b, bits, format.constant(b, format.sign - 1n));
}

/** 1 when a pattern is +0 or -0. */
export function isZero<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  bits: Expr<N>,
): I32 {
  return format.isBelow(b, magnitude(b, format, bits), format.constant(b, 1n));
}

/** Writes a comparison's result to `rd`. Without a NaN there are no flags, whatever the rounding mode. */
export function compare<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  name: 'Eq' | 'Lt' | 'Le',
  rd: Register,
  ...sources: readonly Register[]
): void {
  const raw = rawOperands(b, sources);
  const operation = {Eq: format.ops(b).eq, Lt: format.ops(b).lt, Le: format.ops(b).le}[name];
  const [x, y] = raw.map((operand) => format.toHost(b, format.low(b, operand)));
  const result = b.variable('i32');
  b.set(result, operation(x, y));
  b.if(
    anyOf(b, isUnordered(b, format, x, y), format.isUnboxed?.(b, raw)),
    () => {
      b.set(result, b.soft(format.host + name, 'i32', ...format.readAll(b, raw)));
    },
    undefined,
    'unlikely',
  );
  b.setX(rd, b.i64.extendU(b.get(result)));
}

/** Writes the smaller or larger operand to `rd`; of two zeros, -0 is the smaller. */
export function extremum<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  name: 'Min' | 'Max',
  rd: Register,
  ...sources: readonly Register[]
): void {
  const raw = rawOperands(b, sources);
  const [x, y] = raw.map((operand) => format.low(b, operand));
  const [hostX, hostY] = [format.toHost(b, x), format.toHost(b, y)];
  const {lt, gt} = format.ops(b);
  const [isFirst, isSecond] = name === 'Min' ? [lt, gt] : [gt, lt];
  // Operands that compare equal differ at most in the sign of zero: or picks -0, and picks +0.
  const whenEqual = (name === 'Min' ? format.or : format.and)(b, x, y);
  const result = b.variable(format.bits);
  b.set(result, b.select(isFirst(hostX, hostY), x, b.select(isSecond(hostX, hostY), y, whenEqual)));
  b.if(
    anyOf(b, isUnordered(b, format, hostX, hostY), format.isUnboxed?.(b, raw)),
    () => {
      b.set(result, b.soft(format.host + name, format.bits, ...format.readAll(b, raw)));
    },
    undefined,
    'unlikely',
  );
  b.setF(rd, format.box(b, b.get(result)));
}

/** 1 when an operand is a NaN. */
function isUnordered<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  x: Expr<F>,
  y: Expr<F>,
): I32 {
  const {ne} = format.ops(b);
  return b.i32.or(ne(x, x), ne(y, y));
}

/** The class of a pattern as a one-hot number: bit 0 -∞ … bit 7 +∞, bit 8 signalling NaN, bit 9 quiet NaN. */
export function classify<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  bits: Expr<N>,
): I64 {
  const {i32} = b;
  const size = b.let(magnitude(b, format, bits));
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
export function fromInteger<F extends 'f32' | 'f64', N extends 'i32' | 'i64'>(
  b: Lowering,
  format: FloatFormat<F, N>,
  kind: 'I32S' | 'I32U' | 'I64S' | 'I64U',
  rd: Register,
  source: Register,
): void {
  const ops = format.ops(b);
  const wide = b.let(b.x(source));
  const short = () => b.i32.wrap(wide);
  const [exact, operand, value] = {
    I32S: () => ['FromI32', short(), ops.convertI32S(short())] as const,
    I32U: () => ['FromU32', short(), ops.convertI32U(short())] as const,
    I64S: () => ['FromI64', wide, ops.convertI64S(wide)] as const,
    I64U: () => ['FromU64', wide, ops.convertI64U(wide)] as const,
  }[kind]();
  const result = b.variable(format.bits);
  b.set(result, format.fromHost(b, value));
  b.if(
    b.i32.eqz(b.isFastFloat()),
    () => b.set(result, b.soft(format.host + exact, format.bits, operand)),
    undefined,
    'unlikely',
  );
  b.setF(rd, format.box(b, b.get(result)));
}

/**
 * A single fused multiply-add by way of doubles: the product is exact, the sum rounds to 53 bits and then to 24. The
 * second rounding can only go wrong where the first ended exactly half-way between two singles: those go to the exact
 * function too. A zero sum of doubles is exact here (nothing underflows that far).
 */
export function fusedSingle(
  b: Lowering,
  sum: (product: F64, addend: F64) => F64,
  exactSigns: {readonly product: boolean; readonly addend: boolean},
  rd: Register,
  ...sources: readonly [Register, Register, Register]
): void {
  const raw = rawOperands(b, sources);
  const [x, y, z] = raw.map((operand) => b.f64.promote(single.toHost(b, b.i32.wrap(operand))));
  const wide = b.let(sum(b.f64.mul(x, y), z));
  const result = b.variable('i32');
  b.set(result, b.i32.reinterpret(b.f32.demote(wide)));
  const isFast = b.let(b.isFastFloat());
  const pattern = b.i64.reinterpret(wide);
  const isHalfway = b.i32.eq(b.i32.and(b.i32.wrap(pattern), b.i32.const(0x1fffffff)), b.i32.const(0x10000000));
  const isUnboxed = anyOf(b, single.isUnboxed?.(b, raw));
  b.if(
    anyOf(b, b.i32.eqz(isFast), single.isExtreme(b, b.get(result)), isHalfway, isUnboxed),
    () => {
      const isExact = b.i32.and(isFast, isZero(b, double, pattern));
      b.if(anyOf(b, b.i32.eqz(isExact), isUnboxed), () => {
        const [first, second, third] = raw.map((operand) => single.read(b, operand));
        const flip = (bits: I32, isNegated: boolean) => (isNegated ? b.i32.xor(bits, b.i32.const(-0x80000000)) : bits);
        const operands = [flip(first, exactSigns.product), second, flip(third, exactSigns.addend)];
        b.set(result, b.soft('f32MulAdd', 'i32', ...operands));
      });
    },
    undefined,
    'unlikely',
  );
  b.setF(rd, single.box(b, b.get(result)));
}

/** A double fused multiply-add with the product's or addend's sign changed, by the exact function. */
export function fusedDouble(
  b: Lowering,
  signs: {readonly product: boolean; readonly addend: boolean},
  rd: Register,
  ...sources: readonly [Register, Register, Register]
): void {
  const [x, y, z] = rawOperands(b, sources);
  const flip = (bits: I64, isNegated: boolean) => (isNegated ? b.i64.xor(bits, b.i64.const(double.sign)) : bits);
  b.setF(rd, b.soft('f64MulAdd', 'i64', flip(x, signs.product), y, flip(z, signs.addend)));
}
