/**
 * WebAssembly expressions as values: each is its operand type and the bytes that leave one such operand on the stack.
 * Expressions hold no branches; control flow belongs to `function.ts`. An expression that is used twice is evaluated
 * twice: bind it to a local first (`FunctionBuilder.let`).
 * Source: WebAssembly Core Specification 3.0 §5.4
 */
import type {Expr, F32, F64, I32, I64, ValueType} from '../../isa/lowering.js';
import {pushBytes, pushS32, pushS64, pushU32} from './encoding.js';

export type {Expr, F32, F64, I32, I64, ValueType};

/** A local variable of one function. Reading it is an expression: `get(local)`. */
export interface Local<T extends ValueType = ValueType> {
  readonly type: T;
  readonly index: number;
}

/** Reads a local. */
export function get<T extends ValueType>(local: Local<T>): Expr<T> {
  const code = [0x20];
  pushU32(code, local.index);
  return {type: local.type, code};
}

/** `op` applied to `operands` in order, giving a value of type `type`. `op` is the opcode's bytes. */
export function apply<T extends ValueType>(type: T, op: readonly number[], ...operands: readonly Expr[]): Expr<T> {
  const code: number[] = [];
  for (const operand of operands) pushBytes(code, operand.code);
  pushBytes(code, op);
  return {type, code};
}

/** A load (or atomic load) `op` with a constant offset and log2 alignment. */
function load<T extends ValueType>(
  type: T,
  op: readonly number[],
  align: number,
  address: I32,
  offset: number,
): Expr<T> {
  const code: number[] = [];
  pushBytes(code, address.code);
  pushBytes(code, op);
  pushU32(code, align);
  pushU32(code, offset);
  return {type, code};
}

const unary =
  <A extends ValueType, T extends ValueType>(type: T, ...op: number[]) =>
  (a: Expr<A>): Expr<T> =>
    apply(type, op, a);
const binary =
  <A extends ValueType, T extends ValueType>(type: T, ...op: number[]) =>
  (a: Expr<A>, b: Expr<A>): Expr<T> =>
    apply(type, op, a, b);
const loader =
  <T extends ValueType>(type: T, align: number, ...op: number[]) =>
  (address: I32, offset = 0): Expr<T> =>
    load(type, op, align, address, offset);
const rmw =
  <T extends ValueType>(type: T, align: number, op: number) =>
  (address: I32, value: Expr<T>): Expr<T> => {
    const code: number[] = [];
    pushBytes(code, address.code);
    pushBytes(code, value.code);
    code.push(0xfe, op, align, 0);
    return {type, code};
  };
const cmpxchg =
  <T extends ValueType>(type: T, align: number, op: number) =>
  (address: I32, expected: Expr<T>, replacement: Expr<T>): Expr<T> => {
    const code: number[] = [];
    pushBytes(code, address.code);
    pushBytes(code, expected.code);
    pushBytes(code, replacement.code);
    code.push(0xfe, op, align, 0);
    return {type, code};
  };

const b32 = (op: number) => binary<'i32', 'i32'>('i32', op);
const b64 = (op: number) => binary<'i64', 'i64'>('i64', op);
const c64 = (op: number) => binary<'i64', 'i32'>('i32', op);

/** 32-bit integer operations. */
export const i32 = {
  const(value: number): I32 {
    const code = [0x41];
    pushS32(code, value);
    return {type: 'i32', code};
  },
  load: loader('i32', 2, 0x28),
  load8u: loader('i32', 0, 0x2d),
  load8s: loader('i32', 0, 0x2c),
  load16u: loader('i32', 1, 0x2f),
  load16s: loader('i32', 1, 0x2e),
  atomicLoad: loader('i32', 2, 0xfe, 0x10),
  eqz: unary<'i32', 'i32'>('i32', 0x45),
  eq: b32(0x46),
  ne: b32(0x47),
  ltS: b32(0x48),
  ltU: b32(0x49),
  gtS: b32(0x4a),
  gtU: b32(0x4b),
  leS: b32(0x4c),
  leU: b32(0x4d),
  geS: b32(0x4e),
  geU: b32(0x4f),
  clz: unary<'i32', 'i32'>('i32', 0x67),
  ctz: unary<'i32', 'i32'>('i32', 0x68),
  popcnt: unary<'i32', 'i32'>('i32', 0x69),
  add: b32(0x6a),
  sub: b32(0x6b),
  mul: b32(0x6c),
  divS: b32(0x6d),
  divU: b32(0x6e),
  remS: b32(0x6f),
  remU: b32(0x70),
  and: b32(0x71),
  or: b32(0x72),
  xor: b32(0x73),
  shl: b32(0x74),
  shrS: b32(0x75),
  shrU: b32(0x76),
  rotl: b32(0x77),
  rotr: b32(0x78),
  wrap: unary<'i64', 'i32'>('i32', 0xa7),
  reinterpret: unary<'f32', 'i32'>('i32', 0xbc),
  rmw8Or: rmw('i32', 0, 0x35),
  rmwAdd: rmw('i32', 2, 0x1e),
  rmwAnd: rmw('i32', 2, 0x2c),
  rmwOr: rmw('i32', 2, 0x33),
  rmwXor: rmw('i32', 2, 0x3a),
  rmwXchg: rmw('i32', 2, 0x41),
  cmpxchg: cmpxchg('i32', 2, 0x48),
};

