/**
 * What generated code does about address spaces by itself: satp goes back to one that the hart knows, and one page is
 * fenced. The runtime (`mmu/tlb.ts`) does the rest: new address spaces, other modes, fences of more than a page.
 * Source: RISC-V Privileged ISA, chapter "Supervisor-Level", sections on satp and SFENCE.VMA
 */
import {MSTATUS, SLOT} from '../hart/csr-table.js';
import * as H from '../hart/layout.js';
import {
  ADDRESS_SPACES,
  BANK_BYTES,
  PAGE_BYTES,
  SPACE_BYTES,
  SPACES_OFFSET,
  TLB_BYTES,
  TLB_EMPTYING,
} from '../memory/layout.js';
import {MAX_ASID} from '../mmu/tlb.js';
import {entryOffset, superpageBit} from './tlb-fill.js';
import {get, type I32, i32, i64, type Local} from './wasm/expression.js';
import type {FunctionBuilder, FunctionRef} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/**
 * The functions; each gives 0 when the runtime must act instead, and has then done nothing. Behind either, the page of
 * the next instruction must be looked up anew.
 */
export interface TlbControl {
  /** (hart, value i64 for satp) → 2: written, and its banks are in force. */
  readonly writeSatp: FunctionRef;
  /** (hart, addresses of the registers of an sfence.vma) → 1: it named a page and is done. */
  readonly fencePage: FunctionRef;
}

/** Where satp is in a hart's block. */
export const SATP = H.CSRS + SLOT.satp * H.CSR_SLOT_BYTES;
const STATUS = H.CSRS + SLOT.mstatus * H.CSR_SLOT_BYTES;
/** Banks before those of address spaces. */
const SHARED_BANKS = 2;
const MAX_LEVEL = 4;

/** Builds the functions. */
export function buildTlbControl(module: ModuleBuilder): TlbControl {
  return {writeSatp: buildWriteSatp(module), fencePage: buildFencePage(module)};
}

const cellOf = (hart: Local<'i32'>) => (offset: number) => i32.load(get(hart), offset);

/** Gives 0 in a mode that may not touch address translation: U, and S with TVM. */
function refuseByMode(f: FunctionBuilder, hart: Local<'i32'>): void {
  const cell = cellOf(hart);
  const isTrapped = i32.ne(i32.and(cell(STATUS), i32.const(Number(MSTATUS.TVM))), i32.const(0));
  // 3 is above either, 1 only above 0, 0 above neither.
  f.if(i32.leU(cell(H.PRIVILEGE), isTrapped), () => f.return(i32.const(0)), undefined, 'unlikely');
}

const hasLocalSupervisor = (hart: Local<'i32'>) =>
  i32.and(cellOf(hart)(H.TLB_FLAGS), i32.const(H.TlbFlag.localSupervisor));

/** Calls `body` with each address space's record (its address) and first bank. */
function eachSpace(f: FunctionBuilder, hart: Local<'i32'>, body: (record: I32, bank: I32) => void): void {
  const record = f.local('i32');
  const bank = f.local('i32');
  const end = f.local('i32');
  f.set(bank, i32.add(cellOf(hart)(H.BANK.machine), i32.const(SHARED_BANKS * BANK_BYTES)));
  f.set(record, i32.add(cellOf(hart)(H.BANK.machine), i32.const(SPACES_OFFSET)));
  f.set(end, i32.add(get(record), i32.const(ADDRESS_SPACES * SPACE_BYTES)));
  f.loop((again) => {
    body(get(record), get(bank));
    f.set(bank, i32.add(get(bank), i32.const(2 * BANK_BYTES)));
    f.set(record, i32.add(get(record), i32.const(SPACE_BYTES)));
    f.brIf(again, i32.ltU(get(record), get(end)));
  });
}

