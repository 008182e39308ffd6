/**
 * Traps that the runtime finds, and which interrupt comes next. What a trap does is generated code (see
 * `codegen/trap-path.ts`). Everything works on 32-bit halves, so a trap allocates nothing.
 * Source: RISC-V Privileged ISA, chapters "Machine-Level" and "Supervisor-Level", sections on trap handling
 */
import {MIP, SLOT} from './csr-table.js';
import {ACC, EXTERNAL_SHIFT, INTERRUPTS, OP, PAGE_OPS, PAGE_PC, PENDING, PRIVILEGE, SCRATCH} from './layout.js';
import type {HartState} from './state.js';

const SIE = 1 << 1;
const MIE = 1 << 3;

/** Interrupts by falling priority: MEI, MSI, MTI, SEI, SSI, STI. */
const PRIORITY = [11, 3, 7, 9, 1, 5];

/** Generated code that takes a trap; the handler's address is then in SCRATCH. */
export type TrapFunction = (
  hart: number,
  cause: number,
  isInterrupt: number,
  tvalLow: number,
  tvalHigh: number,
  pcLow: number,
  pcHigh: number,
) => void;

/** Trap logic of one hart. `setPc` says where it goes on. */
export class Traps {
  /** The pc of the last `locate`. */
  pcLow = 0;
  pcHigh = 0;
  #trap: TrapFunction | undefined;
  readonly #state: HartState;
  readonly #setPc: (low: number, high: number) => void;

  constructor(state: HartState, setPc: (low: number, high: number) => void) {
    this.#state = state;
    this.#setPc = setPc;
  }

  /** Traps are taken by this function from now on. */
  link(trap: TrapFunction): void {
    this.#trap = trap;
  }

  /** Puts the pc of the current op into `pcLow` and `pcHigh`. */
  locate(): void {
    const state = this.#state;
    const offset = (state.i32(OP) - state.i32(PAGE_OPS)) >> 3;
    const sum = (state.i32(PAGE_PC) >>> 0) + offset;
    this.pcLow = sum | 0;
    this.pcHigh = (state.i32(PAGE_PC + 4) + (sum < 0 ? -1 : sum > 0xffffffff ? 1 : 0)) | 0;
  }

  /** Counts the ops before the current one, and the current one when `isRetired`; the next op must be entered anew. */
  leaveOp(isRetired: boolean): void {
    const state = this.#state;
    const sequence = state.sequenceOf(state.i32(OP));
    state.setI32(ACC, state.i32(ACC) + sequence + (isRetired ? 1 : 0));
  }

  /** Takes an exception at the current op. */
  raise(cause: number, tvalLow: number, tvalHigh: number): void {
    this.locate();
    this.leaveOp(false);
    this.enter(cause, false, tvalLow, tvalHigh, this.pcLow, this.pcHigh);
  }

  /** Takes a trap whose pc is given; the run state has already been left. */
  enter(cause: number, isInterrupt: boolean, tvalLow: number, tvalHigh: number, pcLow: number, pcHigh: number): void {
    const state = this.#state;
    if (!this.#trap) throw new Error('trap before the hart is linked');
    this.#trap(state.base, cause, isInterrupt ? 1 : 0, tvalLow, tvalHigh, pcLow, pcHigh);
    this.#setPc(state.i32(SCRATCH), state.i32(SCRATCH + 4));
  }

  /** The interrupt to take now, or -1. */
  pendingInterrupt(): number {
    const state = this.#state;
    const pending = state.i32(PENDING) & state.csrLow(SLOT.mie) & 0xfff;
    if (pending === 0) return -1;
    const privilege = state.i32(PRIVILEGE);
    const status = state.csrLow(SLOT.mstatus);
    const delegated = state.csrLow(SLOT.mideleg);
    const isMachineOn = privilege < 3 || (status & MIE) !== 0;
    const isSupervisorOn = privilege < 1 || (privilege === 1 && (status & SIE) !== 0);
    const machine = isMachineOn ? pending & ~delegated : 0;
    const enabled = machine !== 0 ? machine : isSupervisorOn ? pending & delegated : 0;
    if (enabled === 0) return -1;
    for (const cause of PRIORITY) if ((enabled & (1 << cause)) !== 0) return cause;
    return -1;
  }

  /** Takes an interrupt between two instructions. */
  interrupt(cause: number): void {
    this.locate();
    this.leaveOp(false);
    const {views, base} = this.#state;
    views.f64[(base + INTERRUPTS) >> 3]!++;
    this.enter(cause, true, 0, 0, this.pcLow, this.pcHigh);
  }

  /** True when a WFI must not sleep: something is pending and enabled in mie, whatever the global enables say. */
  hasWakeup(): boolean {
    return (this.#state.i32(PENDING) & this.#state.csrLow(SLOT.mie) & 0xfff) !== 0;
  }
}

/** PENDING bits that a device holds up: the interrupt and its repetition. */
export function externalBits(isMachine: boolean): number {
  const bit = isMachine ? MIP.MEIP : MIP.SEIP;
  return bit | (bit << EXTERNAL_SHIFT);
}
