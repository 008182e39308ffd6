/**
 * D: double-precision floating point.
 * Source: RISC-V Unprivileged ISA, chapter "D"
 */
import {
  anyOf,
  arithmetic,
  classify,
  compare,
  double,
  extremum,
  type FastOperation,
  fromInteger,
  fusedDouble,
  isZero,
  single,
} from './float-path.js';
import {type Instruction, type InstructionOptions, recorder} from './instruction.js';
import type {I64, Lowering} from './lowering.js';
import {LOAD_FP, MADD, MSUB, NMADD, NMSUB, OP_FP, STORE_FP} from './opcodes.js';

const R = recorder('d', 'R', {isFloat: true});
const R4 = recorder('d', 'R4', {isFloat: true, hasRounding: true, files: {rd: 'f', rs1: 'f', rs2: 'f', rs3: 'f'}});

const fromTwo: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'f'}};
const roundedFromTwo: InstructionOptions = {...fromTwo, hasRounding: true};
const roundedFromOne: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'none'}, hasRounding: true};
const toInteger: InstructionOptions = {files: {rs1: 'f', rs2: 'none'}};
const fromX: InstructionOptions = {files: {rd: 'f', rs2: 'none'}};

const binary = (name: string, funct7: number, operation: FastOperation<'f64', 'i64'>) =>
  R(name, {opcode: OP_FP, funct7}, (b, i) => arithmetic(b, double, operation, i.rd, i.rs1, i.rs2), roundedFromTwo);

const fused = (name: string, opcode: number, signs: {product: boolean; addend: boolean}) =>
  R4(name, {opcode, funct2: 1}, (b, i) => fusedDouble(b, signs, i.rd, i.rs1, i.rs2, i.rs3));

const signInjection = (name: string, funct3: number, sign: (b: Lowering, x: I64, y: I64) => I64) =>
  R(
    name,
    {opcode: OP_FP, funct7: 0x11, funct3},
    (b, i) => {
      const [x, y] = [b.let(b.f(i.rs1)), b.let(b.f(i.rs2))];
      const kept = b.i64.and(x, b.i64.const(double.sign - 1n));
      b.setF(i.rd, b.i64.or(kept, b.i64.and(sign(b, x, y), b.i64.const(double.sign))));
    },
    fromTwo,
  );

const comparison = (name: string, funct3: number, kind: 'Eq' | 'Lt' | 'Le') =>
  R(name, {opcode: OP_FP, funct7: 0x51, funct3}, (b, i) => compare(b, double, kind, i.rd, i.rs1, i.rs2), {
    files: {rs1: 'f', rs2: 'f'},
  });

const toX = (name: string, rs2: number, exact: string) =>
  R(
    name,
    {opcode: OP_FP, funct7: 0x61, rs2},
    (b, i) => {
      if (exact.endsWith('32')) b.setX32(i.rd, b.soft(exact, 'i32', b.f(i.rs1)));
      else b.setX(i.rd, b.soft(exact, 'i64', b.f(i.rs1)));
    },
    {...toInteger, hasRounding: true},
  );

const convertX = (name: string, rs2: number, kind: 'I32S' | 'I32U' | 'I64S' | 'I64U') =>
  R(name, {opcode: OP_FP, funct7: 0x69, rs2}, (b, i) => fromInteger(b, double, kind, i.rd, i.rs1), {
    ...fromX,
    hasRounding: true,
  });

