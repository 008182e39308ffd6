/**
 * F: single-precision floating point.
 * Source: RISC-V Unprivileged ISA, chapter "F"
 */
import {
  arithmetic,
  classify,
  compare,
  extremum,
  type FastOperation,
  fromInteger,
  fusedSingle,
  isZero,
  rawOperands,
  single,
} from './float-path.js';
import {type Instruction, type InstructionOptions, recorder} from './instruction.js';
import type {F64, I32, Lowering} from './lowering.js';
import {LOAD_FP, MADD, MSUB, NMADD, NMSUB, OP_FP, STORE_FP} from './opcodes.js';

const R = recorder('f', 'R', {isFloat: true});
const R4 = recorder('f', 'R4', {isFloat: true, hasRounding: true, files: {rd: 'f', rs1: 'f', rs2: 'f', rs3: 'f'}});

const fromTwo: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'f'}};
const roundedFromTwo: InstructionOptions = {...fromTwo, hasRounding: true};
const roundedFromOne: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'none'}, hasRounding: true};
const toInteger: InstructionOptions = {files: {rs1: 'f', rs2: 'none'}};
const fromX: InstructionOptions = {files: {rd: 'f', rs2: 'none'}};

const binary = (name: string, funct7: number, operation: FastOperation<'f32', 'i32'>) =>
  R(name, {opcode: OP_FP, funct7}, (b, i) => arithmetic(b, single, operation, i.rd, i.rs1, i.rs2), roundedFromTwo);

const fused = (
  name: string,
  opcode: number,
  signs: {product: boolean; addend: boolean},
  sum: (b: Lowering, product: F64, addend: F64) => F64,
) =>
  R4(name, {opcode, funct2: 0}, (b, i) =>
    fusedSingle(b, (product, addend) => sum(b, product, addend), signs, i.rd, i.rs1, i.rs2, i.rs3),
  );

const signInjection = (name: string, funct3: number, sign: (b: Lowering, x: I32, y: I32) => I32) =>
  R(
    name,
    {opcode: OP_FP, funct7: 0x10, funct3},
    (b, i) => {
      const [x, y] = rawOperands(b, [i.rs1, i.rs2]).map((raw) => b.let(single.read(b, raw)));
      const kept = b.i32.and(x, b.i32.const(0x7fffffff));
      b.setF(i.rd, single.box(b, b.i32.or(kept, b.i32.and(sign(b, x, y), b.i32.const(-0x80000000)))));
    },
    fromTwo,
  );

const comparison = (name: string, funct3: number, kind: 'Eq' | 'Lt' | 'Le') =>
  R(name, {opcode: OP_FP, funct7: 0x50, funct3}, (b, i) => compare(b, single, kind, i.rd, i.rs1, i.rs2), {
    files: {rs1: 'f', rs2: 'f'},
  });

const toX = (name: string, rs2: number, exact: string) =>
  R(
    name,
    {opcode: OP_FP, funct7: 0x60, rs2},
    (b, i) => {
      const operand = single.read(b, b.let(b.f(i.rs1)));
      if (exact.endsWith('32')) b.setX32(i.rd, b.soft(exact, 'i32', operand));
      else b.setX(i.rd, b.soft(exact, 'i64', operand));
    },
    {...toInteger, hasRounding: true},
  );

const convertX = (name: string, rs2: number, kind: 'I32S' | 'I32U' | 'I64S' | 'I64U') =>
  R(name, {opcode: OP_FP, funct7: 0x68, rs2}, (b, i) => fromInteger(b, single, kind, i.rd, i.rs1), {
    ...fromX,
    hasRounding: true,
  });

