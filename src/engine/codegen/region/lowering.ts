/**
 * The lowering that makes region code of a record: operands are constants and locals, memory goes through the TLB
 * inline, and whatever is rare leaves to the interpreter with the exact state before the op.
 */

import {pathOf} from '../../hart/csr-file.js';
import * as H from '../../hart/layout.js';
import {immediate} from '../../isa/decoder.js';
import type {
  AtomicOp,
  CsrOp,
  Expr,
  F32,
  F64,
  FloatOps,
  FloatType,
  I32,
  I64,
  LoadKind,
  Lowering,
  Register,
  Suspects,
  SystemOp,
  ValueType,
  Variable,
} from '../../isa/lowering.js';
import {type AtomicSite, lowerAtomic, lowerFence, lowerLoadReserved, lowerStoreConditional} from '../atomics.js';
import {type Doubt, emitAttempt} from '../attempt.js';
import {lowerCsr} from '../csr-path.js';
import {DYNAMIC} from '../exact-functions.js';
import {choose, f32, f64, get, i32, i64, select} from '../wasm/expression.js';
import {callExpr} from '../wasm/function.js';
import {multiplyAdd} from '../wasm/fused.js';
import {type AccessGroup, accessBytes, groupAccesses} from './access-groups.js';
import type {RegionEmitter} from './emitter.js';
import {extension} from './extensions.js';
import type {GuestBlock, GuestOp, ProvenPlace} from './graph.js';
import type {RegionMemory} from './memory.js';
import {narrowLoad, readWord, wordCondition, wordResult} from './words.js';

/** Static rounding modes. */
const NEAREST = 0;
const TOWARDS_ZERO = 1;
const DOWN = 2;
const UP = 3;

/** What an op decided about control flow. */
export interface Outcome {
  /** Condition of a branch. */
  condition?: I32;
  /** Target of an indirect jump. */
  target?: I64;
}

/** Lowers the ops of one block. */
export class RegionLowering implements Lowering {
  readonly i32 = i32;
  readonly i64 = i64;
  readonly f32 = f32;
  readonly f64 = f64;
  readonly select = select;
  readonly choose = choose;
  readonly #emitter: RegionEmitter;
  readonly #memory: RegionMemory;
  readonly #groups: ReadonlyMap<GuestOp, AccessGroup>;
  readonly #places: ReadonlyMap<GuestOp, ProvenPlace> | undefined;
  #op: GuestOp | undefined;
  #outcome: Outcome = {};
  #isFloatOpen: boolean;
  /** The next op has been emitted together with the one before. */
  #isExtended = false;

  constructor(emitter: RegionEmitter, memory: RegionMemory, block: GuestBlock, isFloatOpen: boolean) {
    this.#emitter = emitter;
    this.#memory = memory;
    this.#groups = groupAccesses(block);
    this.#places = block.places;
    this.#isFloatOpen = isFloatOpen;
  }

