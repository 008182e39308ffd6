/** Numbers of a machine by time, from wherever they come, laid out evenly for a chart. */
import type {MachineSample, MetricsCurves} from '../../../manager/protocol/metrics.js';
import {machineNames, machineNumbers} from '../../../manager/protocol/sample-numbers.js';

/** Values by name at moments, oldest first; `null` and NaN where one is not told. Units: milliseconds since 1970 */
export interface Moments {
  readonly atMs: readonly number[];
  /** Between two moments. */
  readonly stepMs: number;
  values(name: string, which: 'mean' | 'most'): readonly (number | null)[] | undefined;
}

/** Moments further apart than this many steps have a gap between them: the machine was off. */
const GAP_STEPS = 3;
const FINE_SLOTS = 120;
const COARSE_SLOTS = 60;

// A sample is looked at by up to twenty lines, again and again.
const known = new WeakMap<MachineSample, readonly number[]>();

function numbersOf(sample: MachineSample): readonly number[] {
  let numbers = known.get(sample);
  if (numbers === undefined) {
    numbers = machineNumbers(sample);
    known.set(sample, numbers);
  }
  return numbers;
}

/** Samples as moments. */
export function momentsOfSamples(samples: readonly MachineSample[], hartCount: number): Moments {
  const names = machineNames(hartCount);
  const [last, before] = [samples.at(-1), samples.at(-2)];
  return {
    atMs: samples.map(({atMs}) => atMs),
    stepMs: last && before ? Math.max(1, last.atMs - before.atMs) : 1000,
    values(name) {
      const at = names.indexOf(name);
      return samples.map((sample) => numbersOf(sample)[at] ?? null);
    },
  };
}

/** What the daemon kept as moments; none while it has not answered. */
export function momentsOfCurves(curves: MetricsCurves | undefined): Moments {
  if (curves === undefined) return {atMs: [], stepMs: 1000, values: () => undefined};
  return {atMs: curves.atMs, stepMs: curves.stepMs, values: (name, which) => curves.curves[name]?.[which]};
}

/**
 * Values of one number at even distances over the `spanMs` that end at `endMs`, NaN where nothing is known: 120 of them
 * where moments are that close together, else 60. Between two moments the value goes straight from one to the other.
 */
export function spread(
  moments: Moments,
  name: string,
  which: 'mean' | 'most',
  spanMs: number,
  endMs: number,
): readonly number[] {
  const slots = moments.stepMs * FINE_SLOTS <= spanMs * 1.2 ? FINE_SLOTS : COARSE_SLOTS;
  const out = new Array<number>(slots).fill(Number.NaN);
  const {atMs} = moments;
  const values = moments.values(name, which);
  if (values === undefined) return out;
  const slotMs = spanMs / slots;
  const reachMs = moments.stepMs * GAP_STEPS;
  let at = 0;
  for (let slot = 0; slot < slots; slot++) {
    const time = endMs - (slots - 1 - slot) * slotMs;
    while (at + 1 < atMs.length && (atMs[at + 1] ?? 0) <= time) at++;
    const [from, to] = [atMs[at], atMs[at + 1]];
    const [value, next] = [values[at] ?? Number.NaN, values[at + 1] ?? Number.NaN];
    if (from === undefined || from > time) continue;
    if (to !== undefined && to - from <= reachMs && !Number.isNaN(next))
      out[slot] = value + ((next - value) * (time - from)) / (to - from);
    else if (time - from < moments.stepMs * 1.5) out[slot] = value;
  }
  return out;
}
