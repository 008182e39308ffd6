/**
 * The interface that instruction semantics are written against. A record's meaning is one function of a `Lowering`;
 * the interpreter lowering resolves operands from a decoded op in memory, the region lowering from constants and
 * locals. Values are expressions of WebAssembly: pure until an effect (`setX`, `store`, `let` …) evaluates them, so a
 * value used twice must pass through `let` first.
 *
 * Faults: `load`, `store`, `atomic…`, `csr…` and `illegal` may leave the instruction; everything after them in a
 * record runs only when they did not. A record must therefore change no register before its last faulting step.
 */

/** A WebAssembly value type. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64';

/** An expression that leaves one value of type `T`. */
export interface Expr<T extends ValueType = ValueType> {
  readonly type: T;
  readonly code: readonly number[];
}

/** A 32-bit integer value; comparisons give 0 or 1. */
export type I32 = Expr<'i32'>;
/** A 64-bit integer value: x registers, addresses, raw f register contents. */
export type I64 = Expr<'i64'>;
/** A host single-precision value. */
export type F32 = Expr<'f32'>;
/** A host double-precision value. */
export type F64 = Expr<'f64'>;

/** A mutable local. */
export interface Variable<T extends ValueType = ValueType> {
  readonly type: T;
  readonly index: number;
}

type Unary<A extends ValueType, T extends ValueType> = (a: Expr<A>) => Expr<T>;
type Binary<A extends ValueType, T extends ValueType> = (a: Expr<A>, b: Expr<A>) => Expr<T>;

/** Operations both integer widths have; shifts and rotates take the count modulo the width. */
type IntegerOps<T extends 'i32' | 'i64'> = {
  readonly const: (value: number) => Expr<T>;
} & Readonly<Record<'eqz', Unary<T, 'i32'>>> &
  Readonly<Record<'clz' | 'ctz' | 'popcnt', Unary<T, T>>> &
  Readonly<Record<'eq' | 'ne' | 'ltS' | 'ltU' | 'gtS' | 'gtU' | 'leS' | 'leU' | 'geS' | 'geU', Binary<T, 'i32'>>> &
  Readonly<
    Record<
      | 'add'
      | 'sub'
      | 'mul'
      | 'divS'
      | 'divU'
      | 'remS'
      | 'remU'
      | 'and'
      | 'or'
      | 'xor'
      | 'shl'
      | 'shrS'
      | 'shrU'
      | 'rotl'
      | 'rotr',
      Binary<T, T>
    >
  >;

/** 32-bit integer operations. `divS` and friends trap the host on zero or overflow: guard them. */
export type I32Ops = IntegerOps<'i32'> & {
  readonly wrap: Unary<'i64', 'i32'>;
  readonly reinterpret: Unary<'f32', 'i32'>;
};

/** 64-bit integer operations. */
export type I64Ops = Omit<IntegerOps<'i64'>, 'const'> & {
  readonly const: (value: bigint | number) => I64;
  readonly extendS: Unary<'i32', 'i64'>;
  readonly extendU: Unary<'i32', 'i64'>;
  readonly extend8S: Unary<'i64', 'i64'>;
  readonly extend16S: Unary<'i64', 'i64'>;
  readonly extend32S: Unary<'i64', 'i64'>;
  readonly reinterpret: Unary<'f64', 'i64'>;
  /** Traps the host on NaN and what does not fit: guard it. */
  readonly truncF32: Unary<'f32', 'i64'>;
  readonly truncF64: Unary<'f64', 'i64'>;
};

/** Host floating-point operations: round to nearest even, no flags, NaN payloads unspecified. */
export type FloatOps<T extends 'f32' | 'f64'> = Readonly<
  Record<'eq' | 'ne' | 'lt' | 'gt' | 'le' | 'ge', Binary<T, 'i32'>>
> &
  Readonly<Record<'abs' | 'neg' | 'ceil' | 'floor' | 'trunc' | 'nearest' | 'sqrt', Unary<T, T>>> &
  Readonly<Record<'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | 'copysign', Binary<T, T>>> &
  Readonly<Record<'convertI32S' | 'convertI32U', Unary<'i32', T>>> &
  Readonly<Record<'convertI64S' | 'convertI64U', Unary<'i64', T>>>;

/**
 * A register operand of the instruction being lowered: a field token in the interpreter, the register's number in a
 * region. Records only pass it on.
 */
export type Register = number;

/** The register operands of one instruction; which of them mean something depends on its format. */
export interface Operands {
  readonly rd: Register;
  readonly rs1: Register;
  readonly rs2: Register;
  readonly rs3: Register;
}

/** How a loaded value becomes 64 bits. */
export type LoadKind = 's8' | 'u8' | 's16' | 'u16' | 's32' | 'u32' | 'u64';

/** Read-modify-write operations of the A extension. */
export type AtomicOp = 'swap' | 'add' | 'xor' | 'and' | 'or' | 'min' | 'max' | 'minu' | 'maxu';

/** Instructions whose work is done by the hart's runtime rather than by generated code. */
export type SystemOp = 'ecall' | 'ebreak' | 'sret' | 'mret' | 'wfi' | 'sfence.vma' | 'fence.i';

/** How a CSR instruction combines the old value with its source. */
export type CsrOp = 'write' | 'set' | 'clear';

/** A precision, by its host type. */
export type FloatType = 'f32' | 'f64';

/**
 * Results of host arithmetic that may have raised more than the inexact flag: infinities and NaNs, or (`extreme`) also
 * zeros, subnormals and the smallest normal numbers.
 */
export type Suspects = 'special' | 'extreme';

