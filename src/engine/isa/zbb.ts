/**
 * Zbb: basic bit manipulation.
 * Source: RISC-V Unprivileged ISA, chapter "B", section Zbb
 */
import {type Instruction, recorder} from './instruction.js';
import type {I32, I64, Lowering} from './lowering.js';
import {OP, OP_32, OP_IMM, OP_IMM_32} from './opcodes.js';

const R = recorder('zbb', 'R');
const unary = recorder('zbb', 'R', {files: {rs2: 'none'}});

const op = (name: string, funct3: number, funct7: number, f: (b: Lowering, x: I64, y: I64) => I64) =>
  R(name, {opcode: OP, funct3, funct7}, (b, i) => b.setX(i.rd, f(b, b.let(b.x(i.rs1)), b.let(b.x(i.rs2)))));
const one = (name: string, funct12: number, f: (b: Lowering, x: I64) => I64, funct3 = 1) =>
  unary(name, {opcode: OP_IMM, funct3, funct12}, (b, i) => b.setX(i.rd, f(b, b.let(b.x(i.rs1)))));
const oneW = (name: string, funct12: number, f: (b: Lowering, x: I32) => I32) =>
  unary(name, {opcode: OP_IMM_32, funct3: 1, funct12}, (b, i) => b.setX32(i.rd, f(b, b.x32(i.rs1))));

/** Swaps the eight bytes: by halves, then pairs, then single bytes. */
function reverseBytes(b: Lowering, x: I64): I64 {
  const {i64} = b;
  const swap = (value: I64, mask: bigint, count: number) =>
    i64.or(
      i64.shl(i64.and(value, i64.const(mask)), i64.const(count)),
      i64.and(i64.shrU(value, i64.const(count)), i64.const(mask)),
    );
  const bytes = b.let(swap(x, 0x00ff00ff00ff00ffn, 8));
  const pairs = b.let(swap(bytes, 0x0000ffff0000ffffn, 16));
  return i64.rotl(pairs, i64.const(32));
}

/** 0xff in every byte that is not zero: spreads "low seven bits plus 0x7f carries, or top bit set" over the byte. */
function orCombine(b: Lowering, x: I64): I64 {
  const {i64} = b;
  const low = i64.const(0x7f7f7f7f7f7f7f7fn);
  const tops = b.let(
    i64.shrU(i64.and(i64.or(i64.add(i64.and(x, low), low), x), i64.const(-0x7f7f7f7f7f7f7f80n)), i64.const(7)),
  );
  return i64.mul(tops, i64.const(0xff));
}

/** Zbb. */
export const zbbInstructions: readonly Instruction[] = [
  op('andn', 7, 0x20, (b, x, y) => b.i64.and(x, b.i64.xor(y, b.i64.const(-1)))),
  op('orn', 6, 0x20, (b, x, y) => b.i64.or(x, b.i64.xor(y, b.i64.const(-1)))),
  op('xnor', 4, 0x20, (b, x, y) => b.i64.xor(b.i64.xor(x, y), b.i64.const(-1))),
  op('min', 4, 0x05, (b, x, y) => b.select(b.i64.ltS(x, y), x, y)),
  op('minu', 5, 0x05, (b, x, y) => b.select(b.i64.ltU(x, y), x, y)),
  op('max', 6, 0x05, (b, x, y) => b.select(b.i64.ltS(x, y), y, x)),
  op('maxu', 7, 0x05, (b, x, y) => b.select(b.i64.ltU(x, y), y, x)),
  op('rol', 1, 0x30, (b, x, y) => b.i64.rotl(x, y)),
  op('ror', 5, 0x30, (b, x, y) => b.i64.rotr(x, y)),
  recorder('zbb', 'shift')('rori', {opcode: OP_IMM, funct3: 5, funct6: 0x18}, (b, i) =>
    b.setX(i.rd, b.i64.rotr(b.x(i.rs1), b.imm())),
  ),
  R('rolw', {opcode: OP_32, funct3: 1, funct7: 0x30}, (b, i) => b.setX32(i.rd, b.i32.rotl(b.x32(i.rs1), b.x32(i.rs2)))),
  R('rorw', {opcode: OP_32, funct3: 5, funct7: 0x30}, (b, i) => b.setX32(i.rd, b.i32.rotr(b.x32(i.rs1), b.x32(i.rs2)))),
  recorder('zbb', 'shiftw')('roriw', {opcode: OP_IMM_32, funct3: 5, funct7: 0x30}, (b, i) =>
    b.setX32(i.rd, b.i32.rotr(b.x32(i.rs1), b.imm32())),
  ),
  one('clz', 0x600, (b, x) => b.i64.clz(x)),
  one('ctz', 0x601, (b, x) => b.i64.ctz(x)),
  one('cpop', 0x602, (b, x) => b.i64.popcnt(x)),
  one('sext.b', 0x604, (b, x) => b.i64.extend8S(x)),
  one('sext.h', 0x605, (b, x) => b.i64.extend16S(x)),
  one('orc.b', 0x287, orCombine, 5),
  one('rev8', 0x6b8, reverseBytes, 5),
  oneW('clzw', 0x600, (b, x) => b.i32.clz(x)),
  oneW('ctzw', 0x601, (b, x) => b.i32.ctz(x)),
  oneW('cpopw', 0x602, (b, x) => b.i32.popcnt(x)),
  unary('zext.h', {opcode: OP_32, funct3: 4, funct7: 0x04, rs2: 0}, (b, i) =>
    b.setX(i.rd, b.i64.and(b.x(i.rs1), b.i64.const(0xffff))),
  ),
];
