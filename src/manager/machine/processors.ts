/** How many harts a machine has and how they run guest code, as far as a user can choose it. */
import {ManagerError} from '../protocol/errors.js';
import {MAX_HARTS, MAX_HOT_THRESHOLD, type Tier, tierSchema} from '../protocol/machine.js';

/** Passes a usable number of harts on. Errors: bad-request */
export function checkHartCount(hartCount: number): number {
  if (Number.isInteger(hartCount) && hartCount >= 1 && hartCount <= MAX_HARTS) return hartCount;
  throw new ManagerError('bad-request', `A machine cannot have ${hartCount} CPUs.`, `Give 1 to ${MAX_HARTS}.`);
}

/** Passes the name of a tier on. Errors: bad-request */
export function checkTier(name: string): Tier {
  const tier = tierSchema.safeParse(name);
  if (tier.success) return tier.data;
  const all = tierSchema.options.join(', ');
  throw new ManagerError('bad-request', `There is no execution tier called ${name}.`, `There are ${all}.`);
}

/** Passes a usable threshold on. Errors: bad-request */
export function checkHotThreshold(arrivals: number): number {
  if (Number.isInteger(arrivals) && arrivals >= 1 && arrivals <= MAX_HOT_THRESHOLD) return arrivals;
  throw new ManagerError(
    'bad-request',
    `Code cannot become hot after ${arrivals} arrivals.`,
    `Give a whole number from 1 to ${MAX_HOT_THRESHOLD}.`,
  );
}
