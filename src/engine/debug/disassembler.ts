/**
 * Instruction bits as assembler text, from the records alone: the mnemonic of the record and its operands by format.
 * No pseudo-instructions, so that one record has one spelling; a 16-bit instruction reads as the one it stands for.
 */
import {csrTable} from '../hart/csr-table.js';
import {Decoder, immediate, isLong} from '../isa/decoder.js';
import type {Instruction, OperandFiles} from '../isa/instruction.js';
import {instructions} from '../isa/instructions.js';

const xNames =
  'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'.split(' ');
const fNames =
  'ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11'.split(
    ' ',
  );
const roundings = ['rne', 'rtz', 'rdn', 'rup', 'rmm'];
const DYNAMIC = 7;
const RESERVED_ROUNDINGS: ReadonlySet<number> = new Set([5, 6]);
const csrNames = new Map(csrTable.map(({number, name}) => [number, name]));
const decoder = new Decoder(instructions);

/** One instruction as text. */
export interface Disassembly {
  readonly text: string;
  readonly lengthBytes: 2 | 4;
  /** The record, missing where the bits are no instruction of the hart. */
  readonly instruction?: Instruction;
}

/**
 * Disassembles the instruction in the low 16 or 32 bits.
 * Units:  `pc` is its virtual address, of which branch and jump targets are printed
 */
export function disassemble(bits: number, pc: bigint): Disassembly {
  const lengthBytes = isLong(bits) ? 4 : 2;
  const long = (lengthBytes === 4 ? bits : decoder.expand(bits)) >>> 0;
  const instruction = long === 0 ? undefined : find(long);
  if (!instruction || (instruction.hasRounding && RESERVED_ROUNDINGS.has((long >>> 12) & 7))) {
    const data = lengthBytes === 4 ? bits >>> 0 : bits & 0xffff;
    return {text: `.${lengthBytes}byte 0x${data.toString(16)}`, lengthBytes};
  }
  const operands = operandsOf(instruction, long, pc);
  const text = `${instruction.name}${orderingOf(instruction, long)} ${operands.join(',')}`.trimEnd();
  return {text, lengthBytes, instruction};
}

/** Where a form with a record of its own (reading a CSR without a write) is part of another, the other has the name. */
function find(bits: number): Instruction | undefined {
  return decoder.instructions.findLast(({match, mask}) => ((bits ^ match) & mask) === 0);
}

/** The acquire and release bits of an atomic. */
function orderingOf({extension}: Instruction, bits: number): string {
  return extension === 'a' ? (['', '.rl', '.aq', '.aqrl'][(bits >>> 25) & 3] ?? '') : '';
}

function operandsOf(instruction: Instruction, bits: number, pc: bigint): readonly string[] {
  const {format, files, name, extension} = instruction;
  const value = immediate(format, bits);
  const target = () => `0x${BigInt.asUintN(64, pc + BigInt(value)).toString(16)}`;
  const rd = register(files.rd, (bits >>> 7) & 31);
  const rs1 = register(files.rs1, (bits >>> 15) & 31);
  const rs2 = register(files.rs2, (bits >>> 20) & 31);
  const base = `(${rs1.join('')})`;
  const rounding = instruction.hasRounding ? roundingOf((bits >>> 12) & 7) : [];
  switch (format) {
    case 'none':
      return [];
    case 'R':
      if (extension === 'a') return [...rd, ...rs2, base];
      if (extension === 'zicboz') return [base];
      return [...rd, ...rs1, ...rs2, ...rounding];
    case 'R4':
      return [...rd, ...rs1, ...rs2, ...register('f', (bits >>> 27) & 31), ...rounding];
    case 'I':
      if (name === 'jalr' || isMemory(instruction)) return [...rd, `${value}${base}`];
      return [...rd, ...rs1, String(value)];
    case 'S':
      return [...rs2, `${value}${base}`];
    case 'B':
      return [...rs1, ...rs2, target()];
    case 'U':
      return [...rd, `0x${(value >>> 12).toString(16)}`];
    case 'J':
      return [...rd, target()];
    case 'shift':
    case 'shiftw':
      return [...rd, ...rs1, `0x${value.toString(16)}`];
    case 'csr':
      return [...rd, csrName(value), ...register('x', (bits >>> 15) & 31)];
    case 'csri':
      return [...rd, csrName(value), String((bits >>> 15) & 31)];
  }
}

/** Loads have opcodes 0x03 and 0x07. */
function isMemory({match}: Instruction): boolean {
  return (match & 0x7b) === 0x03;
}

function register(file: OperandFiles['rd'], number: number): readonly string[] {
  if (file === 'none') return [];
  return [(file === 'f' ? fNames : xNames)[number] ?? '?'];
}

function roundingOf(mode: number): readonly string[] {
  return mode === DYNAMIC ? [] : [roundings[mode] ?? '?'];
}

function csrName(number: number): string {
  return csrNames.get(number) ?? `0x${number.toString(16)}`;
}
