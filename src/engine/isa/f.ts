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
  type FusedSigns,
  fromInteger,
  fusedMultiplyAdd,
  injectSign,
  single,
  toInteger,
} from './float-path.js';
import {type Instruction, type InstructionOptions, recorder} from './instruction.js';
import {LOAD_FP, MADD, MSUB, NMADD, NMSUB, OP_FP, STORE_FP} from './opcodes.js';

const R = recorder('f', 'R', {isFloat: true, readsSingles: true, writesSingle: true});
const R4 = recorder('f', 'R4', {
  isFloat: true,
  hasRounding: true,
  readsSingles: true,
  writesSingle: true,
  files: {rd: 'f', rs1: 'f', rs2: 'f', rs3: 'f'},
});

const fromTwo: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'f'}};
const roundedFromTwo: InstructionOptions = {...fromTwo, hasRounding: true};
const roundedFromOne: InstructionOptions = {files: {rd: 'f', rs1: 'f', rs2: 'none'}, hasRounding: true};
const intoX: InstructionOptions = {files: {rs1: 'f', rs2: 'none'}};
const fromX: InstructionOptions = {files: {rd: 'f', rs2: 'none'}};

const binary = (name: string, funct7: number, operation: FastOperation<'f32'>) =>
  R(name, {opcode: OP_FP, funct7}, (b, i) => arithmetic(b, single, operation, i.rd, i.rs1, i.rs2), roundedFromTwo);

const fused = (name: string, opcode: number, signs: FusedSigns) =>
  R4(name, {opcode, funct2: 0}, (b, i) => fusedMultiplyAdd(b, single, signs, i.rd, i.rs1, i.rs2, i.rs3));

const signInjection = (name: string, funct3: number, kind: 'copy' | 'negate' | 'multiply') =>
  R(name, {opcode: OP_FP, funct7: 0x10, funct3}, (b, i) => injectSign(b, single, kind, i.rd, i.rs1, i.rs2), fromTwo);

const comparison = (name: string, funct3: number, kind: 'Eq' | 'Lt' | 'Le') =>
  R(name, {opcode: OP_FP, funct7: 0x50, funct3}, (b, i) => compare(b, single, kind, i.rd, i.rs1, i.rs2), {
    files: {rs1: 'f', rs2: 'f'},
  });

const toX = (name: string, rs2: number, kind: 'I32' | 'U32' | 'I64' | 'U64') =>
  R(name, {opcode: OP_FP, funct7: 0x60, rs2}, (b, i) => toInteger(b, single, kind, i.rd, i.rs1), {
    ...intoX,
    hasRounding: true,
  });

const convertX = (name: string, rs2: number, kind: 'I32S' | 'I32U' | 'I64S' | 'I64U') =>
  R(name, {opcode: OP_FP, funct7: 0x68, rs2}, (b, i) => fromInteger(b, single, kind, i.rd, i.rs1), {
    ...fromX,
    hasRounding: true,
  });

/** F, with the 64-bit integer conversions of RV64. */
export const fInstructions: readonly Instruction[] = [
  recorder('f', 'I', {isFloat: true, writesSingle: true, files: {rd: 'f'}})(
    'flw',
    {opcode: LOAD_FP, funct3: 2},
    (b, i) => b.setFloat(i.rd, b.loadFloat('f32', b.i64.add(b.x(i.rs1), b.imm()))),
  ),
  recorder('f', 'S', {isFloat: true, files: {rs2: 'f'}})('fsw', {opcode: STORE_FP, funct3: 2}, (b, i) =>
    b.storeFloat('f32', b.i64.add(b.x(i.rs1), b.imm()), i.rs2),
  ),
  fused('fmadd.s', MADD, {product: false, addend: false}),
  fused('fmsub.s', MSUB, {product: false, addend: true}),
  fused('fnmsub.s', NMSUB, {product: true, addend: false}),
  fused('fnmadd.s', NMADD, {product: true, addend: true}),
  binary('fadd.s', 0x00, {exact: 'Add', compute: (ops, [x, y]) => ops.add(x, y), suspects: 'special'}),
  binary('fsub.s', 0x04, {exact: 'Sub', compute: (ops, [x, y]) => ops.sub(x, y), suspects: 'special'}),
  binary('fmul.s', 0x08, {
    exact: 'Mul',
    compute: (ops, [x, y]) => ops.mul(x, y),
    suspects: 'extreme',
    isExactZero: (b, [x, y]) => b.i32.or(x!, y!),
  }),
  binary('fdiv.s', 0x0c, {
    exact: 'Div',
    compute: (ops, [x, y]) => ops.div(x, y),
    suspects: 'extreme',
    isExactZero: (_b, [x]) => x!,
  }),
  R(
    'fsqrt.s',
    {opcode: OP_FP, funct7: 0x2c, rs2: 0},
    (b, i) =>
      arithmetic(b, single, {exact: 'Sqrt', compute: (ops, [x]) => ops.sqrt(x), suspects: 'special'}, i.rd, i.rs1),
    roundedFromOne,
  ),
  signInjection('fsgnj.s', 0, 'copy'),
  signInjection('fsgnjn.s', 1, 'negate'),
  signInjection('fsgnjx.s', 2, 'multiply'),
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
    (b, i) => b.setX(i.rd, classify(b, single, i.rs1)),
    intoX,
  ),
  R(
    'fmv.x.w',
    {opcode: OP_FP, funct7: 0x70, funct3: 0, rs2: 0},
    (b, i) => b.setX32(i.rd, b.i32.reinterpret(b.lowHalf(i.rs1))),
    {...intoX, readsSingles: false},
  ),
  R(
    'fmv.w.x',
    {opcode: OP_FP, funct7: 0x78, funct3: 0, rs2: 0},
    (b, i) => b.setFloat(i.rd, b.f32.reinterpret(b.x32(i.rs1))),
    fromX,
  ),
  toX('fcvt.w.s', 0, 'I32'),
  toX('fcvt.wu.s', 1, 'U32'),
  toX('fcvt.l.s', 2, 'I64'),
  toX('fcvt.lu.s', 3, 'U64'),
  convertX('fcvt.s.w', 0, 'I32S'),
  convertX('fcvt.s.wu', 1, 'I32U'),
  convertX('fcvt.s.l', 2, 'I64S'),
  convertX('fcvt.s.lu', 3, 'I64U'),
];
