/**
 * RV64I base integer instructions.
 * Source: RISC-V Unprivileged ISA, chapters "RV32I" and "RV64I"
 */
import {type Instruction, recorder} from './instruction.js';
import type {I32, I64, LoadKind, Lowering, Operands} from './lowering.js';
import {AUIPC, BRANCH, JAL, JALR, LOAD, LUI, MISC_MEM, OP, OP_32, OP_IMM, OP_IMM_32, STORE} from './opcodes.js';

const R = recorder('i', 'R');
const I = recorder('i', 'I');
const S = recorder('i', 'S', {files: {rd: 'none'}});
const B = recorder('i', 'B', {files: {rd: 'none'}});
const U = recorder('i', 'U', {files: {rs1: 'none', rs2: 'none'}});
const shift = recorder('i', 'shift');
const shiftw = recorder('i', 'shiftw');
const none = recorder('i', 'none');

const op = (name: string, funct3: number, funct7: number, f: (b: Lowering, x: I64, y: I64) => I64) =>
  R(name, {opcode: OP, funct3, funct7}, (b, i) => b.setX(i.rd, f(b, b.x(i.rs1), b.x(i.rs2))));
const opw = (name: string, funct3: number, funct7: number, f: (b: Lowering, x: I32, y: I32) => I32) =>
  R(name, {opcode: OP_32, funct3, funct7}, (b, i) => b.setX32(i.rd, f(b, b.x32(i.rs1), b.x32(i.rs2))));
const opImm = (name: string, funct3: number, f: (b: Lowering, x: I64, imm: I64) => I64) =>
  I(name, {opcode: OP_IMM, funct3}, (b, i) => b.setX(i.rd, f(b, b.x(i.rs1), b.imm())));
const branch = (name: string, funct3: number, f: (b: Lowering, x: I64, y: I64) => I32) =>
  B(name, {opcode: BRANCH, funct3}, (b, i) => b.branch(f(b, b.x(i.rs1), b.x(i.rs2))));
const load = (name: string, funct3: number, kind: LoadKind) =>
  I(name, {opcode: LOAD, funct3}, (b, i) => b.setX(i.rd, b.load(kind, b.i64.add(b.x(i.rs1), b.imm()))));
const store = (name: string, funct3: number, bytes: 1 | 2 | 4 | 8) =>
  S(name, {opcode: STORE, funct3}, (b, i) => b.store(bytes, b.i64.add(b.x(i.rs1), b.imm()), b.x(i.rs2)));
const jump = (b: Lowering, i: Operands) => {
  // The link register may be the base register: the target is computed first.
  const target = b.let(b.i64.and(b.i64.add(b.x(i.rs1), b.imm()), b.i64.const(-2)));
  b.setX(i.rd, b.nextPc());
  b.jumpTo(target);
};

