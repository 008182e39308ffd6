/**
 * Zicboz: zeroing of cache blocks (64 bytes).
 * Source: RISC-V Unprivileged ISA, chapter "CMO"
 */
import {type Instruction, recorder} from './instruction.js';
import {MISC_MEM} from './opcodes.js';

const I = recorder('zicboz', 'R', {files: {rd: 'none', rs2: 'none'}});

/** Zicboz. Whether a privilege may use it is checked by the lowering against menvcfg and senvcfg. */
export const zicbozInstructions: readonly Instruction[] = [
  I('cbo.zero', {opcode: MISC_MEM, funct3: 2, rd: 0, funct12: 4}, (b, i) => b.zeroBlock(b.let(b.x(i.rs1)))),
];
