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
  I32,
  I64,
  LoadKind,
  Lowering,
  Register,
  SystemOp,
  ValueType,
  Variable,
} from '../../isa/lowering.js';
import {type AtomicSite, lowerAtomic, lowerFence, lowerLoadReserved, lowerStoreConditional} from '../atomics.js';
import {lowerCsr} from '../csr-path.js';
import {choose, f32, f64, get, i32, i64, select} from '../wasm/expression.js';
import type {AccessGroup} from './access-groups.js';
import type {RegionEmitter} from './emitter.js';
import type {GuestOp} from './graph.js';
import type {RegionMemory} from './memory.js';

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
  #op: GuestOp | undefined;
  #outcome: Outcome = {};
  #isFloatChecked = false;

  constructor(emitter: RegionEmitter, memory: RegionMemory, groups: ReadonlyMap<GuestOp, AccessGroup>) {
    this.#emitter = emitter;
    this.#memory = memory;
    this.#groups = groups;
  }

  /** Emits one op and counts it as retired; what it says about control flow is returned. */
  emit(op: GuestOp): Outcome {
    this.#op = op;
    this.#outcome = {};
    // Temporaries of an op die with it, but what an outcome refers to must live until the block's end.
    this.#emitter.pool.reset();
    if (op.record.isFloat) this.#requireFloat();
    const {bits} = op;
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
    return register === 0 ? i32.const(0) : i32.wrap(this.#emitter.x(register));
  }

  setX(register: Register, value: I64): void {
    this.#emitter.setX(register, value);
  }

  setX32(register: Register, value: I32): void {
    this.#emitter.setX(register, i64.extendS(value));
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
    if (path === 'call') slow();
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
      this.#isFloatChecked = false;
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
    return this.#emitter.float(register);
  }

  setF(register: Register, value: I64): void {
    this.#emitter.setFloat(register, value);
  }

  isFastFloat(): I32 {
    const mode = (this.#current.bits >>> 12) & 7;
    if (mode === 7) return get(this.#emitter.fastDynamic);
    return mode === 0 ? get(this.#emitter.fastStatic) : i32.const(0);
  }

  soft<T extends 'i32' | 'i64'>(name: string, type: T, ...args: readonly (I32 | I64)[]): Expr<T> {
    const {f, hart, pool, module} = this.#emitter;
    const target = module.softfloat[name];
    if (!target) throw new Error(`no softfloat function ${name}`);
    const all: Expr[] = [...args];
    if (target.takesRounding) {
      const mode = (this.#current.bits >>> 12) & 7;
      if (mode === 7) {
        const frm = this.let(i32.shrU(i32.load(get(hart), H.FCSR), i32.const(5)));
        this.illegalIf(i32.gtU(frm, i32.const(4)));
        all.push(frm);
      } else all.push(i32.const(mode));
    }
    const result = pool.take(type);
    const flags = pool.take('i32');
    f.callInto([result, flags], target, ...all);
    f.store(4, get(hart), i32.or(i32.load(get(hart), H.FCSR), get(flags)), H.FCSR);
    this.#emitter.refreshFloat();
    return get(result);
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

  #place(address: I64, bytes: number, kind: 'read' | 'write') {
    const op = this.#current;
    const group = this.#groups.get(op);
    if (!group) return {address: this.#memory.alone(address, bytes, kind, op.delta), offset: 0};
    const base = this.#emitter.x((op.bits >>> 15) & 31);
    return this.#memory.inGroup(group, base, this.#immediate, bytes, kind, op.delta);
  }

  /** Floating point needs mstatus.FS dirty; the interpreter sets it, or traps. Once in a block is enough. */
  #requireFloat(): void {
    if (this.#isFloatChecked) return;
    this.#isFloatChecked = true;
    const {f, hart} = this.#emitter;
    const dirty = i32.const(0x6000);
    const isOff = i32.ne(i32.and(i32.load(get(hart), H.CSRS), dirty), dirty);
    f.if(isOff, () => this.#interpret(), undefined, 'unlikely');
  }
}
