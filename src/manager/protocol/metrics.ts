/** Numbers of every running machine and of the host, once a second. */
import * as z from 'zod';
import {defineNotification, defineRequest} from './define.js';
import {machineRefSchema} from './machine.js';

/**
 * What the compiler of hot guest code has done since the machine's last boot.
 * `compilerFault` is why the compiler ended, when it did: what is not compiled then stays interpreted.
 * Units: `regionInstructions` of all instructions ran in compiled regions; compileMs is work of all compiling threads
 */
export const codeCountersSchema = z.object({
  regionInstructions: z.number(),
  regions: z.number(),
  compiledBytes: z.number(),
  compileMs: z.number(),
  compilerFault: z.string().optional(),
});
/** See `codeCountersSchema`. */
export type CodeCounters = z.output<typeof codeCountersSchema>;

/**
 * What a guest last told of its memory, some seconds ago; its kernel needs a balloon driver for that.
 * Units: bytes. `availableBytes` is what programs could get without swapping: free memory and most of the caches
 */
export const guestMemorySchema = z.object({
  totalBytes: z.number().optional(),
  freeBytes: z.number().optional(),
  availableBytes: z.number().optional(),
  cacheBytes: z.number().optional(),
});
/** See `guestMemorySchema`. */
export type GuestMemoryFigures = z.output<typeof guestMemorySchema>;

/**
 * How fast a machine's counters grew in its second; what its process cannot tell is missing.
 * Units: bytes, requests, frames and interrupts a second
 */
export const machineRatesSchema = z.object({
  diskReadBytes: z.number(),
  diskWrittenBytes: z.number(),
  diskReadOperations: z.number().optional(),
  diskWriteOperations: z.number().optional(),
  netReceivedBytes: z.number(),
  netSentBytes: z.number(),
  netReceivedPackets: z.number().optional(),
  netSentPackets: z.number().optional(),
  interrupts: z.number().optional(),
});
/** See `machineRatesSchema`. */
export type MachineRates = z.output<typeof machineRatesSchema>;

/**
 * One machine's second. Counters ending in `Bytes` under disk and net count from the machine's start.
 * Units: cpuPercent is time not in WFI, 100 per hart fully busy; instructionsPerSecond counts retired instructions;
 *        hostCpuPercent is time of the host's processors for the whole machine process, 100 per processor;
 *        regionPercent is the share of them in compiled regions; memoryTouchedBytes is guest RAM backed by host memory; residentBytes is the whole machine process
 */
export const machineSampleSchema = z.object({
  machineId: z.string(),
  atMs: z.number(),
  cpuPercent: z.number(),
  instructionsPerSecond: z.number(),
  memoryTouchedBytes: z.number(),
  residentBytes: z.number(),
  diskReadBytes: z.number(),
  diskWrittenBytes: z.number(),
  netReceivedBytes: z.number(),
  netSentBytes: z.number(),
  rates: machineRatesSchema.optional(),
  hostCpuPercent: z.number().optional(),
  /** Each hart, in order. */
  harts: z.array(z.object({cpuPercent: z.number(), instructionsPerSecond: z.number()})).optional(),
  guestMemory: guestMemorySchema.optional(),
  regionPercent: z.number().optional(),
  code: codeCountersSchema.optional(),
});
/** See `machineSampleSchema`. */
export type MachineSample = z.output<typeof machineSampleSchema>;

/** The host's second. Units: cpuPercent of all cores together, 0 to 100. */
export const hostSampleSchema = z.object({
  atMs: z.number(),
  cpuPercent: z.number(),
  coreCount: z.number(),
  memoryUsedBytes: z.number(),
  memoryTotalBytes: z.number(),
});
/** See `hostSampleSchema`. */
export type HostSample = z.output<typeof hostSampleSchema>;

/** Samples kept per machine: two minutes at one a second. What is older is in `metricsCurves`. */
export const SAMPLES_KEPT = 120;
/** Samples that may be asked for; clients of earlier versions ask for more than are kept. */
const SAMPLES_ASKED_MAX = 600;

/** The newest samples of one machine, or of the host when `machine` is left out; oldest first. Errors: machine-not-found */
export const metricsHistory = defineRequest(
  'metrics/history',
  z.object({
    machine: machineRefSchema.optional(),
    count: z.number().int().min(1).max(SAMPLES_ASKED_MAX).default(SAMPLES_KEPT),
  }),
  z.object({machine: z.array(machineSampleSchema), host: z.array(hostSampleSchema)}),
);

/** How far back curves reach, and how many points they may have. Units: milliseconds */
export const CURVES_SPAN_MAX_MS = 7_200_000;
/** See `CURVES_SPAN_MAX_MS`. */
export const CURVES_POINTS_MAX = 500;

const valuesSchema = z.array(z.number().nullable()).max(CURVES_POINTS_MAX);
/**
 * Numbers over time, by name. Each step has the least, the mean and the most of what was measured in it, `null` where one
 * was not told; steps in which nothing was measured are left out. Names are those of `sample-numbers.ts`.
 * Units: milliseconds since 1970, when steps began; percent, bytes, and a second
 */
export const curvesSchema = z.object({
  stepMs: z.number(),
  atMs: z.array(z.number()).max(CURVES_POINTS_MAX),
  curves: z.record(z.string().max(32), z.object({least: valuesSchema, mean: valuesSchema, most: valuesSchema})),
});
/** See `curvesSchema`. */
export type MetricsCurves = z.output<typeof curvesSchema>;

/**
 * Curves of a machine, or of the host, over the last `spanMs` in at most `points` points. They reach back two hours, also
 * beyond the machine's last start and the daemon's. Errors: machine-not-found
 */
export const metricsCurves = defineRequest(
  'metrics/curves',
  z.object({
    machine: machineRefSchema.optional(),
    spanMs: z.number().int().min(1000).max(CURVES_SPAN_MAX_MS),
    points: z.number().int().min(2).max(CURVES_POINTS_MAX).default(120),
  }),
  curvesSchema,
);

/** Topic `metrics`: once a second, one sample for every machine that has a process (paused ones too). */
export const metricsSampled = defineNotification(
  'metrics/sampled',
  z.object({host: hostSampleSchema, machines: z.array(machineSampleSchema)}),
);
