/**
 * Atomic memory operations as generated code, for the interpreter and for regions. The address has been translated and
 * is aligned.
 *
 * Where a machine has one hart nothing else changes guest memory that atomics work on: devices only store whole words
 * of their own (rings, buffers). Locked instructions take 5–8 ns a piece even when nobody contends, so such a machine
 * uses plain loads and stores; that a hart takes its traps between instructions makes them atomic.
 */
import * as H from '../hart/layout.js';
import type {AtomicOp, ValueType} from '../isa/lowering.js';
import {get, type I32, type I64, i32, i64, type Local, select} from './wasm/expression.js';
import type {FunctionBuilder} from './wasm/function.js';

/** What runs beside a hart, and how the host orders what they do. */
export interface Concurrency {
  /** The machine has no other hart, now or later. */
  readonly isSingleHart: boolean;
  /** The host keeps the order of plain accesses, except that a load may pass an earlier store. */
  readonly isTotalStoreOrder: boolean;
}

/** The concurrency of a machine on this host. */
export function concurrencyOf(hartCount: number): Concurrency {
  return {isSingleHart: hartCount === 1, isTotalStoreOrder: process.arch === 'x64'};
}

/** What lowering an atomic needs. */
export interface AtomicSite {
  readonly f: FunctionBuilder;
  readonly hart: Local<'i32'>;
  /** A temporary of this instruction. */
  readonly take: <T extends ValueType>(type: T) => Local<T>;
  readonly concurrency: Concurrency;
}

type Choice = 'min' | 'max' | 'minu' | 'maxu';
const isChoice = (op: AtomicOp): op is Choice => op === 'min' || op === 'max' || op === 'minu' || op === 'maxu';
const wins32 = {min: i32.ltS, max: i32.gtS, minu: i32.ltU, maxu: i32.gtU};
const wins64 = {min: i64.ltS, max: i64.gtS, minu: i64.ltU, maxu: i64.gtU};
const plain32 = {add: i32.add, xor: i32.xor, and: i32.and, or: i32.or};
const plain64 = {add: i64.add, xor: i64.xor, and: i64.and, or: i64.or};
const locked32 = {swap: i32.rmwXchg, add: i32.rmwAdd, xor: i32.rmwXor, and: i32.rmwAnd, or: i32.rmwOr};
const locked64 = {swap: i64.rmwXchg, add: i64.rmwAdd, xor: i64.rmwXor, and: i64.rmwAnd, or: i64.rmwOr};

/** Puts what memory held (a word sign-extended) into `old` and stores the result. `at` and `value` are cheap to repeat. */
export function lowerAtomic(
  site: AtomicSite,
  op: AtomicOp,
  bytes: 4 | 8,
  at: I32,
  value: I64,
  old: Local<'i64'>,
): void {
  const {f} = site;
  if (site.concurrency.isSingleHart) {
    f.set(old, bytes === 4 ? i64.load32s(at) : i64.load(at));
    f.store(bytes, at, bytes === 4 ? result32(op, i32.wrap(get(old)), i32.wrap(value)) : result64(op, get(old), value));
  } else if (bytes === 4) lockWord(site, op, at, i32.wrap(value), old);
  else lockDouble(site, op, at, value, old);
}

/** Loads into `value` and makes the reservation. */
export function lowerLoadReserved(site: AtomicSite, bytes: 4 | 8, at: I32, value: Local<'i64'>): void {
  const {f, hart} = site;
  if (bytes === 8) f.set(value, i64.load(at));
  else f.set(value, site.concurrency.isSingleHart ? i64.load32s(at) : i64.extendS(i32.atomicLoad(at)));
  f.store(4, get(hart), at, H.RESERVED_AT);
  f.store(8, get(hart), get(value), H.RESERVED_VALUE);
}

/** Stores when the reservation holds and memory holds what was read by it; puts 0 into `failed`, else 1. */
export function lowerStoreConditional(site: AtomicSite, bytes: 4 | 8, at: I32, value: I64, failed: Local<'i64'>): void {
  const {f, hart} = site;
  const reserved = i64.load(get(hart), H.RESERVED_VALUE);
  f.set(failed, i64.const(1));
  f.if(i32.eq(i32.load(get(hart), H.RESERVED_AT), at), () => {
    if (site.concurrency.isSingleHart) {
      const isSame = bytes === 4 ? i32.eq(i32.load(at), i32.wrap(reserved)) : i64.eq(i64.load(at), reserved);
      f.if(isSame, () => {
        f.store(bytes, at, bytes === 4 ? i32.wrap(value) : value);
        f.set(failed, i64.const(0));
      });
      return;
    }
    const isSame =
      bytes === 4
        ? i32.eq(i32.cmpxchg(at, i32.wrap(reserved), i32.wrap(value)), i32.wrap(reserved))
        : i64.eq(i64.cmpxchg(at, reserved, value), reserved);
    f.set(failed, i64.extendU(i32.eqz(isSame)));
  });
  f.store(4, get(hart), i32.const(-1), H.RESERVED_AT);
}

/**
 * A fence whose ordering is bits 7…0 of `immediate` (predecessors I O R W, successors I O R W). On a host with total
 * store order only one with stores before and loads behind it needs an instruction; engines keep the order of accesses
 * to a shared memory when they compile.
 */
export function lowerFence({f, concurrency}: AtomicSite, immediate: I32): void {
  if (!concurrency.isTotalStoreOrder) {
    f.fence();
    return;
  }
  const hasStores = i32.and(immediate, i32.const(0x50));
  const hasLoads = i32.and(immediate, i32.const(0x0a));
  // Both masks are 0 or not: `select` keeps it one test.
  f.if(select(hasStores, hasLoads, i32.const(0)), () => f.fence());
}

function result32(op: AtomicOp, old: I32, value: I32): I32 {
  if (op === 'swap') return value;
  return isChoice(op) ? select(wins32[op](value, old), value, old) : plain32[op](old, value);
}

function result64(op: AtomicOp, old: I64, value: I64): I64 {
  if (op === 'swap') return value;
  return isChoice(op) ? select(wins64[op](value, old), value, old) : plain64[op](old, value);
}

function lockWord({f, take}: AtomicSite, op: AtomicOp, at: I32, value: I32, old: Local<'i64'>): void {
  if (!isChoice(op)) {
    f.set(old, i64.extendS(locked32[op](at, value)));
    return;
  }
  const seen = take('i32');
  f.loop((again) => {
    f.set(seen, i32.load(at));
    f.brIf(again, i32.ne(i32.cmpxchg(at, get(seen), result32(op, get(seen), value)), get(seen)));
  });
  f.set(old, i64.extendS(get(seen)));
}

function lockDouble({f}: AtomicSite, op: AtomicOp, at: I32, value: I64, old: Local<'i64'>): void {
  if (!isChoice(op)) {
    f.set(old, locked64[op](at, value));
    return;
  }
  f.loop((again) => {
    f.set(old, i64.load(at));
    f.brIf(again, i64.ne(i64.cmpxchg(at, get(old), result64(op, get(old), value)), get(old)));
  });
}
