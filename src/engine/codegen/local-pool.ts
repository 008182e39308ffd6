/** Temporaries of one function. */
import type {ValueType} from '../isa/lowering.js';
import type {Local} from './wasm/expression.js';
import type {FunctionBuilder} from './wasm/function.js';

/** Temporaries that ops reuse, so that the function has few locals. */
export class LocalPool {
  readonly #f: FunctionBuilder;
  readonly #all: Record<ValueType, Local[]> = {i32: [], i64: [], f32: [], f64: []};
  readonly #used: Record<ValueType, number> = {i32: 0, i64: 0, f32: 0, f64: 0};

  constructor(f: FunctionBuilder) {
    this.#f = f;
  }

  take<T extends ValueType>(type: T): Local<T> {
    const list = this.#all[type] as Local<T>[];
    const index = this.#used[type]++;
    list[index] ??= this.#f.local(type);
    return list[index];
  }

  /** All temporaries are free again. */
  reset(): void {
    for (const type of ['i32', 'i64', 'f32', 'f64'] as const) this.#used[type] = 0;
  }
}
