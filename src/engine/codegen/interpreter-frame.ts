/**
 * What the handlers of the interpreter share: the layout of a decoded op, the runtime's functions, the interpreter
 * function's locals and labels.
 *
 * A decoded op (16 bytes, see `hart/op.ts` for who fills it):
 *   +0 handler u16 · +2 rd u16 · +4 rs1 u16 · +6 rs2 u16 (absolute addresses of the registers; for `csri` rs1 is the
 *   immediate itself) · +8 imm i32 (R4: address of rs3) · +12 sequence i16 · +14 extra u16 (rounding mode, or offset of
 *   the following instruction in the page)
 */
import * as H from '../hart/layout.js';
import type {CsrOp} from '../isa/lowering.js';
import type {Concurrency} from './atomics.js';
import type {CsrPath} from './csr-path.js';
import type {ExactFunctions} from './exact-functions.js';
import type {TlbControl} from './tlb-control.js';
import type {MissFunctions} from './tlb-miss.js';
import type {TrapFunctions} from './trap-path.js';
import type {Local} from './wasm/expression.js';
import type {FunctionBuilder, FunctionRef, Label} from './wasm/function.js';

/** Field offsets of a decoded op. */
export const OP_FIELD = {handler: 0, rd: 2, rs1: 4, rs2: 6, imm: 8, sequence: H.OP_SEQUENCE, extra: 14} as const;

/** Register tokens that the interpreter hands to records as `Operands`. */
export const TOKENS = {rd: 0, rs1: 1, rs2: 2, rs3: 3} as const;
/** Fields by token. */
export const FIELD_OF = [OP_FIELD.rd, OP_FIELD.rs1, OP_FIELD.rs2, OP_FIELD.imm] as const;

/** Numbers by which handlers name the system operations that the runtime does. */
export const SYSTEM_CODES = {ecall: 0, wfi: 4, 'sfence.vma': 5, 'fence.i': 6} as const;

/** Numbers by which handlers name a CSR operation to the runtime. */
export const CSR_CODES: Readonly<Record<CsrOp, number>> = {write: 0, set: 1, clear: 2};

/** Kinds of address that the runtime translates for atomics. */
export const ACCESS_CODES = {loadReserved: 0, atomic: 1, zeroBlock: 2} as const;

/** The runtime functions that generated code calls; `hart/runtime.ts` provides them. */
export interface RuntimeImports {
  /** (bytes, address low, address high) → host address, or -1 after a trap. */
  readonly load: FunctionRef;
  /** (bytes, address low, address high), value in SCRATCH → 0, or -1 after a trap. */
  readonly store: FunctionRef;
  /** (access, bytes, address low, address high) → host address, or -1 after a trap. */
  readonly translate: FunctionRef;
  /** (number, operation, isWrite), source in SCRATCH → 0 trap, 1 done, 2 done and look the page up anew; old value in SCRATCH. */
  readonly csr: FunctionRef;
  /** Puts the time into SCRATCH. */
  readonly time: FunctionRef;
  /** (code): leaves with the hart's run state set to where it goes on. */
  readonly system: FunctionRef;
  readonly illegal: FunctionRef;
  /** → 0 trap (FS off), 1 go on. */
  readonly floatState: FunctionRef;
}

/** Locals and labels of the interpreter function, shared by all handlers. */
export interface Frame {
  readonly f: FunctionBuilder;
  readonly hart: Local<'i32'>;
  readonly op: Local<'i32'>;
  readonly acc: Local<'i32'>;
  readonly pagePc: Local<'i64'>;
  readonly pageOps: Local<'i32'>;
  /** Address that `jump` and `enter` go to. */
  readonly target: Local<'i64'>;
  readonly again: Label;
  readonly jump: Label;
  readonly enter: Label;
  readonly redirect: Label;
  readonly poll: Label;
  /** With regions: `op` was arrived at by a backward branch; count it and go on. */
  readonly heat?: Label;
  /** With regions: set to 1 before an arrival by an indirect jump. */
  readonly isIndirect?: Local<'i32'>;
  readonly runtime: RuntimeImports;
  readonly misses: MissFunctions;
  readonly control: TlbControl;
  readonly exactFunctions: ExactFunctions;
  /** The host multiplies and adds with one rounding. */
  readonly hasFusion: boolean;
  readonly concurrency: Concurrency;
  readonly traps: TrapFunctions;
  /** Environment calls of S-mode are the runtime's. */
  readonly hasSbi: boolean;
}

/** How a handler was specialised at decode time. */
export interface Shape {
  readonly length: 2 | 4;
  /** A direct jump or branch whose target lies in another page. */
  readonly isFar: boolean;
  /** How an access to a CSR is made; `call` when missing. */
  readonly csr?: CsrPath;
}
