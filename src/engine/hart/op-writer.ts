/** Keeps a hart's decode tables: what generated code must know of an instruction to write its op. */
import {CSR_NUMBER_BITS} from '../codegen/csr-path.js';
import {HANDLER, type HandlerSet} from '../codegen/interpreter.js';
import {DECODE_ENTRY, DECODE_TRAIT, entryOf, putFusedPairs} from '../codegen/op-decode.js';
import {immediate} from '../isa/decoder.js';
import type {OperandFiles} from '../isa/instruction.js';
import {pathOf} from './csr-file.js';
import {F, SINK, X} from './layout.js';
import type {HartState} from './state.js';

/** The exports of `buildOpDecode`. */
export interface DecodeFunctions {
  readonly writeOp: (tables: number, at: number, bits: number, pageOffset: number, bias: number) => number;
  readonly decodeRun: (tables: number, op: number, ops: number, source: number, copy: number) => number;
}

/** Makes ops of instructions for one hart. */
export class OpWriter {
  readonly #state: HartState;
  readonly #set: HandlerSet;
  readonly #tables: number;
  #functions: DecodeFunctions | undefined;

  constructor(state: HartState, set: HandlerSet) {
    this.#state = state;
    this.#set = set;
    this.#tables = state.layout.decodeTables[state.id]!;
    putFusedPairs(state.views.u8, state.views.i32, this.#tables, set.fusedPairs());
    // An empty entry has the bits 0, which is no instruction.
    this.learn(0);
  }

  /** Has generated code make ops; nothing is made before. */
  link(functions: DecodeFunctions): void {
    this.#functions = functions;
  }

  /**
   * Writes the op of an instruction at `pageOffset`; true when nothing falls through it. A straddling instruction
   * passes `bias` 1: its page address is odd.
   */
  write(at: number, bits: number, pageOffset: number, bias: 0 | 1): boolean {
    return this.#linked().writeOp(this.#tables, at, bits, pageOffset, bias) !== 0;
  }

  /** Decodes the run that starts at an op of a page; see `codegen/op-decode.ts`. */
  decodeRun(op: number, ops: number, source: number, copy: number): number {
    return this.#linked().decodeRun(this.#tables, op, ops, source, copy);
  }

  /** Fills the entry of an instruction. */
  learn(bits: number): void {
    const {decoder} = this.#set;
    const {u8, u16, i32} = this.#state.views;
    const entry = this.#tables + entryOf(bits);
    const length = (bits & 3) === 3 ? 4 : 2;
    const long = length === 4 ? bits >>> 0 : decoder.expand(bits);
    const index = long === 0 ? -1 : decoder.find(long);
    const record = index < 0 ? undefined : decoder.instructions[index]!;
    const rounding = (long >>> 12) & 7;
    i32[(entry + DECODE_ENTRY.bits) >> 2] = bits;
    if (!record || (record.hasRounding && (rounding === 5 || rounding === 6))) {
      u16[(entry + DECODE_ENTRY.near) >> 1] = HANDLER.illegal;
      u8[entry + DECODE_ENTRY.traits] = DECODE_TRAIT.ends;
      return;
    }
    const {format, files} = record;
    const isBranch = format === 'B' || format === 'J';
    const isCsr = format === 'csr' || format === 'csri';
    const value = format === 'R4' ? this.#register('f', (long >>> 27) & 31, false) : immediate(format, long);
    const csr = isCsr ? pathOf(value, this.#state.base) : undefined;
    const rs1 = (long >>> 15) & 31;
    i32[(entry + DECODE_ENTRY.immediate) >> 2] = csr ? value | (csr.detail << CSR_NUMBER_BITS) : value;
    u16[(entry + DECODE_ENTRY.near) >> 1] = this.#set.single(index, length, false, csr?.path);
    u16[(entry + DECODE_ENTRY.far) >> 1] = isBranch ? this.#set.single(index, length, true) : 0;
    u16[(entry + DECODE_ENTRY.rd) >> 1] = this.#register(files.rd, (long >>> 7) & 31, true);
    u16[(entry + DECODE_ENTRY.rs1) >> 1] = format === 'csri' ? rs1 : this.#register(files.rs1, rs1, false);
    u16[(entry + DECODE_ENTRY.rs2) >> 1] = this.#register(files.rs2, (long >>> 20) & 31, false);
    u8[entry + DECODE_ENTRY.rounding] = rounding;
    u8[entry + DECODE_ENTRY.traits] =
      (isBranch ? DECODE_TRAIT.branch : record.name === 'auipc' ? DECODE_TRAIT.auipc : 0) |
      (record.endsBlock ? DECODE_TRAIT.ends : 0) |
      (record.hasRounding ? DECODE_TRAIT.rounds : 0);
  }

  #linked(): DecodeFunctions {
    if (!this.#functions) throw new Error('decoding before the hart is linked');
    return this.#functions;
  }

  #register(file: OperandFiles['rd'], number: number, isTarget: boolean): number {
    if (file === 'f') return this.#state.base + F + number * 8;
    return this.#state.base + (isTarget && number === 0 ? SINK : X + number * 8);
  }
}
