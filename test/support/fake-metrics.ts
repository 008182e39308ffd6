/** Samples and curves of a scripted fleet: waves that differ from machine to machine, by the clock alone. */
import type {Machine} from '../../src/manager/protocol/machine.js';
import type {MachineSample, MetricsCurves} from '../../src/manager/protocol/metrics.js';
import {machineNames, machineNumbers} from '../../src/manager/protocol/sample-numbers.js';

const MIB = 2 ** 20;

/** What a machine that does nothing but be there tells. */
export function steadySample(machineId: string, atMs: number): MachineSample {
  return {
    machineId,
    atMs,
    cpuPercent: 31,
    instructionsPerSecond: 4e8,
    memoryTouchedBytes: 96 * MIB,
    residentBytes: 1e8,
    diskReadBytes: 0,
    diskWrittenBytes: 0,
    netReceivedBytes: 0,
    netSentBytes: 0,
  };
}

/** What a machine that works tells: every number moves. */
export function busySample({id, config}: Machine, atMs: number): MachineSample {
  const phase = [...id].reduce((sum, char) => sum + char.charCodeAt(0), 0);
  const wave = (periodMs: number, shift = 0) => (Math.sin((atMs / periodMs) * 2 * Math.PI + phase + shift) + 1) / 2;
  const harts = Array.from({length: config?.hartCount ?? 1}, (_, hart) => ({
    cpuPercent: 100 * wave(23_000 + hart * 9000, hart),
    instructionsPerSecond: 3e8 * wave(23_000 + hart * 9000, hart),
  }));
  return {
    ...steadySample(id, atMs),
    cpuPercent: harts.reduce((sum, {cpuPercent}) => sum + cpuPercent, 0),
    instructionsPerSecond: harts.reduce((sum, hart) => sum + hart.instructionsPerSecond, 0),
    memoryTouchedBytes: (100 + 60 * wave(120_000)) * MIB,
    residentBytes: (220 + 60 * wave(120_000)) * MIB,
    hostCpuPercent: 110 * wave(31_000),
    harts,
    guestMemory: {
      totalBytes: 240 * MIB,
      freeBytes: (150 - 60 * wave(120_000)) * MIB,
      availableBytes: (180 - 60 * wave(120_000)) * MIB,
      cacheBytes: 30 * MIB * wave(70_000),
    },
    rates: {
      diskReadBytes: 3 * MIB * wave(17_000),
      diskWrittenBytes: 2 * MIB * wave(29_000),
      diskReadOperations: 700 * wave(17_000),
      diskWriteOperations: 300 * wave(29_000),
      netReceivedBytes: 5 * MIB * wave(41_000),
      netSentBytes: 400 * 1024 * wave(13_000),
      netReceivedPackets: 3500 * wave(41_000),
      netSentPackets: 900 * wave(13_000),
      interrupts: 1200 + 2500 * wave(19_000),
    },
  };
}

/** What such a machine did before, as the daemon would tell it. */
export function busyCurves(machine: Machine, nowMs: number, spanMs: number, points: number): MetricsCurves {
  const stepMs = Math.ceil(spanMs / points / 5000) * 5000;
  const count = Math.min(points, Math.floor(spanMs / stepMs));
  const last = Math.floor(nowMs / stepMs) * stepMs;
  const atMs = Array.from({length: count}, (_, index) => last - (count - 1 - index) * stepMs);
  const rows = atMs.map((at) => machineNumbers(busySample(machine, at)));
  const curves: MetricsCurves['curves'] = {};
  for (const [column, name] of machineNames(machine.config?.hartCount ?? 1).entries()) {
    const mean = rows.map((row) => row[column] ?? null);
    curves[name] = {least: mean, mean, most: mean};
  }
  return {stepMs, atMs, curves};
}