/** What a record's semantics may do. */
export interface Lowering {
  readonly i32: I32Ops;
  readonly i64: I64Ops;
  readonly f32: FloatOps<'f32'> & {readonly reinterpret: Unary<'i32', 'f32'>; readonly demote: Unary<'f64', 'f32'>};
  readonly f64: FloatOps<'f64'> & {readonly reinterpret: Unary<'i64', 'f64'>; readonly promote: Unary<'f32', 'f64'>};
  /** `condition ? whenTrue : whenFalse`; both are evaluated. */
  select<T extends ValueType>(condition: I32, whenTrue: Expr<T>, whenFalse: Expr<T>): Expr<T>;
  /** `condition ? whenTrue : whenFalse`; only the chosen one is evaluated. */
  choose<T extends ValueType>(condition: I32, whenTrue: Expr<T>, whenFalse: Expr<T>): Expr<T>;

  /** Evaluates once and returns a cheap expression of the result. */
  let<T extends ValueType>(value: Expr<T>): Expr<T>;
  variable<T extends ValueType>(type: T): Variable<T>;
  get<T extends ValueType>(variable: Variable<T>): Expr<T>;
  set<T extends ValueType>(variable: Variable<T>, value: Expr<T>): void;
  if(condition: I32, then: () => void, otherwise?: () => void, hint?: 'likely' | 'unlikely'): void;

  x(register: Register): I64;
  /** The low 32 bits of an x register. */
  x32(register: Register): I32;
  setX(register: Register, value: I64): void;
  /** Writes an x register with a sign-extended 32-bit value. */
  setX32(register: Register, value: I32): void;

  /** The immediate, sign-extended. */
  imm(): I64;
  imm32(): I32;
  /** Address of this instruction plus the immediate. */
  pcPlusImm(): I64;
  /** Address of the following instruction. */
  nextPc(): I64;

  load(kind: LoadKind, address: I64): I64;
  store(bytes: 1 | 2 | 4 | 8, address: I64, value: I64): void;
  /** The old memory value, sign-extended; a misaligned address is a store/AMO fault. */
  atomic(op: AtomicOp, bytes: 4 | 8, address: I64, value: I64): I64;
  loadReserved(bytes: 4 | 8, address: I64): I64;
  /** 0 when the store happened, 1 when it did not. */
  storeConditional(bytes: 4 | 8, address: I64, value: I64): I64;
  /** Zeroes the 64-byte cache block that holds the address. */
  zeroBlock(address: I64): void;
  /** Orders what the immediate says: predecessors in bits 7…4, successors in 3…0, each I O R W. */
  fence(): void;

  /** Goes to pc + immediate when the condition is not 0, else on to the next instruction. */
  branch(condition: I32): void;
  /** Goes to pc + immediate. */
  jump(): void;
  /** Goes to an address computed at run time (bit 0 already clear). */
  jumpTo(address: I64): void;

  /**
   * A CSR access (its number is the immediate); returns the old value. `isWrite` is false for the forms of set and
   * clear that must not write (rs1 = x0), which have records of their own.
   */
  csr(op: CsrOp, source: I64, isWrite: boolean): I64;
  system(op: SystemOp): void;
  /** Raises an illegal-instruction exception when the condition is not 0. */
  illegalIf(condition: I32): void;

  /** Raw contents of an f register. */
  f(register: Register): I64;
  setF(register: Register, value: I64): void;
  /**
   * An f register as a value of a precision: as single the canonical NaN when it holds no boxed single. Ask for operands
   * before the first conditional step.
   */
  float<F extends FloatType>(type: F, register: Register): Expr<F>;
  /** Writes an f register; a single is boxed. */
  setFloat(register: Register, value: F32 | F64): void;
  /** The low half of an f register, whether that is a boxed single or not. */
  lowHalf(register: Register): F32;
  loadFloat<F extends FloatType>(type: F, address: I64): Expr<F>;
  /** Stores an f register, of which only the low half when `type` is f32. */
  storeFloat(type: FloatType, address: I64, register: Register): void;
  /** True when two operands are known to be the same register. */
  isSame(first: Register, second: Register): boolean;

  /**
   * What `compute` returns unless one of the conditions it names to `doubt` holds, and the condition that `excuse` gives
   * does not: then what `exact` returns. In `compute`, later steps happen only when no earlier doubt stood; doubts are
   * taken to be rare.
   */
  attempt<T extends ValueType>(
    type: T,
    compute: (doubt: (condition: I32, excuse?: () => I32) => void) => Expr<T>,
    exact: () => Expr<T>,
  ): Expr<T>;
  /**
   * Bound from which twice a result's pattern, less what `float-path.ts` says, is suspect: `limit` (i32 or i64) while the
   * instruction rounds to nearest even and the inexact flag is already set, else 0.
   */
  hostLimit<T extends 'i32' | 'i64'>(type: FloatType, suspects: Suspects, limit: Expr<T>): Expr<T>;
  /** A value rounded to an integral one as the instruction says, and when that is not sure or raises inexact anew. */
  integral<F extends FloatType>(type: F, value: Expr<F>): {readonly value: Expr<F>; readonly doubt: I32};
  /** Condition that the rounding mode may be a reserved one; undefined when it is not. */
  modeDoubt(): I32 | undefined;
  /** x × y + z rounded once by the host (with `isNegated`, z − x × y); undefined where it cannot. */
  fused<F extends FloatType>(type: F, x: Expr<F>, y: Expr<F>, z: Expr<F>, isNegated: boolean): Expr<F> | undefined;
  /**
   * Calls an exact function by name (see `softfloat/`; patterns are host floats here), appending the effective rounding
   * mode when it takes one, accrues the flags it returns, and returns its result. A reserved rounding mode is an illegal
   * instruction.
   */
  exact<T extends ValueType>(name: string, type: T, ...args: readonly Expr[]): Expr<T>;
}
