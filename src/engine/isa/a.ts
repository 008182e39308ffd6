/**
 * A: atomic memory operations. Ordering bits are free: every access is sequentially consistent.
 * Source: RISC-V Unprivileged ISA, chapter "A"
 */
import {type Instruction, recorder} from './instruction.js';
import type {AtomicOp} from './lowering.js';
import {AMO} from './opcodes.js';

const R = recorder('a', 'R');

const widths = [
  {suffix: 'w', bytes: 4, funct3: 2},
  {suffix: 'd', bytes: 8, funct3: 3},
] as const;

const amo = (op: AtomicOp, funct5: number) =>
  widths.map(({suffix, bytes, funct3}) =>
    R(`amo${op}.${suffix}`, {opcode: AMO, funct3, funct5}, (b, i) =>
      b.setX(i.rd, b.atomic(op, bytes, b.let(b.x(i.rs1)), b.let(b.x(i.rs2)))),
    ),
  );

/** RV64A. */
export const aInstructions: readonly Instruction[] = [
  ...widths.flatMap(({suffix, bytes, funct3}) => [
    R(
      `lr.${suffix}`,
      {opcode: AMO, funct3, funct5: 0x02, rs2: 0},
      (b, i) => b.setX(i.rd, b.loadReserved(bytes, b.let(b.x(i.rs1)))),
      {files: {rs2: 'none'}},
    ),
    R(`sc.${suffix}`, {opcode: AMO, funct3, funct5: 0x03}, (b, i) =>
      b.setX(i.rd, b.storeConditional(bytes, b.let(b.x(i.rs1)), b.let(b.x(i.rs2)))),
    ),
  ]),
  ...amo('swap', 0x01),
  ...amo('add', 0x00),
  ...amo('xor', 0x04),
  ...amo('and', 0x0c),
  ...amo('or', 0x08),
  ...amo('min', 0x10),
  ...amo('max', 0x14),
  ...amo('minu', 0x18),
  ...amo('maxu', 0x1c),
];
