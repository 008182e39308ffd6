/**
 * C: compressed instructions, each as the 32-bit instruction it stands for.
 * Source: RISC-V Unprivileged ISA, chapter "C", tables of quadrants 0–2 (RV64 column)
 */
import type {Compressed} from './instruction.js';
import * as opcode from './opcodes.js';

/** `width` bits of `bits` from `low`, moved to position `to`. */
const field = (bits: number, low: number, width: number, to = 0) => ((bits >>> low) & ((1 << width) - 1)) << to;
const signed = (value: number, width: number) => (value << (32 - width)) >> (32 - width);

const rType = (op: number, f3: number, f7: number, rd: number, rs1: number, rs2: number) =>
  ((f7 << 25) | (rs2 << 20) | (rs1 << 15) | (f3 << 12) | (rd << 7) | op) >>> 0;
const iType = (op: number, f3: number, rd: number, rs1: number, imm: number) =>
  ((imm << 20) | (rs1 << 15) | (f3 << 12) | (rd << 7) | op) >>> 0;
const sType = (op: number, f3: number, rs1: number, rs2: number, imm: number) =>
  (((imm >>> 5) << 25) | (rs2 << 20) | (rs1 << 15) | (f3 << 12) | ((imm & 31) << 7) | op) >>> 0;
const bType = (f3: number, rs1: number, imm: number) =>
  (field(imm, 12, 1, 31) |
    field(imm, 5, 6, 25) |
    (rs1 << 15) |
    (f3 << 12) |
    field(imm, 1, 4, 8) |
    field(imm, 11, 1, 7) |
    opcode.BRANCH) >>>
  0;
const jType = (rd: number, imm: number) =>
  (field(imm, 20, 1, 31) | field(imm, 1, 10, 21) | field(imm, 11, 1, 20) | (imm & 0xff000) | (rd << 7) | opcode.JAL) >>>
  0;

// Register fields: full (5 bits) and popular (x8–x15).
const rd = (bits: number) => field(bits, 7, 5);
const rs2 = (bits: number) => field(bits, 2, 5);
const rdp = (bits: number) => field(bits, 2, 3) + 8;
const rs1p = (bits: number) => field(bits, 7, 3) + 8;

// Immediates, named after the formats of the chapter.
const imm6 = (bits: number) => signed(field(bits, 12, 1, 5) | field(bits, 2, 5), 6);
const shamt = (bits: number) => field(bits, 12, 1, 5) | field(bits, 2, 5);
const offsetWord = (bits: number) => field(bits, 10, 3, 3) | field(bits, 6, 1, 2) | field(bits, 5, 1, 6);
const offsetDouble = (bits: number) => field(bits, 10, 3, 3) | field(bits, 5, 2, 6);
const offsetJump = (bits: number) =>
  signed(
    field(bits, 12, 1, 11) |
      field(bits, 11, 1, 4) |
      field(bits, 9, 2, 8) |
      field(bits, 8, 1, 10) |
      field(bits, 7, 1, 6) |
      field(bits, 6, 1, 7) |
      field(bits, 3, 3, 1) |
      field(bits, 2, 1, 5),
    12,
  );
const offsetBranch = (bits: number) =>
  signed(
    field(bits, 12, 1, 8) | field(bits, 10, 2, 3) | field(bits, 5, 2, 6) | field(bits, 3, 2, 1) | field(bits, 2, 1, 5),
    9,
  );
const spWord = (bits: number) => field(bits, 12, 1, 5) | field(bits, 4, 3, 2) | field(bits, 2, 2, 6);
const spDouble = (bits: number) => field(bits, 12, 1, 5) | field(bits, 5, 2, 3) | field(bits, 2, 3, 6);
const spStoreWord = (bits: number) => field(bits, 9, 4, 2) | field(bits, 7, 2, 6);
const spStoreDouble = (bits: number) => field(bits, 10, 3, 3) | field(bits, 7, 3, 6);
const addi16 = (bits: number) =>
  signed(
    field(bits, 12, 1, 9) | field(bits, 6, 1, 4) | field(bits, 5, 1, 6) | field(bits, 3, 2, 7) | field(bits, 2, 1, 5),
    10,
  );
const addi4 = (bits: number) =>
  field(bits, 11, 2, 4) | field(bits, 7, 4, 6) | field(bits, 6, 1, 2) | field(bits, 5, 1, 3);

const C = (name: string, quadrant: number, funct3: number, expand: (bits: number) => number): Compressed => ({
  name,
  match: (funct3 << 13) | quadrant,
  mask: 0xe003,
  expand,
});
const arithmetic = (name: string, select: number, expand: (bits: number) => number): Compressed => ({
  name,
  match: 0x8c01 | select,
  mask: 0xfc63,
  expand,
});
const whenNot0 = (condition: number, encoded: number) => (condition === 0 ? 0 : encoded);

