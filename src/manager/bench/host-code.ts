/** Kernels as WebAssembly for the host itself, which V8 compiles for this processor: what the machine is held against. */
import {type Expr, f64, get, i32, i64, type Local} from '../../engine/codegen/wasm/expression.js';
import type {FunctionBuilder} from '../../engine/codegen/wasm/function.js';
import {ModuleBuilder} from '../../engine/codegen/wasm/module.js';
import {
  type Code,
  type Condition,
  type D,
  type DoubleOp,
  type IntegerOp,
  KERNEL_BYTES,
  type Kernel,
  type Leave,
  type X,
} from './code.js';

const PAGE_BYTES = 65536;

/** A module that exports each kernel as a function of its name, without parameters, that returns its result. */
export async function buildHost(kernels: readonly Kernel[]): Promise<Readonly<Record<string, () => bigint>>> {
  const pages = KERNEL_BYTES / PAGE_BYTES;
  const module = new ModuleBuilder({initialPages: pages, maximumPages: pages});
  for (const kernel of kernels) {
    const code = new HostCode(module.function(kernel.name, {params: [], results: ['i64']}, true));
    code.finish(kernel.emit(code));
  }
  const memory = new WebAssembly.Memory({initial: pages, maximum: pages, shared: true});
  const instance = new WebAssembly.Instance(await WebAssembly.compile(module.finish()), {env: {memory}});
  return instance.exports as Readonly<Record<string, () => bigint>>;
}

const integerOps = {
  add: i64.add,
  sub: i64.sub,
  mul: i64.mul,
  and: i64.and,
  or: i64.or,
  xor: i64.xor,
  sll: i64.shl,
  srl: i64.shrU,
} as const;
const doubleOps = {'fadd.d': f64.add, 'fsub.d': f64.sub, 'fmul.d': f64.mul, 'fdiv.d': f64.div} as const;
const conditions = {eq: i64.eq, ne: i64.ne, lt: i64.ltS, ge: i64.geS, ltu: i64.ltU, geu: i64.geU} as const;

/** Kernels lowered to WebAssembly: a variable is a local, and the kernel's memory begins at 0. */
class HostCode implements Code {
  readonly #f: FunctionBuilder;

  constructor(builder: FunctionBuilder) {
    this.#f = builder;
  }

  finish(result: X): void {
    this.#f.return(this.#get(result));
  }

  x(): X {
    return {x: this.#f.local('i64').index};
  }

  d(): D {
    return {d: this.#f.local('f64').index};
  }

  memory(to: X): void {
    this.set(to, 0);
  }

  set(to: X, value: number | bigint): void {
    this.#set(to, i64.const(value));
  }

  setD(to: D, value: number): void {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    this.#setD(to, f64.reinterpret(i64.const(bits.getBigInt64(0))));
  }

  copy(to: X, from: X): void {
    this.#set(to, this.#get(from));
  }

  op(name: IntegerOp, to: X, a: X, b: X | number): void {
    this.#set(to, integerOps[name](this.#get(a), typeof b === 'number' ? i64.const(b) : this.#get(b)));
  }

  opD(name: DoubleOp, to: D, a: D, b: D): void {
    this.#setD(to, doubleOps[name](this.#getD(a), this.#getD(b)));
  }

  lessOrEqual(to: X, a: D, b: D): void {
    this.#set(to, i64.extendU(f64.le(this.#getD(a), this.#getD(b))));
  }

  toDouble(to: D, from: X): void {
    this.#setD(to, f64.convertI64S(this.#get(from)));
  }

  bitsOf(to: X, from: D): void {
    this.#set(to, i64.reinterpret(this.#getD(from)));
  }

  load(bytes: 1 | 8, to: X, base: X, offset = 0): void {
    this.#set(to, (bytes === 1 ? i64.load8u : i64.load)(this.#address(base, offset)));
  }

  store(bytes: 1 | 8, value: X, base: X, offset = 0): void {
    this.#f.store(bytes, this.#address(base, offset), this.#get(value));
  }

  loadD(to: D, base: X, offset = 0): void {
    this.#setD(to, f64.load(this.#address(base, offset)));
  }

  storeD(value: D, base: X, offset = 0): void {
    this.#f.store(8, this.#address(base, offset), i64.reinterpret(this.#getD(value)));
  }

  loop(body: (leave: Leave) => void): void {
    this.#f.block((exit) =>
      this.#f.loop((again) => {
        body((condition, a, b) => this.#f.brIf(exit, this.#test(condition, a, b)));
        this.#f.br(again);
      }),
    );
  }

  repeatWhile(condition: Condition, a: X, b: X, body: (leave: Leave) => void): void {
    this.#f.block((exit) =>
      this.#f.loop((again) => {
        body((leaveOn, left, right) => this.#f.brIf(exit, this.#test(leaveOn, left, right)));
        this.#f.brIf(again, this.#test(condition, a, b));
      }),
    );
  }

  when(condition: Condition, a: X, b: X, body: () => void): void {
    this.#f.if(this.#test(condition, a, b), body);
  }

  #address(base: X, offset: number) {
    const address = i32.wrap(this.#get(base));
    return offset === 0 ? address : i32.add(address, i32.const(offset));
  }

  #test(condition: Condition, a: X, b: X) {
    return conditions[condition](this.#get(a), this.#get(b));
  }

  #get({x}: X): Expr<'i64'> {
    return get({type: 'i64', index: x});
  }

  #set({x}: X, value: Expr<'i64'>): void {
    const local: Local<'i64'> = {type: 'i64', index: x};
    this.#f.set(local, value);
  }

  #getD({d}: D): Expr<'f64'> {
    return get({type: 'f64', index: d});
  }

  #setD({d}: D, value: Expr<'f64'>): void {
    const local: Local<'f64'> = {type: 'f64', index: d};
    this.#f.set(local, value);
  }
}
