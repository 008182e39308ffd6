/**
 * What numbers of a machine, or of the host, were over the last two hours: coarser the longer ago, with the least, the mean
 * and the most of each step, so that a peak is never averaged away.
 *
 *   samples themselves     the last 120 (two minutes at one a second), kept by the metrics service
 *   steps of  5 s × 120    ten minutes
 *   steps of 30 s × 240    two hours
 *
 * Bound: 360 rows of {8 + 12 a number} bytes: 82 KiB for a machine with one hart, 108 KiB with eight.
 */
import type {MetricsCurves} from '../protocol/metrics.js';
import {CurveRing, type RingContent} from './curve-ring.js';

/** Resolutions that are kept, finest first. */
export const CURVE_LEVELS = [
  {stepMs: 5000, count: 120},
  {stepMs: 30_000, count: 240},
] as const;

/** Where rows come from when curves are asked for: a ring, or samples. */
export interface CurveRows {
  readonly stepMs: number;
  readonly length: number;
  timeAt(row: number): number;
  valueAt(row: number, column: number, which: 0 | 1 | 2): number;
}

/** See the module. */
export class CurveHistory {
  readonly #rings: CurveRing[];

  constructor(columns: number) {
    this.#rings = CURVE_LEVELS.map(({stepMs, count}) => new CurveRing(stepMs, count, columns));
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#rings.reduce((sum, ring) => sum + ring.heldBytes, 0);
  }

  /** Numbers that are known of. */
  get columns(): number {
    return Math.max(...this.#rings.map(({columns}) => columns));
  }

  /** Takes in what the numbers are at a time. */
  add(atMs: number, values: readonly number[]): void {
    for (const ring of this.#rings) ring.add(atMs, values);
  }

  /** The finest rows that reach back that far, or the coarsest. */
  rowsFor(spanMs: number): CurveRows {
    const ring = this.#rings.find(({stepMs, capacity}) => stepMs * capacity >= spanMs) ?? this.#rings.at(-1);
    if (ring === undefined) throw new Error('there are no levels');
    return ring;
  }

  /** For a file. */
  content(): RingContent[] {
    return this.#rings.map((ring) => ring.content());
  }

  /** Begins with what a file had, a level each. */
  restore(levels: readonly RingContent[]): void {
    for (const [index, ring] of this.#rings.entries()) {
      const level = levels[index];
      if (level !== undefined) ring.restore(level);
    }
  }
}

/**
 * Rows of the last `spanMs` before `nowMs` as at most `points` points: the least of the least, the most of the most, the
 * mean of the means. A step in which nothing was told is left out. Numbers that are told nowhere have no curve.
 */
export function curvesOf(
  rows: CurveRows,
  names: readonly string[],
  nowMs: number,
  spanMs: number,
  points: number,
): MetricsCurves {
  const stepMs = rows.stepMs * Math.max(1, Math.ceil(spanMs / points / rows.stepMs));
  const endMs = Math.floor(nowMs / stepMs) * stepMs + stepMs;
  const beginMs = endMs - Math.min(points, Math.ceil(spanMs / stepMs)) * stepMs;
  const atMs: number[] = [];
  const firstRows: number[] = [];
  for (let row = 0; row < rows.length; row++) {
    const step = Math.floor(rows.timeAt(row) / stepMs) * stepMs;
    if (step < beginMs || step >= endMs || step === atMs.at(-1)) continue;
    atMs.push(step);
    firstRows.push(row);
  }
  const curves: MetricsCurves['curves'] = {};
  for (const [column, name] of names.entries()) {
    const curve = {least: [] as (number | null)[], mean: [] as (number | null)[], most: [] as (number | null)[]};
    let isTold = false;
    for (const [index, first] of firstRows.entries()) {
      let [least, most, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
      const next = atMs[index]! + stepMs;
      for (let row = first; row < rows.length && rows.timeAt(row) < next; row++) {
        const mean = rows.valueAt(row, column, 1);
        if (!Number.isFinite(mean)) continue;
        least = Math.min(least, rows.valueAt(row, column, 0));
        most = Math.max(most, rows.valueAt(row, column, 2));
        sum += mean;
        count++;
      }
      isTold ||= count > 0;
      curve.least.push(count === 0 ? null : least);
      curve.mean.push(count === 0 ? null : sum / count);
      curve.most.push(count === 0 ? null : most);
    }
    if (isTold) curves[name] = curve;
  }
  return {stepMs, atMs, curves};
}
