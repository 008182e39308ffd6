/**
 * Which checkpoints of a machine go: those of long ago are thinned out, then the oldest go until count and room are within
 * bounds. What stays at one time is not asked for again later but for its age, so a row of points does not shift.
 */
import type {SnapshotKind} from '../protocol/snapshot.js';

/** A state of a machine, and the files that it needs; others may need them as well. */
export interface TimelinePoint {
  readonly id: string;
  readonly kind: SnapshotKind;
  readonly createdAtMs: number;
  readonly files: readonly string[];
}

/** What all checkpoints of a machine may come to. Units: bytes */
export interface TimelineBounds {
  readonly budgetBytes: number;
  readonly maxCount: number;
}

const MINUTE_MS = 60_000;

/** Of those younger than `ageMs` the first in each `everyMs` stays; the first line that fits counts. */
const DENSITY: readonly {readonly ageMs: number; readonly everyMs: number}[] = [
  {ageMs: 10 * MINUTE_MS, everyMs: 0},
  {ageMs: 120 * MINUTE_MS, everyMs: 5 * MINUTE_MS},
  {ageMs: Number.POSITIVE_INFINITY, everyMs: 60 * MINUTE_MS},
];

/** Bytes that would be free without the checkpoints; what other states need is not theirs. `sizes` is by file. */
export function checkpointBytes(points: readonly TimelinePoint[], sizes: ReadonlyMap<string, number>): number {
  const others = new Set(points.filter(({kind}) => kind !== 'checkpoint').flatMap(({files}) => files));
  const own = new Set(points.filter(({kind}) => kind === 'checkpoint').flatMap(({files}) => files));
  let bytes = 0;
  for (const file of own) if (!others.has(file)) bytes += sizes.get(file) ?? 0;
  return bytes;
}

/** The checkpoints that go now, oldest first. `points` are all states of a machine. */
export function chooseOutdated(
  points: readonly TimelinePoint[],
  sizes: ReadonlyMap<string, number>,
  {budgetBytes, maxCount}: TimelineBounds,
  nowMs: number,
): TimelinePoint[] {
  const others = points.filter(({kind}) => kind !== 'checkpoint');
  const checkpoints = points.filter(({kind}) => kind === 'checkpoint').sort((a, b) => a.createdAtMs - b.createdAtMs);
  const taken = new Set<string>();
  const kept = checkpoints.filter(({createdAtMs}) => {
    const everyMs = DENSITY.find(({ageMs}) => nowMs - createdAtMs < ageMs)?.everyMs ?? 0;
    const slot = `${everyMs}/${Math.floor(createdAtMs / everyMs)}`;
    if (everyMs > 0 && taken.has(slot)) return false;
    taken.add(slot);
    return true;
  });
  while (kept.length > maxCount) kept.shift();
  while (kept.length > 0 && checkpointBytes([...others, ...kept], sizes) > budgetBytes) kept.shift();
  const stays = new Set(kept);
  return checkpoints.filter((point) => !stays.has(point));
}
