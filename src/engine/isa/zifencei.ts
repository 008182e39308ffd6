/**
 * Zifencei: makes stores to code visible to instruction fetch.
 * Source: RISC-V Unprivileged ISA, chapter "Zifencei"
 */
import {type Instruction, recorder} from './instruction.js';
import {MISC_MEM} from './opcodes.js';

/** Zifencei. */
export const zifenceiInstructions: readonly Instruction[] = [
  recorder('zifencei', 'none', {endsBlock: true})('fence.i', {opcode: MISC_MEM, funct3: 1}, (b) => b.system('fence.i')),
];
