/**
 * The smallest lowering: one function per record, operands as parameters, no memory, no control flow. It shows what a
 * record computes without a machine around it.
 */
import {type Doubt, emitAttempt} from '../../src/engine/codegen/attempt.js';
import {fromPattern, SINGLE_BOX, toPattern} from '../../src/engine/codegen/exact-functions.js';
import {choose, f32, f64, get, i32, i64, type Local, select} from '../../src/engine/codegen/wasm/expression.js';
import type {FunctionBuilder} from '../../src/engine/codegen/wasm/function.js';
import {multiplyAdd} from '../../src/engine/codegen/wasm/fused.js';
import {ModuleBuilder} from '../../src/engine/codegen/wasm/module.js';
import type {Instruction} from '../../src/engine/isa/instruction.js';
import type {
  Expr,
  F32,
  F64,
  FloatType,
  I32,
  I64,
  Lowering,
  Suspects,
  ValueType,
  Variable,
} from '../../src/engine/isa/lowering.js';
import {type SoftfloatFunction, softfloat} from '../../src/engine/softfloat/softfloat.js';
import {instantiateWasm, type WasmFunction} from './instantiate-wasm.js';

const FCSR = 3;
const MODE = 4;

/**
 * Functions by mnemonic of records that only compute.
 * With `hasFusion` the host is taken to multiply and add with one rounding.
 * Shape: (rs1: i64, rs2: i64, rs3: i64, fcsr: i32, rounding mode: i32) → (rd: i64, fcsr: i32)
 */
export function recordFunctions(
  records: readonly Instruction[],
  hasFusion = false,
): Readonly<Record<string, WasmFunction>> {
  const module = new ModuleBuilder({initialPages: 1, maximumPages: 1});
  const exact = softfloat(module);
  for (const record of records) {
    const signature = {params: ['i64', 'i64', 'i64', 'i32', 'i32'], results: ['i64', 'i32']} as const;
    const f = module.function(record.name, signature, true);
    const lowering = new RecordLowering(f, exact, hasFusion);
    record.lower(lowering, {rd: 3, rs1: 0, rs2: 1, rs3: 2});
    f.return(get(lowering.result), get(f.param(FCSR, 'i32')));
  }
  return instantiateWasm(module.finish());
}

function outOfScope(): never {
  throw new Error('this lowering only computes');
}

class RecordLowering implements Lowering {
  readonly i32 = i32;
  readonly i64 = i64;
  readonly f32 = f32;
  readonly f64 = f64;
  readonly select = select;
  readonly choose = choose;
  readonly get = get;
  readonly result: Local<'i64'>;
  readonly imm = outOfScope;
  readonly imm32 = outOfScope;
  readonly pcPlusImm = outOfScope;
  readonly nextPc = outOfScope;
  readonly load = outOfScope;
  readonly loadFloat = outOfScope;
  readonly storeFloat = outOfScope;
  readonly store = outOfScope;
  readonly atomic = outOfScope;
  readonly loadReserved = outOfScope;
  readonly storeConditional = outOfScope;
  readonly zeroBlock = outOfScope;
  readonly fence = outOfScope;
  readonly branch = outOfScope;
  readonly jump = outOfScope;
  readonly jumpTo = outOfScope;
  readonly csr = outOfScope;
  readonly system = outOfScope;
  readonly illegalIf = outOfScope;
  readonly #f: FunctionBuilder;
  readonly #exact: Readonly<Record<string, SoftfloatFunction>>;
  readonly #hasFusion: boolean;

  constructor(f: FunctionBuilder, exact: Readonly<Record<string, SoftfloatFunction>>, hasFusion: boolean) {
    this.#f = f;
    this.#exact = exact;
    this.#hasFusion = hasFusion;
    this.result = f.local('i64');
  }

  let<T extends ValueType>(value: Expr<T>): Expr<T> {
    return this.#f.let(value);
  }

  variable<T extends ValueType>(type: T): Variable<T> {
    return this.#f.local(type);
  }

  set<T extends ValueType>(variable: Variable<T>, value: Expr<T>): void {
    this.#f.set(variable, value);
  }

  if(condition: I32, then: () => void, otherwise?: () => void, hint?: 'likely' | 'unlikely'): void {
    this.#f.if(condition, then, otherwise, hint);
  }

  x(register: number): I64 {
    return get(this.#f.param(register, 'i64'));
  }

  x32(register: number): I32 {
    return i32.wrap(this.x(register));
  }

  setX(_register: number, value: I64): void {
    this.#f.set(this.result, value);
  }

  setX32(register: number, value: I32): void {
    this.setX(register, i64.extendS(value));
  }

  f(register: number): I64 {
    return this.x(register);
  }

  setF(register: number, value: I64): void {
    this.setX(register, value);
  }

  float<F extends FloatType>(type: F, register: number): Expr<F> {
    const raw = this.f(register);
    if (type === 'f64') return f64.reinterpret(raw) as Expr as Expr<F>;
    const pattern = select(i64.geU(raw, i64.const(SINGLE_BOX)), i32.wrap(raw), i32.const(0x7fc00000));
    return f32.reinterpret(pattern) as Expr as Expr<F>;
  }

  setFloat(register: number, value: F32 | F64): void {
    const raw =
      value.type === 'f64'
        ? i64.reinterpret(value)
        : i64.or(i64.extendU(i32.reinterpret(value)), i64.const(SINGLE_BOX));
    this.setX(register, raw);
  }

  lowHalf(register: number): F32 {
    return f32.reinterpret(i32.wrap(this.f(register)));
  }

  isSame(): boolean {
    return false;
  }

  attempt<T extends ValueType>(type: T, compute: (doubt: Doubt) => Expr<T>, exact: () => Expr<T>): Expr<T> {
    return emitAttempt(this.#f, this.#f.local(type), compute, exact);
  }

  hostLimit<T extends 'i32' | 'i64'>(_type: FloatType, _suspects: Suspects, limit: Expr<T>): Expr<T> {
    const isNearest = i32.eqz(get(this.#f.param(MODE, 'i32')));
    const isFast = i32.and(isNearest, get(this.#f.param(FCSR, 'i32')));
    return select(isFast, limit, (limit.type === 'i32' ? i32.const(0) : i64.const(0)) as Expr as Expr<T>);
  }

  integral<F extends FloatType>(_type: F, value: Expr<F>): {readonly value: Expr<F>; readonly doubt: I32} {
    const isTruncating = i32.eq(get(this.#f.param(MODE, 'i32')), i32.const(1));
    return {value, doubt: i32.eqz(i32.and(isTruncating, get(this.#f.param(FCSR, 'i32'))))};
  }

  modeDoubt(): undefined {
    return undefined;
  }

  fused<F extends FloatType>(type: F, x: Expr<F>, y: Expr<F>, z: Expr<F>, isNegated: boolean): Expr<F> | undefined {
    return this.#hasFusion ? multiplyAdd(type, x, y, z, isNegated) : undefined;
  }

  exact<T extends ValueType>(name: string, type: T, ...args: readonly Expr[]): Expr<T> {
    const target = this.#exact[name];
    if (!target) throw new Error(`no exact function ${name}`);
    const result = this.#f.local(target.signature.results[0]!);
    const flags = this.#f.local('i32');
    const fcsr = this.#f.param(FCSR, 'i32');
    const mode = target.takesRounding ? [get(this.#f.param(MODE, 'i32'))] : [];
    this.#f.callInto([result, flags], target, ...args.map(toPattern), ...mode);
    this.#f.set(fcsr, i32.or(get(fcsr), get(flags)));
    return fromPattern(type, get(result)) as Expr<T>;
  }
}
