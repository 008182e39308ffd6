/**
 * CSR accesses that generated code makes itself. Which path an instruction can take is known from its CSR number when it
 * is decoded; each path leaves to the runtime what privilege, value or side effects make rare.
 *
 *   plain    a slot with its write mask behind it; the op's immediate is number | slot address << 12
 *   sstatus  fields that need no more than a look at pending interrupts, or (SUM) another TLB bank
 *   mstatus  the same without SUM
 *   time     the time CSR
 *   float    fcsr and its parts; the op's immediate is number | `floatDetail` << 12
 *   satp     written with an address space that the hart knows, by `tlb-control.ts`; in the interpreter only
 * Source: RISC-V Privileged ISA, chapters "Machine-Level" and "Supervisor-Level"
 */
import {MSTATUS, MSTATUS_WRITE, SLOT, SSTATUS_READ, SSTATUS_WRITE, UXL_SXL} from '../hart/csr-table.js';
import * as H from '../hart/layout.js';
import type {CsrOp} from '../isa/lowering.js';
import {get, type I32, type I64, i32, i64, type Local, select} from './wasm/expression.js';
import type {FunctionBuilder, FunctionRef} from './wasm/function.js';

/** How an instruction reaches its CSR. */
export type CsrPath = 'call' | 'plain' | 'sstatus' | 'mstatus' | 'time' | 'float' | 'satp';

/** All of `CsrPath`. */
export const csrPaths: readonly CsrPath[] = ['call', 'plain', 'sstatus', 'mstatus', 'time', 'float', 'satp'];

/** Bits of the op's immediate that hold the CSR number; what else a path must know lies above them. */
export const CSR_NUMBER_BITS = 12;

/** Which bits of FCSR a CSR is, as ops say it. */
export function floatDetail(shift: number, width: number): number {
  return (((1 << width) - 1) << shift) | (shift << FLOAT_MASK_BITS);
}
const FLOAT_MASK_BITS = 8;

/** One access to lower. */
export interface CsrAccess {
  readonly f: FunctionBuilder;
  readonly hart: Local<'i32'>;
  /** Number of the CSR. */
  readonly number: I32;
  /** What the path must know besides: the address of a plain slot, or `floatDetail`. */
  readonly detail: I32;
  readonly op: CsrOp;
  /** Cheap to evaluate more than once. */
  readonly source: I64;
  readonly isWrite: boolean;
  /** Where the old value goes. */
  readonly old: Local<'i64'>;
  readonly take: (type: 'i64') => Local<'i64'>;
  /** Has the runtime make the access; sets `old` too. */
  readonly slow: () => void;
  /** Puts the time into SCRATCH. */
  readonly time: FunctionRef;
}

/** Paths that are lowered the same everywhere. */
export type InlineCsrPath = Exclude<CsrPath, 'call' | 'satp'>;

/** Emits an access by one of the inline paths. */
export function lowerCsr(path: InlineCsrPath, access: CsrAccess): void {
  switch (path) {
    case 'plain':
      lowerPlain(access);
      return;
    case 'sstatus':
      lowerStatus(access, 1, SSTATUS_READ, SSTATUS_WRITE);
      return;
    case 'mstatus':
      lowerStatus(access, 3, -1n, MSTATUS_WRITE);
      return;
    case 'time':
      lowerTime(access);
      return;
    case 'float':
      lowerFloat(access);
      return;
  }
}

/** The value that an access writes, from the one it found. */
export function written({op, source}: Pick<CsrAccess, 'op' | 'source'>, old: I64): I64 {
  switch (op) {
    case 'write':
      return source;
    case 'set':
      return i64.or(old, source);
    case 'clear':
      return i64.and(old, i64.xor(source, i64.const(-1)));
  }
}

/** Where mstatus is in a hart's block. */
const STATUS = H.CSRS + SLOT.mstatus * H.CSR_SLOT_BYTES;

const privilege = ({hart}: CsrAccess) => i32.load(get(hart), H.PRIVILEGE);

function lowerPlain(access: CsrAccess): void {
  const {f, old, number, detail: slot, isWrite, slow} = access;
  const needed = i32.and(i32.shrU(number, i32.const(8)), i32.const(3));
  f.if(
    i32.geU(privilege(access), needed),
    () => {
      f.set(old, i64.load(slot));
      if (!isWrite) return;
      const changed = i64.and(i64.xor(get(old), written(access, get(old))), i64.load(slot, 8));
      f.store(8, slot, i64.xor(get(old), changed));
    },
    slow,
    'likely',
  );
}

