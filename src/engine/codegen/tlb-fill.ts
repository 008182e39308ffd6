/**
 * TLB misses as generated code: host addresses of RAM accesses, found by a walk and kept in the TLB. What JavaScript
 * must see (a fault, a device, a page boundary, the watched page, a page with decoded code) gives -1 without effect.
 * The entries and marks are those of `mmu/mmu.ts` and `memory/ram.ts`.
 */
import * as H from '../hart/layout.js';
import {TOUCHED_PAGES} from '../memory/header.js';
import {
  type MemoryLayout,
  PAGE_BYTES,
  SUPERPAGE_OFFSET,
  TLB_BYTES,
  TLB_EMPTYING,
  TLB_ENTRIES,
  TLB_ENTRY_BYTES,
  TLB_GROUP,
  TLB_USE,
  TLB_USE_BYTES,
} from '../memory/layout.js';
import {PAGE_FLAG, WRITE_MARKS} from '../memory/ram.js';
import {SUPERPAGE_FACTOR, SUPERPAGE_SHIFT, SUPERPAGE_UPPER_FACTOR} from '../mmu/superpages.js';
import {ACCESS} from '../mmu/walk.js';
import {buildWalk, WALK_INFO} from './page-walk.js';
import {get, type I32, type I64, i32, i64, type Local} from './wasm/expression.js';
import type {FunctionBuilder, FunctionRef} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/** Functions that find RAM accesses; both are exports of the interpreter's instance. */
export interface AddressFunctions {
  /**
   * Host address to read from, or -1: then PAGE_FAULT says whether it faults, else the runtime makes the access (or traps).
   * Shape:  (hart, virtual address i64, bytes) → i32; misaligned is fine, the bytes stay in one page
   */
  readonly read: FunctionRef;
  /** The same for a store; the page is marked written. */
  readonly write: FunctionRef;
}

/** Builds `readAddress` and `writeAddress`. */
export function buildAddressFunctions(module: ModuleBuilder, layout: MemoryLayout): AddressFunctions {
  return {
    read: buildAddress(module, layout, ACCESS.read, 'readAddress'),
    write: buildAddress(module, layout, ACCESS.write, 'writeAddress'),
  };
}

/** Offset of an address's entry in a TLB. */
export function entryOffset(vaddr: I64): I32 {
  return i32.and(i32.shrU(i32.wrap(vaddr), i32.const(8)), i32.const((TLB_ENTRIES - 1) * TLB_ENTRY_BYTES));
}

function buildAddress(
  module: ModuleBuilder,
  layout: MemoryLayout,
  access: typeof ACCESS.read | typeof ACCESS.write,
  name: string,
): FunctionRef {
  const walk = buildWalk(module, layout, access);
  const f = module.function(name, {params: ['i32', 'i64', 'i32'], results: ['i32']}, true);
  const hart = f.param(0, 'i32');
  const vaddr = f.param(1, 'i64');
  const bytes = f.param(2, 'i32');
  const missIf = (condition: I32, isFault: I32 = i32.const(0)) =>
    f.if(
      condition,
      () => {
        f.store(4, get(hart), isFault, H.PAGE_FAULT);
        f.return(i32.const(-1));
      },
      undefined,
      'unlikely',
    );
  const offset = i32.and(i32.wrap(get(vaddr)), i32.const(PAGE_BYTES - 1));
  missIf(i32.gtU(i32.add(offset, get(bytes)), i32.const(PAGE_BYTES)));
  const tag = f.let(i64.and(get(vaddr), i64.const(-PAGE_BYTES)));
  const bank = f.let(i32.load(get(hart), H.DATA_BANK));
  const entry = f.let(i32.add(i32.add(bank, i32.const(access * TLB_BYTES)), entryOffset(get(vaddr))));
  f.if(i64.eq(i64.load(entry), tag), () => f.return(i32.add(i32.wrap(get(vaddr)), i32.load(entry, 8))));

  const host = f.local('i32');
  const info = f.local('i32');
  f.callInto([host, info], walk, get(hart), get(vaddr));
  missIf(i32.eq(get(host), i32.const(-1)), i32.and(get(info), i32.const(WALK_INFO.fault)));
  const page = f.let(i32.shrU(i32.sub(get(host), i32.const(layout.ram)), i32.const(12)));
  const flags = f.let(i32.add(i32.const(layout.pageFlags), page));
  if (access === ACCESS.write) {
    missIf(i32.eq(page, i32.load(get(hart), H.WATCHED_PAGE)));
    // The runtime counts writes to pages with code, and remembers their entries; it waits for frozen pages.
    missIf(i32.and(i32.load8u(flags), i32.const(PAGE_FLAG.code | PAGE_FLAG.frozen)));
  }
  const group = f.let(i32.shrU(entryOffset(get(vaddr)), i32.const(Math.log2(TLB_GROUP * TLB_ENTRY_BYTES))));
  const use = f.let(i32.add(bank, i32.shrU(group, i32.const(3))));
  const bit = i32.shl(i32.const(1), i32.and(group, i32.const(7)));
  const useOffset = TLB_USE + access * TLB_USE_BYTES;
  f.store(1, use, i32.or(i32.load8u(use, useOffset), bit), useOffset);
  f.store(8, entry, tag);
  f.store(4, entry, i32.sub(get(host), i32.wrap(tag)), 8);
  f.store(4, entry, page, 12);
  noteSuperpage(f, hart, vaddr, info);
  const isShared = i32.eq(bank, i32.load(get(hart), H.BANK.supervisor));
  const isLocal = i32.eqz(i32.and(get(info), i32.const(WALK_INFO.global)));
  f.if(i32.and(isShared, isLocal), () => setFlag(f, hart, i32.const(H.TlbFlag.localSupervisor)));
  if (access === ACCESS.write) markWritten(f, hart, flags, entry, tag);
  f.return(i32.add(get(host), offset));
  return f;
}

