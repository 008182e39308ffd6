/** Operands that reach the corners of floating-point arithmetic: edge values, near ties, near cancellations. */
import type {SeededRandom} from '../../support/seeded-random.js';

interface Layout {
  readonly bits: number;
  readonly fractionBits: number;
}

const layouts = {f32: {bits: 32, fractionBits: 23}, f64: {bits: 64, fractionBits: 52}} as const;

/** Every combination of edge exponents, edge fractions and signs. */
export function edgeFloats(name: 'f32' | 'f64'): readonly bigint[] {
  const {bits, fractionBits}: Layout = layouts[name];
  const exponentMax = 2 ** (bits - 1 - fractionBits) - 1;
  const bias = (exponentMax - 1) / 2;
  const ones = (1n << BigInt(fractionBits)) - 1n;
  const exponents = [0, 1, 2, bias - 1, bias, bias + 1, bias + 31, bias + 52, bias + 63, exponentMax - 1, exponentMax];
  const fractions = [0n, 1n, 1n << BigInt(fractionBits - 1), ones - 1n, ones];
  return exponents.flatMap((exponent) =>
    fractions.flatMap((fraction) =>
      [0n, 1n].map((sign) => (sign << BigInt(bits - 1)) | (BigInt(exponent) << BigInt(fractionBits)) | fraction),
    ),
  );
}

/** A random pattern: any exponent or one near the middle or the ends, a fraction of few ones or few zeros or any. */
export function randomFloat(name: 'f32' | 'f64', random: SeededRandom): bigint {
  const {bits, fractionBits}: Layout = layouts[name];
  const exponentBits = bits - 1 - fractionBits;
  const exponentMax = 2 ** exponentBits - 1;
  const bias = (exponentMax - 1) / 2;
  const mask = (1n << BigInt(fractionBits)) - 1n;
  const sparse = () => (1n << BigInt(random.below(fractionBits))) ^ (1n << BigInt(random.below(fractionBits)));
  const exponent = [
    () => random.below(exponentMax + 1),
    () => bias - 8 + random.below(16),
    () => bias - fractionBits - 2 + random.below(2 * fractionBits + 4),
    () => random.below(fractionBits + 4),
    () => exponentMax - random.below(4),
    () => (bias >> 1) - 2 + random.below(8),
    () => bias + 20 + random.below(48),
  ][random.below(7)]!();
  const fraction = [() => random.u64() & mask, sparse, () => mask ^ sparse(), () => 0n, () => mask][random.below(5)]!();
  const sign = BigInt(random.below(2));
  const field = BigInt(Math.min(exponent, exponentMax));
  return (sign << BigInt(bits - 1)) | (field << BigInt(fractionBits)) | fraction;
}

/** The next patterns up and down, the negation, or the value itself: what makes sums cancel and quotients near 1. */
export function neighbour(name: 'f32' | 'f64', value: bigint, random: SeededRandom): bigint {
  const {bits} = layouts[name];
  const moved = value + BigInt(random.below(5) - 2);
  return BigInt.asUintN(bits, random.chance(50) ? moved ^ (1n << BigInt(bits - 1)) : moved);
}

/** Integers around powers of two, and any. */
export function randomInteger(random: SeededRandom): bigint {
  if (random.chance(30)) return random.u64() >> BigInt(random.below(64));
  const near = (1n << BigInt(random.below(65))) + BigInt(random.below(5) - 2);
  return BigInt.asUintN(64, random.chance(50) ? near : -near);
}

/** Rows of three operands of a format (unused upper bits zero). */
export function floatRows(name: 'f32' | 'f64', count: number, random: SeededRandom): readonly (readonly bigint[])[] {
  const edges = edgeFloats(name);
  const one = () => (random.chance(30) ? random.pick(edges) : randomFloat(name, random));
  return Array.from({length: count}, () => {
    const [a, b] = [one(), one()];
    if (random.chance(10)) return [a, neighbour(name, a, random), one()];
    // With the second factor 1 or nearly, the third operand can cancel the product deeply.
    if (random.chance(15)) {
      const unit = name === 'f32' ? 0x3f800000n : 0x3ffn << 52n;
      return [a, neighbour(name, unit, random), neighbour(name, a, random)];
    }
    return [a, b, one()];
  });
}

/** Rows whose products, quotients and sums lie where flags change: all pairs of the ends of each range, and a third. */
export function cornerRows(name: 'f32' | 'f64'): readonly (readonly bigint[])[] {
  const {bits, fractionBits}: Layout = layouts[name];
  const sign = 1n << BigInt(bits - 1);
  const ulp = 1n << BigInt(fractionBits);
  const bias = BigInt(2 ** (bits - 2 - fractionBits) - 1);
  const one = bias * ulp;
  const infinity = (2n * bias + 1n) * ulp;
  const corners = [
    ...[0n, 1n, ulp - 1n, ulp, ulp + 1n, 2n * ulp - 1n, 2n * ulp],
    ...[one - 1n, one, one + 1n, one - ulp, one + ulp, (bias - BigInt(fractionBits) - 1n) * ulp],
    ...[infinity - ulp, infinity - 1n, infinity, infinity + 1n, infinity + ulp / 2n],
  ];
  return corners.flatMap((a, i) =>
    corners.map((b, j) => {
      const c = corners[(i * 7 + j * 5) % corners.length]!;
      return [a ^ ((i + j) % 3 === 0 ? sign : 0n), b, c ^ (j % 2 === 0 ? sign : 0n)];
    }),
  );
}