/** 64-bit integer operations. Comparisons give an i32. */
export const i64 = {
  const(value: bigint | number): I64 {
    const code = [0x42];
    pushS64(code, BigInt(value));
    return {type: 'i64', code};
  },
  load: loader('i64', 3, 0x29),
  load8s: loader('i64', 0, 0x30),
  load8u: loader('i64', 0, 0x31),
  load16s: loader('i64', 1, 0x32),
  load16u: loader('i64', 1, 0x33),
  load32s: loader('i64', 2, 0x34),
  load32u: loader('i64', 2, 0x35),
  atomicLoad: loader('i64', 3, 0xfe, 0x11),
  eqz: unary<'i64', 'i32'>('i32', 0x50),
  eq: c64(0x51),
  ne: c64(0x52),
  ltS: c64(0x53),
  ltU: c64(0x54),
  gtS: c64(0x55),
  gtU: c64(0x56),
  leS: c64(0x57),
  leU: c64(0x58),
  geS: c64(0x59),
  geU: c64(0x5a),
  clz: unary<'i64', 'i64'>('i64', 0x79),
  ctz: unary<'i64', 'i64'>('i64', 0x7a),
  popcnt: unary<'i64', 'i64'>('i64', 0x7b),
  add: b64(0x7c),
  sub: b64(0x7d),
  mul: b64(0x7e),
  divS: b64(0x7f),
  divU: b64(0x80),
  remS: b64(0x81),
  remU: b64(0x82),
  and: b64(0x83),
  or: b64(0x84),
  xor: b64(0x85),
  shl: b64(0x86),
  shrS: b64(0x87),
  shrU: b64(0x88),
  rotl: b64(0x89),
  rotr: b64(0x8a),
  extendS: unary<'i32', 'i64'>('i64', 0xac),
  extendU: unary<'i32', 'i64'>('i64', 0xad),
  extend8S: unary<'i64', 'i64'>('i64', 0xc2),
  extend16S: unary<'i64', 'i64'>('i64', 0xc3),
  extend32S: unary<'i64', 'i64'>('i64', 0xc4),
  reinterpret: unary<'f64', 'i64'>('i64', 0xbd),
  truncF32: unary<'f32', 'i64'>('i64', 0xae),
  truncF64: unary<'f64', 'i64'>('i64', 0xb0),
  rmwAdd: rmw('i64', 3, 0x1f),
  rmwAnd: rmw('i64', 3, 0x2d),
  rmwOr: rmw('i64', 3, 0x34),
  rmwXor: rmw('i64', 3, 0x3b),
  rmwXchg: rmw('i64', 3, 0x42),
  cmpxchg: cmpxchg('i64', 3, 0x49),
};

const f = <T extends 'f32' | 'f64'>(type: T, base: number, compare: number, demote: number) => ({
  eq: binary<T, 'i32'>('i32', compare),
  ne: binary<T, 'i32'>('i32', compare + 1),
  lt: binary<T, 'i32'>('i32', compare + 2),
  gt: binary<T, 'i32'>('i32', compare + 3),
  le: binary<T, 'i32'>('i32', compare + 4),
  ge: binary<T, 'i32'>('i32', compare + 5),
  abs: unary<T, T>(type, base),
  neg: unary<T, T>(type, base + 1),
  ceil: unary<T, T>(type, base + 2),
  floor: unary<T, T>(type, base + 3),
  trunc: unary<T, T>(type, base + 4),
  nearest: unary<T, T>(type, base + 5),
  sqrt: unary<T, T>(type, base + 6),
  add: binary<T, T>(type, base + 7),
  sub: binary<T, T>(type, base + 8),
  mul: binary<T, T>(type, base + 9),
  div: binary<T, T>(type, base + 10),
  min: binary<T, T>(type, base + 11),
  max: binary<T, T>(type, base + 12),
  copysign: binary<T, T>(type, base + 13),
  convertI32S: unary<'i32', T>(type, demote - 4),
  convertI32U: unary<'i32', T>(type, demote - 3),
  convertI64S: unary<'i64', T>(type, demote - 2),
  convertI64U: unary<'i64', T>(type, demote - 1),
});

/** Single-precision operations; arithmetic rounds to nearest even, NaN payloads are unspecified. */
export const f32 = {
  ...f('f32', 0x8b, 0x5b, 0xb6),
  load: loader('f32', 2, 0x2a),
  demote: unary<'f64', 'f32'>('f32', 0xb6),
  reinterpret: unary<'i32', 'f32'>('f32', 0xbe),
};

/** Double-precision operations; arithmetic rounds to nearest even, NaN payloads are unspecified. */
export const f64 = {
  ...f('f64', 0x99, 0x61, 0xbb),
  load: loader('f64', 3, 0x2b),
  promote: unary<'f32', 'f64'>('f64', 0xbb),
  reinterpret: unary<'i64', 'f64'>('f64', 0xbf),
};

/** `condition ? whenTrue : whenFalse`, both evaluated. */
export function select<T extends ValueType>(condition: I32, whenTrue: Expr<T>, whenFalse: Expr<T>): Expr<T> {
  return apply(whenTrue.type, [0x1b], whenTrue, whenFalse, condition);
}

const blockTypes: Record<ValueType, number> = {i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c};

/** `condition ? whenTrue : whenFalse`, only the chosen one evaluated. */
export function choose<T extends ValueType>(condition: I32, whenTrue: Expr<T>, whenFalse: Expr<T>): Expr<T> {
  const code: number[] = [];
  pushBytes(code, condition.code);
  code.push(0x04, blockTypes[whenTrue.type]);
  pushBytes(code, whenTrue.code);
  code.push(0x05);
  pushBytes(code, whenFalse.code);
  code.push(0x0b);
  return {type: whenTrue.type, code};
}

/** The binary format's byte for a value type. */
export function valueTypeByte(type: ValueType): number {
  return blockTypes[type];
}