/** D, with the 64-bit integer conversions and moves of RV64. */
export const dInstructions: readonly Instruction[] = [
  recorder('d', 'I', {isFloat: true, files: {rd: 'f'}})('fld', {opcode: LOAD_FP, funct3: 3}, (b, i) =>
    b.setF(i.rd, b.load('u64', b.i64.add(b.x(i.rs1), b.imm()))),
  ),
  recorder('d', 'S', {isFloat: true, files: {rs2: 'f'}})('fsd', {opcode: STORE_FP, funct3: 3}, (b, i) =>
    b.store(8, b.i64.add(b.x(i.rs1), b.imm()), b.f(i.rs2)),
  ),
  fused('fmadd.d', MADD, {product: false, addend: false}),
  fused('fmsub.d', MSUB, {product: false, addend: true}),
  fused('fnmsub.d', NMSUB, {product: true, addend: false}),
  fused('fnmadd.d', NMADD, {product: true, addend: true}),
  binary('fadd.d', 0x01, {exact: 'Add', compute: (ops, [x, y]) => ops.add(x, y), suspects: 'special'}),
  binary('fsub.d', 0x05, {exact: 'Sub', compute: (ops, [x, y]) => ops.sub(x, y), suspects: 'special'}),
  binary('fmul.d', 0x09, {
    exact: 'Mul',
    compute: (ops, [x, y]) => ops.mul(x, y),
    suspects: 'extreme',
    isExactZero: (b, [x, y]) => b.i32.or(isZero(b, double, x), isZero(b, double, y)),
  }),
  binary('fdiv.d', 0x0d, {
    exact: 'Div',
    compute: (ops, [x, y]) => ops.div(x, y),
    suspects: 'extreme',
    isExactZero: (b, [x]) => isZero(b, double, x),
  }),
  R(
    'fsqrt.d',
    {opcode: OP_FP, funct7: 0x2d, rs2: 0},
    (b, i) =>
      arithmetic(b, double, {exact: 'Sqrt', compute: (ops, [x]) => ops.sqrt(x), suspects: 'special'}, i.rd, i.rs1),
    roundedFromOne,
  ),
  signInjection('fsgnj.d', 0, (_b, _x, y) => y),
  signInjection('fsgnjn.d', 1, (b, _x, y) => b.i64.xor(y, b.i64.const(-1))),
  signInjection('fsgnjx.d', 2, (b, x, y) => b.i64.xor(x, y)),
  R(
    'fmin.d',
    {opcode: OP_FP, funct7: 0x15, funct3: 0},
    (b, i) => extremum(b, double, 'Min', i.rd, i.rs1, i.rs2),
    fromTwo,
  ),
  R(
    'fmax.d',
    {opcode: OP_FP, funct7: 0x15, funct3: 1},
    (b, i) => extremum(b, double, 'Max', i.rd, i.rs1, i.rs2),
    fromTwo,
  ),
  comparison('feq.d', 2, 'Eq'),
  comparison('flt.d', 1, 'Lt'),
  comparison('fle.d', 0, 'Le'),
  R(
    'fclass.d',
    {opcode: OP_FP, funct7: 0x71, funct3: 1, rs2: 0},
    (b, i) => b.setX(i.rd, classify(b, double, b.let(b.f(i.rs1)))),
    toInteger,
  ),
  R('fmv.x.d', {opcode: OP_FP, funct7: 0x71, funct3: 0, rs2: 0}, (b, i) => b.setX(i.rd, b.f(i.rs1)), toInteger),
  R('fmv.d.x', {opcode: OP_FP, funct7: 0x79, funct3: 0, rs2: 0}, (b, i) => b.setF(i.rd, b.x(i.rs1)), fromX),
  R(
    'fcvt.s.d',
    {opcode: OP_FP, funct7: 0x20, rs2: 1},
    (b, i) => {
      const operand = b.let(b.f(i.rs1));
      const result = b.variable('i32');
      b.set(result, b.i32.reinterpret(b.f32.demote(b.f64.reinterpret(operand))));
      const isFast = b.let(b.isFastFloat());
      b.if(
        anyOf(b, b.i32.eqz(isFast), single.isExtreme(b, b.get(result))),
        () => {
          const isExactZero = b.i32.and(isFast, isZero(b, double, operand));
          b.if(b.i32.eqz(isExactZero), () => b.set(result, b.soft('f64ToF32', 'i32', operand)));
        },
        undefined,
        'unlikely',
      );
      b.setF(i.rd, single.box(b, b.get(result)));
    },
    roundedFromOne,
  ),
  R(
    'fcvt.d.s',
    {opcode: OP_FP, funct7: 0x21, rs2: 0},
    (b, i) => {
      const raw = b.let(b.f(i.rs1));
      const result = b.variable('i64');
      b.set(result, b.i64.reinterpret(b.f64.promote(b.f32.reinterpret(b.i32.wrap(raw)))));
      b.if(
        anyOf(b, b.i32.eqz(b.isFastFloat()), double.isSpecial(b, b.get(result)), single.isUnboxed?.(b, [raw])),
        () => b.set(result, b.soft('f32ToF64', 'i64', single.read(b, raw))),
        undefined,
        'unlikely',
      );
      b.setF(i.rd, b.get(result));
    },
    roundedFromOne,
  ),
  toX('fcvt.w.d', 0, 'f64ToI32'),
  toX('fcvt.wu.d', 1, 'f64ToU32'),
  toX('fcvt.l.d', 2, 'f64ToI64'),
  toX('fcvt.lu.d', 3, 'f64ToU64'),
  convertX('fcvt.d.w', 0, 'I32S'),
  convertX('fcvt.d.wu', 1, 'I32U'),
  convertX('fcvt.d.l', 2, 'I64S'),
  convertX('fcvt.d.lu', 3, 'I64U'),
];
