/**
 * Page-table walks as generated code: the same walk as `mmu/walk.ts`, for what meets nothing unusual. A page fault ends
 * with -1 and says so; a table or page outside RAM or under PMP's eye ends with -1 too, and the runtime does it again.
 * Source: RISC-V Privileged ISA, chapter "Supervisor-Level", section "Virtual Address Translation Process"
 */
import {MENVCFG, MSTATUS, SLOT} from '../hart/csr-table.js';
import * as H from '../hart/layout.js';
import {type MemoryLayout, PAGE_BYTES, RAM_BASE} from '../memory/layout.js';
import {PAGE_FLAG} from '../memory/ram.js';
import {PTE, PTE_PPN_SHIFT, PTE_RESERVED_HIGH} from '../mmu/pte.js';
import {ACCESS, type Access} from '../mmu/walk.js';
import {get, type I32, type I64, i32, i64, type Local, select} from './wasm/expression.js';
import type {FunctionBuilder, FunctionRef} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/** What the second result of a walk says; without a page, `fault` or nothing. */
export const WALK_INFO = {level: 7, global: PTE.G, fault: 1 << 8} as const;

const PAGE_SHIFT = 12;
const LEVEL_BITS = 9;
const RAM_PAGE = RAM_BASE / PAGE_BYTES;
const PPN_MASK = (1n << 44n) - 1n;
const RESERVED = BigInt(PTE_RESERVED_HIGH) << 32n;
/** Bits below the translated ones in satp.MODE: 8 (Sv39) checks bits 63…38, each mode above 9 more. */
const TOP_BIT = {step: LEVEL_BITS, bias: 34} as const;

const csr = (slot: number) => H.CSRS + slot * H.CSR_SLOT_BYTES;

/**
 * The walk for one kind of access.
 * Shape:  (hart, virtual address i64) → (host address of the 4 KiB page, or -1; `WALK_INFO`)
 */
export function buildWalk(module: ModuleBuilder, layout: MemoryLayout, access: Access): FunctionRef {
  const name = `walk${access}`;
  const f = module.function(name, {params: ['i32', 'i64'], results: ['i32', 'i32']});
  const hart = f.param(0, 'i32');
  const vaddr = f.param(1, 'i64');
  const cell = (offset: number) => i32.load(get(hart), offset);
  const endIf = (condition: I32, info: number) =>
    f.if(condition, () => f.return(i32.const(-1), i32.const(info)), undefined, 'unlikely');
  const missIf = (condition: I32) => endIf(condition, 0);
  const faultIf = (condition: I32) => endIf(condition, WALK_INFO.fault);

  const status = f.let(cell(csr(SLOT.mstatus)));
  const privilege = f.let(access === ACCESS.execute ? cell(H.PRIVILEGE) : dataPrivilege(cell(H.PRIVILEGE), status));
  const mode = f.let(i32.shrU(cell(csr(SLOT.satp) + 4), i32.const(28)));
  const isMachine = i32.eq(privilege, i32.const(3));

  /** Misses unless a page (counted from address 0) is RAM that PMP leaves alone for a privilege; its host address. */
  const hostOf = (page: I64, free: {readonly first: I32; readonly count: I32}): I32 => {
    const index = f.let(i64.sub(page, i64.const(RAM_PAGE)));
    missIf(i64.geU(i64.sub(index, i64.extendU(free.first)), i64.extendU(free.count)));
    return i32.add(i32.const(layout.ram), i32.shl(i32.wrap(index), i32.const(PAGE_SHIFT)));
  };
  const freePages = (cells: number) => ({first: cell(cells), count: cell(cells + 4)});

  f.if(i32.or(isMachine, i32.eqz(mode)), () => {
    const {first, count} = freePages(H.FREE_PAGES.supervisor);
    const machine = freePages(H.FREE_PAGES.machine);
    const free = {first: select(isMachine, machine.first, first), count: select(isMachine, machine.count, count)};
    f.return(hostOf(i64.shrU(get(vaddr), i64.const(PAGE_SHIFT)), free), i32.const(0));
  });

  const free = freePages(H.FREE_PAGES.supervisor);
  // The bits above the translated ones repeat their top bit.
  const topBit = i32.sub(i32.mul(mode, i32.const(TOP_BIT.step)), i32.const(TOP_BIT.bias));
  const above = i64.shrS(get(vaddr), i64.extendU(topBit));
  faultIf(i64.gtU(i64.add(above, i64.const(1)), i64.const(1)));

  // Position of the 9 bits that choose an entry at this level.
  const shift = f.local('i64');
  f.set(shift, i64.extendU(i32.sub(topBit, i32.const(LEVEL_BITS - 1))));
  const table = f.local('i64');
  f.set(table, i64.and(i64.load(get(hart), csr(SLOT.satp)), i64.const(PPN_MASK)));
  const global = f.local('i32');
  const at = f.local('i32');
  const entry = f.local('i64');
  const flags = f.local('i32');
  f.loop((again) => {
    const vpn = i32.and(i32.wrap(i64.shrU(get(vaddr), get(shift))), i32.const(511));
    f.set(at, i32.add(hostOf(get(table), free), i32.shl(vpn, i32.const(3))));
    f.loop((anew) => {
      f.set(entry, i64.atomicLoad(get(at)));
      f.set(flags, i32.wrap(get(entry)));
      faultIf(i64.ne(i64.and(get(entry), i64.const(RESERVED | BigInt(PTE.V))), i64.const(PTE.V)));
      faultIf(i32.eq(has(flags, PTE.R | PTE.W), i32.const(PTE.W)));
      const number = i64.shrU(get(entry), i64.const(PTE_PPN_SHIFT));
      f.if(i32.eqz(has(flags, PTE.R | PTE.X)), () => {
        faultIf(has(flags, PTE.A | PTE.D | PTE.U));
        faultIf(i64.eq(get(shift), i64.const(PAGE_SHIFT)));
        f.set(shift, i64.sub(get(shift), i64.const(LEVEL_BITS)));
        f.set(table, number);
        f.set(global, i32.or(get(global), has(flags, PTE.G)));
        f.br(again);
      });
      faultIf(refused(access, flags, privilege, status));
      // A superpage is aligned; its page is completed by the address.
      const below = f.let(i64.sub(i64.shl(i64.const(1), i64.sub(get(shift), i64.const(PAGE_SHIFT))), i64.const(1)));
      faultIf(i32.eqz(i64.eqz(i64.and(number, below))));
      const page = i64.or(number, i64.and(i64.shrU(get(vaddr), i64.const(PAGE_SHIFT)), below));
      const host = f.let(hostOf(page, free));
      markAccessed(f, layout, {access, hart, at, entry, flags, faultIf, retry: () => f.br(anew)});
      const level = i32.divU(i32.sub(i32.wrap(get(shift)), i32.const(PAGE_SHIFT)), i32.const(LEVEL_BITS));
      f.return(host, i32.or(i32.or(get(global), has(flags, PTE.G)), level));
    });
  });
  f.unreachable();
  return f;
}

