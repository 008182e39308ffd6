/**
 * Major opcodes (bits 6..0).
 * Source: RISC-V Unprivileged ISA, chapter "RV32/64G Instruction Set Listings"
 */
export const LOAD = 0x03;
export const LOAD_FP = 0x07;
export const MISC_MEM = 0x0f;
export const OP_IMM = 0x13;
export const AUIPC = 0x17;
export const OP_IMM_32 = 0x1b;
export const STORE = 0x23;
export const STORE_FP = 0x27;
export const AMO = 0x2f;
export const OP = 0x33;
export const LUI = 0x37;
export const OP_32 = 0x3b;
export const MADD = 0x43;
export const MSUB = 0x47;
export const NMSUB = 0x4b;
export const NMADD = 0x4f;
export const OP_FP = 0x53;
export const BRANCH = 0x63;
export const JALR = 0x67;
export const JAL = 0x6f;
export const SYSTEM = 0x73;
