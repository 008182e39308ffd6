/**
 * A hart as it stands between two instructions, free of where the emulator keeps things: what a snapshot says of it.
 * Values of 64 bits are hexadecimal strings, so that a saved hart is JSON.
 */
import {EngineError} from '../error.js';
import {csrTable, MSTATUS_WRITE, SLOT} from './csr-table.js';
import * as H from './layout.js';
import {resetHart} from './reset.js';
import type {HartState} from './state.js';

/** See the module. Deadlines are ticks, null when there is none. */
export interface SavedHart {
  readonly pc: string;
  /** x0 … x31 and f0 … f31, as bit patterns. */
  readonly x: readonly string[];
  readonly f: readonly string[];
  /** frm << 5 | fflags. */
  readonly fcsr: number;
  /** 0 U, 1 S, 3 M. */
  readonly privilege: number;
  /** By name; see `SLOT`. */
  readonly csrs: Readonly<Record<string, string>>;
  /** mip with its software and external halves (see `PENDING`). */
  readonly pending: number;
  readonly supervisorDeadline: number | null;
  readonly machineDeadline: number | null;
  /** As SBI numbers it, and what a pending start was given. */
  readonly hsmState: number;
  readonly startAddress: string;
  readonly startOpaque: string;
  readonly instructions: number;
  /** What LR read where (offset in RAM), null without a reservation. */
  readonly reservation: {readonly offset: number; readonly value: string} | null;
}

/** Names and slots of the CSRs that a hart keeps. */
const slots: readonly (readonly [name: string, slot: number])[] = [
  ...Object.entries(SLOT),
  ...Array.from({length: 15}, (_, i) => [`pmpaddr${i + 1}`, SLOT.pmpaddr0 + i + 1] as const),
];

const HSM_STATES: readonly number[] = [0, 1, 2, 4];
const PRIVILEGES: readonly number[] = [0, 1, 3];
const ALL = (1n << 64n) - 1n;
/** Largest mode of satp: Sv57. Of 1 to 7 none exists. */
const MAX_SATP_MODE = 10n;

/** Reads a hart that stands still at a boundary (`H.PARKED`). */
export function saveHart(state: HartState): SavedHart {
  const deadline = (at: number) => (Number.isFinite(state.f64(at)) ? state.f64(at) : null);
  const registers = (at: number) => Array.from({length: 32}, (_, i) => hex(state.u64(at + i * 8)));
  return {
    pc: hex(pcOf(state)),
    x: registers(H.X),
    f: registers(H.F),
    fcsr: state.i32(H.FCSR),
    privilege: state.i32(H.PRIVILEGE),
    csrs: Object.fromEntries(slots.map(([name, slot]) => [name, hex(state.csr(slot))])),
    pending: state.i32(H.PENDING),
    supervisorDeadline: deadline(H.STIMECMP),
    machineDeadline: deadline(H.MTIMECMP),
    hsmState: state.i32(H.HSM_STATE),
    startAddress: hex(state.u64(H.START_ADDRESS)),
    startOpaque: hex(state.u64(H.START_OPAQUE)),
    instructions: state.f64(H.INSTRET),
    reservation: saveReservation(state),
  };
}

function saveReservation(state: HartState): SavedHart['reservation'] {
  const at = state.i32(H.RESERVED_AT);
  return at === -1 ? null : {offset: (at >>> 0) - state.layout.ram, value: hex(state.u64(H.RESERVED_VALUE))};
}

/** The virtual address of the instruction to run next; while the hart runs, only right to the page. */
export function pcOf(state: HartState): bigint {
  return BigInt.asUintN(64, state.u64(H.PAGE_PC) + BigInt((state.i32(H.OP) - state.i32(H.PAGE_OPS)) >> 3));
}

/**
 * Fills a zero-filled hart block. The pc is set by the hart's own thread, as after a reset.
 * Errors: EngineError `bad-state` for what no hart can be
 */
export function restoreHart(state: HartState, saved: SavedHart): void {
  resetHart(state, {hasSbi: false, isBootHart: true, a1: 0});
  if (saved.x.length !== 32 || saved.f.length !== 32) throw badState('a hart without 32 registers');
  if (!PRIVILEGES.includes(saved.privilege)) throw badState(`privilege ${saved.privilege}`);
  if (!HSM_STATES.includes(saved.hsmState)) throw badState(`hart state ${saved.hsmState}`);
  for (let i = 0; i < 32; i++) {
    state.setX(i, word(saved.x[i]!));
    state.setU64(H.F + i * 8, word(saved.f[i]!));
  }
  state.setI32(H.FCSR, saved.fcsr & 0xff);
  state.setI32(H.PRIVILEGE, saved.privilege);
  const masks = new Map(csrTable.flatMap(({plain}) => (plain ? [[plain.slot, plain.mask] as const] : [])));
  for (const [name, slot] of slots) {
    const value = word(saved.csrs[name] ?? '0');
    state.setCsr(slot, value & (slot === SLOT.mstatus ? MSTATUS_WRITE : (masks.get(slot) ?? ALL)));
  }
  const mode = state.csr(SLOT.satp) >> 60n;
  if (mode !== 0n && (mode < 8n || mode > MAX_SATP_MODE)) throw badState(`satp mode ${mode}`);
  state.setI32(H.PENDING, saved.pending);
  state.setF64(H.STIMECMP, saved.supervisorDeadline ?? Number.POSITIVE_INFINITY);
  state.setF64(H.MTIMECMP, saved.machineDeadline ?? Number.POSITIVE_INFINITY);
  state.setI32(H.HSM_STATE, saved.hsmState);
  state.setU64(H.START_ADDRESS, word(saved.startAddress));
  state.setU64(H.START_OPAQUE, word(saved.startOpaque));
  state.setF64(H.INSTRET, saved.instructions);
  if (!saved.reservation) return;
  const {offset, value} = saved.reservation;
  if (!Number.isInteger(offset) || offset < 0 || offset >= state.layout.ramBytes) throw badState('a reservation');
  state.setI32(H.RESERVED_AT, (state.layout.ram + offset) | 0);
  state.setU64(H.RESERVED_VALUE, word(value));
}

function hex(value: bigint): string {
  return value.toString(16);
}

/** Reads what `hex` wrote. Errors: EngineError `bad-state` */
export function word(text: string): bigint {
  if (!/^[0-9a-f]{1,16}$/.test(text)) throw badState(`the value ${JSON.stringify(text.slice(0, 40))}`);
  return BigInt(`0x${text}`);
}

function badState(what: string): EngineError {
  return new EngineError('bad-state', `The saved state names ${what}, which no machine has.`, 'Use another snapshot.');
}