/** RV64I. */
export const iInstructions: readonly Instruction[] = [
  U('lui', {opcode: LUI}, (b, i) => b.setX(i.rd, b.imm())),
  U('auipc', {opcode: AUIPC}, (b, i) => b.setX(i.rd, b.pcPlusImm())),
  recorder('i', 'J', {files: {rs1: 'none', rs2: 'none'}, endsBlock: true})('jal', {opcode: JAL}, (b, i) => {
    b.setX(i.rd, b.nextPc());
    b.jump();
  }),
  I('jalr', {opcode: JALR, funct3: 0}, jump, {endsBlock: true}),

  branch('beq', 0, (b, x, y) => b.i64.eq(x, y)),
  branch('bne', 1, (b, x, y) => b.i64.ne(x, y)),
  branch('blt', 4, (b, x, y) => b.i64.ltS(x, y)),
  branch('bge', 5, (b, x, y) => b.i64.geS(x, y)),
  branch('bltu', 6, (b, x, y) => b.i64.ltU(x, y)),
  branch('bgeu', 7, (b, x, y) => b.i64.geU(x, y)),

  load('lb', 0, 's8'),
  load('lh', 1, 's16'),
  load('lw', 2, 's32'),
  load('ld', 3, 'u64'),
  load('lbu', 4, 'u8'),
  load('lhu', 5, 'u16'),
  load('lwu', 6, 'u32'),
  store('sb', 0, 1),
  store('sh', 1, 2),
  store('sw', 2, 4),
  store('sd', 3, 8),

  opImm('addi', 0, (b, x, imm) => b.i64.add(x, imm)),
  opImm('slti', 2, (b, x, imm) => b.i64.extendU(b.i64.ltS(x, imm))),
  opImm('sltiu', 3, (b, x, imm) => b.i64.extendU(b.i64.ltU(x, imm))),
  opImm('xori', 4, (b, x, imm) => b.i64.xor(x, imm)),
  opImm('ori', 6, (b, x, imm) => b.i64.or(x, imm)),
  opImm('andi', 7, (b, x, imm) => b.i64.and(x, imm)),
  shift('slli', {opcode: OP_IMM, funct3: 1, funct6: 0x00}, (b, i) => b.setX(i.rd, b.i64.shl(b.x(i.rs1), b.imm()))),
  shift('srli', {opcode: OP_IMM, funct3: 5, funct6: 0x00}, (b, i) => b.setX(i.rd, b.i64.shrU(b.x(i.rs1), b.imm()))),
  shift('srai', {opcode: OP_IMM, funct3: 5, funct6: 0x10}, (b, i) => b.setX(i.rd, b.i64.shrS(b.x(i.rs1), b.imm()))),
  I('addiw', {opcode: OP_IMM_32, funct3: 0}, (b, i) => b.setX32(i.rd, b.i32.add(b.x32(i.rs1), b.imm32()))),
  shiftw('slliw', {opcode: OP_IMM_32, funct3: 1, funct7: 0x00}, (b, i) =>
    b.setX32(i.rd, b.i32.shl(b.x32(i.rs1), b.imm32())),
  ),
  shiftw('srliw', {opcode: OP_IMM_32, funct3: 5, funct7: 0x00}, (b, i) =>
    b.setX32(i.rd, b.i32.shrU(b.x32(i.rs1), b.imm32())),
  ),
  shiftw('sraiw', {opcode: OP_IMM_32, funct3: 5, funct7: 0x20}, (b, i) =>
    b.setX32(i.rd, b.i32.shrS(b.x32(i.rs1), b.imm32())),
  ),

  op('add', 0, 0x00, (b, x, y) => b.i64.add(x, y)),
  op('sub', 0, 0x20, (b, x, y) => b.i64.sub(x, y)),
  op('sll', 1, 0x00, (b, x, y) => b.i64.shl(x, y)),
  op('slt', 2, 0x00, (b, x, y) => b.i64.extendU(b.i64.ltS(x, y))),
  op('sltu', 3, 0x00, (b, x, y) => b.i64.extendU(b.i64.ltU(x, y))),
  op('xor', 4, 0x00, (b, x, y) => b.i64.xor(x, y)),
  op('srl', 5, 0x00, (b, x, y) => b.i64.shrU(x, y)),
  op('sra', 5, 0x20, (b, x, y) => b.i64.shrS(x, y)),
  op('or', 6, 0x00, (b, x, y) => b.i64.or(x, y)),
  op('and', 7, 0x00, (b, x, y) => b.i64.and(x, y)),
  opw('addw', 0, 0x00, (b, x, y) => b.i32.add(x, y)),
  opw('subw', 0, 0x20, (b, x, y) => b.i32.sub(x, y)),
  opw('sllw', 1, 0x00, (b, x, y) => b.i32.shl(x, y)),
  opw('srlw', 5, 0x00, (b, x, y) => b.i32.shrU(x, y)),
  opw('sraw', 5, 0x20, (b, x, y) => b.i32.shrS(x, y)),

  // `pause` and `fence.tso` are among its encodings.
  none('fence', {opcode: MISC_MEM, funct3: 0}, (b) => b.fence()),
];
