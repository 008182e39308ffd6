/**
 * Writes decoded ops. What an instruction's op holds wherever it stands is remembered by the instruction's bits, as
 * code repeats itself: two of three are found in a Debian boot, and only those that are not go through the decoder.
 */
import {CSR_NUMBER_BITS} from '../codegen/csr-path.js';
import {HANDLER, type HandlerSet} from '../codegen/interpreter.js';
import {OP_FIELD} from '../codegen/interpreter-frame.js';
import {immediate} from '../isa/decoder.js';
import type {OperandFiles} from '../isa/instruction.js';
import {PAGE_BYTES} from '../memory/layout.js';
import {pathOf} from './csr-file.js';
import {F, SINK, X} from './layout.js';
import type {HartState} from './state.js';

/** Instructions remembered; a power of two. */
const ENTRIES = 16384;

/** How an immediate depends on where the instruction stands. */
const RELATIVE = {none: 0, branch: 1, auipc: 2} as const;
const ENDS = 4;
const ROUNDS = 8;
const RELATIVE_MASK = 3;

/** Makes ops of instructions for one hart. */
export class OpWriter {
  readonly #state: HartState;
  readonly #set: HandlerSet;
  /** Bits of the instruction in an entry; 0, which is no instruction's, in an empty one: it is written as illegal. */
  readonly #bits = new Uint32Array(ENTRIES);
  /** Handlers for targets in the page and beyond it. */
  readonly #near = new Uint16Array(ENTRIES).fill(HANDLER.illegal);
  readonly #far = new Uint16Array(ENTRIES).fill(HANDLER.illegal);
  readonly #rd = new Uint16Array(ENTRIES);
  readonly #rs1 = new Uint16Array(ENTRIES);
  readonly #rs2 = new Uint16Array(ENTRIES);
  readonly #immediate = new Int32Array(ENTRIES);
  readonly #rounding = new Uint8Array(ENTRIES);
  readonly #traits = new Uint8Array(ENTRIES).fill(ENDS);

  constructor(state: HartState, set: HandlerSet) {
    this.#state = state;
    this.#set = set;
  }

  /**
   * Writes the op of an instruction at `pageOffset`; true when nothing falls through it. A straddling instruction
   * passes `bias` 1: its page address is odd.
   */
  write(at: number, bits: number, pageOffset: number, bias: 0 | 1): boolean {
    const entry = (bits ^ (bits >>> 11) ^ (bits >>> 20)) & (ENTRIES - 1);
    if (this.#bits[entry] !== bits >>> 0) this.#learn(entry, bits >>> 0);
    const {u16, i32} = this.#state.views;
    const traits = this.#traits[entry]!;
    let value = this.#immediate[entry]!;
    let handler = this.#near[entry]!;
    const relative = traits & RELATIVE_MASK;
    if (relative === RELATIVE.branch) {
      const target = pageOffset + value;
      if (bias === 1 || target < 0 || target >= PAGE_BYTES) {
        value = target - bias;
        handler = this.#far[entry]!;
      } else value *= 8;
    } else if (relative === RELATIVE.auipc) value += pageOffset - bias;
    const next = pageOffset + ((bits & 3) === 3 ? 4 : 2) - bias;
    const op = at >>> 1;
    u16[op] = handler;
    u16[op + OP_FIELD.rd / 2] = this.#rd[entry]!;
    u16[op + OP_FIELD.rs1 / 2] = this.#rs1[entry]!;
    u16[op + OP_FIELD.rs2 / 2] = this.#rs2[entry]!;
    i32[(at + OP_FIELD.imm) >>> 2] = value;
    u16[op + OP_FIELD.extra / 2] = (traits & ROUNDS) === 0 ? next : this.#rounding[entry]!;
    return (traits & ENDS) !== 0;
  }

  #learn(entry: number, bits: number): void {
    const {decoder} = this.#set;
    const length = (bits & 3) === 3 ? 4 : 2;
    const long = length === 4 ? bits : decoder.expand(bits);
    const index = long === 0 ? -1 : decoder.find(long);
    const record = index < 0 ? undefined : decoder.instructions[index]!;
    const rounding = (long >>> 12) & 7;
    this.#bits[entry] = bits;
    if (!record || (record.hasRounding && (rounding === 5 || rounding === 6))) {
      this.#near[entry] = HANDLER.illegal;
      this.#traits[entry] = ENDS;
      return;
    }
    const {format, files} = record;
    const isBranch = format === 'B' || format === 'J';
    const isCsr = format === 'csr' || format === 'csri';
    const value = format === 'R4' ? this.#register('f', (long >>> 27) & 31, false) : immediate(format, long);
    const csr = isCsr ? pathOf(value, this.#state.base) : undefined;
    this.#immediate[entry] = csr ? value | (csr.detail << CSR_NUMBER_BITS) : value;
    this.#near[entry] = this.#set.single(index, length, false, csr?.path);
    this.#far[entry] = isBranch ? this.#set.single(index, length, true) : 0;
    this.#rd[entry] = this.#register(files.rd, (long >>> 7) & 31, true);
    this.#rs1[entry] = format === 'csri' ? (long >>> 15) & 31 : this.#register(files.rs1, (long >>> 15) & 31, false);
    this.#rs2[entry] = this.#register(files.rs2, (long >>> 20) & 31, false);
    this.#rounding[entry] = rounding;
    const relative = isBranch ? RELATIVE.branch : record.name === 'auipc' ? RELATIVE.auipc : RELATIVE.none;
    this.#traits[entry] = relative | (record.endsBlock ? ENDS : 0) | (record.hasRounding ? ROUNDS : 0);
  }

  #register(file: OperandFiles['rd'], number: number, isTarget: boolean): number {
    if (file === 'f') return this.#state.base + F + number * 8;
    return this.#state.base + (isTarget && number === 0 ? SINK : X + number * 8);
  }
}
