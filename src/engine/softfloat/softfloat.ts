/**
 * Exact IEEE 754 arithmetic with RISC-V's flags, as WebAssembly functions of a module: the slow path of every
 * floating-point instruction, for the cases where the host's own operation cannot say which flags it would raise or
 * rounds differently. Nothing is global: flags are results, the rounding mode is a parameter.
 */
import type {FunctionRef} from '../codegen/wasm/function.js';
import {ModuleBuilder} from '../codegen/wasm/module.js';
import {addAddition} from './add.js';
import {addComparisons} from './compare.js';
import {addFormatConversions, addIntegerConversions} from './convert.js';
import {addDivision, addSquareRoot} from './divide.js';
import {double, type Emitter, type Format, single} from './format.js';
import {addFused} from './fused.js';
import {addMultiplication} from './multiply.js';
import {addRoundPack} from './round.js';

type Arithmetic = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Sqrt' | 'MulAdd' | 'Min' | 'Max' | 'Eq' | 'Lt' | 'Le';
type IntegerName = 'I32' | 'U32' | 'I64' | 'U64';

/** Names of the exact functions: format, then operation. */
export type SoftfloatName =
  | `${Format['name']}${Arithmetic | `To${IntegerName}` | `From${IntegerName}`}`
  | 'f32ToF64'
  | 'f64ToF32';

/**
 * An exact function. Parameters are bit patterns (single i32, double i64) or integers, then the rounding mode (i32,
 * 0…4) when it takes one; results are the value and the flags to accrue (i32, fflags bits).
 */
export type SoftfloatFunction = FunctionRef & {readonly takesRounding: boolean};

let signatures: Readonly<Record<string, SoftfloatFunction>> | undefined;

/** The exact functions' signatures, for modules that import them (the indices mean nothing there). */
export function softfloatSignatures(): Readonly<Record<string, SoftfloatFunction>> {
  signatures ??= softfloat(new ModuleBuilder({initialPages: 1, maximumPages: 1}));
  return signatures;
}

/**
 * Adds the exact functions to a module and returns them by name. With `isExported` they are exported under their names.
 * Shape: f64Add(a: i64, b: i64, mode: i32) → (i64, i32) · f64MulAdd(a, b, c, mode) = a × b + c rounded once ·
 * f32Eq(a: i32, b: i32) → (i32, i32) · f64ToU32(a: i64, mode) → (i32, i32) · f32FromI64(a: i64, mode) → (i32, i32)
 */
export function softfloat(
  module: ModuleBuilder,
  isExported = false,
): Readonly<Record<SoftfloatName, SoftfloatFunction>> {
  const functions: Record<string, SoftfloatFunction> = {};
  const emitter: Emitter = {
    roundPack: {f32: addRoundPack(module, single), f64: addRoundPack(module, double)},
    start(name, operands, result, takesRounding) {
      const signature = {
        params: takesRounding ? [...operands, 'i32' as const] : operands,
        results: [result, 'i32' as const],
      };
      const f = module.function(name, signature, isExported);
      functions[name] = {index: f.index, signature, takesRounding};
      return f;
    },
  };
  for (const form of [single, double]) {
    addAddition(emitter, form);
    addMultiplication(emitter, form);
    addDivision(emitter, form);
    addSquareRoot(emitter, form);
    addFused(emitter, form);
    addComparisons(emitter, form);
    addIntegerConversions(emitter, form);
  }
  addFormatConversions(emitter);
  return functions as Record<SoftfloatName, SoftfloatFunction>;
}