function buildWriteSatp(module: ModuleBuilder): FunctionRef {
  const f = module.function('writeSatp', {params: ['i32', 'i64'], results: ['i32']});
  const hart = f.param(0, 'i32');
  const value = get(f.param(1, 'i64'));
  const cell = cellOf(hart);
  refuseByMode(f, hart);
  // Another mode, maybe one that does not exist; or the supervisor bank belongs to the address space that is left.
  const isOtherMode = i64.ne(i64.shrU(i64.xor(i64.load(get(hart), SATP), value), i64.const(60)), i64.const(0));
  f.if(i32.or(isOtherMode, hasLocalSupervisor(hart)), () => f.return(i32.const(0)), undefined, 'unlikely');
  eachSpace(f, hart, (record, bank) => {
    f.if(i64.eq(i64.load(record), value), () => {
      const clock = f.let(i32.add(cell(H.BANK.machine), i32.const(SPACES_OFFSET + ADDRESS_SPACES * SPACE_BYTES)));
      const now = f.let(i32.add(i32.load(clock), i32.const(1)));
      f.store(4, clock, now);
      f.store(4, record, now, 8);
      f.store(8, get(hart), value, SATP);
      const banks = [
        [H.BANK.supervisorWithUser, bank],
        [H.BANK.user, i32.add(bank, i32.const(BANK_BYTES))],
      ] as const;
      // Fetches are in neither: this is not U-mode.
      for (const [offset, next] of banks) {
        f.if(i32.eq(cell(H.DATA_BANK), cell(offset)), () => f.store(4, get(hart), next, H.DATA_BANK));
        f.store(4, get(hart), next, offset);
      }
      f.return(i32.const(2));
    });
  });
  f.return(i32.const(0));
  return f;
}

function buildFencePage(module: ModuleBuilder): FunctionRef {
  const f = module.function('fencePage', {params: ['i32', 'i32', 'i32'], results: ['i32']});
  const hart = f.param(0, 'i32');
  const [address, space] = [get(f.param(1, 'i32')), get(f.param(2, 'i32'))];
  const cell = cellOf(hart);
  refuseByMode(f, hart);
  const zero = i32.add(get(hart), i32.const(H.X));
  f.if(i32.eq(address, zero), () => f.return(i32.const(0)));
  const vaddr = f.local('i64');
  f.set(vaddr, i64.load(address));
  const isEverywhere = f.let(i32.eq(space, zero));
  const asid = f.let(i32.and(i32.load(space), i32.const(MAX_ASID)));
  for (let level = 1; level <= MAX_LEVEL; level++)
    f.if(i32.and(cell(H.TLB_FLAGS), i32.const(H.TlbFlag.superpages << level)), () => {
      const {at, mask} = superpageBit(f, hart, vaddr, i32.const(level));
      f.if(i32.and(i32.load8u(at), mask), () => f.return(i32.const(0)), undefined, 'unlikely');
    });
  const page = f.let(i32.and(i32.wrap(get(vaddr)), i32.const(-PAGE_BYTES)));
  const entry = f.let(entryOffset(get(vaddr)));
  f.if(i32.or(isEverywhere, hasLocalSupervisor(hart)), () =>
    emptyEntries(f, i32.add(cell(H.BANK.supervisor), entry), page),
  );
  eachSpace(f, hart, (record, bank) => {
    const upper = f.let(i32.load(record, 4));
    const isNamed = i32.or(isEverywhere, i32.eq(asidOf(upper), asid));
    // All ones: this one was never used.
    f.if(i32.and(i32.ne(upper, i32.const(-1)), isNamed), () => {
      const at = f.let(i32.add(bank, entry));
      emptyEntries(f, at, page);
      emptyEntries(f, i32.add(at, i32.const(BANK_BYTES)), page);
    });
  });
  f.return(i32.const(1));
  return f;
}

/** The ASID of a satp, given by its upper half. */
function asidOf(upper: I32): I32 {
  return i32.and(i32.shrU(upper, i32.const(12)), i32.const(MAX_ASID));
}

/** Empties the entries at one place of a bank's three TLBs where they are of the page (lower half of its address). */
function emptyEntries(f: FunctionBuilder, place: I32, page: I32): void {
  for (let kind = 0; kind < 3; kind++)
    f.if(i32.eq(i32.load(place, kind * TLB_BYTES), page), () =>
      f.store(4, place, i32.xor(page, i32.const(TLB_EMPTYING)), kind * TLB_BYTES),
    );
}
