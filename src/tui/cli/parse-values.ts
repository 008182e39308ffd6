import {InvalidArgumentError} from 'commander';
import {
  MAX_CHECKPOINT_INTERVAL_MS,
  MAX_HARTS,
  MAX_HOT_THRESHOLD,
  MIN_CHECKPOINT_BUDGET_BYTES,
  MIN_CHECKPOINT_INTERVAL_MS,
  type Tier,
  tierSchema,
} from '../../manager/protocol/machine.js';
import {type ForwardSpec, parseForward} from '../state/port-spec.js';
import {parseBytes, parseDuration} from '../state/presenters/units.js';
import {UsageError} from './report-error.js';

/** Parses a size option. Errors: commander's, with an example */
export function sizeOption(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined || bytes <= 0) throw new InvalidArgumentError('Give a size like 256M or 1G.');
  return bytes;
}

/** Parses the time between checkpoints. Units: milliseconds. Errors: commander's, with an example */
export function checkpointIntervalOption(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= MIN_CHECKPOINT_INTERVAL_MS && ms <= MAX_CHECKPOINT_INTERVAL_MS) return ms;
  throw new InvalidArgumentError('Give a time from 1s to 24h, like 30s or 5m.');
}

/** Parses the room of checkpoints. Units: bytes. Errors: commander's, with an example */
export function checkpointBudgetOption(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes >= MIN_CHECKPOINT_BUDGET_BYTES) return bytes;
  throw new InvalidArgumentError('Give a size of at least 1M, like 512M or 2G.');
}

/** Makes a parser of whole numbers in a range. */
export function integerOption(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Parses a number of CPUs. Errors: UsageError */
export function cpusOption(text: string): number {
  const count = wholeNumber(text, MAX_HARTS);
  if (count !== undefined) return count;
  throw new UsageError(`A machine cannot have ${text} CPUs.`, `Give 1 to ${MAX_HARTS}, for example: --cpus 2`);
}

/** Parses how guest code runs. Errors: UsageError */
export function tierOption(text: string): Tier {
  const tier = tierSchema.safeParse(text);
  if (tier.success) return tier.data;
  const all = tierSchema.options.join(', ');
  throw new UsageError(`There is no execution tier called ${text}.`, `There are ${all}; for example: --tier auto`);
}

/** Parses how often code is arrived at before it is hot. Errors: UsageError */
export function hotThresholdOption(text: string): number {
  const arrivals = wholeNumber(text, MAX_HOT_THRESHOLD);
  if (arrivals !== undefined) return arrivals;
  throw new UsageError(
    `Code cannot become hot after ${text} arrivals.`,
    `Give a whole number from 1 to ${MAX_HOT_THRESHOLD}, for example: --hot-threshold 1000`,
  );
}

function wholeNumber(text: string, most: number): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= 1 && value <= most ? value : undefined;
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Parses a port forward. Errors: commander's, with an example */
export function forwardOption(text: string): ForwardSpec {
  const forward = parseForward(text);
  if (forward !== undefined) return forward;
  throw new InvalidArgumentError('Give ports from 1 to 65535 like 8080:80, or 0.0.0.0:8080:80.');
}

/** Collects port forwards. Errors: see {@link forwardOption} */
export function collectForward(text: string, before: readonly ForwardSpec[] = []): readonly ForwardSpec[] {
  return [...before, forwardOption(text)];
}
