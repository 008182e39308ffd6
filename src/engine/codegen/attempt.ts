/** Emits `Lowering.attempt`: both codegens have the same shape for a fast path that may turn out wrong. */
import type {Expr, I32, ValueType} from '../isa/lowering.js';
import {get, type Local} from './wasm/expression.js';
import type {FunctionBuilder} from './wasm/function.js';

/** See `Lowering.attempt`; the value is in `result` afterwards. */
export function emitAttempt<T extends ValueType>(
  f: FunctionBuilder,
  result: Local<T>,
  compute: (doubt: (condition: I32) => void) => Expr<T>,
  exact: () => Expr<T>,
): Expr<T> {
  f.block((done) => {
    f.block((unsure) => {
      f.set(
        result,
        compute((condition) => f.brIf(unsure, condition, 'unlikely')),
      );
      f.br(done);
    });
    f.set(result, exact());
  });
  return get(result);
}
