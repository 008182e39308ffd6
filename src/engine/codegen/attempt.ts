/** Emits `Lowering.attempt`: both codegens have the same shape for a fast path that may turn out wrong. */
import type {Expr, Lowering, ValueType} from '../isa/lowering.js';
import {get, i32, type Local} from './wasm/expression.js';
import type {FunctionBuilder, Label} from './wasm/function.js';

/** See `Lowering.attempt`. */
export type Doubt = Parameters<Parameters<Lowering['attempt']>[1]>[0];

/** Doubts that lead to a label unless they are excused. */
function doubtTo(f: FunctionBuilder, unsure: Label): Doubt {
  return (condition, excuse) => {
    if (!excuse) f.brIf(unsure, condition, 'unlikely');
    else f.if(condition, () => f.brIf(unsure, i32.eqz(excuse())), undefined, 'unlikely');
  };
}

/** See `Lowering.attempt`; the value is in `result` afterwards. */
export function emitAttempt<T extends ValueType>(
  f: FunctionBuilder,
  result: Local<T>,
  compute: (doubt: Doubt) => Expr<T>,
  exact: () => Expr<T>,
): Expr<T> {
  f.block((done) => {
    f.block((unsure) => {
      f.set(result, compute(doubtTo(f, unsure)));
      f.br(done);
    });
    f.set(result, exact());
  });
  return get(result);
}
