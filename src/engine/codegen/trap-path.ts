/**
 * Traps and returns as generated code: which privilege takes an exception or interrupt, what its CSRs then hold, and
 * which TLB banks are in force. The only place that says so; the runtime takes the traps it finds by `trap`.
 *
 * Whoever goes on at the address that comes back must look its page up anew, also when it lies in the present one:
 * another privilege sees other translations.
 * Source: RISC-V Privileged ISA, chapters "Machine-Level" and "Supervisor-Level", sections on trap handling
 */
import {MSTATUS, SLOT} from '../hart/csr-table.js';
import * as H from '../hart/layout.js';
import {get, type I32, type I64, i32, i64, type Local, select} from './wasm/expression.js';
import {callExpr, type FunctionBuilder, type FunctionRef} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/** Traps between two looks at the clock: code that only traps retires nothing and would never reach its limit. */
const TRAP_QUANTUM = 256;

const {SIE, MIE, SPIE, MPIE, SPP, MPP, MPRV, SUM, TSR} = MSTATUS;
const MPP_SHIFT = 11n;
const SPP_SHIFT = 8n;
/** Bytes of ops for one byte of code, as a shift. */
const OP_BYTES_SHIFT = 3;
/** From xIE to xPIE. */
const PREVIOUS_SHIFT = 4n;

/** The functions. Register state but for the pc is the caller's; all else is in the hart's block. */
export interface TrapFunctions {
  /** (hart, cause, isInterrupt, tval i64, pc i64) → i64 the handler's address */
  readonly enter: FunctionRef;
  /** (hart) → i64 the address it returns to; the caller has checked that sret or mret is allowed. */
  readonly leaveSupervisor: FunctionRef;
  readonly leaveMachine: FunctionRef;
  /** (hart, op, acc, cause, tval i64): takes an exception at an op; the run state is then where the hart goes on. */
  readonly raise: FunctionRef;
}

const csr = (slot: number) => H.CSRS + slot * H.CSR_SLOT_BYTES;

/** Adds the functions to a module, and the export `trap(hart, cause, isInterrupt, tval, pc)` whose result is in SCRATCH. */
export function buildTrapFunctions(module: ModuleBuilder): TrapFunctions {
  const enter = buildEnter(module);
  const leaveSupervisor = buildLeave(module, false);
  const leaveMachine = buildLeave(module, true);
  // 64-bit values in two halves, so that the runtime makes no bigints.
  const trap = module.function('trap', {params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], results: []}, true);
  const [hart, cause, isInterrupt, ...halves] = [0, 1, 2, 3, 4, 5, 6].map((i) => get(trap.param(i, 'i32')));
  const join = (low: I32, high: I32) => i64.or(i64.extendU(low), i64.shl(i64.extendU(high), i64.const(32)));
  const tval = join(halves[0]!, halves[1]!);
  const pc = join(halves[2]!, halves[3]!);
  trap.store(8, hart!, callExpr(enter, 'i64', hart!, cause!, isInterrupt!, tval, pc), H.SCRATCH);
  return {enter, leaveSupervisor, leaveMachine, raise: buildRaise(module, enter)};
}

/** Puts the banks of a mode in force: of fetches by privilege, of loads and stores also by SUM and MPRV. */
export function lowerBanks(f: FunctionBuilder, hart: Local<'i32'>, privilege: I32, status: I64): void {
  const cell = (offset: number) => i32.load(get(hart), offset);
  const isSet = (bit: bigint) => i32.wrap(i64.shrU(i64.and(status, i64.const(bit)), i64.const(shiftOf(bit))));
  const bank = (of: I32, supervisor: I32) =>
    select(i32.eq(of, i32.const(3)), cell(H.BANK.machine), select(of, supervisor, cell(H.BANK.user)));
  const isModified = i32.and(i32.eq(privilege, i32.const(3)), isSet(MPRV));
  const previous = i32.and(i32.wrap(i64.shrU(status, i64.const(MPP_SHIFT))), i32.const(3));
  const supervisor = select(isSet(SUM), cell(H.BANK.supervisorWithUser), cell(H.BANK.supervisor));
  f.store(4, get(hart), bank(privilege, cell(H.BANK.supervisor)), H.EXEC_BANK);
  f.store(4, get(hart), bank(select(isModified, previous, privilege), supervisor), H.DATA_BANK);
}

