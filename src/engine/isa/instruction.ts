/**
 * An instruction record: encoding and semantics, written once. The decoder, the disassembler, the encoding-overlap test
 * and both lowerings derive from the list of records in `registry.ts`.
 */
import type {Lowering, Operands} from './lowering.js';

/**
 * Where an instruction keeps its operands.
 * `R` rd rs1 rs2 · `R4` rd rs1 rs2 rs3 · `I` rd rs1 imm · `S` rs1 rs2 imm · `B` rs1 rs2 imm (branch) · `U` rd imm ·
 * `J` rd imm (jump) · `shift` rd rs1 6-bit imm · `shiftw` rd rs1 5-bit imm · `csr` rd rs1 imm=csr number ·
 * `csri` rd imm=csr number, rs1 field = 5-bit immediate · `none` imm alone (the
 * ordering of a fence)
 */
export type Format = 'R' | 'R4' | 'I' | 'S' | 'B' | 'U' | 'J' | 'shift' | 'shiftw' | 'csr' | 'csri' | 'none';

/** Which register file an operand names; `x` unless stated. */
export interface OperandFiles {
  readonly rd?: 'x' | 'f' | 'none';
  readonly rs1?: 'x' | 'f' | 'none';
  readonly rs2?: 'x' | 'f' | 'none';
  readonly rs3?: 'f';
}

/** One 32-bit instruction. */
export interface Instruction {
  /** Assembler mnemonic, e.g. `fcvt.w.d`. */
  readonly name: string;
  /** Extension it belongs to, as in the device tree (`i`, `m`, `zba` …). */
  readonly extension: string;
  readonly format: Format;
  /** The instruction matches when (bits & mask) === match (both as unsigned 32-bit numbers). */
  readonly match: number;
  readonly mask: number;
  readonly files: OperandFiles;
  /** True when it carries a rounding mode in bits 14..12. */
  readonly hasRounding: boolean;
  /** True when it needs mstatus.FS on (any f register or fcsr use). */
  readonly isFloat: boolean;
  /** True when its f operands are looked at as singles rather than raw or as doubles. */
  readonly readsSingles: boolean;
  /** True when its f result, if it has one, is a boxed single. */
  readonly writesSingle: boolean;
  /** True when control never simply falls through to the next instruction. */
  readonly endsBlock: boolean;
  readonly lower: (b: Lowering, i: Operands) => void;
}

/** A 16-bit instruction: the 32-bit instruction it stands for. */
export interface Compressed {
  readonly name: string;
  readonly match: number;
  readonly mask: number;
  /** The 32-bit encoding, or 0 when these bits are reserved. */
  readonly expand: (bits: number) => number;
}

/** Optional parts of a record, with the defaults `x` registers, no rounding mode, no floating point, falls through. */
export type InstructionOptions = Partial<
  Pick<Instruction, 'files' | 'hasRounding' | 'isFloat' | 'readsSingles' | 'writesSingle' | 'endsBlock'>
>;

/** The bits a record fixes: opcode always, the others where the format leaves them to the record. */
export interface FixedBits {
  readonly opcode: number;
  readonly funct3?: number;
  readonly funct7?: number;
  /** funct6 of 6-bit shifts. */
  readonly funct6?: number;
  /** funct2 (bits 26..25) of R4. */
  readonly funct2?: number;
  /** funct5 (bits 31..27) of AMO; aq and rl (26..25) stay free. */
  readonly funct5?: number;
  readonly rs2?: number;
  readonly rs1?: number;
  readonly rd?: number;
  /** All of bits 31..20 (system instructions, cbo). */
  readonly funct12?: number;
}

const places: Readonly<Record<keyof FixedBits, {readonly shift: number; readonly width: number}>> = {
  opcode: {shift: 0, width: 7},
  rd: {shift: 7, width: 5},
  funct3: {shift: 12, width: 3},
  rs1: {shift: 15, width: 5},
  rs2: {shift: 20, width: 5},
  funct2: {shift: 25, width: 2},
  funct7: {shift: 25, width: 7},
  funct6: {shift: 26, width: 6},
  funct5: {shift: 27, width: 5},
  funct12: {shift: 20, width: 12},
};

/** Match and mask of a set of fixed fields, as unsigned 32-bit numbers. */
export function encoding(fixed: FixedBits): {readonly match: number; readonly mask: number} {
  let match = 0;
  let mask = 0;
  for (const [field, value] of Object.entries(fixed) as [keyof FixedBits, number][]) {
    const {shift, width} = places[field];
    const ones = width === 32 ? -1 : (1 << width) - 1;
    match |= (value & ones) << shift;
    mask |= ones << shift;
  }
  return {match: match >>> 0, mask: mask >>> 0};
}

/** Makes records of one extension: `const R = recorder('m', 'R')`, then `R('mul', {…}, (b, i) => …)`. */
export function recorder(
  extension: string,
  format: Format,
  defaults: InstructionOptions = {},
): (name: string, fixed: FixedBits, lower: Instruction['lower'], options?: InstructionOptions) => Instruction {
  return (name, fixed, lower, options = {}) => ({
    name,
    extension,
    format,
    ...encoding(fixed),
    files: {...defaults.files, ...options.files},
    hasRounding: options.hasRounding ?? defaults.hasRounding ?? false,
    isFloat: options.isFloat ?? defaults.isFloat ?? false,
    readsSingles: options.readsSingles ?? defaults.readsSingles ?? false,
    writesSingle: options.writesSingle ?? defaults.writesSingle ?? false,
    endsBlock: options.endsBlock ?? defaults.endsBlock ?? false,
    lower,
  });
}
