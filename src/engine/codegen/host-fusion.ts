/**
 * Whether this host multiplies and adds with one rounding. Relaxed SIMD leaves that open, so it is tried: on operands
 * whose product, once rounded, forgets what the sum needs.
 */
import {get} from './wasm/expression.js';
import {multiplyAdd} from './wasm/fused.js';
import {ModuleBuilder} from './wasm/module.js';

type Ternary = (x: number, y: number, z: number) => number;

interface Sample {
  readonly operands: readonly [number, number, number];
  readonly sum: number;
}

const f64Samples: readonly Sample[] = [
  {operands: [1 + 2 ** -30, 1 + 2 ** -30, -1 - 2 ** -29], sum: 2 ** -60},
  {operands: [1 + 2 ** -52, 1 - 2 ** -52, -1], sum: -(2 ** -104)},
  {operands: [3, 1 / 3, -1], sum: -(2 ** -54)},
  {operands: [2 ** 1023, 2, -(2 ** 1023)], sum: 2 ** 1023},
  {operands: [2 ** -600, 2 ** -600, 1], sum: 1},
  {operands: [0.1, 10, -1], sum: 2 ** -54},
];
const f32Samples: readonly Sample[] = [
  {operands: [1 + 2 ** -12, 1 + 2 ** -12, -1 - 2 ** -11], sum: 2 ** -24},
  {operands: [1 + 2 ** -23, 1 - 2 ** -23, -1], sum: -(2 ** -46)},
  {operands: [2 ** 127, 2, -(2 ** 127)], sum: 2 ** 127},
  // By way of doubles this one would round twice.
  {operands: [1 + 2 ** -12, 1 + 2 ** -12, 2 ** -80], sum: 1 + 2 ** -11 + 2 ** -23},
];

/** What multiplying and adding in one operation is here: `missing` where WebAssembly has no relaxed SIMD. */
export type HostFusion = 'one-rounding' | 'two-roundings' | 'missing';

let fusion: HostFusion | undefined;

/** True when `multiplyAdd` is a fused operation here, in both precisions. */
export function hostFuses(): boolean {
  return hostFusion() === 'one-rounding';
}

/** What became of the trial; it is made once in a process. */
export function hostFusion(): HostFusion {
  fusion ??= tryFusion();
  return fusion;
}

function tryFusion(): HostFusion {
  const builder = new ModuleBuilder({initialPages: 1, maximumPages: 1});
  for (const type of ['f32', 'f64'] as const) {
    for (const isNegated of [false, true]) {
      const signature = {params: [type, type, type], results: [type]};
      const f = builder.function(`${type}${isNegated}`, signature, true);
      f.return(multiplyAdd(type, get(f.param(0, type)), get(f.param(1, type)), get(f.param(2, type)), isNegated));
    }
  }
  const bytes = builder.finish();
  if (!WebAssembly.validate(bytes)) return 'missing';
  const memory = new WebAssembly.Memory({initial: 1, maximum: 1, shared: true});
  const {exports} = new WebAssembly.Instance(new WebAssembly.Module(bytes), {env: {memory}});
  const agrees = (name: 'f32' | 'f64', samples: readonly Sample[]) =>
    samples.every(({operands: [x, y, z], sum}) => {
      const plain = (exports[`${name}false`] as Ternary)(x, y, z);
      const negated = (exports[`${name}true`] as Ternary)(-x, y, z);
      return plain === sum && negated === sum;
    });
  return agrees('f32', f32Samples) && agrees('f64', f64Samples) ? 'one-rounding' : 'two-roundings';
}
