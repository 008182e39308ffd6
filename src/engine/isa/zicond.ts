/**
 * Zicond: integer conditional operations.
 * Source: RISC-V Unprivileged ISA, chapter "Zicond"
 */
import {type Instruction, recorder} from './instruction.js';
import {OP} from './opcodes.js';

const R = recorder('zicond', 'R');

/** Zicond. */
export const zicondInstructions: readonly Instruction[] = [
  R('czero.eqz', {opcode: OP, funct3: 5, funct7: 0x07}, (b, i) =>
    b.setX(i.rd, b.select(b.i64.eqz(b.x(i.rs2)), b.i64.const(0), b.x(i.rs1))),
  ),
  R('czero.nez', {opcode: OP, funct3: 7, funct7: 0x07}, (b, i) =>
    b.setX(i.rd, b.select(b.i64.eqz(b.x(i.rs2)), b.x(i.rs1), b.i64.const(0))),
  ),
];