  /** Emits one op and counts it as retired; what it says about control flow is returned. `next` follows in its block. */
  emit(op: GuestOp, next?: GuestOp): Outcome {
    this.#op = op;
    this.#outcome = {};
    if (this.#emitExtension(op, next)) {
      this.#emitter.retired++;
      return this.#outcome;
    }
    // Temporaries of an op die with it, but what an outcome refers to must live until the block's end.
    this.#emitter.pool.reset();
    if (op.record.isFloat) this.#requireFloat();
    const {bits} = op;
    if (!this.#emitter.integers.keepsWords || !this.#lowerWord(op))
      op.record.lower(this, {
        rd: (bits >>> 7) & 31,
        rs1: (bits >>> 15) & 31,
        rs2: (bits >>> 20) & 31,
        rs3: (bits >>> 27) & 31,
      });
    this.#emitter.retired++;
    return this.#outcome;
  }

  let<T extends ValueType>(value: Expr<T>): Expr<T> {
    const local = this.#emitter.pool.take(value.type);
    this.#emitter.f.set(local, value);
    return get(local);
  }

  variable<T extends ValueType>(type: T): Variable<T> {
    return this.#emitter.pool.take(type);
  }

  get<T extends ValueType>(variable: Variable<T>): Expr<T> {
    return get(variable);
  }

  set<T extends ValueType>(variable: Variable<T>, value: Expr<T>): void {
    this.#emitter.f.set(variable, value);
  }

  if(condition: I32, then: () => void, otherwise?: () => void, hint?: 'likely' | 'unlikely'): void {
    this.#emitter.f.if(condition, then, otherwise, hint);
  }

  x(register: Register): I64 {
    return this.#current.record.format === 'csri' ? i64.const(register) : this.#emitter.x(register);
  }

  x32(register: Register): I32 {
    return this.#emitter.integers.x32(register);
  }

  setX(register: Register, value: I64): void {
    this.#emitter.setX(register, value);
  }

  setX32(register: Register, value: I32): void {
    this.#emitter.setX32(register, value);
  }

  imm(): I64 {
    return i64.const(this.#immediate);
  }

  imm32(): I32 {
    return i32.const(this.#immediate);
  }

  pcPlusImm(): I64 {
    return this.#emitter.address(this.#current.delta + this.#immediate);
  }

  nextPc(): I64 {
    return this.#emitter.address(this.#current.delta + this.#current.length);
  }

  load(kind: LoadKind, address: I64): I64 {
    const bytes = kind === 'u64' ? 8 : kind === 's32' || kind === 'u32' ? 4 : kind === 's16' || kind === 'u16' ? 2 : 1;
    const place = this.#place(address, bytes, 'read');
    return this.let(this.#emitter.read(kind, place.address, place.offset));
  }

  store(bytes: 1 | 2 | 4 | 8, address: I64, value: I64): void {
    const place = this.#place(address, bytes, 'write');
    this.#emitter.f.store(bytes, place.address, value, place.offset);
  }

  atomic(op: AtomicOp, bytes: 4 | 8, address: I64, value: I64): I64 {
    const at = this.#memory.aligned(address, bytes, 'write', this.#current.delta);
    const old = this.#emitter.pool.take('i64');
    lowerAtomic(this.#atomicSite(), op, bytes, at, value, old);
    return get(old);
  }

  loadReserved(bytes: 4 | 8, address: I64): I64 {
    const at = this.#memory.aligned(address, bytes, 'read', this.#current.delta);
    const value = this.#emitter.pool.take('i64');
    lowerLoadReserved(this.#atomicSite(), bytes, at, value);
    return get(value);
  }

  storeConditional(bytes: 4 | 8, address: I64, value: I64): I64 {
    const at = this.#memory.aligned(address, bytes, 'write', this.#current.delta);
    const failed = this.#emitter.pool.take('i64');
    lowerStoreConditional(this.#atomicSite(), bytes, at, value, failed);
    return get(failed);
  }

  zeroBlock(address: I64): void {
    const {f, hart} = this.#emitter;
    const allowed = i32.shrU(i32.load(get(hart), H.ZERO_BLOCK_ALLOWED), i32.load(get(hart), H.PRIVILEGE));
    this.illegalIf(i32.eqz(i32.and(allowed, i32.const(1))));
    const at = this.#memory.aligned(i64.and(address, i64.const(-64)), 8, 'write', this.#current.delta);
    for (let offset = 0; offset < 64; offset += 8) f.store(8, at, i64.const(0), offset);
  }

  fence(): void {
    lowerFence(this.#atomicSite(), this.imm32());
  }

  branch(condition: I32): void {
    this.#outcome = {condition};
  }

  jump(): void {}

  jumpTo(address: I64): void {
    this.#outcome = {target: address};
  }

  csr(op: CsrOp, source: I64, isWrite: boolean): I64 {
    const {f, hart, pool, module} = this.#emitter;
    const number = this.#immediate;
    const {path, detail} = pathOf(number, 0);
    const old = pool.take('i64');
    const slow = () => this.#interpret();
    if (path === 'call' || path === 'satp') slow();
    else {
      lowerCsr(path, {
        f,
        hart,
        number: i32.const(number),
        detail: path === 'plain' ? i32.add(get(hart), i32.const(detail)) : i32.const(detail),
        op,
        source,
        isWrite,
        old,
        take: (type) => pool.take(type),
        slow,
        time: module.time,
      });
      // sstatus.SUM chooses the bank, FS what floating point may do.
      if (isWrite && path !== 'plain') this.#emitter.loadModes();
      this.#isFloatOpen = false;
    }
    return get(old);
  }

  system(_op: SystemOp): void {
    this.#interpret();
  }

  illegalIf(condition: I32): void {
    this.#emitter.f.if(condition, () => this.#interpret(), undefined, 'unlikely');
  }

  f(register: Register): I64 {
    return this.#emitter.floats.raw(register);
  }

  setF(register: Register, value: I64): void {
    this.#emitter.setFloat(register, f64.reinterpret(value));
  }

  float<F extends FloatType>(type: F, register: Register): Expr<F> {
    return this.#emitter.floats.float(type, register);
  }

  setFloat(register: Register, value: F32 | F64): void {
    this.#emitter.setFloat(register, value);
  }

  lowHalf(register: Register): F32 {
    return this.#emitter.floats.lowHalf(register);
  }

  loadFloat<F extends FloatType>(type: F, address: I64): Expr<F> {
    const place = this.#place(address, type === 'f64' ? 8 : 4, 'read');
    const {load} = type === 'f64' ? f64 : f32;
    return this.let(load(place.address, place.offset) as Expr as Expr<F>);
  }

  storeFloat(type: FloatType, address: I64, register: Register): void {
    const {floats, f} = this.#emitter;
    const value = type === 'f64' ? floats.float('f64', register) : floats.lowHalf(register);
    const place = this.#place(address, type === 'f64' ? 8 : 4, 'write');
    f.storeFloat(place.address, value, place.offset);
  }

  isSame(first: Register, second: Register): boolean {
    return first === second;
  }

  attempt<T extends ValueType>(type: T, compute: (doubt: Doubt) => Expr<T>, exact: () => Expr<T>): Expr<T> {
    return emitAttempt(this.#emitter.f, this.#emitter.pool.take(type), compute, exact);
  }

  hostLimit<T extends 'i32' | 'i64'>(type: FloatType, suspects: Suspects, limit: Expr<T>): Expr<T> {
    const {floats} = this.#emitter;
    const none = (limit.type === 'i32' ? i32.const(0) : i64.const(0)) as Expr as Expr<T>;
    switch (this.#mode) {
      case DYNAMIC:
        return floats.limit(type, suspects) as Expr as Expr<T>;
      case NEAREST:
        return select(floats.inexact, limit, none);
      default:
        return none;
    }
  }

  integral<F extends FloatType>(type: F, value: Expr<F>): {readonly value: Expr<F>; readonly doubt: I32} {
    const {floats} = this.#emitter;
    const ops = (type === 'f64' ? f64 : f32) as unknown as FloatOps<F>;
    const isInexactClear = i32.eqz(floats.inexact);
    switch (this.#mode) {
      case NEAREST:
        return {value: ops.nearest(value), doubt: isInexactClear};
      case TOWARDS_ZERO:
        // The conversion to an integer drops the fraction itself.
        return {value, doubt: isInexactClear};
      case DOWN:
        return {value: ops.floor(value), doubt: isInexactClear};
      case UP:
        return {value: ops.ceil(value), doubt: isInexactClear};
      case DYNAMIC:
        return {value: ops.nearest(value), doubt: i32.eqz(floats.limit('f32', 'extreme') as I32)};
      default:
        return {value, doubt: i32.const(1)};
    }
  }

  /** Never: reserved modes do not get this far (see `floats.ts`). */
  modeDoubt(): undefined {
    return undefined;
  }

  fused<F extends FloatType>(type: F, x: Expr<F>, y: Expr<F>, z: Expr<F>, isNegated: boolean): Expr<F> | undefined {
    return this.#emitter.module.hasFusion ? multiplyAdd(type, x, y, z, isNegated) : undefined;
  }

  exact<T extends ValueType>(name: string, type: T, ...args: readonly Expr[]): Expr<T> {
    const {hart, module} = this.#emitter;
    const target = module.exactFunctions[name];
    if (!target) throw new Error(`no exact function ${name}`);
    const mode = target.takesRounding ? [i32.const(this.#mode)] : [];
    return this.let(callExpr(target, type, get(hart), ...args, ...mode));
  }

  /** The rounding mode as the instruction has it. */
  get #mode(): number {
    return (this.#current.bits >>> 12) & 7;
  }

  get #current(): GuestOp {
    if (!this.#op) throw new Error('no op is being lowered');
    return this.#op;
  }

  get #immediate(): number {
    return immediate(this.#current.record.format, this.#current.bits);
  }

  #atomicSite(): AtomicSite {
    const {f, hart, pool, module} = this.#emitter;
    return {f, hart, take: (type) => pool.take(type), concurrency: module.concurrency};
  }

  #interpret(): void {
    this.#emitter.interpret(this.#current.delta);
  }

  /** Emits the first of two ops that extend together, for both. */
  #emitExtension(op: GuestOp, next: GuestOp | undefined): boolean {
    if (this.#isExtended) {
      this.#isExtended = false;
      return true;
    }
    const extended = extension(op, next, this.#emitter.integers);
    if (!extended) return false;
    this.#emitter.setX(extended.register, extended.value);
    this.#isExtended = true;
    return true;
  }

  /** Emits an op in 32 bits where that is all; false where it is not. */
  #lowerWord(op: GuestOp): boolean {
    const {integers, pool} = this.#emitter;
    const rd = (op.bits >>> 7) & 31;
    const load = narrowLoad(op);
    if (load) {
      const address = i64.add(this.#emitter.x((op.bits >>> 15) & 31), this.imm());
      const place = this.#place(address, accessBytes(op), 'read');
      const value = pool.take('i32');
      this.#emitter.f.set(value, readWord(load.name, place.address, place.offset));
      this.#emitter.setX32(rd, get(value), load.isNatural);
      return true;
    }
    const condition = wordCondition(op, integers);
    if (condition) this.branch(condition);
    const result = wordResult(op, integers);
    if (result) this.#emitter.setX32(rd, result.value, result.isNatural);
    return condition !== undefined || result !== undefined;
  }

  #place(address: I64, bytes: number, kind: 'read' | 'write') {
    const op = this.#current;
    const proven = this.#places?.get(op);
    if (proven) return this.#memory.proven(proven);
    const group = this.#groups.get(op);
    if (!group) return {address: this.#memory.alone(address, bytes, kind, op.delta), offset: 0};
    const base = this.#emitter.x((op.bits >>> 15) & 31);
    return this.#memory.inGroup(group, base, this.#immediate, bytes, kind, op.delta);
  }

  /** What bars floating point is the interpreter's; looking once is enough until something may have changed it. */
  #requireFloat(): void {
    if (this.#isFloatOpen) return;
    this.#isFloatOpen = true;
    const {f, floats} = this.#emitter;
    f.if(floats.barred, () => this.#interpret(), undefined, 'unlikely');
  }
}
