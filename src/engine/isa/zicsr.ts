/**
 * Zicsr: access to control and status registers; the CSR number is the immediate.
 * Source: RISC-V Unprivileged ISA, chapter "Zicsr"
 */
import {type Instruction, recorder} from './instruction.js';
import type {CsrOp} from './lowering.js';
import {SYSTEM} from './opcodes.js';

const register = recorder('zicsr', 'csr');
const immediate = recorder('zicsr', 'csri', {files: {rs1: 'none'}});

const access = (name: string, funct3: number, op: CsrOp): readonly Instruction[] => [
  register(name, {opcode: SYSTEM, funct3}, (b, i) => {
    const old = b.let(b.csr(op, b.let(b.x(i.rs1)), true));
    b.setX(i.rd, old);
  }),
  // The interpreter keeps the 5-bit immediate where a register operand would be; see `Lowering.x` of `csri` formats.
  immediate(`${name}i`, {opcode: SYSTEM, funct3: funct3 + 4}, (b, i) => {
    const old = b.let(b.csr(op, b.let(b.x(i.rs1)), true));
    b.setX(i.rd, old);
  }),
];

/** Reading without writing: set and clear with rs1 = x0 (or immediate 0), tried before the general forms. */
const read = (name: string, funct3: number) =>
  recorder('zicsr', 'csr', {files: {rs1: 'none'}})(name, {opcode: SYSTEM, funct3, rs1: 0}, (b, i) => {
    const old = b.let(b.csr('set', b.i64.const(0), false));
    b.setX(i.rd, old);
  });

/** Zicsr. The read-only forms come first: a decoder takes the first match. */
export const zicsrInstructions: readonly Instruction[] = [
  read('csrr', 2),
  read('csrr.c', 3),
  read('csrr.i', 6),
  read('csrr.ci', 7),
  ...access('csrrw', 1, 'write'),
  ...access('csrrs', 2, 'set'),
  ...access('csrrc', 3, 'clear'),
];
