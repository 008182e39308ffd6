/** Axes that end at round numbers. */

/** An axis: its end, its unit, and what one unit is. */
export interface Scale {
  readonly maxValue: number;
  readonly unit: string;
  readonly factor: number;
}

const STEPS = [1, 2, 4, 8, 10];
const BYTE_UNITS = ['B', 'K', 'M', 'G', 'T'];
const COUNT_UNITS = ['', 'k', 'M', 'G'];
const GIB = 2 ** 30;

/** The end of an axis that holds a value: 1, 2, 4 or 8 times a power of ten, so that quarters of it are round; at least 1. */
export function niceMaximum(value: number): number {
  if (!(value > 1) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = STEPS.find((one) => one * power >= value) ?? 10;
  return step === 10 ? niceTen(power * 10) : step * power;
}

// A quarter of ten is not round: twenty is next. A hundred and more are fine.
function niceTen(value: number): number {
  return value === 10 ? 20 : value;
}

/** An axis of bytes, in the unit that leaves few digits. */
export function scaleBytes(most: number): Scale {
  return scale(most, 1024, BYTE_UNITS, 1);
}

/** An axis of counts. */
export function scaleCount(most: number): Scale {
  return scale(most, 1000, COUNT_UNITS, 0);
}

/** An axis that ends at what a machine has of memory. */
export function scaleMemory(bytes: number): Scale {
  const isGib = bytes > 0 && bytes % (4 * GIB) === 0;
  const factor = isGib ? GIB : 2 ** 20;
  return {maxValue: Math.max(1, bytes / factor), unit: isGib ? 'G' : 'M', factor};
}

function scale(most: number, base: number, units: readonly string[], first: number): Scale {
  let at = first;
  while (at + 1 < units.length && most >= 1000 * base ** at) at++;
  return {maxValue: niceMaximum(most / base ** at), unit: units[at] ?? '', factor: base ** at};
}