function setFlag(f: FunctionBuilder, hart: Local<'i32'>, flag: I32): void {
  f.store(4, get(hart), i32.or(i32.load(get(hart), H.TLB_FLAGS), flag), H.TLB_FLAGS);
}

/** Sets the bit of an entry's superpage as `SuperpageFilter.add` does. */
function noteSuperpage(f: FunctionBuilder, hart: Local<'i32'>, vaddr: Local<'i64'>, info: Local<'i32'>): void {
  const level = i32.and(get(info), i32.const(WALK_INFO.level));
  f.if(level, () => {
    const {at, mask} = superpageBit(f, hart, vaddr, level);
    f.store(1, at, i32.or(i32.load8u(at), mask));
    setFlag(f, hart, i32.shl(i32.const(H.TlbFlag.superpages), level));
  });
}

/** Where the filter of superpages has the bit of an address at a level. */
export function superpageBit(
  f: FunctionBuilder,
  hart: Local<'i32'>,
  vaddr: Local<'i64'>,
  level: I32,
): {readonly at: I32; readonly mask: I32} {
  const shift = i32.add(i32.mul(level, i32.const(9)), i32.const(12));
  const key = i32.wrap(i64.shrS(get(vaddr), i64.extendU(shift)));
  const upper = i32.mul(i32.wrap(i64.shrU(get(vaddr), i64.const(52))), i32.const(SUPERPAGE_UPPER_FACTOR | 0));
  const product = i32.mul(i32.add(i32.xor(key, upper), level), i32.const(SUPERPAGE_FACTOR | 0));
  const bit = f.let(i32.shrU(product, i32.const(SUPERPAGE_SHIFT)));
  const filter = i32.add(i32.load(get(hart), H.BANK.machine), i32.const(SUPERPAGE_OFFSET));
  const at = f.let(i32.add(filter, i32.shrU(bit, i32.const(3))));
  return {at, mask: i32.shl(i32.const(1), i32.and(bit, i32.const(7)))};
}

/**
 * Marks the page written as `markPageWritten` does. In one step and behind the fill, so that a hart which takes the
 * page as code at this moment either finds the entry or leaves its mark here; then the entry goes again.
 */
function markWritten(f: FunctionBuilder, hart: Local<'i32'>, flags: I32, entry: I32, tag: I64): void {
  const old = f.let(i32.rmw8Or(flags, i32.const(WRITE_MARKS | PAGE_FLAG.writable)));
  f.if(i32.eqz(i32.and(old, i32.const(PAGE_FLAG.touched))), () =>
    f.drop(i32.rmwAdd(i32.const(TOUCHED_PAGES), i32.const(1))),
  );
  f.if(
    i32.and(old, i32.const(PAGE_FLAG.code)),
    () => {
      f.store(4, entry, i32.xor(i32.wrap(tag), i32.const(TLB_EMPTYING)));
      f.store(4, get(hart), i32.const(0), H.PAGE_FAULT);
      f.return(i32.const(-1));
    },
    undefined,
    'unlikely',
  );
}
