/**
 * Environment calls, trap returns, WFI and address-translation fences. Their work is the hart runtime's.
 * Source: RISC-V Unprivileged ISA "RV32I" (ecall, ebreak) and Privileged ISA, chapters "Machine-Level" and
 * "Supervisor-Level"
 */
import {type Instruction, recorder} from './instruction.js';
import type {SystemOp} from './lowering.js';
import {SYSTEM} from './opcodes.js';

const none = recorder('i', 'none', {endsBlock: true});
const op = (name: SystemOp, funct12: number) =>
  none(name, {opcode: SYSTEM, funct3: 0, rd: 0, rs1: 0, funct12}, (b) => b.system(name));

/** ecall, ebreak, sret, mret, wfi and sfence.vma. */
export const privilegedInstructions: readonly Instruction[] = [
  op('ecall', 0x000),
  op('ebreak', 0x001),
  op('sret', 0x102),
  op('mret', 0x302),
  op('wfi', 0x105),
  recorder('i', 'R', {files: {rd: 'none'}, endsBlock: true})(
    'sfence.vma',
    {opcode: SYSTEM, funct3: 0, rd: 0, funct7: 0x09},
    (b) => b.system('sfence.vma'),
  ),
];
