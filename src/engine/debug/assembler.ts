/**
 * A small assembler over the engine's own records: encodings come from `match` and the format, so that programs made
 * here (benchmarks, tests) can have any instruction the engine knows. Labels may be used before they are placed.
 */
import type {Format, Instruction} from '../isa/instruction.js';
import {instructions} from '../isa/instructions.js';

/** Operand fields; those a record fixes or does not have are ignored. */
export interface Fields {
  readonly rd?: number;
  readonly rs1?: number;
  readonly rs2?: number;
  readonly rs3?: number;
  /** Immediate, shift amount or CSR number. */
  readonly imm?: number;
  /** Rounding mode; dynamic unless stated. */
  readonly rounding?: number;
}

const byName = new Map(instructions.map((record) => [record.name, record]));

/** The record of a mnemonic; throws when there is none. */
export function recordOf(name: string): Instruction {
  const record = byName.get(name);
  if (!record) throw new Error(`no instruction ${name}`);
  return record;
}

/** Immediate bits of a format in their places. */
function immediateBits(format: Format, imm: number): number {
  const part = (from: number, width: number, to: number) => ((imm >> from) & ((1 << width) - 1)) << to;
  switch (format) {
    case 'I':
    case 'none':
    case 'csr':
    case 'csri':
      return imm << 20;
    case 'shift':
      return (imm & 63) << 20;
    case 'shiftw':
      return (imm & 31) << 20;
    case 'S':
      return part(5, 7, 25) | part(0, 5, 7);
    case 'B':
      return part(12, 1, 31) | part(5, 6, 25) | part(1, 4, 8) | part(11, 1, 7);
    case 'U':
      return imm & -4096;
    case 'J':
      return part(20, 1, 31) | part(1, 10, 21) | part(11, 1, 20) | part(12, 8, 12);
    case 'R':
    case 'R4':
      return 0;
  }
}

const withoutRd: ReadonlySet<Format> = new Set<Format>(['S', 'B', 'none']);
const withoutRs1: ReadonlySet<Format> = new Set<Format>(['U', 'J', 'none']);
const withRs2: ReadonlySet<Format> = new Set<Format>(['R', 'R4', 'S', 'B']);

/** Encodes one instruction. */
export function encode(record: Instruction, fields: Fields): number {
  const {rd = 0, rs1 = 0, rs2 = 0, rs3 = 0, imm = 0, rounding = 7} = fields;
  const {format} = record;
  let bits = immediateBits(format, imm);
  if (!withoutRd.has(format)) bits |= rd << 7;
  if (!withoutRs1.has(format)) bits |= rs1 << 15;
  if (withRs2.has(format)) bits |= rs2 << 20;
  if (format === 'R4') bits |= rs3 << 27;
  if (record.hasRounding) bits |= rounding << 12;
  return ((bits & ~record.mask) | record.match) >>> 0;
}

/** Collects code and data from a base address on. */
export class Assembler {
  readonly base: number;
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: {readonly at: number; readonly label: string; readonly apply: (distance: number) => void}[] = [];

  constructor(base: number) {
    this.base = base;
  }

  /** Address of what is emitted next. */
  get here(): number {
    return this.base + this.#bytes.length;
  }

  label(name: string): void {
    if (this.#labels.has(name)) throw new Error(`label ${name} twice`);
    this.#labels.set(name, this.here);
  }

  addressOf(label: string): number {
    const address = this.#labels.get(label);
    if (address === undefined) throw new Error(`no label ${label}`);
    return address;
  }

  word(bits: number): void {
    this.#bytes.push(bits & 0xff, (bits >>> 8) & 0xff, (bits >>> 16) & 0xff, bits >>> 24);
  }

  half(bits: number): void {
    this.#bytes.push(bits & 0xff, (bits >>> 8) & 0xff);
  }

  doubleWord(bits: bigint): void {
    this.word(Number(BigInt.asUintN(32, bits)));
    this.word(Number(BigInt.asUintN(32, bits >> 32n)));
  }

  /** Zeros up to a multiple of `unit` bytes. */
  align(unit: number): void {
    while (this.here % unit !== 0) this.#bytes.push(0);
  }

  /** Emits an instruction by mnemonic. */
  op(name: string, fields: Fields = {}): void {
    this.word(encode(recordOf(name), fields));
  }

  /** A branch or jump to a label. */
  to(label: string, name: string, fields: Fields = {}): void {
    const at = this.here;
    this.word(0);
    this.#fixup(at, label, (distance) => this.#patch(at, encode(recordOf(name), {...fields, imm: distance})));
  }

  /** A compressed branch or jump to a label: `encodings` maps the distance in bytes to the 16 bits. */
  toCompressed(label: string, encodings: (distance: number) => number): void {
    const at = this.here;
    this.half(0);
    this.#fixup(at, label, (distance) => {
      const bits = encodings(distance);
      this.#bytes[at - this.base] = bits & 0xff;
      this.#bytes[at - this.base + 1] = bits >>> 8;
    });
  }

  /** Loads a label's address: auipc and addi. */
  loadAddress(rd: number, label: string): void {
    const at = this.here;
    this.word(0);
    this.word(0);
    this.#fixup(at, label, (distance) => {
      const low = (distance << 20) >> 20;
      this.#patch(at, encode(recordOf('auipc'), {rd, imm: distance - low}));
      this.#patch(at + 4, encode(recordOf('addi'), {rd, rs1: rd, imm: low}));
    });
  }

  /** Loads a 32-bit signed constant: lui and addiw. */
  loadConstant(rd: number, value: number): void {
    const low = (value << 20) >> 20;
    this.op('lui', {rd, imm: (value - low) | 0});
    this.op('addiw', {rd, rs1: rd, imm: low});
  }

  /** The bytes with all labels resolved. */
  finish(): Uint8Array {
    for (const {at, label, apply} of this.#fixups) apply(this.addressOf(label) - at);
    return Uint8Array.from(this.#bytes);
  }

  #fixup(at: number, label: string, apply: (distance: number) => void): void {
    this.#fixups.push({at, label, apply});
  }

  #patch(address: number, bits: number): void {
    for (let i = 0; i < 4; i++) this.#bytes[address - this.base + i] = (bits >>> (8 * i)) & 0xff;
  }
}
