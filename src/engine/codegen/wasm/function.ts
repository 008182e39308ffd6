/**
 * One WebAssembly function under construction: locals, statements, structured control flow and branch hints.
 * Control flow nests by callbacks, so a body is balanced by construction; labels are checked against the stack of open
 * blocks when they are branched to.
 */
import {pushBytes, pushS32, pushU32} from './encoding.js';
import {
  type Expr,
  type F32,
  type F64,
  get,
  type I32,
  type I64,
  type Local,
  type ValueType,
  valueTypeByte,
} from './expression.js';

/** A function's type: parameter and result types. */
export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Something callable in a module: an import or a built function. */
export interface FunctionRef {
  readonly index: number;
  readonly signature: Signature;
}

/** A branch target: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

/** How often a branch is taken, for the engine's code layout and register allocation. */
export type Likelihood = 'likely' | 'unlikely';

/** A store's operand width in bytes. */
export type StoreBytes = 1 | 2 | 4 | 8;

const storeOps = {i32: {1: 0x3a, 2: 0x3b, 4: 0x36}, i64: {1: 0x3c, 2: 0x3d, 4: 0x3e, 8: 0x37}} as const;
const log2 = {1: 0, 2: 1, 4: 2, 8: 3} as const;

/** Builds one function body; `ModuleBuilder.function` creates it. */
export class FunctionBuilder implements FunctionRef {
  readonly index: number;
  readonly signature: Signature;
  /** Branch hints: byte offset inside the function body and 1 for likely, 0 for unlikely. */
  readonly hints: {readonly offset: number; readonly value: 0 | 1}[] = [];
  readonly #body: number[] = [];
  readonly #locals: ValueType[] = [];
  #depth = 0;

  constructor(index: number, signature: Signature) {
    this.index = index;
    this.signature = signature;
  }

  /** The `i`-th parameter as a local. The caller names its type; a mismatch throws. */
  param<T extends ValueType>(i: number, type: T): Local<T> {
    if (this.signature.params[i] !== type)
      throw new Error(`parameter ${i} is ${this.signature.params[i]}, not ${type}`);
    return {type, index: i};
  }

