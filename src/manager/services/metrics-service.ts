/** Turns counters of machine processes into samples a second apart, and measures the host. */
import {EventEmitter} from 'node:events';
import {cpus, freemem, totalmem} from 'node:os';
import type {RunCounters} from '../hypervisor/contract.js';
import {type HostSample, type MachineSample, SAMPLES_KEPT} from '../protocol/metrics.js';
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
}

/** See the module. Emits `sampled`. */
export class MetricsService implements Disposable {
  readonly events = new EventEmitter<{sampled: [FleetSample]}>();
  readonly #tracks = new Map<string, Track>();
  readonly #hostHistory: HostSample[] = [];
  readonly #timer: NodeJS.Timeout;
  #cpuTimes = readCpuTimes();

  constructor(intervalMs: number) {
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
  }

  machineHistory(machineId: string, count: number): MachineSample[] {
    return this.#tracks.get(machineId)?.history.slice(-count) ?? [];
  }

  hostHistory(count: number): HostSample[] {
    return this.#hostHistory.slice(-count);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #track(machineId: string): Track {
    const known = this.#tracks.get(machineId);
    if (known !== undefined) return known;
    const track: Track = {previous: undefined, latest: undefined, history: []};
    this.#tracks.set(machineId, track);
    return track;
  }

  #tick(): void {
    const host = this.#sampleHost();
    push(this.#hostHistory, host);
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
