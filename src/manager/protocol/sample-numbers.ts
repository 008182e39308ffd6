/** Samples as plain numbers in a fixed order, with the names that curves go by. What a sample does not tell is NaN. */
import type {HostSample, MachineSample} from './metrics.js';

type Pick<Sample> = (sample: Sample) => number | undefined;

const ofMachine: Readonly<Record<string, Pick<MachineSample>>> = {
  cpu: ({cpuPercent}) => cpuPercent,
  hostCpu: ({hostCpuPercent}) => hostCpuPercent,
  instructions: ({instructionsPerSecond}) => instructionsPerSecond,
  memoryTouched: ({memoryTouchedBytes}) => memoryTouchedBytes,
  resident: ({residentBytes}) => residentBytes,
  guestUsed: ({guestMemory}) => guestMemory && difference(guestMemory.totalBytes, guestMemory.availableBytes),
  guestCache: ({guestMemory}) => guestMemory?.cacheBytes,
  guestFree: ({guestMemory}) => guestMemory?.freeBytes,
  diskRead: ({rates}) => rates?.diskReadBytes,
  diskWritten: ({rates}) => rates?.diskWrittenBytes,
  diskReads: ({rates}) => rates?.diskReadOperations,
  diskWrites: ({rates}) => rates?.diskWriteOperations,
  netReceived: ({rates}) => rates?.netReceivedBytes,
  netSent: ({rates}) => rates?.netSentBytes,
  packetsReceived: ({rates}) => rates?.netReceivedPackets,
  packetsSent: ({rates}) => rates?.netSentPackets,
  interrupts: ({rates}) => rates?.interrupts,
};

const ofHost: Readonly<Record<string, Pick<HostSample>>> = {
  cpu: ({cpuPercent}) => cpuPercent,
  memoryUsed: ({memoryUsedBytes}) => memoryUsedBytes,
};

const machinePicks = Object.values(ofMachine);
const hostPicks = Object.values(ofHost);

/** Numbers of a machine before those of its harts, and of the host. */
export const machineNumberCount = machinePicks.length;
/** See `machineNumberCount`. */
export const hostNumberCount = hostPicks.length;

/** Names of a machine's numbers, in order; `hart0` and on come last, so that another count of harts moves nothing. */
export function machineNames(hartCount: number): string[] {
  return [...Object.keys(ofMachine), ...Array.from({length: hartCount}, (_, hart) => `hart${hart}`)];
}

/** Names of the host's numbers, in order. */
export const hostNames: readonly string[] = Object.keys(ofHost);

/** A machine's numbers. */
export function machineNumbers(sample: MachineSample): number[] {
  const numbers = machinePicks.map((pick) => pick(sample) ?? Number.NaN);
  for (const {cpuPercent} of sample.harts ?? []) numbers.push(cpuPercent);
  return numbers;
}

/** The host's numbers. */
export function hostNumbers(sample: HostSample): number[] {
  return hostPicks.map((pick) => pick(sample) ?? Number.NaN);
}

function difference(total: number | undefined, part: number | undefined): number | undefined {
  return total === undefined || part === undefined ? undefined : Math.max(0, total - part);
}
