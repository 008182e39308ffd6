/** State of a hart after reset. */
import {csrTable, MENVCFG, MIP, SLOT} from './csr-table.js';
import * as H from './layout.js';
import type {HartState} from './state.js';

/** How a hart starts. */
export interface ResetOptions {
  /** The emulator is the firmware: the hart starts in S-mode with everything delegated. */
  readonly hasSbi: boolean;
  /** False: waits for an HSM start (with SBI), or starts like the boot hart (firmware sorts it out). */
  readonly isBootHart: boolean;
  /** Address of the device tree. */
  readonly a1: number;
}

const ALL = (1n << 64n) - 1n;

/** Sets a zero-filled hart block to its reset state. The pc is set by the hart's own thread. */
export function resetHart(state: HartState, options: ResetOptions): void {
  for (const {plain} of csrTable) if (plain) state.setCsrMask(plain.slot, plain.mask);
  state.setI32(H.RESERVED_AT, -1);
  state.setI32(H.OP, state.layout.straddle[state.id]!);
  state.setF64(H.STIMECMP, Number.POSITIVE_INFINITY);
  state.setF64(H.MTIMECMP, Number.POSITIVE_INFINITY);
  state.setI32(H.PRIVILEGE, options.hasSbi ? 1 : 3);
  state.setX(10, BigInt(state.id));
  state.setX(11, BigInt(options.a1));
  if (!options.hasSbi) return;
  // What firmware would have set up before it enters a supervisor.
  state.setCsr(SLOT.medeleg, 0xb1ffn);
  state.setCsr(SLOT.mideleg, BigInt(MIP.SSIP | MIP.STIP | MIP.SEIP));
  state.setCsr(SLOT.mcounteren, 0xffffffffn);
  // Kernels that find no PMU extension expect the counters open to user mode.
  state.setCsr(SLOT.scounteren, 7n);
  state.setCsr(SLOT.menvcfg, MENVCFG.STCE | MENVCFG.ADUE | (1n << 7n) | 1n);
  state.setCsr(SLOT.pmpcfg0, 0x1fn);
  state.setCsr(SLOT.pmpaddr0, ALL >> 10n);
  state.setI32(H.HSM_STATE, options.isBootHart ? 0 : 1);
}