function lowerStatus(access: CsrAccess, needed: 1 | 3, readMask: bigint, writeMask: bigint): void {
  const {f, hart, old, isWrite, slow, take} = access;
  const raw = take('i64');
  const see = () => {
    const fs = i64.const(MSTATUS.FS);
    const dirty = i64.shl(i64.extendU(i64.eq(i64.and(get(raw), fs), fs)), i64.const(63));
    f.set(old, i64.and(i64.or(i64.or(get(raw), i64.const(UXL_SXL)), dirty), i64.const(readMask)));
  };
  f.set(raw, i64.load(get(hart), STATUS));
  if (!isWrite) {
    f.if(i32.geU(privilege(access), i32.const(needed)), see, slow, 'likely');
    return;
  }
  const hasBanks = needed === 1;
  const enables = hasBanks ? MSTATUS.SIE : MSTATUS.SIE | MSTATUS.MIE;
  const simple = enables | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.FS | (hasBanks ? 0n : MSTATUS.MPIE);
  const {SUM} = MSTATUS;
  const changed = take('i64');
  f.set(changed, i64.and(i64.xor(get(raw), written(access, get(raw))), i64.const(writeMask)));
  const changes = (mask: bigint) => i64.and(get(changed), i64.const(mask));
  // SUM is left to the runtime unless this is S-mode: only there it chooses the bank.
  const left = hasBanks ? changes(~simple & ~SUM & writeMask) : changes(~simple & writeMask);
  const isInMode = hasBanks
    ? i32.and(
        i32.geU(privilege(access), i32.const(1)),
        i32.or(i64.eqz(changes(SUM)), i32.eq(privilege(access), i32.const(1))),
      )
    : i32.eq(privilege(access), i32.const(3));
  // Enabling while something is pending may take an interrupt at once.
  const pending = i32.and(i32.load(get(hart), H.PENDING), i32.load(get(hart), H.CSRS + SLOT.mie * H.CSR_SLOT_BYTES));
  const isQuiet = i32.or(
    i64.eqz(i64.and(i64.and(changes(enables), get(changed)), i64.xor(get(raw), i64.const(-1)))),
    i32.eqz(pending),
  );
  f.if(
    i32.and(i32.and(i64.eqz(left), isInMode), isQuiet),
    () => {
      see();
      f.set(raw, i64.xor(get(raw), get(changed)));
      f.store(8, get(hart), get(raw), STATUS);
      if (!hasBanks) return;
      f.if(
        i32.eqz(i64.eqz(changes(SUM))),
        () => {
          const isOn = i32.eqz(i64.eqz(i64.and(get(raw), i64.const(SUM))));
          const cell = (offset: number) => i32.load(get(hart), offset);
          const bank = select(isOn, cell(H.BANK.supervisorWithUser), cell(H.BANK.supervisor));
          f.store(4, get(hart), bank, H.DATA_BANK);
        },
        undefined,
        'unlikely',
      );
    },
    slow,
    'likely',
  );
}

function lowerTime(access: CsrAccess): void {
  const {f, hart, old, isWrite, slow, time} = access;
  if (isWrite) {
    // A read-only register: the runtime refuses.
    slow();
    return;
  }
  const machine = i32.load(get(hart), H.CSRS + SLOT.mcounteren * H.CSR_SLOT_BYTES);
  const supervisor = i32.load(get(hart), H.CSRS + SLOT.scounteren * H.CSR_SLOT_BYTES);
  const isOpen = i32.and(i32.and(machine, i32.or(supervisor, i32.sub(i32.const(0), privilege(access)))), i32.const(2));
  f.if(
    i32.or(i32.eq(privilege(access), i32.const(3)), isOpen),
    () => {
      f.call(time);
      f.set(old, i64.load(get(hart), H.SCRATCH));
    },
    slow,
    'likely',
  );
}

function lowerFloat(access: CsrAccess): void {
  const {f, hart, detail, old, isWrite, slow} = access;
  const status = () => i64.load(get(hart), STATUS);
  const mask = i32.and(detail, i32.const((1 << FLOAT_MASK_BITS) - 1));
  const shift = i32.shrU(detail, i32.const(FLOAT_MASK_BITS));
  const state = i32.load(get(hart), H.FCSR);
  f.if(
    i64.eqz(i64.and(status(), i64.const(MSTATUS.FS))),
    slow,
    () => {
      f.set(old, i64.extendU(i32.shrU(i32.and(state, mask), shift)));
      if (!isWrite) return;
      const next = i32.and(i32.shl(i32.wrap(written(access, get(old))), shift), mask);
      f.store(4, get(hart), i32.or(i32.and(state, i32.xor(mask, i32.const(-1))), next), H.FCSR);
      f.store(8, get(hart), i64.or(status(), i64.const(MSTATUS.FS)), STATUS);
    },
    'unlikely',
  );
}
