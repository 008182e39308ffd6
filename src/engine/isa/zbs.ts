/**
 * Zbs: single-bit instructions.
 * Source: RISC-V Unprivileged ISA, chapter "B", section Zbs
 */
import {type Instruction, recorder} from './instruction.js';
import type {I64, Lowering} from './lowering.js';
import {OP, OP_IMM} from './opcodes.js';

const R = recorder('zbs', 'R');
const shift = recorder('zbs', 'shift');

/** The register and the immediate form of one operation on bit `n` of `x`. */
const pair = (
  name: string,
  funct3: number,
  funct6: number,
  f: (b: Lowering, x: I64, n: I64) => I64,
): readonly Instruction[] => [
  R(name, {opcode: OP, funct3, funct7: funct6 << 1}, (b, i) => b.setX(i.rd, f(b, b.x(i.rs1), b.x(i.rs2)))),
  shift(`${name}i`, {opcode: OP_IMM, funct3, funct6}, (b, i) => b.setX(i.rd, f(b, b.x(i.rs1), b.imm()))),
];
const bit = (b: Lowering, n: I64) => b.i64.shl(b.i64.const(1), n);

/** Zbs. */
export const zbsInstructions: readonly Instruction[] = [
  ...pair('bclr', 1, 0x12, (b, x, n) => b.i64.and(x, b.i64.xor(bit(b, n), b.i64.const(-1)))),
  ...pair('bext', 5, 0x12, (b, x, n) => b.i64.and(b.i64.shrU(x, n), b.i64.const(1))),
  ...pair('binv', 1, 0x1a, (b, x, n) => b.i64.xor(x, bit(b, n))),
  ...pair('bset', 1, 0x0a, (b, x, n) => b.i64.or(x, bit(b, n))),
];
