/**
 * What a kernel of `viv bench` is written against. One description has two lowerings: RV64 code that machines run
 * (`guest-code.ts`) and WebAssembly for the host itself (`host-code.ts`), so that both sides do the same work.
 */

/** A 64-bit integer variable. */
export interface X {
  readonly x: number;
}

/** A double-precision variable. */
export interface D {
  readonly d: number;
}

/** Integer operations, named as the instructions are. */
export type IntegerOp = 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'sll' | 'srl';
/** Double-precision operations; each rounds to nearest even. */
export type DoubleOp = 'fadd.d' | 'fsub.d' | 'fmul.d' | 'fdiv.d';
/** How two integers compare; the last two as unsigned numbers. */
export type Condition = 'eq' | 'ne' | 'lt' | 'ge' | 'ltu' | 'geu';
/** Leaves the innermost loop when the condition holds. */
export type Leave = (condition: Condition, a: X, b: X) => void;

/** Bytes of memory a kernel has to itself. Their content at its start is not defined. */
export const KERNEL_BYTES = 1 << 20;
/** Variables of each kind a kernel may have. */
export const MAX_VARIABLES = 20;

/** Emits a kernel, statement by statement. Variables have no value before they are set. */
export interface Code {
  x(): X;
  d(): D;
  /** Address of the kernel's memory. */
  memory(to: X): void;
  set(to: X, value: number | bigint): void;
  setD(to: D, value: number): void;
  copy(to: X, from: X): void;
  /** `b` may be a constant from -2047 to 2047, except for `mul`. */
  op(name: IntegerOp, to: X, a: X, b: X | number): void;
  opD(name: DoubleOp, to: D, a: D, b: D): void;
  /** 1 when a ≤ b, else 0. */
  lessOrEqual(to: X, a: D, b: D): void;
  toDouble(to: D, from: X): void;
  /** The bits of a double. */
  bitsOf(to: X, from: D): void;
  /** Loads zero-extended bytes, or 8 bytes. `offset` is from -2048 to 2047. */
  load(bytes: 1 | 8, to: X, base: X, offset?: number): void;
  store(bytes: 1 | 8, value: X, base: X, offset?: number): void;
  loadD(to: D, base: X, offset?: number): void;
  storeD(value: D, base: X, offset?: number): void;
  /** Runs the body again and again until it is left. */
  loop(body: (leave: Leave) => void): void;
  /** Runs the body once, and again as long as the condition holds behind it. */
  repeatWhile(condition: Condition, a: X, b: X, body: (leave: Leave) => void): void;
  when(condition: Condition, a: X, b: X, body: () => void): void;
}

/** A piece of work that takes about a millisecond on a fast machine and always gives the same result. */
export interface Kernel {
  readonly name: string;
  readonly kind: 'integer' | 'floating-point';
  /** What it is, in a few words. */
  readonly title: string;
  /** Emits one pass and returns the variable that holds its result. */
  readonly emit: (code: Code) => X;
}
