/**
 * What handlers call when the TLB has no entry for an access: generated code looks for the page first, and takes the
 * trap when that is a page fault; only for what is neither the run state is made visible and the runtime called.
 */
import {CAUSE} from '../hart/causes.js';
import * as H from '../hart/layout.js';
import {ACCESS_CODES, type RuntimeImports} from './interpreter-frame.js';
import type {AddressFunctions} from './tlb-fill.js';
import type {TrapFunctions} from './trap-path.js';
import {get, type I32, i32, i64, type Local, select} from './wasm/expression.js';
import {callExpr, type FunctionBuilder, type FunctionRef} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/** Slow paths of accesses. All begin with (hart, op, acc, virtual address i64). */
export interface MissFunctions {
  /** (…, bytes) → host address of the bytes, or -1 after a trap. */
  readonly load: FunctionRef;
  /** (…, bytes, value i64) → 0, or -1 after a trap. */
  readonly store: FunctionRef;
  /** (…, bytes, access of `ACCESS_CODES`) → host address, or -1 after a trap. */
  readonly translate: FunctionRef;
}

const common = ['i32', 'i32', 'i32', 'i64', 'i32'] as const;

/** Builds the slow paths of a module. */
export function buildMissFunctions(
  module: ModuleBuilder,
  addresses: AddressFunctions,
  runtime: RuntimeImports,
  traps: TrapFunctions,
): MissFunctions {
  return {
    load: buildLoad(module, addresses, runtime, traps),
    store: buildStore(module, addresses, runtime, traps),
    translate: buildTranslate(module, addresses, runtime, traps),
  };
}

interface Miss {
  readonly f: FunctionBuilder;
  readonly hart: Local<'i32'>;
  readonly vaddr: Local<'i64'>;
  readonly bytes: Local<'i32'>;
  /** The host address that generated code found, or -1. */
  readonly host: Local<'i32'>;
}

function begin(module: ModuleBuilder, name: string, more: readonly ('i32' | 'i64')[]): Miss {
  const f = module.function(name, {params: [...common, ...more], results: ['i32']});
  return {f, hart: f.param(0, 'i32'), vaddr: f.param(3, 'i64'), bytes: f.param(4, 'i32'), host: f.local('i32')};
}

const find = ({f, hart, vaddr, bytes, host}: Miss, target: FunctionRef) =>
  f.set(host, callExpr(target, 'i32', get(hart), get(vaddr), get(bytes)));
const isFound = ({host}: Miss) => i32.ne(get(host), i32.const(-1));
const halves = ({vaddr}: Miss) => [i32.wrap(get(vaddr)), i32.wrap(i64.shrU(get(vaddr), i64.const(32)))] as const;

/** Takes the trap of an access that could not be made because of a page fault. */
function takeFault({f, hart, vaddr}: Miss, traps: TrapFunctions, cause: I32): void {
  f.if(i32.load(get(hart), H.PAGE_FAULT), () => {
    f.call(traps.raise, get(hart), get(f.param(1, 'i32')), get(f.param(2, 'i32')), cause, get(vaddr));
    f.return(i32.const(-1));
  });
}

/** Makes the run state visible to the runtime. */
function sync({f, hart}: Miss): void {
  f.store(4, get(hart), get(f.param(1, 'i32')), H.OP);
  f.store(4, get(hart), get(f.param(2, 'i32')), H.ACC);
}

function buildLoad(
  module: ModuleBuilder,
  addresses: AddressFunctions,
  runtime: RuntimeImports,
  traps: TrapFunctions,
): FunctionRef {
  const miss = begin(module, 'loadMiss', []);
  const {f, bytes, host} = miss;
  find(miss, addresses.read);
  f.if(isFound(miss), () => f.return(get(host)));
  takeFault(miss, traps, i32.const(CAUSE.loadPage));
  sync(miss);
  f.return(callExpr(runtime.load, 'i32', get(bytes), ...halves(miss)));
  return f;
}

function buildStore(
  module: ModuleBuilder,
  addresses: AddressFunctions,
  runtime: RuntimeImports,
  traps: TrapFunctions,
): FunctionRef {
  const miss = begin(module, 'storeMiss', ['i64']);
  const {f, hart, bytes, host} = miss;
  const value = get(f.param(5, 'i64'));
  find(miss, addresses.write);
  f.if(isFound(miss), () => {
    // One access each, so that other harts never see half of an aligned one.
    for (const width of [8, 4, 2, 1] as const)
      f.if(i32.eq(get(bytes), i32.const(width)), () => {
        f.store(width, get(host), value);
        f.return(i32.const(0));
      });
  });
  takeFault(miss, traps, i32.const(CAUSE.storePage));
  sync(miss);
  f.store(8, get(hart), value, H.SCRATCH);
  f.return(callExpr(runtime.store, 'i32', get(bytes), ...halves(miss)));
  return f;
}

function buildTranslate(
  module: ModuleBuilder,
  addresses: AddressFunctions,
  runtime: RuntimeImports,
  traps: TrapFunctions,
): FunctionRef {
  const miss = begin(module, 'translateMiss', ['i32']);
  const {f, vaddr, bytes, host} = miss;
  const access = get(f.param(5, 'i32'));
  // Atomics are aligned; the runtime raises what is right for those that are not.
  const isAligned = i32.eqz(i32.and(i32.wrap(get(vaddr)), i32.sub(get(bytes), i32.const(1))));
  f.if(isAligned, () => {
    f.if(
      i32.eq(access, i32.const(ACCESS_CODES.loadReserved)),
      () => find(miss, addresses.read),
      () => find(miss, addresses.write),
    );
    f.if(isFound(miss), () => f.return(get(host)));
    const isRead = i32.eq(access, i32.const(ACCESS_CODES.loadReserved));
    takeFault(miss, traps, select(isRead, i32.const(CAUSE.loadPage), i32.const(CAUSE.storePage)));
  });
  sync(miss);
  f.return(callExpr(runtime.translate, 'i32', access, get(bytes), ...halves(miss)));
  return f;
}
