/**
 * M: integer multiplication and division.
 * Source: RISC-V Unprivileged ISA, chapter "M"
 */
import {type Instruction, recorder} from './instruction.js';
import type {I32, I64, Lowering} from './lowering.js';
import {OP, OP_32} from './opcodes.js';

const R = recorder('m', 'R');

const op = (name: string, funct3: number, f: (b: Lowering, x: I64, y: I64) => I64) =>
  R(name, {opcode: OP, funct3, funct7: 1}, (b, i) => b.setX(i.rd, f(b, b.let(b.x(i.rs1)), b.let(b.x(i.rs2)))));
const opw = (name: string, funct3: number, f: (b: Lowering, x: I32, y: I32) => I32) =>
  R(name, {opcode: OP_32, funct3, funct7: 1}, (b, i) => b.setX32(i.rd, f(b, b.let(b.x32(i.rs1)), b.let(b.x32(i.rs2)))));

/** High half of the unsigned 128-bit product, by 32-bit halves. */
function mulhu(b: Lowering, x: I64, y: I64): I64 {
  const {i64} = b;
  const low = i64.const(0xffffffffn);
  const by32 = i64.const(32);
  const x0 = b.let(i64.and(x, low));
  const x1 = b.let(i64.shrU(x, by32));
  const y0 = b.let(i64.and(y, low));
  const y1 = b.let(i64.shrU(y, by32));
  // Neither sum overflows: (2^32-1)^2 + 2(2^32-1) < 2^64.
  const middle = b.let(i64.add(i64.mul(x1, y0), i64.shrU(i64.mul(x0, y0), by32)));
  const other = i64.add(i64.mul(x0, y1), i64.and(middle, low));
  return i64.add(i64.add(i64.mul(x1, y1), i64.shrU(middle, by32)), i64.shrU(other, by32));
}

const whenNegative = (b: Lowering, x: I64, value: I64) => b.i64.and(b.i64.shrS(x, b.i64.const(63)), value);

/** RV64M. Division by zero and overflow give the values of the specification's table, without a trap. */
export const mInstructions: readonly Instruction[] = [
  op('mul', 0, (b, x, y) => b.i64.mul(x, y)),
  op('mulh', 1, (b, x, y) => b.i64.sub(b.i64.sub(mulhu(b, x, y), whenNegative(b, x, y)), whenNegative(b, y, x))),
  op('mulhsu', 2, (b, x, y) => b.i64.sub(mulhu(b, x, y), whenNegative(b, x, y))),
  op('mulhu', 3, mulhu),
  op('div', 4, (b, x, y) =>
    b.choose(
      b.i64.eqz(y),
      b.i64.const(-1),
      // x / -1 is a negation, which also gives the overflow case its result.
      b.choose(b.i64.eq(y, b.i64.const(-1)), b.i64.sub(b.i64.const(0), x), b.i64.divS(x, y)),
    ),
  ),
  op('divu', 5, (b, x, y) => b.choose(b.i64.eqz(y), b.i64.const(-1), b.i64.divU(x, y))),
  op('rem', 6, (b, x, y) =>
    b.choose(b.i64.eqz(y), x, b.choose(b.i64.eq(y, b.i64.const(-1)), b.i64.const(0), b.i64.remS(x, y))),
  ),
  op('remu', 7, (b, x, y) => b.choose(b.i64.eqz(y), x, b.i64.remU(x, y))),
  opw('mulw', 0, (b, x, y) => b.i32.mul(x, y)),
  opw('divw', 4, (b, x, y) =>
    b.choose(
      b.i32.eqz(y),
      b.i32.const(-1),
      b.choose(b.i32.eq(y, b.i32.const(-1)), b.i32.sub(b.i32.const(0), x), b.i32.divS(x, y)),
    ),
  ),
  opw('divuw', 5, (b, x, y) => b.choose(b.i32.eqz(y), b.i32.const(-1), b.i32.divU(x, y))),
  opw('remw', 6, (b, x, y) =>
    b.choose(b.i32.eqz(y), x, b.choose(b.i32.eq(y, b.i32.const(-1)), b.i32.const(0), b.i32.remS(x, y))),
  ),
  opw('remuw', 7, (b, x, y) => b.choose(b.i32.eqz(y), x, b.i32.remU(x, y))),
];
