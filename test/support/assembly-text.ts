/**
 * Assembles text in the usual RISC-V syntax into an `Assembler`, with the engine's own records as the instruction list:
 * every mnemonic the engine knows, the common pseudo-instructions, CSR names from the engine's table, and
 *   .balign N   .half V   .word V   .dword V|label   .zero N   (all without alignment of their own)
 * One line is `label: instruction # comment`, every part optional.
 */
import {csrTable} from '../../src/engine/hart/csr-table.js';
import type {Instruction} from '../../src/engine/isa/instruction.js';
import type {Assembler, Fields} from './assembler.js';
import {recordOf} from './assembler.js';

const names =
  'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'.split(' ');
const registers = new Map<string, number>([
  ...names.map((name, i): [string, number] => [name, i]),
  ...Array.from({length: 32}, (_, i): [string, number] => [`x${i}`, i]),
  ...Array.from({length: 32}, (_, i): [string, number] => [`f${i}`, i]),
]);
const csrNumbers = new Map(csrTable.map(({name, number}) => [name, number]));

function register(text: string | undefined): number {
  const number = registers.get(text ?? '');
  if (number === undefined) throw new Error(`no register ${text}`);
  return number;
}

function value(text: string | undefined): bigint {
  if (!text) throw new Error('a number is missing');
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

const number = (text: string | undefined) => Number(value(text));

function csrNumber(text: string | undefined): number {
  return csrNumbers.get(text ?? '') ?? number(text);
}

/** `imm(reg)` or `(reg)`. */
function memory(text: string | undefined): {readonly imm: number; readonly rs1: number} {
  const match = /^(.*)\((\w+)\)$/.exec(text ?? '');
  if (!match) throw new Error(`no memory operand: ${text}`);
  return {imm: match[1] ? number(match[1]) : 0, rs1: register(match[2])};
}

function loadImmediate(a: Assembler, rd: number, wanted: bigint): void {
  const signed = BigInt.asIntN(64, wanted);
  if (signed === BigInt.asIntN(32, signed)) {
    const low = Number(BigInt.asIntN(12, signed));
    const upper = (Number(signed) - low) | 0;
    if (upper !== 0) a.op('lui', {rd, imm: upper});
    a.op(upper === 0 ? 'addi' : 'addiw', {rd, rs1: upper === 0 ? 0 : rd, imm: low});
    return;
  }
  const low = BigInt.asIntN(12, signed);
  loadImmediate(a, rd, (signed - low) >> 12n);
  a.op('slli', {rd, rs1: rd, imm: 12});
  if (low !== 0n) a.op('addi', {rd, rs1: rd, imm: Number(low)});
}

/** Pseudo-instructions that are one instruction with some operands filled in. */
const aliases: Readonly<Record<string, (o: readonly string[]) => string>> = {
  nop: () => 'addi zero, zero, 0',
  mv: ([rd, rs]) => `addi ${rd}, ${rs}, 0`,
  j: ([to]) => `jal zero, ${to}`,
  call: ([to]) => `jal ra, ${to}`,
  ret: () => 'jalr zero, 0(ra)',
  jr: ([rs]) => `jalr zero, 0(${rs})`,
  beqz: ([rs, to]) => `beq ${rs}, zero, ${to}`,
  bnez: ([rs, to]) => `bne ${rs}, zero, ${to}`,
  csrr: ([rd, csr]) => `csrrs ${rd}, ${csr}, zero`,
  csrw: ([csr, rs]) => `csrrw zero, ${csr}, ${rs}`,
  csrs: ([csr, rs]) => `csrrs zero, ${csr}, ${rs}`,
  csrc: ([csr, rs]) => `csrrc zero, ${csr}, ${rs}`,
  csrwi: ([csr, imm]) => `csrrwi zero, ${csr}, ${imm}`,
  csrsi: ([csr, imm]) => `csrrsi zero, ${csr}, ${imm}`,
  csrci: ([csr, imm]) => `csrrci zero, ${csr}, ${imm}`,
};

/** What one side of a fence orders; everything when left out. */
function ordering(text = 'iorw'): number {
  return [...text].reduce((bits, letter) => bits | (8 >> 'iorw'.indexOf(letter)), 0);
}

function fieldsOf(record: Instruction, o: readonly string[]): Fields {
  const {format, name, files} = record;
  const present = (file: string | undefined) => file !== 'none';
  switch (format) {
    case 'none':
      return name === 'fence' ? {imm: (ordering(o[0]) << 4) | ordering(o[1])} : {};
    case 'I':
      if (name === 'jalr' || (record.match & 0x7b) === 0x03) return {rd: register(o[0]), ...memory(o[1])};
      return {rd: register(o[0]), rs1: register(o[1]), imm: number(o[2])};
    case 'S':
      return {rs2: register(o[0]), ...memory(o[1])};
    case 'U':
      return {rd: register(o[0]), imm: number(o[1]) << 12};
    case 'shift':
    case 'shiftw':
      return {rd: register(o[0]), rs1: register(o[1]), imm: number(o[2])};
    case 'csr':
      return {rd: register(o[0]), imm: csrNumber(o[1]), rs1: register(o[2])};
    case 'csri':
      return {rd: register(o[0]), imm: csrNumber(o[1]), rs1: number(o[2])};
    case 'R4':
      return {rd: register(o[0]), rs1: register(o[1]), rs2: register(o[2]), rs3: register(o[3])};
    case 'R': {
      if (name === 'cbo.zero') return {rs1: memory(o[0]).rs1};
      if (record.extension === 'a') {
        const rs2 = present(files.rs2) ? {rs2: register(o[1])} : {};
        return {rd: register(o[0]), ...rs2, rs1: memory(o.at(-1)).rs1};
      }
      const left = [...o];
      const rd = present(files.rd) ? {rd: register(left.shift())} : {};
      const rs1 = present(files.rs1) ? {rs1: register(left.shift())} : {};
      return {...rd, ...rs1, ...(present(files.rs2) && left.length > 0 ? {rs2: register(left.shift())} : {})};
    }
    case 'B':
    case 'J':
      throw new Error(`${name} needs a label`);
  }
}

function assembleInstruction(a: Assembler, text: string): void {
  const [name = '', rest = ''] = text.split(/\s+(.*)/s);
  const o = rest === '' ? [] : rest.split(/\s*,\s*/);
  const alias = aliases[name];
  if (alias) {
    assembleInstruction(a, alias(o));
    return;
  }
  switch (name) {
    case 'li':
      loadImmediate(a, register(o[0]), value(o[1]));
      return;
    case 'la':
      a.loadAddress(register(o[0]), o[1] ?? '');
      return;
    case '.balign':
      a.align(number(o[0]));
      return;
    case '.half':
      a.half(number(o[0]));
      return;
    case '.word':
      a.word(number(o[0]));
      return;
    case '.dword':
      if (/^-?\d/.test(o[0] ?? '')) a.doubleWord(value(o[0]));
      else a.doubleWord(BigInt(a.addressOf(o[0] ?? '')));
      return;
    case '.zero':
      for (let i = number(o[0]); i > 0; i -= 2) a.half(0);
      return;
  }
  const record = recordOf(name);
  if (record.format === 'B') a.to(o[2] ?? '', name, {rs1: register(o[0]), rs2: register(o[1])});
  else if (record.format === 'J') a.to(o[1] ?? '', name, {rd: register(o[0])});
  else a.op(name, fieldsOf(record, o));
}

/** Assembles a text, line by line. Throws with the line when one does not assemble. */
export function assembleText(a: Assembler, text: string): void {
  for (const line of text.split('\n')) {
    let rest = line.replace(/#.*/, '').trim();
    try {
      for (let label = /^([\w.]+):\s*/.exec(rest); label; label = /^([\w.]+):\s*/.exec(rest)) {
        a.label(label[1] ?? '');
        rest = rest.slice(label[0].length);
      }
      if (rest !== '') assembleInstruction(a, rest);
    } catch (error) {
      throw new Error(`${line.trim()}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
