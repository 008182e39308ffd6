/**
 * CSR accesses of one hart: permission, read-modify-write, and what a write changes about the running hart.
 */
import {type CsrPath, floatDetail} from '../codegen/csr-path.js';
import {CSR_CODES} from '../codegen/interpreter-frame.js';
import type {Pmp} from '../mmu/pmp.js';
import {type CsrEffect, type CsrRow, csrTable, MIP, SLOT} from './csr-table.js';
import {ACC, CSR_SLOT_BYTES, CSRS, EXTERNAL_SHIFT, INSTRET, OP, PENDING, PRIVILEGE, SOFTWARE_SEIP} from './layout.js';
import type {HartState} from './state.js';
import type {HartTimer} from './timer.js';

const rows: (CsrRow | undefined)[] = Array(4096).fill(undefined);
for (const row of csrTable) rows[row.number] = row;

const namedPaths = ['sstatus', 'mstatus', 'time', 'satp'] as const;

/** How generated code reaches a CSR of the hart whose block is at `hart`, and what its ops say beside the number. */
export function pathOf(number: number, hart: number): {readonly path: CsrPath; readonly detail: number} {
  const row = rows[number];
  if (row?.plain) return {path: 'plain', detail: hart + CSRS + row.plain.slot * CSR_SLOT_BYTES};
  if (row?.float) return {path: 'float', detail: floatDetail(row.float.shift, row.float.width)};
  const path = namedPaths.find((name) => name === row?.name);
  return {path: path ?? 'call', detail: 0};
}

/** Outcome of an access: a refusal, or the effect of what was written. */
export type CsrOutcome = 'illegal' | CsrEffect;

/** The CSRs of one hart. `value` holds what the last access read. */
export class CsrFile {
  readonly state: HartState;
  readonly pmp: Pmp;
  readonly timer: HartTimer;
  /** The old value, after an access that was not illegal. */
  value = 0n;

  constructor(state: HartState, pmp: Pmp, timer: HartTimer) {
    this.state = state;
    this.pmp = pmp;
    this.timer = timer;
  }

  /** Reads a CSR and, when `isWrite`, writes it (operation as `CSR_CODES`). */
  access(number: number, operation: number, source: bigint, isWrite: boolean): CsrOutcome {
    const row = rows[number];
    if (!row || this.privilege() < ((number >> 8) & 3)) return 'illegal';
    if (isWrite && number >> 10 === 3) return 'illegal';
    if (row.isAllowed && !row.isAllowed(this)) return 'illegal';
    const old = row.read(this);
    this.value = old;
    if (!isWrite) return 'none';
    if (row.change) {
      const set = operation === CSR_CODES.clear ? 0n : source;
      const clear = operation === CSR_CODES.set ? 0n : operation === CSR_CODES.clear ? source : ~source;
      return row.change(this, set, clear);
    }
    if (!row.write) return 'none';
    if (operation === CSR_CODES.write) return row.write(this, source);
    return row.write(this, operation === CSR_CODES.set ? old | source : old & ~source);
  }

  privilege(): number {
    return this.state.i32(PRIVILEGE);
  }

  /** mip as software sees it. */
  pending(): number {
    return this.state.i32(PENDING) & 0xfff;
  }

  /**
   * Sets and clears software's bits of mip, touching no others: devices and other harts change theirs meanwhile. SEIP
   * goes only when no device holds it up.
   */
  changePending(set: number, clear: number): void {
    const {i32} = this.state.views;
    const cell = this.state.cell(PENDING);
    const isSet = (set & MIP.SEIP) !== 0;
    const isCleared = (clear & MIP.SEIP) !== 0;
    for (;;) {
      const old = Atomics.load(i32, cell);
      let next = ((old | set) & ~clear) | (isSet ? SOFTWARE_SEIP : 0);
      if (isCleared) next &= ~SOFTWARE_SEIP;
      next |= (next >> EXTERNAL_SHIFT) & MIP.SEIP;
      if (Atomics.compareExchange(i32, cell, old, next) === old) return;
    }
  }

  /** Instructions retired before the current one. */
  retired(): bigint {
    const sequence = this.state.sequenceOf(this.state.i32(OP));
    return BigInt(this.state.f64(INSTRET)) + BigInt(this.state.i32(ACC) + sequence);
  }

  /** True when the present privilege may read the counter of this bit of mcounteren and scounteren. */
  mayCount(bit: bigint): boolean {
    const privilege = this.privilege();
    if (privilege === 3) return true;
    if ((this.state.csr(SLOT.mcounteren) & bit) === 0n) return false;
    return privilege === 1 || (this.state.csr(SLOT.scounteren) & bit) !== 0n;
  }
}
