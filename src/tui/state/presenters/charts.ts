import type {Machine} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import {SAMPLES_SHOWN} from '../model.js';
import {formatBytes, formatPercent} from './units.js';

/** One curve as numbers and words. Units: as the title says; `values` are oldest first. */
export interface Curve {
  readonly id: 'cpu' | 'memory';
  readonly title: string;
  readonly values: readonly number[];
  readonly labels: readonly string[];
  readonly maxValue: number;
}

const MIB = 1024 * 1024;

/** The CPU and memory curves of a machine over the last two minutes; time before the first sample counts as 0. */
export function machineCurves(machine: Machine, samples: readonly MachineSample[]): readonly Curve[] {
  const newest = samples.slice(-SAMPLES_SHOWN);
  const pad = new Array<number>(SAMPLES_SHOWN - newest.length).fill(0);
  const labels = Array.from({length: SAMPLES_SHOWN}, (_, index) => {
    const age = SAMPLES_SHOWN - index;
    return age % 30 === 0 ? `-${age}s` : '';
  });
  const last = newest.at(-1);
  const harts = machine.config?.hartCount ?? 1;
  const memoryBytes = machine.config?.memoryBytes ?? 0;
  return [
    {
      id: 'cpu',
      title: `CPU ${last ? formatPercent(last.cpuPercent) : 'no samples yet'}`,
      values: [...pad, ...newest.map((sample) => sample.cpuPercent)],
      labels,
      maxValue: 100 * harts,
    },
    {
      id: 'memory',
      title: `Memory ${last ? `${formatBytes(last.memoryTouchedBytes)} of ${formatBytes(memoryBytes)}${availability(last)}` : ''} (MiB)`,
      values: [...pad, ...newest.map((sample) => sample.memoryTouchedBytes / MIB)],
      labels,
      maxValue: Math.max(1, memoryBytes / MIB),
    },
  ];
}

/** What the guest could still give its programs, where it tells. */
function availability({guestMemory}: MachineSample): string {
  const bytes = guestMemory?.availableBytes;
  return bytes === undefined ? '' : `, ${formatBytes(bytes)} available`;
}
