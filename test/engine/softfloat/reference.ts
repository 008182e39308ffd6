/** The guest program that runs every case over a table of operands and stores results and flags. */
import type {Assembler} from '../../support/assembler.js';
import {type GuestProgram, guestProgram, RESULTS} from '../../support/guest-program.js';
import type {Case} from './cases.js';

/** One run of a case: all rows of its table in one rounding mode. */
export interface Pass {
  readonly test: Case;
  readonly mode: number;
  /** The instruction names the mode itself, against frm. */
  readonly isStatic: boolean;
}

/** Operand tables by kind. */
export type Tables = Readonly<Record<Case['from'], readonly (readonly bigint[])[]>>;

const FFLAGS = 1;
const FRM = 2;
const ROW_BYTES = 24;
/** Bytes of one result: the value (u64) and fflags (u64). */
export const RESULT_BYTES = 16;

/** Every case in every rounding mode it takes, from frm or from the instruction. */
export function passesOf(cases: readonly Case[], isStatic = false): readonly Pass[] {
  return cases.flatMap((test) => (test.takesRounding ? [0, 1, 2, 3, 4] : [0]).map((mode) => ({test, mode, isStatic})));
}

/** The program. `initialFlags` are set before each operation (and so come out again). */
export function referenceProgram(passes: readonly Pass[], tables: Tables, initialFlags: number): GuestProgram {
  const total = passes.reduce((sum, {test}) => sum + tables[test.from].length, 0);
  return guestProgram(
    (a) => {
      passes.forEach((pass, i) => {
        writePass(a, pass, i, tables[pass.test.from].length, initialFlags);
      });
    },
    (a) => {
      for (const [name, rows] of Object.entries(tables)) {
        a.label(name);
        for (const row of rows) for (const operand of [0, 1, 2]) a.doubleWord(row[operand] ?? 0n);
      }
    },
    total * RESULT_BYTES,
  );
}

function writePass(
  a: Assembler,
  {test, mode, isStatic}: Pass,
  index: number,
  rows: number,
  initialFlags: number,
): void {
  const [pointer, count, operand, result, flags] = [10, 11, 12, 13, 14] as const;
  a.op('csrrwi', {rs1: isStatic ? (mode + 1) % 5 : mode, imm: FRM});
  a.loadAddress(pointer, test.from);
  a.loadConstant(count, rows);
  a.label(`pass ${index}`);
  if (test.from === 'integer') a.op('ld', {rd: operand, rs1: pointer});
  else {
    const load = test.from === 'f32' ? 'flw' : 'fld';
    for (let i = 0; i < test.operands; i++) a.op(load, {rd: i + 1, rs1: pointer, imm: i * 8});
  }
  a.op('csrrwi', {rs1: initialFlags, imm: FFLAGS});
  const isInteger = test.to === 'i32' || test.to === 'i64';
  a.op(test.instruction, {
    rd: isInteger ? result : 0,
    rs1: test.from === 'integer' ? operand : 1,
    rs2: 2,
    rs3: 3,
    rounding: isStatic ? mode : 7,
  });
  a.op('csrrs', {rd: flags, imm: FFLAGS});
  if (isInteger) a.op('sd', {rs1: RESULTS, rs2: result});
  else a.op('fsd', {rs1: RESULTS, rs2: 0});
  a.op('sd', {rs1: RESULTS, rs2: flags, imm: 8});
  a.op('addi', {rd: RESULTS, rs1: RESULTS, imm: RESULT_BYTES});
  a.op('addi', {rd: pointer, rs1: pointer, imm: ROW_BYTES});
  a.op('addi', {rd: count, rs1: count, imm: -1});
  a.to(`pass ${index}`, 'bne', {rs1: count});
}
