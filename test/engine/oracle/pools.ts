/** Register contents worth computing with: edge values and random ones of every type, in one list. */
import type {SeededRandom} from '../../support/seeded-random.js';
import {edgeFloats, randomFloat, randomInteger} from '../softfloat/operands.js';

const BOX = 0xffffffff00000000n;
const f32Edges = edgeFloats('f32');
const f64Edges = edgeFloats('f64');

/** One 64-bit value: a double, a boxed single, a single in a broken box, or an integer. */
export function poolValue(random: SeededRandom): bigint {
  const kind = random.below(100);
  if (kind < 30) return randomFloat('f64', random);
  if (kind < 38) return random.pick(f64Edges);
  if (kind < 63) return randomFloat('f32', random) | BOX;
  if (kind < 70) return random.pick(f32Edges) | BOX;
  if (kind < 72) return randomFloat('f32', random) | (BOX ^ (1n << BigInt(32 + random.below(32))));
  if (kind < 85) return randomInteger(random);
  return random.u64();
}
