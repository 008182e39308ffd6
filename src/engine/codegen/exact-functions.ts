/**
 * The exact floating-point functions as generated code calls them, away from its fast path: floats are the host's, the
 * flags are accrued in the hart's fcsr.
 * Shape: f64Add(hart: i32, a: f64, b: f64, mode: i32) → f64 · f32ToI64(hart: i32, a: f32, mode: i32) → i64
 *   mode is the instruction's field, a valid one; 7 stands for frm, which must be valid too. Functions that do not round
 *   have none.
 */
import * as H from '../hart/layout.js';
import type {FloatType} from '../isa/lowering.js';
import {type SoftfloatFunction, type SoftfloatName, softfloatSignatures} from '../softfloat/softfloat.js';
import {emitShortcut} from './exact-shortcuts.js';
import {type Expr, f32, f64, get, i32, i64, select, type ValueType} from './wasm/expression.js';
import type {FunctionRef, Signature} from './wasm/function.js';
import type {ModuleBuilder} from './wasm/module.js';

/** An exact function; `takesRounding` says whether it has a mode parameter. */
export type ExactFunction = FunctionRef & {readonly takesRounding: boolean};

/** Exact functions by name. */
export type ExactFunctions = Readonly<Record<string, ExactFunction>>;

/** Rounding mode of instructions that take it from frm. */
export const DYNAMIC = 7;
/** Upper half of an f register that holds a single. */
export const SINGLE_BOX = -0x100000000n;

const hostType = (name: string): FloatType => (name.startsWith('f32') ? 'f32' : 'f64');

/** The type of one operand: patterns become host floats, integers stay what they are. */
function operandType(name: string, pattern: ValueType): ValueType {
  return name.includes('From') ? pattern : hostType(name);
}

function resultType(name: string, pattern: ValueType): ValueType {
  if (/(Eq|Lt|Le|To[IU](32|64))$/.test(name)) return pattern;
  const conversion = /To(F(?:32|64))$/.exec(name);
  return hostType(conversion ? conversion[1]!.toLowerCase() : name);
}

function signatureOf(name: string, {signature, takesRounding}: SoftfloatFunction): Signature {
  const {params, results} = signature;
  const operands = takesRounding ? params.slice(0, -1) : params;
  const types = operands.map((type) => operandType(name, type));
  return {
    params: ['i32', ...types, ...(takesRounding ? (['i32'] as const) : [])],
    results: [resultType(name, results[0]!)],
  };
}

/** A host float as its pattern; integers stay. */
export function toPattern(value: Expr): Expr {
  if (value.type === 'f32') return i32.reinterpret(value as Expr<'f32'>);
  return value.type === 'f64' ? i64.reinterpret(value as Expr<'f64'>) : value;
}

/** A pattern as a host float of `type`; integers stay. */
export function fromPattern(type: ValueType, pattern: Expr): Expr {
  if (type === 'f32') return f32.reinterpret(pattern as Expr<'i32'>);
  return type === 'f64' ? f64.reinterpret(pattern as Expr<'i64'>) : pattern;
}

/** Adds the functions to the module that has the plain ones. */
export function buildExactFunctions(
  module: ModuleBuilder,
  plain: Readonly<Record<SoftfloatName, SoftfloatFunction>>,
  hasFusion: boolean,
  isExported: boolean,
): ExactFunctions {
  const functions: Record<string, ExactFunction> = {};
  for (const [name, target] of Object.entries(plain)) {
    const {takesRounding} = target;
    const signature = signatureOf(name, target);
    const f = module.function(name, signature, isExported);
    const hart = f.param(0, 'i32');
    const fcsr = () => i32.load(get(hart), H.FCSR);
    const operands = signature.params.slice(1).map((type, i) => get(f.param(i + 1, type)));
    const rest: Expr[] = [];
    if (takesRounding) {
      const given = operands.pop() as Expr<'i32'>;
      const mode = f.local('i32');
      f.set(mode, select(i32.eq(given, i32.const(DYNAMIC)), i32.shrU(fcsr(), i32.const(5)), given));
      rest.push(get(mode));
      const finish = (value: Expr, isInexact: Expr<'i32'>) => {
        f.store(4, get(hart), i32.or(fcsr(), isInexact), H.FCSR);
        f.return(value);
      };
      emitShortcut({f, operands, mode, hasFusion, finish}, hostType(name), name.slice(3));
    }
    const result = f.local(target.signature.results[0]!);
    const flags = f.local('i32');
    f.callInto([result, flags], target, ...operands.map(toPattern), ...rest);
    f.store(4, get(hart), i32.or(fcsr(), get(flags)), H.FCSR);
    f.return(fromPattern(signature.results[0]!, get(result)));
    functions[name] = {index: f.index, signature, takesRounding};
  }
  return functions;
}

/** Imports the functions into another module. */
export function importExactFunctions(module: ModuleBuilder): ExactFunctions {
  const functions: Record<string, ExactFunction> = {};
  for (const [name, target] of Object.entries(softfloatSignatures())) {
    const {takesRounding} = target;
    functions[name] = {...module.import(name, signatureOf(name, target)), takesRounding};
  }
  return functions;
}
