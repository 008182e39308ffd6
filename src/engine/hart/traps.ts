/**
 * Traps and returns: which privilege takes an exception or interrupt, and what its CSRs then hold. Everything works on
 * 32-bit halves, so a trap allocates nothing.
 * Source: RISC-V Privileged ISA, chapters "Machine-Level" and "Supervisor-Level", sections on trap handling
 */
import {MIP, SLOT} from './csr-table.js';
import {ACC, EXTERNAL_SHIFT, LIMIT, OP, PAGE_OPS, PAGE_PC, PENDING, PRIVILEGE, RESERVED_AT} from './layout.js';
import type {HartState} from './state.js';

/** Exception causes. */
export const CAUSE = {
  fetchMisaligned: 0,
  fetchAccess: 1,
  illegal: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  loadAccess: 5,
  storeMisaligned: 6,
  storeAccess: 7,
  ecallU: 8,
  ecallS: 9,
  ecallM: 11,
  fetchPage: 12,
  loadPage: 13,
  storePage: 15,
} as const;

const SIE = 1 << 1;
const MIE = 1 << 3;
const SPIE = 1 << 5;
const MPIE = 1 << 7;
const SPP = 1 << 8;
const MPP_SHIFT = 11;
const MPRV = 1 << 17;
const INTERRUPT_HIGH = 0x80000000 | 0;

/** Traps between two looks at the clock: code that only traps retires nothing and would never reach its limit. */
const TRAP_QUANTUM = 256;

/** Interrupts by falling priority: MEI, MSI, MTI, SEI, SSI, STI. */
const PRIORITY = [11, 3, 7, 9, 1, 5];

/** Trap logic of one hart. `setPc` says where it goes on; `privilegeChanged` runs after every change of mode. */
export class Traps {
  /** The pc of the last `locate`. */
  pcLow = 0;
  pcHigh = 0;
  #untilLook = TRAP_QUANTUM;
  readonly #state: HartState;
  readonly #setPc: (low: number, high: number) => void;
  readonly #privilegeChanged: () => void;

  constructor(state: HartState, setPc: (low: number, high: number) => void, privilegeChanged: () => void) {
    this.#state = state;
    this.#setPc = setPc;
    this.#privilegeChanged = privilegeChanged;
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
    const privilege = state.i32(PRIVILEGE);
    const delegation = isInterrupt ? SLOT.mideleg : SLOT.medeleg;
    const isDelegated = privilege < 2 && (state.csrLow(delegation) & (1 << cause)) !== 0;
    const status = state.csrLow(SLOT.mstatus);
    const statusHigh = state.csrHigh(SLOT.mstatus);
    const high = isInterrupt ? INTERRUPT_HIGH : 0;
    state.setI32(RESERVED_AT, -1);
    if (--this.#untilLook === 0) {
      this.#untilLook = TRAP_QUANTUM;
      state.setI32(LIMIT, -0x80000000);
    }
    let vector: number;
    if (isDelegated) {
      state.setCsrHalves(SLOT.sepc, pcLow, pcHigh);
      state.setCsrHalves(SLOT.scause, cause, high);
      state.setCsrHalves(SLOT.stval, tvalLow, tvalHigh);
      const previous = (status & SIE) !== 0 ? SPIE : 0;
      state.setCsrHalves(
        SLOT.mstatus,
        (status & ~(SIE | SPIE | SPP)) | previous | (privilege === 1 ? SPP : 0),
        statusHigh,
      );
      state.setI32(PRIVILEGE, 1);
      vector = SLOT.stvec;
    } else {
      state.setCsrHalves(SLOT.mepc, pcLow, pcHigh);
      state.setCsrHalves(SLOT.mcause, cause, high);
      state.setCsrHalves(SLOT.mtval, tvalLow, tvalHigh);
      const previous = (status & MIE) !== 0 ? MPIE : 0;
      state.setCsrHalves(
        SLOT.mstatus,
        (status & ~(MIE | MPIE | (3 << MPP_SHIFT))) | previous | (privilege << MPP_SHIFT),
        statusHigh,
      );
      state.setI32(PRIVILEGE, 3);
      vector = SLOT.mtvec;
    }
    this.#privilegeChanged();
    const base = state.csrLow(vector);
    const offset = isInterrupt && (base & 3) === 1 ? cause * 4 : 0;
    const target = ((base & ~3) >>> 0) + offset;
    this.#setPc(target | 0, (state.csrHigh(vector) + (target > 0xffffffff ? 1 : 0)) | 0);
  }

  /** sret or mret; the caller has checked that it is allowed. */
  return(isMachine: boolean): void {
    const state = this.#state;
    const status = state.csrLow(SLOT.mstatus);
    this.leaveOp(true);
    state.setI32(RESERVED_AT, -1);
    let next = status;
    let privilege: number;
    if (isMachine) {
      privilege = (status >> MPP_SHIFT) & 3;
      next = (next & ~(MIE | (3 << MPP_SHIFT))) | MPIE | ((status & MPIE) !== 0 ? MIE : 0);
    } else {
      privilege = (status & SPP) !== 0 ? 1 : 0;
      next = (next & ~(SIE | SPP)) | SPIE | ((status & SPIE) !== 0 ? SIE : 0);
    }
    if (privilege !== 3) next &= ~MPRV;
    state.setCsrHalves(SLOT.mstatus, next, state.csrHigh(SLOT.mstatus));
    state.setI32(PRIVILEGE, privilege);
    this.#privilegeChanged();
    const slot = isMachine ? SLOT.mepc : SLOT.sepc;
    this.#setPc(state.csrLow(slot), state.csrHigh(slot));
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
