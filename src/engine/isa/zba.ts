/**
 * Zba: address generation.
 * Source: RISC-V Unprivileged ISA, chapter "B", section Zba
 */
import {type Instruction, recorder} from './instruction.js';
import type {I64, Lowering} from './lowering.js';
import {OP, OP_32, OP_IMM_32} from './opcodes.js';

const R = recorder('zba', 'R');

const zext32 = (b: Lowering, x: I64) => b.i64.and(x, b.i64.const(0xffffffffn));
const shadd = (count: number) => [
  R(`sh${count}add`, {opcode: OP, funct3: count * 2, funct7: 0x10}, (b, i) =>
    b.setX(i.rd, b.i64.add(b.i64.shl(b.x(i.rs1), b.i64.const(count)), b.x(i.rs2))),
  ),
  R(`sh${count}add.uw`, {opcode: OP_32, funct3: count * 2, funct7: 0x10}, (b, i) =>
    b.setX(i.rd, b.i64.add(b.i64.shl(zext32(b, b.x(i.rs1)), b.i64.const(count)), b.x(i.rs2))),
  ),
];

/** Zba. */
export const zbaInstructions: readonly Instruction[] = [
  ...[1, 2, 3].flatMap(shadd),
  R('add.uw', {opcode: OP_32, funct3: 0, funct7: 0x04}, (b, i) =>
    b.setX(i.rd, b.i64.add(zext32(b, b.x(i.rs1)), b.x(i.rs2))),
  ),
  recorder('zba', 'shift')('slli.uw', {opcode: OP_IMM_32, funct3: 1, funct6: 0x02}, (b, i) =>
    b.setX(i.rd, b.i64.shl(zext32(b, b.x(i.rs1)), b.imm())),
  ),
];
