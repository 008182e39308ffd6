/** Collects the samples that harts leave of their pc. */
import {setTimeout as delay} from 'node:timers/promises';
import type {Machine} from '../../../engine/machine.js';
import {type GuestProfile, MAX_PROFILE_POINTS} from '../../protocol/profile.js';

/** A ring of a hart holds what it leaves in a tenth of a second and more. Units: milliseconds */
const DRAIN_MS = 20;
/** Different places kept while collecting; samples of others are counted as lost. */
const MAX_PLACES = 65_536;

/** Samples a machine for `durationMs`. An abort ends it early, with what there is. */
export async function profileGuest(
  machine: Machine,
  durationMs: number,
  signal: AbortSignal | undefined,
): Promise<GuestProfile> {
  // By pc, with bit 0 set in user mode.
  const counts = new Map<bigint, number>();
  let sampleCount = 0;
  let lostCount = 0;
  using sampler = machine.startSampling();
  const until = performance.now() + durationMs;
  for (let left = durationMs; left > 0 && signal?.aborted !== true; left = until - performance.now()) {
    await delay(Math.min(left, DRAIN_MS));
    lostCount += sampler.take((pc, isUser) => {
      sampleCount++;
      const key = isUser ? pc | 1n : pc;
      const count = counts.get(key);
      if (count !== undefined) counts.set(key, count + 1);
      else if (counts.size < MAX_PLACES) counts.set(key, 1);
    });
  }
  const points = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_PROFILE_POINTS)
    .map(([key, count]) => ({
      pc: (key & ~1n).toString(16),
      mode: (key & 1n) === 1n ? ('user' as const) : ('kernel' as const),
      count,
    }));
  const told = points.reduce((sum, {count}) => sum + count, 0);
  return {sampleCount: sampleCount + lostCount, lostCount: lostCount + sampleCount - told, points};
}