const has = (flags: Local<'i32'>, bits: number) => i32.and(get(flags), i32.const(bits));

/** The privilege of loads and stores: that of MPP when M-mode has MPRV set. */
function dataPrivilege(privilege: I32, status: I32): I32 {
  const isModified = i32.and(
    i32.eq(privilege, i32.const(3)),
    i32.eqz(i32.eqz(i32.and(status, i32.const(Number(MSTATUS.MPRV))))),
  );
  return select(isModified, i32.and(i32.shrU(status, i32.const(11)), i32.const(3)), privilege);
}

/** Not 0 when the entry's permissions refuse the access. */
function refused(access: Access, flags: Local<'i32'>, privilege: I32, status: I32): I32 {
  const isUserPage = i32.ne(has(flags, PTE.U), i32.const(0));
  const hasSum = i32.ne(i32.and(status, i32.const(Number(MSTATUS.SUM))), i32.const(0));
  // A supervisor's loads and stores may reach user pages with SUM, its fetches never.
  const isForeign =
    access === ACCESS.execute
      ? i32.eq(isUserPage, i32.ne(privilege, i32.const(0)))
      : select(isUserPage, i32.and(i32.ne(privilege, i32.const(0)), i32.eqz(hasSum)), i32.eqz(privilege));
  const hasMxr = i32.ne(i32.and(status, i32.const(Number(MSTATUS.MXR))), i32.const(0));
  const isAllowed = {
    [ACCESS.read]: i32.and(get(flags), select(hasMxr, i32.const(PTE.R | PTE.X), i32.const(PTE.R))),
    [ACCESS.write]: has(flags, PTE.W),
    [ACCESS.execute]: has(flags, PTE.X),
  }[access];
  return i32.or(isForeign, i32.eqz(isAllowed));
}

/** Sets A, and D for a store, where they are clear; another hart that changes the entry meanwhile makes it read anew. */
function markAccessed(
  f: FunctionBuilder,
  layout: MemoryLayout,
  walk: {
    readonly access: Access;
    readonly hart: Local<'i32'>;
    readonly at: Local<'i32'>;
    readonly entry: Local<'i64'>;
    readonly flags: Local<'i32'>;
    readonly faultIf: (condition: I32) => void;
    readonly retry: () => void;
  },
): void {
  const {access, hart, at, entry, flags, faultIf, retry} = walk;
  const wanted = PTE.A | (access === ACCESS.write ? PTE.D : 0);
  f.if(
    i32.ne(has(flags, wanted), i32.const(wanted)),
    () => {
      const upper = i32.load(get(hart), csr(SLOT.menvcfg) + 4);
      faultIf(i32.eqz(i32.and(upper, i32.const(Number(MENVCFG.ADUE >> 32n)))));
      const seen = i64.cmpxchg(get(at), get(entry), i64.or(get(entry), i64.const(wanted)));
      f.if(i64.ne(seen, get(entry)), retry, undefined, 'unlikely');
      const page = i32.shrU(i32.sub(get(at), i32.const(layout.ram)), i32.const(PAGE_SHIFT));
      f.drop(i32.rmw8Or(i32.add(i32.const(layout.pageFlags), page), i32.const(PAGE_FLAG.changed)));
    },
    undefined,
    'unlikely',
  );
}
