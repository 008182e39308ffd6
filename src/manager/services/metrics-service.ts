/** Turns counters of machine processes into samples a second apart, and measures the host. */
import {EventEmitter} from 'node:events';
import {cpus, freemem, totalmem} from 'node:os';
import type {RunCounters} from '../hypervisor/contract.js';
import {type HostSample, type MachineSample, type MetricsCurves, SAMPLES_KEPT} from '../protocol/metrics.js';
import {
  hostNames,
  hostNumberCount,
  hostNumbers,
  machineNames,
  machineNumberCount,
  machineNumbers,
} from '../protocol/sample-numbers.js';
import {CurveHistory, type CurveRows, curvesOf} from './curve-history.js';
import {clampPercent, makeSample} from './machine-sample.js';

/** One second of all. */
export interface FleetSample {
  readonly host: HostSample;
  readonly machines: MachineSample[];
}

interface Track {
  previous: RunCounters | undefined;
  latest: MachineSample | undefined;
  readonly history: MachineSample[];
  readonly curves: CurveHistory;
  /** Since `takeGrown`. */
  hasGrown: boolean;
}

/** See the module. Emits `sampled`, and `forgotten` of machines that were removed. */
export class MetricsService implements Disposable {
  readonly events = new EventEmitter<{sampled: [FleetSample]; forgotten: [machineId: string]}>();
  readonly hostCurves = new CurveHistory(hostNumberCount);
  readonly #intervalMs: number;
  readonly #tracks = new Map<string, Track>();
  readonly #hostHistory: HostSample[] = [];
  readonly #timer: NodeJS.Timeout;
  #cpuTimes = readCpuTimes();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#timer = setInterval(() => this.#tick(), intervalMs);
    this.#timer.unref();
  }

  /** Takes the counters a machine's process sent. */
  add(machineId: string, counters: RunCounters): void {
    const track = this.#track(machineId);
    const sample = makeSample(machineId, track.previous, counters);
    track.previous = counters;
    if (sample === undefined) return;
    track.latest = sample;
    push(track.history, sample);
    track.curves.add(sample.atMs, machineNumbers(sample));
    track.hasGrown = true;
  }

  /** The machine's process is gone: its next one counts from zero. */
  stop(machineId: string): void {
    const track = this.#tracks.get(machineId);
    if (track === undefined) return;
    track.previous = undefined;
    track.latest = undefined;
  }

  /** The machine was removed. */
  forget(machineId: string): void {
    this.#tracks.delete(machineId);
    this.events.emit('forgotten', machineId);
  }

  machineHistory(machineId: string, count: number): MachineSample[] {
    return this.#tracks.get(machineId)?.history.slice(-count) ?? [];
  }

  hostHistory(count: number): HostSample[] {
    return this.#hostHistory.slice(-count);
  }

  /** The longer history of a machine. */
  machineCurves(machineId: string): CurveHistory {
    return this.#track(machineId).curves;
  }

  /** Machines whose history grew since the last call. */
  takeGrown(): string[] {
    const grown = [...this.#tracks].filter(([, {hasGrown}]) => hasGrown);
    for (const [, track] of grown) track.hasGrown = false;
    return grown.map(([id]) => id);
  }

  /** See the request `metricsCurves`; without a machine they are the host's. */
  curves(machineId: string | undefined, spanMs: number, points: number): MetricsCurves {
    const track = machineId === undefined ? undefined : this.#tracks.get(machineId);
    if (machineId !== undefined && track === undefined) return {stepMs: spanMs, atMs: [], curves: {}};
    const curves = track?.curves ?? this.hostCurves;
    const names = track === undefined ? hostNames : machineNames(curves.columns - machineNumberCount);
    const isFine = spanMs <= this.#intervalMs * SAMPLES_KEPT;
    return curvesOf(isFine ? this.#samplesAsRows(track) : curves.rowsFor(spanMs), names, Date.now(), spanMs, points);
  }

  #samplesAsRows(track: Track | undefined): CurveRows {
    const samples: readonly {readonly atMs: number}[] = track?.history ?? this.#hostHistory;
    const numbers = track?.history.map(machineNumbers) ?? this.#hostHistory.map(hostNumbers);
    return {
      stepMs: this.#intervalMs,
      length: samples.length,
      timeAt: (row) => samples[row]?.atMs ?? 0,
      valueAt: (row, column) => numbers[row]?.[column] ?? Number.NaN,
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #track(machineId: string): Track {
    const known = this.#tracks.get(machineId);
    if (known !== undefined) return known;
    const curves = new CurveHistory(machineNumberCount);
    const track: Track = {previous: undefined, latest: undefined, history: [], curves, hasGrown: false};
    this.#tracks.set(machineId, track);
    return track;
  }

  #tick(): void {
    const host = this.#sampleHost();
    push(this.#hostHistory, host);
    this.hostCurves.add(host.atMs, hostNumbers(host));
    const machines = [...this.#tracks.values()].flatMap(({latest}) => (latest === undefined ? [] : [latest]));
    this.events.emit('sampled', {host, machines});
  }

  #sampleHost(): HostSample {
    const before = this.#cpuTimes;
    const now = readCpuTimes();
    this.#cpuTimes = now;
    const total = now.total - before.total;
    const memoryTotalBytes = totalmem();
    return {
      atMs: Date.now(),
      cpuPercent: total > 0 ? clampPercent((100 * (total - (now.idle - before.idle))) / total, 100) : 0,
      coreCount: now.coreCount,
      memoryUsedBytes: memoryTotalBytes - freemem(),
      memoryTotalBytes,
    };
  }
}

function push<T>(history: T[], sample: T): void {
  history.push(sample);
  if (history.length > SAMPLES_KEPT) history.shift();
}

function readCpuTimes(): {readonly total: number; readonly idle: number; readonly coreCount: number} {
  let total = 0;
  let idle = 0;
  const cores = cpus();
  for (const {times} of cores) {
    total += times.user + times.nice + times.sys + times.irq + times.idle;
    idle += times.idle;
  }
  return {total, idle, coreCount: cores.length};
}