/** RV64C with D. Where two records overlap (`c.nop` and `c.addi`), one record covers both. */
export const cInstructions: readonly Compressed[] = [
  C('c.addi4spn', 0, 0, (c) => whenNot0(addi4(c), iType(opcode.OP_IMM, 0, rdp(c), 2, addi4(c)))),
  C('c.fld', 0, 1, (c) => iType(opcode.LOAD_FP, 3, rdp(c), rs1p(c), offsetDouble(c))),
  C('c.lw', 0, 2, (c) => iType(opcode.LOAD, 2, rdp(c), rs1p(c), offsetWord(c))),
  C('c.ld', 0, 3, (c) => iType(opcode.LOAD, 3, rdp(c), rs1p(c), offsetDouble(c))),
  C('c.fsd', 0, 5, (c) => sType(opcode.STORE_FP, 3, rs1p(c), rdp(c), offsetDouble(c))),
  C('c.sw', 0, 6, (c) => sType(opcode.STORE, 2, rs1p(c), rdp(c), offsetWord(c))),
  C('c.sd', 0, 7, (c) => sType(opcode.STORE, 3, rs1p(c), rdp(c), offsetDouble(c))),

  C('c.addi', 1, 0, (c) => iType(opcode.OP_IMM, 0, rd(c), rd(c), imm6(c))),
  C('c.addiw', 1, 1, (c) => whenNot0(rd(c), iType(opcode.OP_IMM_32, 0, rd(c), rd(c), imm6(c)))),
  C('c.li', 1, 2, (c) => iType(opcode.OP_IMM, 0, rd(c), 0, imm6(c))),
  C('c.lui', 1, 3, (c) =>
    rd(c) === 2
      ? whenNot0(addi16(c), iType(opcode.OP_IMM, 0, 2, 2, addi16(c)))
      : whenNot0(imm6(c), ((imm6(c) << 12) | (rd(c) << 7) | opcode.LUI) >>> 0),
  ),
  {
    name: 'c.srli',
    match: 0x8001,
    mask: 0xec03,
    expand: (c) => iType(opcode.OP_IMM, 5, rs1p(c), rs1p(c), shamt(c)),
  },
  {
    name: 'c.srai',
    match: 0x8401,
    mask: 0xec03,
    expand: (c) => iType(opcode.OP_IMM, 5, rs1p(c), rs1p(c), shamt(c) | 0x400),
  },
  {
    name: 'c.andi',
    match: 0x8801,
    mask: 0xec03,
    expand: (c) => iType(opcode.OP_IMM, 7, rs1p(c), rs1p(c), imm6(c)),
  },
  arithmetic('c.sub', 0x0000, (c) => rType(opcode.OP, 0, 0x20, rs1p(c), rs1p(c), rdp(c))),
  arithmetic('c.xor', 0x0020, (c) => rType(opcode.OP, 4, 0, rs1p(c), rs1p(c), rdp(c))),
  arithmetic('c.or', 0x0040, (c) => rType(opcode.OP, 6, 0, rs1p(c), rs1p(c), rdp(c))),
  arithmetic('c.and', 0x0060, (c) => rType(opcode.OP, 7, 0, rs1p(c), rs1p(c), rdp(c))),
  arithmetic('c.subw', 0x1000, (c) => rType(opcode.OP_32, 0, 0x20, rs1p(c), rs1p(c), rdp(c))),
  arithmetic('c.addw', 0x1020, (c) => rType(opcode.OP_32, 0, 0, rs1p(c), rs1p(c), rdp(c))),
  C('c.j', 1, 5, (c) => jType(0, offsetJump(c))),
  C('c.beqz', 1, 6, (c) => bType(0, rs1p(c), offsetBranch(c))),
  C('c.bnez', 1, 7, (c) => bType(1, rs1p(c), offsetBranch(c))),

  C('c.slli', 2, 0, (c) => iType(opcode.OP_IMM, 1, rd(c), rd(c), shamt(c))),
  C('c.fldsp', 2, 1, (c) => iType(opcode.LOAD_FP, 3, rd(c), 2, spDouble(c))),
  C('c.lwsp', 2, 2, (c) => whenNot0(rd(c), iType(opcode.LOAD, 2, rd(c), 2, spWord(c)))),
  C('c.ldsp', 2, 3, (c) => whenNot0(rd(c), iType(opcode.LOAD, 3, rd(c), 2, spDouble(c)))),
  {
    // c.jr and c.mv
    name: 'c.mv',
    match: 0x8002,
    mask: 0xf003,
    expand: (c) =>
      rs2(c) === 0 ? whenNot0(rd(c), iType(opcode.JALR, 0, 0, rd(c), 0)) : rType(opcode.OP, 0, 0, rd(c), 0, rs2(c)),
  },
  {
    // c.ebreak, c.jalr and c.add
    name: 'c.add',
    match: 0x9002,
    mask: 0xf003,
    expand: (c) => {
      if (rs2(c) !== 0) return rType(opcode.OP, 0, 0, rd(c), rd(c), rs2(c));
      return rd(c) === 0 ? iType(opcode.SYSTEM, 0, 0, 0, 1) : iType(opcode.JALR, 0, 1, rd(c), 0);
    },
  },
  C('c.fsdsp', 2, 5, (c) => sType(opcode.STORE_FP, 3, 2, rs2(c), spStoreDouble(c))),
  C('c.swsp', 2, 6, (c) => sType(opcode.STORE, 2, 2, rs2(c), spStoreWord(c))),
  C('c.sdsp', 2, 7, (c) => sType(opcode.STORE, 3, 2, rs2(c), spStoreDouble(c))),
];