/** 1 when the present mode may execute sret: M-mode, or S-mode while TSR does not forbid it. */
export function lowerMaySret(hart: Local<'i32'>): I32 {
  const cell = (offset: number) => i32.load(get(hart), offset);
  const isForbidden = i32.ne(i32.and(cell(csr(SLOT.mstatus)), i32.const(Number(TSR))), i32.const(0));
  // 3 stays above either, 1 only above 0, 0 above neither.
  return i32.gtU(cell(H.PRIVILEGE), isForbidden);
}

function buildEnter(module: ModuleBuilder): FunctionRef {
  const f = module.function('enter', {params: ['i32', 'i32', 'i32', 'i64', 'i64'], results: ['i64']});
  const hart = f.param(0, 'i32');
  const cause = get(f.param(1, 'i32'));
  const isInterrupt = get(f.param(2, 'i32'));
  const tval = get(f.param(3, 'i64'));
  const pc = get(f.param(4, 'i64'));
  const cell = (offset: number) => i32.load(get(hart), offset);
  const privilege = f.let(cell(H.PRIVILEGE));
  const status = f.local('i64');
  const vector = f.local('i64');
  const left = f.local('i32');
  f.set(status, i64.load(get(hart), csr(SLOT.mstatus)));
  f.store(4, get(hart), i32.const(-1), H.RESERVED_AT);
  f.set(left, i32.sub(cell(H.TRAPS_LEFT), i32.const(1)));
  f.if(
    i32.leS(get(left), i32.const(0)),
    () => {
      f.set(left, i32.const(TRAP_QUANTUM));
      f.store(4, get(hart), i32.const(-0x80000000), H.LIMIT);
    },
    undefined,
    'unlikely',
  );
  f.store(4, get(hart), get(left), H.TRAPS_LEFT);
  const code = i64.or(i64.extendU(cause), i64.shl(i64.extendU(isInterrupt), i64.const(63)));
  const take = (slots: {
    readonly epc: number;
    readonly cause: number;
    readonly tval: number;
    readonly tvec: number;
  }) => {
    f.store(8, get(hart), pc, csr(slots.epc));
    f.store(8, get(hart), code, csr(slots.cause));
    f.store(8, get(hart), tval, csr(slots.tval));
    f.set(vector, i64.load(get(hart), csr(slots.tvec)));
  };
  const push = (enable: bigint, fields: bigint, previous: I64) => {
    const moved = i64.shl(i64.and(get(status), i64.const(enable)), i64.const(PREVIOUS_SHIFT));
    f.set(status, i64.or(i64.or(i64.and(get(status), i64.const(~fields)), moved), previous));
  };
  const delegation = select(isInterrupt, cell(csr(SLOT.mideleg)), cell(csr(SLOT.medeleg)));
  const isDelegated = i32.and(i32.ltU(privilege, i32.const(2)), i32.shrU(delegation, cause));
  f.if(
    i32.and(isDelegated, i32.const(1)),
    () => {
      take({epc: SLOT.sepc, cause: SLOT.scause, tval: SLOT.stval, tvec: SLOT.stvec});
      push(SIE, SIE | SPIE | SPP, i64.shl(i64.extendU(privilege), i64.const(SPP_SHIFT)));
      f.store(4, get(hart), i32.const(1), H.PRIVILEGE);
    },
    () => {
      take({epc: SLOT.mepc, cause: SLOT.mcause, tval: SLOT.mtval, tvec: SLOT.mtvec});
      push(MIE, MIE | MPIE | MPP, i64.shl(i64.extendU(privilege), i64.const(MPP_SHIFT)));
      f.store(4, get(hart), i32.const(3), H.PRIVILEGE);
    },
    'likely',
  );
  f.store(8, get(hart), get(status), csr(SLOT.mstatus));
  lowerBanks(f, hart, cell(H.PRIVILEGE), get(status));
  const isVectored = i32.and(isInterrupt, i32.eq(i32.and(i32.wrap(get(vector)), i32.const(3)), i32.const(1)));
  const offset = i64.extendU(select(isVectored, i32.shl(cause, i32.const(2)), i32.const(0)));
  f.return(i64.add(i64.and(get(vector), i64.const(~3n)), offset));
  return f;
}

