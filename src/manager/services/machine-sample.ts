/** From two readings of a machine's counters to the sample of the time between them. */
import type {RunCounters} from '../hypervisor/contract.js';
import type {MachineRates, MachineSample} from '../protocol/metrics.js';

/** The sample between two readings; `undefined` where they are not of one run. */
export function makeSample(
  machineId: string,
  before: RunCounters | undefined,
  now: RunCounters,
): MachineSample | undefined {
  // Counters that went back belong to another run.
  if (before === undefined || now.atMs <= before.atMs || now.instructions < before.instructions) return undefined;
  const seconds = (now.atMs - before.atMs) / 1000;
  const instructions = now.instructions - before.instructions;
  const compiled = (now.code?.regionInstructions ?? 0) - (before.code?.regionInstructions ?? 0);
  const code =
    now.code === undefined
      ? {}
      : {
          code: now.code,
          // A reboot in between sets the region's count back, and an idle guest has no share at all.
          ...(instructions > 0 ? {regionPercent: clampPercent((100 * compiled) / instructions, 100)} : {}),
        };
  return {
    machineId,
    atMs: now.atMs,
    cpuPercent: clampPercent((now.activeNs - before.activeNs) / (seconds * 1e7), Number.POSITIVE_INFINITY),
    instructionsPerSecond: instructions / seconds,
    memoryTouchedBytes: now.memoryTouchedBytes,
    residentBytes: now.residentBytes,
    diskReadBytes: now.diskReadBytes,
    diskWrittenBytes: now.diskWrittenBytes,
    netReceivedBytes: now.netReceivedBytes,
    netSentBytes: now.netSentBytes,
    ...(now.guestMemory === undefined ? {} : {guestMemory: now.guestMemory}),
    rates: makeRates(before, now, seconds),
    ...loads(before, now, seconds),
    ...code,
  };
}

/** What of a counter was added a second; missing where either reading has none. */
function rate(before: number | undefined, now: number | undefined, seconds: number): number | undefined {
  return before === undefined || now === undefined ? undefined : Math.max(0, now - before) / seconds;
}

function makeRates(before: RunCounters, now: RunCounters, seconds: number): MachineRates {
  const of = (pick: (counters: RunCounters) => number | undefined) => rate(pick(before), pick(now), seconds);
  return {
    diskReadBytes: of((c) => c.diskReadBytes) ?? 0,
    diskWrittenBytes: of((c) => c.diskWrittenBytes) ?? 0,
    netReceivedBytes: of((c) => c.netReceivedBytes) ?? 0,
    netSentBytes: of((c) => c.netSentBytes) ?? 0,
    ...told('diskReadOperations', of),
    ...told('diskWriteOperations', of),
    ...told('netReceivedPackets', of),
    ...told('netSentPackets', of),
    ...told('interrupts', of),
  };
}

type ToldRate = 'diskReadOperations' | 'diskWriteOperations' | 'netReceivedPackets' | 'netSentPackets' | 'interrupts';

function told(
  name: ToldRate,
  of: (pick: (counters: RunCounters) => number | undefined) => number | undefined,
): Partial<Record<ToldRate, number>> {
  const value = of((counters) => counters[name]);
  return value === undefined ? {} : {[name]: value};
}

/** Load of the host's processors, and of each hart. */
function loads(
  before: RunCounters,
  now: RunCounters,
  seconds: number,
): Pick<MachineSample, 'hostCpuPercent' | 'harts'> {
  const hostCpuNs = rate(before.hostCpuNs, now.hostCpuNs, seconds);
  const harts = now.harts?.map(({activeNs, instructions}, hart) => ({
    cpuPercent: clampPercent((rate(before.harts?.[hart]?.activeNs, activeNs, seconds) ?? 0) / 1e7, 100),
    instructionsPerSecond: rate(before.harts?.[hart]?.instructions, instructions, seconds) ?? 0,
  }));
  return {
    ...(hostCpuNs === undefined ? {} : {hostCpuPercent: hostCpuNs / 1e7}),
    ...(harts === undefined || before.harts === undefined ? {} : {harts}),
  };
}

/** A percentage that is none, by clocks read one after the other, made one. */
export function clampPercent(percent: number, most: number): number {
  return Math.min(most, Math.max(0, percent));
}