/** F, with the 64-bit integer conversions of RV64. */
export const fInstructions: readonly Instruction[] = [
  recorder('f', 'I', {isFloat: true, files: {rd: 'f'}})('flw', {opcode: LOAD_FP, funct3: 2}, (b, i) =>
    b.setF(i.rd, single.box(b, b.i32.wrap(b.load('u32', b.i64.add(b.x(i.rs1), b.imm()))))),
  ),
  recorder('f', 'S', {isFloat: true, files: {rs2: 'f'}})('fsw', {opcode: STORE_FP, funct3: 2}, (b, i) =>
    b.store(4, b.i64.add(b.x(i.rs1), b.imm()), b.f(i.rs2)),
  ),
  fused('fmadd.s', MADD, {product: false, addend: false}, (b, p, z) => b.f64.add(p, z)),
  fused('fmsub.s', MSUB, {product: false, addend: true}, (b, p, z) => b.f64.sub(p, z)),
  fused('fnmsub.s', NMSUB, {product: true, addend: false}, (b, p, z) => b.f64.sub(z, p)),
  fused('fnmadd.s', NMADD, {product: true, addend: true}, (b, p, z) => b.f64.sub(b.f64.neg(p), z)),
  binary('fadd.s', 0x00, {exact: 'Add', compute: (ops, [x, y]) => ops.add(x, y), suspects: 'special'}),
  binary('fsub.s', 0x04, {exact: 'Sub', compute: (ops, [x, y]) => ops.sub(x, y), suspects: 'special'}),
  binary('fmul.s', 0x08, {
    exact: 'Mul',
    compute: (ops, [x, y]) => ops.mul(x, y),
    suspects: 'extreme',
    isExactZero: (b, [x, y]) => b.i32.or(isZero(b, single, x), isZero(b, single, y)),
  }),
  binary('fdiv.s', 0x0c, {
    exact: 'Div',
    compute: (ops, [x, y]) => ops.div(x, y),
    suspects: 'extreme',
    isExactZero: (b, [x]) => isZero(b, single, x),
  }),
  R(
    'fsqrt.s',
    {opcode: OP_FP, funct7: 0x2c, rs2: 0},
    (b, i) =>
      arithmetic(b, single, {exact: 'Sqrt', compute: (ops, [x]) => ops.sqrt(x), suspects: 'special'}, i.rd, i.rs1),
    roundedFromOne,
  ),
  signInjection('fsgnj.s', 0, (_b, _x, y) => y),
  signInjection('fsgnjn.s', 1, (b, _x, y) => b.i32.xor(y, b.i32.const(-1))),
  signInjection('fsgnjx.s', 2, (b, x, y) => b.i32.xor(x, y)),
  R(
    'fmin.s',
    {opcode: OP_FP, funct7: 0x14, funct3: 0},
    (b, i) => extremum(b, single, 'Min', i.rd, i.rs1, i.rs2),
    fromTwo,
  ),
  R(
    'fmax.s',
    {opcode: OP_FP, funct7: 0x14, funct3: 1},
    (b, i) => extremum(b, single, 'Max', i.rd, i.rs1, i.rs2),
    fromTwo,
  ),
  comparison('feq.s', 2, 'Eq'),
  comparison('flt.s', 1, 'Lt'),
  comparison('fle.s', 0, 'Le'),
  R(
    'fclass.s',
    {opcode: OP_FP, funct7: 0x70, funct3: 1, rs2: 0},
    (b, i) => b.setX(i.rd, classify(b, single, b.let(single.read(b, b.let(b.f(i.rs1)))))),
    toInteger,
  ),
  R(
    'fmv.x.w',
    {opcode: OP_FP, funct7: 0x70, funct3: 0, rs2: 0},
    (b, i) => b.setX(i.rd, b.i64.extend32S(b.f(i.rs1))),
    toInteger,
  ),
  R(
    'fmv.w.x',
    {opcode: OP_FP, funct7: 0x78, funct3: 0, rs2: 0},
    (b, i) => b.setF(i.rd, single.box(b, b.x32(i.rs1))),
    fromX,
  ),
  toX('fcvt.w.s', 0, 'f32ToI32'),
  toX('fcvt.wu.s', 1, 'f32ToU32'),
  toX('fcvt.l.s', 2, 'f32ToI64'),
  toX('fcvt.lu.s', 3, 'f32ToU64'),
  convertX('fcvt.s.w', 0, 'I32S'),
  convertX('fcvt.s.wu', 1, 'I32U'),
  convertX('fcvt.s.l', 2, 'I64S'),
  convertX('fcvt.s.lu', 3, 'I64U'),
];
