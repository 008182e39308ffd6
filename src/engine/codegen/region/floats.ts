/**
 * The f registers of a region and what fcsr lets the host do.
 *
 * A register is in one of three forms, known at every point of the region:
 *   raw     its f64 local holds its 64 bits; a double is read as it is
 *   both    raw, and its f32 local holds what a single-precision operation sees
 *   single  it is a boxed single, and only its f32 local holds it
 * Singles are boxed when they leave the region, are looked at raw, or meet another form where paths join.
 */
import {MSTATUS, SLOT} from '../../hart/csr-table.js';
import * as H from '../../hart/layout.js';
import {SUSPECT_LIMITS} from '../../isa/float-path.js';
import type {FloatType, Suspects} from '../../isa/lowering.js';
import {SINGLE_BOX} from '../exact-functions.js';
import type {LocalPool} from '../local-pool.js';
import {
  type Expr,
  type F32,
  type F64,
  f32,
  f64,
  get,
  type I32,
  type I64,
  i32,
  i64,
  type Local,
  select,
} from '../wasm/expression.js';
import type {FunctionBuilder} from '../wasm/function.js';
import type {FloatForms} from './forms.js';
import {members} from './registers.js';

/** Where mstatus is in a hart's block; FS lies in its low half. */
const STATUS = H.CSRS + SLOT.mstatus * H.CSR_SLOT_BYTES;
const DIRTY = Number(MSTATUS.FS);
const CANONICAL_NAN = 0x7fc00000;

/** Emits everything about f registers of one region. */
export class RegionFloats {
  /** The forms at this point. */
  forms: FloatForms = {both: 0, single: 0};
  readonly #f: FunctionBuilder;
  readonly #hart: Local<'i32'>;
  readonly #pool: LocalPool;
  readonly #doubles: (Local<'f64'> | undefined)[] = [];
  readonly #singles: (Local<'f32'> | undefined)[] = [];
  /** Not 0: no floating-point op may run here (mstatus.FS, or a reserved rounding mode in frm). */
  readonly #barred: Local<'i32'>;
  /** Whether inexact is already raised. */
  readonly #inexact: Local<'i32'>;
  /** The limits in force for ops with dynamic rounding. */
  readonly #limits: Readonly<Record<FloatType, Readonly<Record<Suspects, Local<'i32' | 'i64'>>>>>;