  /** A new local, zero at function entry. */
  local<T extends ValueType>(type: T): Local<T> {
    this.#locals.push(type);
    return {type, index: this.signature.params.length + this.#locals.length - 1};
  }

  /** Binds a value to a new local and returns an expression that reads it. */
  let<T extends ValueType>(value: Expr<T>): Expr<T> {
    const local = this.local(value.type);
    this.set(local, value);
    return get(local);
  }

  set<T extends ValueType>(local: Local<T>, value: Expr<T>): void {
    pushBytes(this.#body, value.code);
    this.#body.push(0x21);
    pushU32(this.#body, local.index);
  }

  /** Stores a float at address + offset. */
  storeFloat(address: I32, value: F32 | F64, offset = 0): void {
    pushBytes(this.#body, address.code);
    pushBytes(this.#body, value.code);
    if (value.type === 'f64') this.#body.push(0x39, 3);
    else this.#body.push(0x38, 2);
    pushU32(this.#body, offset);
  }

  /** Stores the low `size` bytes of an integer at address + offset. */
  store(size: StoreBytes, address: I32, value: I32 | I64, offset = 0): void {
    pushBytes(this.#body, address.code);
    pushBytes(this.#body, value.code);
    const op = value.type === 'i32' ? storeOps.i32[size as 1 | 2 | 4] : storeOps.i64[size];
    if (op === undefined) throw new Error('an i32 has no 8-byte store');
    this.#body.push(op, log2[size]);
    pushU32(this.#body, offset);
  }

  /** Evaluates an expression for its effect. */
  drop(value: Expr): void {
    pushBytes(this.#body, value.code);
    this.#body.push(0x1a);
  }

  /** Calls a function without results (or drops none: it must have none). */
  call(target: FunctionRef, ...args: readonly Expr[]): void {
    if (target.signature.results.length !== 0) throw new Error('a call statement needs a function without results');
    this.#arguments(target, args);
    this.#body.push(0x10);
    pushU32(this.#body, target.index);
  }

  /** Calls a function and puts its results, in order, into `locals`. */
  callInto(locals: readonly Local[], target: FunctionRef, ...args: readonly Expr[]): void {
    const {results} = target.signature;
    if (results.length !== locals.length || results.some((type, i) => locals[i]!.type !== type))
      throw new Error(`results (${results}) into (${locals.map((local) => local.type)})`);
    this.#arguments(target, args);
    this.#body.push(0x10);
    pushU32(this.#body, target.index);
    for (const local of [...locals].reverse()) {
      this.#body.push(0x21);
      pushU32(this.#body, local.index);
    }
  }

  /** Calls through table 0 and puts the results, in order, into `locals`. */
  callIndirectInto(locals: readonly Local[], typeIndex: number, tableIndex: I32, ...args: readonly Expr[]): void {
    for (const arg of args) pushBytes(this.#body, arg.code);
    pushBytes(this.#body, tableIndex.code);
    this.#body.push(0x11);
    pushU32(this.#body, typeIndex);
    this.#body.push(0);
    for (const local of [...locals].reverse()) {
      this.#body.push(0x21);
      pushU32(this.#body, local.index);
    }
  }

  /** Ends the function with a call of `target` in its place. */
  tailCall(target: FunctionRef, ...args: readonly Expr[]): void {
    this.#arguments(target, args);
    this.#body.push(0x12);
    pushU32(this.#body, target.index);
  }

  /** Ends the function with a call through table 0; the signatures' results must agree. */
  tailCallIndirect(typeIndex: number, tableIndex: I32, ...args: readonly Expr[]): void {
    for (const arg of args) pushBytes(this.#body, arg.code);
    pushBytes(this.#body, tableIndex.code);
    this.#body.push(0x13);
    pushU32(this.#body, typeIndex);
    this.#body.push(0);
  }

  return(...values: readonly Expr[]): void {
    for (const value of values) pushBytes(this.#body, value.code);
    this.#body.push(0x0f);
  }

  unreachable(): void {
    this.#body.push(0x00);
  }

  fence(): void {
    this.#body.push(0xfe, 0x03, 0x00);
  }

  /** Fills `length` bytes from `address` with `byte`. */
  fill(address: I32, byte: I32, length: I32): void {
    for (const part of [address, byte, length]) pushBytes(this.#body, part.code);
    this.#body.push(0xfc, 0x0b, 0x00);
  }

  /** Copies `length` bytes; the ranges may overlap. */
  copy(to: I32, from: I32, length: I32): void {
    for (const part of [to, from, length]) pushBytes(this.#body, part.code);
    this.#body.push(0xfc, 0x0a, 0x00, 0x00);
  }

  /** A block; branching to its label leaves it. */
  block(body: (exit: Label) => void): void {
    this.#open(0x02, body);
  }

  /** A loop; branching to its label starts the next turn. */
  loop(body: (again: Label) => void): void {
    this.#open(0x03, body);
  }

  if(condition: I32, then: () => void, otherwise?: () => void, hint?: Likelihood): void {
    pushBytes(this.#body, condition.code);
    this.#hint(hint);
    this.#body.push(0x04, 0x40);
    this.#depth++;
    then();
    if (otherwise) {
      this.#body.push(0x05);
      otherwise();
    }
    this.#depth--;
    this.#body.push(0x0b);
  }

  br(label: Label): void {
    this.#body.push(0x0c);
    pushU32(this.#body, this.#relative(label));
  }

  brIf(label: Label, condition: I32, hint?: Likelihood): void {
    pushBytes(this.#body, condition.code);
    this.#hint(hint);
    this.#body.push(0x0d);
    pushU32(this.#body, this.#relative(label));
  }

  /** Branches to `labels[selector]`, or to `otherwise` when the selector is past the end. */
  brTable(selector: I32, labels: readonly Label[], otherwise: Label): void {
    pushBytes(this.#body, selector.code);
    this.#body.push(0x0e);
    pushU32(this.#body, labels.length);
    for (const label of labels) pushU32(this.#body, this.#relative(label));
    pushU32(this.#body, this.#relative(otherwise));
  }

  /** The finished code entry (locals and body, without its size prefix) and the offset that hints are relative to. */
  finish(): {readonly code: readonly number[]; readonly bodyOffset: number} {
    const code: number[] = [];
    const runs: {type: ValueType; count: number}[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({type, count: 1});
    }
    pushU32(code, runs.length);
    for (const run of runs) {
      pushU32(code, run.count);
      code.push(valueTypeByte(run.type));
    }
    const bodyOffset = code.length;
    pushBytes(code, this.#body);
    code.push(0x0b);
    return {code, bodyOffset};
  }

  #open(op: number, body: (label: Label) => void): void {
    this.#body.push(op, 0x40);
    this.#depth++;
    body({depth: this.#depth});
    this.#depth--;
    this.#body.push(0x0b);
  }

  #relative(label: Label): number {
    const distance = this.#depth - label.depth;
    if (distance < 0) throw new Error('branch to a block that is already closed');
    return distance;
  }

  #hint(hint: Likelihood | undefined): void {
    if (hint) this.hints.push({offset: this.#body.length, value: hint === 'likely' ? 1 : 0});
  }

  #arguments(target: FunctionRef, args: readonly Expr[]): void {
    const {params} = target.signature;
    if (params.length !== args.length || params.some((type, i) => args[i]!.type !== type))
      throw new Error(`call of (${params}) with (${args.map((arg) => arg.type)})`);
    for (const arg of args) pushBytes(this.#body, arg.code);
  }
}

/** A call of a function with one result, as an expression. */
export function callExpr<T extends ValueType>(target: FunctionRef, type: T, ...args: readonly Expr[]): Expr<T> {
  const {params, results} = target.signature;
  if (results.length !== 1 || results[0] !== type) throw new Error(`called function gives (${results}), not ${type}`);
  if (params.length !== args.length || params.some((param, i) => args[i]!.type !== param))
    throw new Error(`call of (${params}) with (${args.map((arg) => arg.type)})`);
  const code: number[] = [];
  for (const arg of args) pushBytes(code, arg.code);
  code.push(0x10);
  pushU32(code, target.index);
  return {type, code};
}

/** `local.tee`: sets a local and leaves the value. */
export function tee<T extends ValueType>(local: Local<T>, value: Expr<T>): Expr<T> {
  const code: number[] = [];
  pushBytes(code, value.code);
  code.push(0x22);
  pushU32(code, local.index);
  return {type: local.type, code};
}

/** `memory.size` in pages, as an expression; kept here for probes. */
export function pages(): I32 {
  const code = [0x3f];
  pushS32(code, 0);
  return {type: 'i32', code};
}
