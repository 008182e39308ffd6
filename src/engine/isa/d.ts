/**
 * D: double-precision floating point.
 * Source: RISC-V Unprivileged ISA, chapter "D"
 */
import {
  arithmetic,
  classify,
  compare,
  double,
  extremum,
  type FastOperation,
  type FusedSigns,
  fromInteger,
  fusedMultiplyAdd,
  injectSign,
  narrow,
  toInteger,
  widen,
} from './float-path.js';
import {type Instruction, type InstructionOptions, recorder} from './instruction.js';
import {LOAD_FP, MADD, MSUB, NMADD, NMSUB, OP_FP, STORE_FP} from './opcodes.js';

const R = recorder('d', 'R', {isFloat: true});
const R4 = recorder('d', 'R4', {isFloat: true, hasRounding: true, files: {rd: 'f', rs1: 'f', rs2: 'f', rs3: 'f'}});

const fromTwo: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'f'}};
const roundedFromTwo: InstructionOptions = {...fromTwo, hasRounding: true};
const roundedFromOne: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'none'}, hasRounding: true};
const intoX: InstructionOptions = {files: {rs1: 'f', rs2: 'none'}};
const fromX: InstructionOptions = {files: {rd: 'f', rs2: 'none'}};

const binary = (name: string, funct7: number, operation: FastOperation<'f64'>) =>
  R(name, {opcode: OP_FP, funct7}, (b, i) => arithmetic(b, double, operation, i.rd, i.rs1, i.rs2), roundedFromTwo);

const fused = (name: string, opcode: number, signs: FusedSigns) =>
  R4(name, {opcode, funct2: 1}, (b, i) => fusedMultiplyAdd(b, double, signs, i.rd, i.rs1, i.rs2, i.rs3));

const signInjection = (name: string, funct3: number, kind: 'copy' | 'negate' | 'multiply') =>
  R(name, {opcode: OP_FP, funct7: 0x11, funct3}, (b, i) => injectSign(b, double, kind, i.rd, i.rs1, i.rs2), fromTwo);

const comparison = (name: string, funct3: number, kind: 'Eq' | 'Lt' | 'Le') =>
  R(name, {opcode: OP_FP, funct7: 0x51, funct3}, (b, i) => compare(b, double, kind, i.rd, i.rs1, i.rs2), {
    files: {rs1: 'f', rs2: 'f'},
  });

const toX = (name: string, rs2: number, kind: 'I32' | 'U32' | 'I64' | 'U64') =>
  R(name, {opcode: OP_FP, funct7: 0x61, rs2}, (b, i) => toInteger(b, double, kind, i.rd, i.rs1), {
    ...intoX,
    hasRounding: true,
  });

const convertX = (name: string, rs2: number, kind: 'I32S' | 'I32U' | 'I64S' | 'I64U') =>
  R(name, {opcode: OP_FP, funct7: 0x69, rs2}, (b, i) => fromInteger(b, double, kind, i.rd, i.rs1), {
    ...fromX,
    hasRounding: true,
  });

/** D, with the 64-bit integer conversions and moves of RV64. */
export const dInstructions: readonly Instruction[] = [
  recorder('d', 'I', {isFloat: true, files: {rd: 'f'}})('fld', {opcode: LOAD_FP, funct3: 3}, (b, i) =>
    b.setFloat(i.rd, b.loadFloat('f64', b.i64.add(b.x(i.rs1), b.imm()))),
  ),
  recorder('d', 'S', {isFloat: true, files: {rs2: 'f'}})('fsd', {opcode: STORE_FP, funct3: 3}, (b, i) =>
    b.storeFloat('f64', b.i64.add(b.x(i.rs1), b.imm()), i.rs2),
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
    isExactZero: (b, [x, y]) => b.i32.or(x!, y!),
  }),
  binary('fdiv.d', 0x0d, {
    exact: 'Div',
    compute: (ops, [x, y]) => ops.div(x, y),
    suspects: 'extreme',
    isExactZero: (_b, [x]) => x!,
  }),
  R(
    'fsqrt.d',
    {opcode: OP_FP, funct7: 0x2d, rs2: 0},
    (b, i) =>
      arithmetic(b, double, {exact: 'Sqrt', compute: (ops, [x]) => ops.sqrt(x), suspects: 'special'}, i.rd, i.rs1),
    roundedFromOne,
  ),
  signInjection('fsgnj.d', 0, 'copy'),
  signInjection('fsgnjn.d', 1, 'negate'),
  signInjection('fsgnjx.d', 2, 'multiply'),
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
    (b, i) => b.setX(i.rd, classify(b, double, i.rs1)),
    intoX,
  ),
  R('fmv.x.d', {opcode: OP_FP, funct7: 0x71, funct3: 0, rs2: 0}, (b, i) => b.setX(i.rd, b.f(i.rs1)), intoX),
  R('fmv.d.x', {opcode: OP_FP, funct7: 0x79, funct3: 0, rs2: 0}, (b, i) => b.setF(i.rd, b.x(i.rs1)), fromX),
  R('fcvt.s.d', {opcode: OP_FP, funct7: 0x20, rs2: 1}, (b, i) => narrow(b, i.rd, i.rs1), {
    ...roundedFromOne,
    writesSingle: true,
  }),
  R('fcvt.d.s', {opcode: OP_FP, funct7: 0x21, rs2: 0}, (b, i) => widen(b, i.rd, i.rs1), {
    ...roundedFromOne,
    readsSingles: true,
  }),
  toX('fcvt.w.d', 0, 'I32'),
  toX('fcvt.wu.d', 1, 'U32'),
  toX('fcvt.l.d', 2, 'I64'),
  toX('fcvt.lu.d', 3, 'U64'),
  convertX('fcvt.d.w', 0, 'I32S'),
  convertX('fcvt.d.wu', 1, 'I32U'),
  convertX('fcvt.d.l', 2, 'I64S'),
  convertX('fcvt.d.lu', 3, 'I64U'),
];