  constructor(f: FunctionBuilder, hart: Local<'i32'>, pool: LocalPool) {
    this.#f = f;
    this.#hart = hart;
    this.#pool = pool;
    this.#barred = f.local('i32');
    this.#inexact = f.local('i32');
    this.#limits = {
      f32: {special: f.local('i32'), extreme: f.local('i32')},
      f64: {special: f.local('i64'), extreme: f.local('i32')},
    };
  }

  /** Takes fcsr and mstatus.FS from the hart's block. */
  loadModes(): void {
    const f = this.#f;
    const fcsr = this.#pool.take('i32');
    f.set(fcsr, i32.load(get(this.#hart), H.FCSR));
    const isOff = i32.ne(i32.and(i32.load(get(this.#hart), STATUS), i32.const(DIRTY)), i32.const(DIRTY));
    f.set(this.#barred, i32.or(isOff, i32.gtU(get(fcsr), i32.const(0x9f))));
    f.set(this.#inexact, i32.and(get(fcsr), i32.const(1)));
    const isFast = i32.eq(i32.and(get(fcsr), i32.const(0xe1)), i32.const(1));
    const {f32: short, f64: long} = SUSPECT_LIMITS;
    const set = (local: Local<'i32' | 'i64'>, limit: I32 | I64) => {
      const none = limit.type === 'i32' ? i32.const(0) : i64.const(0);
      f.set(local, select<'i32' | 'i64'>(isFast, limit, none));
    };
    set(this.#limits.f32.special, i32.const(short.special));
    set(this.#limits.f32.extreme, i32.const(short.extreme));
    set(this.#limits.f64.special, i64.const(long.special));
    set(this.#limits.f64.extreme, i32.const(long.extreme));
  }

  /** At a loop's head: inexact may have been raised since the modes were loaded. Nothing else changes unnoticed. */
  refreshModes(): void {
    this.#f.if(i32.eqz(get(this.#inexact)), () => this.loadModes(), undefined, 'unlikely');
  }

  /** Not 0 when the interpreter must look at the next floating-point op. */
  get barred(): I32 {
    return get(this.#barred);
  }

  /** Not 0 when inexact is already raised. */
  get inexact(): I32 {
    return get(this.#inexact);
  }

  /** See `Lowering.hostLimit`, for dynamic rounding. */
  limit(type: FloatType, suspects: Suspects): Expr<'i32' | 'i64'> {
    return get(this.#limits[type][suspects]);
  }

  /** Brings registers from the hart's block; those of `singles` also as singles. */
  load(registers: number, singles: number): void {
    const {both, single} = this.forms;
    this.forms = {both: both & ~registers, single: single & ~registers};
    for (const register of members(registers)) {
      this.#f.set(this.#double(register), f64.load(get(this.#hart), H.F + register * 8));
      if (singles & (1 << register)) this.float('f32', register);
    }
  }

  /** Writes registers to the hart's block. */
  writeBack(registers: number): void {
    const hart = get(this.#hart);
    for (const register of members(registers)) {
      const offset = H.F + register * 8;
      // In one piece: who loads it next would wait for two.
      if (this.#isSingle(register)) this.#f.store(8, hart, this.raw(register), offset);
      else this.#f.storeFloat(hart, get(this.#double(register)), offset);
    }
  }

  /** Makes registers raw where they are boxed singles, for code that several ways out share. */
  makeRaw(registers: number): void {
    for (const register of members(registers & this.forms.single))
      this.#f.set(this.#double(register), f64.reinterpret(this.raw(register)));
  }

  /** Writes registers that are raw to the hart's block. */
  writeBackRaw(registers: number): void {
    for (const register of members(registers))
      this.#f.storeFloat(get(this.#hart), get(this.#double(register)), H.F + register * 8);
  }

  raw(register: number): I64 {
    if (!this.#isSingle(register)) return i64.reinterpret(get(this.#double(register)));
    return i64.or(i64.extendU(i32.reinterpret(get(this.#short(register)))), i64.const(SINGLE_BOX));
  }

  setRaw(register: number, value: I64): void {
    this.set(register, f64.reinterpret(value));
  }

  /** A register as an operand. May emit code that later code relies on. */
  float<F extends FloatType>(type: F, register: number): Expr<F> {
    if (type === 'f64') {
      const value = this.#isSingle(register) ? f64.reinterpret(this.raw(register)) : get(this.#double(register));
      return value as Expr as Expr<F>;
    }
    const bit = 1 << register;
    if (((this.forms.both | this.forms.single) & bit) === 0) {
      const raw = i64.reinterpret(get(this.#double(register)));
      const pattern = select(i64.geU(raw, i64.const(SINGLE_BOX)), i32.wrap(raw), i32.const(CANONICAL_NAN));
      this.#f.set(this.#short(register), f32.reinterpret(pattern));
      this.forms = {...this.forms, both: this.forms.both | bit};
    }
    return get(this.#short(register)) as Expr as Expr<F>;
  }

  lowHalf(register: number): F32 {
    return this.#isSingle(register)
      ? get(this.#short(register))
      : f32.reinterpret(i32.wrap(i64.reinterpret(get(this.#double(register)))));
  }

  set(register: number, value: F32 | F64): void {
    const bit = 1 << register;
    const {both, single} = this.forms;
    if (value.type === 'f64') {
      this.#f.set(this.#double(register), value);
      this.forms = {both: both & ~bit, single: single & ~bit};
    } else {
      this.#f.set(this.#short(register), value);
      this.forms = {both: both & ~bit, single: single | bit};
    }
  }

  /** Makes the forms those that a block (or several) starts with; the current forms are left as they are. */
  convert(to: FloatForms): void {
    this.makeRaw(~to.single);
    if (to.single & ~this.forms.single) throw new Error('a register cannot become a boxed single');
    for (const register of members(to.both & ~(this.forms.both | this.forms.single))) this.float('f32', register);
  }

  #isSingle(register: number): boolean {
    return (this.forms.single & (1 << register)) !== 0;
  }

  #double(register: number): Local<'f64'> {
    let local = this.#doubles[register];
    if (!local) {
      local = this.#f.local('f64');
      this.#doubles[register] = local;
    }
    return local;
  }

  #short(register: number): Local<'f32'> {
    let local = this.#singles[register];
    if (!local) {
      local = this.#f.local('f32');
      this.#singles[register] = local;
    }
    return local;
  }
}
