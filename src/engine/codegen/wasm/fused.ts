/**
 * Fused multiply-add on scalars, by way of relaxed SIMD: the host rounds either once or twice, which `host-fusion.ts`
 * finds out.
 * Source: WebAssembly Core Specification 3.0 §5.4.9; §4.3.6 (relaxed operations)
 */
import {apply, type Expr} from './expression.js';

const SPLAT = {f32: [0xfd, 0x13], f64: [0xfd, 0x14]} as const;
const FIRST_LANE = {f32: [0xfd, 0x1f, 0], f64: [0xfd, 0x21, 0]} as const;
const MADD = {f32: [0xfd, 0x85, 0x02], f64: [0xfd, 0x87, 0x02]} as const;
const NMADD = {f32: [0xfd, 0x86, 0x02], f64: [0xfd, 0x88, 0x02]} as const;

/** x × y + z, or with `isNegated` z − x × y. */
export function multiplyAdd<F extends 'f32' | 'f64'>(
  type: F,
  x: Expr<F>,
  y: Expr<F>,
  z: Expr<F>,
  isNegated: boolean,
): Expr<F> {
  // No expression has a vector as its value: the operands' code, each made a vector, then the operation.
  const vectors = [x, y, z].map((operand) => apply(type, SPLAT[type], operand));
  return apply(type, [...(isNegated ? NMADD : MADD)[type], ...FIRST_LANE[type]], ...vectors);
}