function buildRaise(module: ModuleBuilder, enter: FunctionRef): FunctionRef {
  const f = module.function('raise', {params: ['i32', 'i32', 'i32', 'i32', 'i64'], results: []});
  const hart = get(f.param(0, 'i32'));
  const op = get(f.param(1, 'i32'));
  const acc = get(f.param(2, 'i32'));
  const [cause, tval] = [get(f.param(3, 'i32')), get(f.param(4, 'i64'))];
  const distance = i32.shrS(i32.sub(op, i32.load(hart, H.PAGE_OPS)), i32.const(OP_BYTES_SHIFT));
  const pc = i64.add(i64.load(hart, H.PAGE_PC), i64.extendS(distance));
  f.store(4, hart, i32.add(acc, i32.load16s(op, H.OP_SEQUENCE)), H.ACC);
  const target = f.let(callExpr(enter, 'i64', hart, cause, i32.const(0), tval, pc));
  // As `Hart.setPc` does.
  const entry = f.let(i32.load(hart, H.ENTRY_OP));
  f.store(8, hart, i64.or(target, i64.const(1)), H.PAGE_PC);
  f.store(4, hart, i32.add(entry, i32.const(1 << OP_BYTES_SHIFT)), H.PAGE_OPS);
  f.store(4, hart, entry, H.OP);
  return f;
}

function buildLeave(module: ModuleBuilder, isMachine: boolean): FunctionRef {
  const name = isMachine ? 'leaveMachine' : 'leaveSupervisor';
  const f = module.function(name, {params: ['i32'], results: ['i64']});
  const hart = f.param(0, 'i32');
  const cell = (offset: number) => i32.load(get(hart), offset);
  const old = f.let(i64.load(get(hart), csr(SLOT.mstatus)));
  const fields = isMachine ? MIE | MPIE | MPP : SIE | SPIE | SPP;
  const [previousEnable, previousMode, shift] = isMachine ? [MPIE, MPP, MPP_SHIFT] : [SPIE, SPP, SPP_SHIFT];
  const privilege = f.let(i32.wrap(i64.shrU(i64.and(old, i64.const(previousMode)), i64.const(shift))));
  const enable = i64.shrU(i64.and(old, i64.const(previousEnable)), i64.const(PREVIOUS_SHIFT));
  const kept = i64.or(i64.and(old, i64.const(~fields)), i64.or(enable, i64.const(previousEnable)));
  // Only M-mode keeps MPRV.
  const clear = select(i32.eq(privilege, i32.const(3)), i64.const(0), i64.const(MPRV));
  const status = f.let(i64.and(kept, i64.xor(clear, i64.const(-1))));
  f.store(8, get(hart), status, csr(SLOT.mstatus));
  f.store(4, get(hart), i32.const(-1), H.RESERVED_AT);
  f.store(4, get(hart), privilege, H.PRIVILEGE);
  lowerBanks(f, hart, privilege, status);
  // Whether something can be taken now is for the run loop to find out.
  const pending = i32.and(i32.and(cell(H.PENDING), cell(csr(SLOT.mie))), i32.const(0xfff));
  f.if(pending, () => f.store(4, get(hart), i32.const(-0x80000000), H.LIMIT), undefined, 'unlikely');
  f.return(i64.load(get(hart), csr(isMachine ? SLOT.mepc : SLOT.sepc)));
  return f;
}

const shiftOf = (bit: bigint) => BigInt(bit.toString(2).length - 1);
