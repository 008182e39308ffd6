/**
 * The smallest lowering: one function per record, operands as parameters, no memory, no control flow. It shows what a
 * record computes without a machine around it.
 */
import {choose, f32, f64, get, i32, i64, type Local, select} from '../../src/engine/codegen/wasm/expression.js';
import type {FunctionBuilder} from '../../src/engine/codegen/wasm/function.js';
import {ModuleBuilder} from '../../src/engine/codegen/wasm/module.js';
import type {Instruction} from '../../src/engine/isa/instruction.js';
import type {Expr, I32, I64, Lowering, ValueType, Variable} from '../../src/engine/isa/lowering.js';
import {type SoftfloatFunction, softfloat} from '../../src/engine/softfloat/softfloat.js';
import {instantiateWasm, type WasmFunction} from './instantiate-wasm.js';

const FCSR = 3;
const MODE = 4;

/**
 * Functions by mnemonic of records that only compute.
 * Shape: (rs1: i64, rs2: i64, rs3: i64, fcsr: i32, rounding mode: i32) → (rd: i64, fcsr: i32)
 */
export function recordFunctions(records: readonly Instruction[]): Readonly<Record<string, WasmFunction>> {
  const module = new ModuleBuilder({initialPages: 1, maximumPages: 1});
  const exact = softfloat(module);
  for (const record of records) {
    const signature = {params: ['i64', 'i64', 'i64', 'i32', 'i32'], results: ['i64', 'i32']} as const;
    const f = module.function(record.name, signature, true);
    const lowering = new RecordLowering(f, exact);
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

  constructor(f: FunctionBuilder, exact: Readonly<Record<string, SoftfloatFunction>>) {
    this.#f = f;
    this.#exact = exact;
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

  isFastFloat(): I32 {
    const isNearest = i32.eqz(get(this.#f.param(MODE, 'i32')));
    return i32.and(isNearest, get(this.#f.param(FCSR, 'i32')));
  }

  soft<T extends 'i32' | 'i64'>(name: string, type: T, ...args: readonly (I32 | I64)[]): Expr<T> {
    const target = this.#exact[name];
    if (!target) throw new Error(`no exact function ${name}`);
    const result = this.#f.local(type);
    const flags = this.#f.local('i32');
    const fcsr = this.#f.param(FCSR, 'i32');
    const mode = target.takesRounding ? [get(this.#f.param(MODE, 'i32'))] : [];
    this.#f.callInto([result, flags], target, ...args, ...mode);
    this.#f.set(fcsr, i32.or(get(fcsr), get(flags)));
    return get(result);
  }
}
