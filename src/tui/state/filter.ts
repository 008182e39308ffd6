/**
 * The filter language: words that must all match.
 * Shape:  WORD (letters of the name, in order) · KEY:VALUE with {@link FILTER_KEYS} · cpu>50 · mem<1G · any of them behind `-` or `!` for its opposite
 */
import type {Machine} from '../../manager/protocol/machine.js';
import type {MachineSample} from '../../manager/protocol/metrics.js';
import {text} from '../text/text.js';
import {parseBytes} from './presenters/units.js';

/** What may stand before a colon, with what it looks at. Values match from their start. */
export const FILTER_KEYS = {
  state: (machine: Machine) => [machine.state === 'defined' ? 'off' : machine.state, machine.state],
  tag: (machine: Machine) => machine.labels?.tags ?? [],
  group: (machine: Machine) => (machine.labels?.group === undefined ? [] : [machine.labels.group]),
  driver: (machine: Machine) => [machine.driver],
  image: (machine: Machine) => (machine.config?.boot.kind === 'image' ? [machine.config.boot.image] : []),
} as const;

type FilterKey = keyof typeof FILTER_KEYS;

const isFilterKey = (key: string): key is FilterKey => Object.hasOwn(FILTER_KEYS, key);

/** Decides about one machine; `sample` is its newest, if there is one. */
export type FilterTest = (machine: Machine, sample: MachineSample | undefined) => boolean;

/** A filter that was read: its test, and in one sentence what in it makes no sense. What makes none is left out of the test. */
export interface Filter {
  readonly matches: FilterTest;
  readonly problem: string | undefined;
}

/** Reads a filter. */
export function parseFilter(written: string): Filter {
  const tests: FilterTest[] = [];
  let problem: string | undefined;
  for (const word of written.split(/\s+/).filter((part) => part !== '')) {
    const isOpposite = /^[-!]./.test(word);
    const term = readTerm((isOpposite ? word.slice(1) : word).toLowerCase());
    if (typeof term === 'string') problem ??= term;
    else tests.push(isOpposite ? (machine, sample) => !term(machine, sample) : term);
  }
  return {matches: (machine, sample) => tests.every((matches) => matches(machine, sample)), problem};
}

function readTerm(word: string): FilterTest | string {
  const [, key, value] = /^([a-z]+):(.*)$/.exec(word) ?? [];
  if (key !== undefined && value !== undefined) {
    if (!isFilterKey(key)) return text.filter.noKey(key, Object.keys(FILTER_KEYS));
    const values = FILTER_KEYS[key];
    return (machine) => values(machine).some((one) => one.toLowerCase().startsWith(value));
  }
  const [, measure, sign, limit] = /^(cpu|mem)([<>])(.*)$/.exec(word) ?? [];
  if (measure !== undefined && limit !== undefined) {
    const bound = measure === 'mem' ? parseBytes(limit) : Number(limit || Number.NaN);
    if (bound === undefined || Number.isNaN(bound))
      return measure === 'mem' ? text.filter.noSize : text.filter.noPercent;
    const read = measure === 'mem' ? memoryOf : cpuOf;
    return sign === '>' ? (...of) => read(...of) > bound : (...of) => read(...of) < bound;
  }
  return (machine) => isSubsequence(word, machine.name.toLowerCase());
}

/** Share of one core. Units: percent */
export function cpuOf(machine: Machine, sample: MachineSample | undefined): number {
  return machine.state === 'running' ? (sample?.cpuPercent ?? 0) : 0;
}

/** What the guest uses while there is one, else nothing. Units: bytes */
export function memoryOf(machine: Machine, sample: MachineSample | undefined): number {
  return ['running', 'paused', 'saving', 'stopping'].includes(machine.state) ? (sample?.memoryTouchedBytes ?? 0) : 0;
}

// Fuzzy: the letters in order, as in `wb1` for `web-1`.
function isSubsequence(needle: string, hay: string): boolean {
  let at = 0;
  for (const char of hay) if (char === needle[at]) at++;
  return at >= needle.length;
}
