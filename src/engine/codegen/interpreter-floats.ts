/** The floating-point part of the interpreter's lowering. */
import * as H from '../hart/layout.js';
import type {Expr, F32, F64, FloatType, I32, I64, LoadKind, Register, Suspects, ValueType} from '../isa/lowering.js';
import {type Doubt, emitAttempt} from './attempt.js';
import {DYNAMIC, SINGLE_BOX} from './exact-functions.js';
import {FIELD_OF, type Frame, OP_FIELD} from './interpreter-frame.js';
import type {LocalPool} from './local-pool.js';
import {f32, f64, get, i32, i64, select} from './wasm/expression.js';
import {callExpr} from './wasm/function.js';
import {multiplyAdd} from './wasm/fused.js';

const TOWARDS_ZERO = 1;

/** What a lowering says about f registers and rounding; see `Lowering`. */
export abstract class InterpreterFloats {
  protected readonly frame: Frame;
  protected readonly pool: LocalPool;

  constructor(frame: Frame, pool: LocalPool) {
    this.frame = frame;
    this.pool = pool;
  }

  abstract load(kind: LoadKind, address: I64): I64;
  abstract store(bytes: 1 | 2 | 4 | 8, address: I64, value: I64): void;
  abstract illegalIf(condition: I32): void;

  /** Address of an operand's register. */
  protected field(register: Register): I32 {
    return i32.load16u(get(this.frame.op), FIELD_OF[register as 0 | 1 | 2 | 3]);
  }

  let<T extends ValueType>(value: Expr<T>): Expr<T> {
    const local = this.pool.take(value.type);
    this.frame.f.set(local, value);
    return get(local);
  }

  f(register: Register): I64 {
    return i64.load(this.field(register));
  }

  setF(register: Register, value: I64): void {
    this.frame.f.store(8, this.field(register), value);
  }

  float<F extends FloatType>(type: F, register: Register): Expr<F> {
    if (type === 'f64') return f64.load(this.field(register)) as Expr as Expr<F>;
    const at = this.let(this.field(register));
    const isBoxed = i32.eq(i32.load(at, 4), i32.const(-1));
    return select(isBoxed, f32.load(at), f32.reinterpret(i32.const(0x7fc00000))) as Expr as Expr<F>;
  }

  setFloat(register: Register, value: F32 | F64): void {
    const at = this.field(register);
    if (value.type === 'f64') this.frame.f.storeFloat(at, value);
    else this.frame.f.store(8, at, i64.or(i64.extendU(i32.reinterpret(value)), i64.const(SINGLE_BOX)));
  }

  lowHalf(register: Register): F32 {
    return f32.load(this.field(register));
  }

  loadFloat<F extends FloatType>(type: F, address: I64): Expr<F> {
    if (type === 'f64') return f64.reinterpret(this.load('u64', address)) as Expr as Expr<F>;
    return f32.reinterpret(i32.wrap(this.load('u32', address))) as Expr as Expr<F>;
  }

  storeFloat(type: FloatType, address: I64, register: Register): void {
    this.store(type === 'f64' ? 8 : 4, address, this.f(register));
  }

  isSame(): boolean {
    return false;
  }

  attempt<T extends ValueType>(type: T, compute: (doubt: Doubt) => Expr<T>, exact: () => Expr<T>): Expr<T> {
    return emitAttempt(this.frame.f, this.pool.take(type), compute, exact);
  }

  hostLimit<T extends 'i32' | 'i64'>(_type: FloatType, _suspects: Suspects, limit: Expr<T>): Expr<T> {
    const fcsr = i32.load(get(this.frame.hart), H.FCSR);
    // Static RNE needs only the sticky inexact flag, dynamic needs frm = 0 too.
    const mode = this.#mode();
    const rounding = select(i32.eq(mode, i32.const(DYNAMIC)), i32.shrU(fcsr, i32.const(5)), mode);
    const isFast = i32.and(i32.and(fcsr, i32.const(1)), i32.eqz(rounding));
    return select(isFast, limit, (limit.type === 'i32' ? i32.const(0) : i64.const(0)) as Expr as Expr<T>);
  }

  /** Only what C casts ask for has a fast path here: towards zero. */
  integral<F extends FloatType>(_type: F, value: Expr<F>): {readonly value: Expr<F>; readonly doubt: I32} {
    const isInexactRaised = i32.and(i32.load(get(this.frame.hart), H.FCSR), i32.const(1));
    const isFast = i32.and(isInexactRaised, i32.eq(this.#mode(), i32.const(TOWARDS_ZERO)));
    return {value, doubt: i32.eqz(isFast)};
  }

  modeDoubt(): I32 {
    return i32.eq(this.#mode(), i32.const(DYNAMIC));
  }

  fused<F extends FloatType>(type: F, x: Expr<F>, y: Expr<F>, z: Expr<F>, isNegated: boolean): Expr<F> | undefined {
    return this.frame.hasFusion ? multiplyAdd(type, x, y, z, isNegated) : undefined;
  }

  exact<T extends ValueType>(name: string, type: T, ...args: readonly Expr[]): Expr<T> {
    const {hart, exactFunctions} = this.frame;
    const target = exactFunctions[name];
    if (!target) throw new Error(`no exact function ${name}`);
    const all: Expr[] = [get(hart), ...args];
    if (target.takesRounding) {
      const frm = i32.shrU(i32.load(get(hart), H.FCSR), i32.const(5));
      this.illegalIf(i32.and(i32.eq(this.#mode(), i32.const(DYNAMIC)), i32.gtU(frm, i32.const(4))));
      all.push(this.#mode());
    }
    return this.let(callExpr(target, type, ...all));
  }

  /** The rounding mode as the instruction has it; reserved ones are not decoded. */
  #mode(): I32 {
    return i32.load16u(get(this.frame.op), OP_FIELD.extra);
  }
}
