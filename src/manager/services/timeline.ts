/**
 * Takes checkpoints of running machines by itself and keeps them within bounds, one at a time for all machines. A machine
 * whose guest did nothing since its last checkpoint is left alone; one whose checkpoint fails is tried ever more seldom.
 */
import type {RunningMachine} from '../hypervisor/contract.js';
import {checkpointBytes, chooseOutdated, type TimelinePoint} from '../machine/checkpoint-policy.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {TimelineChoice} from '../protocol/machine.js';
import type {Timeline, timelineChange} from '../protocol/timeline.js';
import type {Settings} from '../settings/settings.js';
import type {MachineStore} from '../store/machine-store.js';
import type {StoredSnapshot} from '../store/snapshot-store.js';
import type {ConsoleHub} from './console-hub.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import {type MachineLayers, writesForeignImage} from './machine-layers.js';
import type {MachineSaver} from './machine-saver.js';
import type {MachineSnapshots} from './machine-snapshots.js';
import type {FleetSample, MetricsService} from './metrics-service.js';

/** What it works with. */
export interface TimelineParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly saver: MachineSaver;
  readonly snapshots: MachineSnapshots;
  readonly layers: MachineLayers;
  readonly consoles: ConsoleHub;
  readonly metrics: MetricsService;
  readonly log: EventLog;
  readonly timeline: Settings['timeline'];
}

/** Why a machine has no timeline unless somebody asks for one. */
const SPARED = 'It writes to an image that you attached, and layers over that image would leave it behind.';
/** Longest time between looks at which machines are due, and shortest. */
const LOOK_MAX_MS = 1000;
const LOOK_MIN_MS = 50;
/** Longest time between attempts that fail. */
const RETRY_MAX_MS = 600_000;
/** Below this a guest only keeps its own time. Measured: an idle Linux retires 0.05 to 0.2 million a second and hart. */
const IDLE_INSTRUCTIONS_PER_SECOND = 500_000;
/** Images that a disk may stand on before checkpoints go for it: each has a layer, and chains end at 64. */
const LAYERS_MAX = 48;

/** What is known of one run of a machine. */
interface Track {
  readonly run: RunningMachine;
  /** When a checkpoint was taken, failed or was not needed; at first, when the run was seen. */
  lookedAtMs: number;
  /** The guest did something since then, as far as samples tell. */
  isActive: boolean;
  sampledAtMs: number;
  writtenBytes: number;
  /** Where the console was at the last checkpoint. */
  consoleEnd: number | undefined;
  /** Time to the next attempt after one that failed, and why it did. */
  retry: {readonly afterMs: number; readonly reason: string} | undefined;
}

/** See the module. */
export class TimelineService implements AsyncDisposable {
  readonly #parts: TimelineParts;
  readonly #tracks = new Map<string, Track>();
  readonly #onSampled = (sample: FleetSample) => this.#watch(sample);
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();
  #isEnded = false;

  constructor(parts: TimelineParts) {
    this.#parts = parts;
    parts.metrics.events.on('sampled', this.#onSampled);
    this.#wait();
  }

  /** Errors: machine-not-found */
  async show(reference: string): Promise<Timeline> {
    const {fleet, store} = this.#parts;
    const machine = fleet.find(reference);
    const {isEnabled, intervalMs, budgetBytes, maxCount} = this.#settingsOf(machine);
    const {snapshots} = await store.snapshots.list(machine.id);
    const usedBytes = checkpointBytes(snapshots.map(asPoint), await this.#sizes(machine, snapshots));
    const isSpared = writesForeignImage(machine) && machine.definition?.config.timeline?.isEnabled === undefined;
    const failure = this.#trackOf(machine)?.retry?.reason;
    const problem = isSpared ? SPARED : failure && `The last checkpoint failed: ${failure}`;
    return {isEnabled, intervalMs, budgetBytes, maxCount, usedBytes, ...(problem === undefined ? {} : {problem})};
  }

  /** See `timelineChange` for the errors. */
  async change({machine: reference, ...changes}: ParamsOutput<typeof timelineChange>): Promise<Timeline> {
    const {fleet, store, saver, snapshots, log} = this.#parts;
    await saver.inTurn(reference, async () => {
      // What cannot be renamed cannot be read either, and says why.
      const machine = fleet.findFor('rename', reference);
      const {definition, name} = machine;
      if (definition === undefined)
        throw new Error(`machine ${machine.id} has no definition in state ${machine.state}`);
      const {timeline: before, ...config} = definition.config;
      const timeline = changed(before ?? {}, changes);
      const isOwn = Object.keys(timeline).length > 0;
      const redefined = {...definition, config: {...config, ...(isOwn ? {timeline} : {})}};
      await store.saveDefinition(redefined);
      fleet.update(machine, {definition: redefined});
      const track = this.#trackOf(machine);
      if (track !== undefined) track.retry = undefined;
      const {isEnabled} = this.#settingsOf(machine);
      log.record('machine-changed', `The timeline of ${name} was changed; it is ${isEnabled ? 'on' : 'off'}.`, machine);
      snapshots.events.emit('changed', machine.id);
    });
    return this.show(reference);
  }

  /** Takes no more; resolves when none is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#parts.metrics.events.off('sampled', this.#onSampled);
    await this.#pass;
  }

  #settingsOf(machine: FleetMachine): Settings['timeline'] {
    const {timeline: settings} = this.#parts;
    const own = machine.definition?.config.timeline;
    return {
      isEnabled: own?.isEnabled ?? (settings.isEnabled && !writesForeignImage(machine)),
      intervalMs: own?.intervalMs ?? settings.intervalMs,
      budgetBytes: own?.budgetBytes ?? settings.budgetBytes,
      maxCount: settings.maxCount,
    };
  }

  #wait(): void {
    if (this.#isEnded) return;
    const now = Date.now();
    const waits = this.#candidates().map((machine) => this.#dueAtMs(machine) - now);
    this.#timer = setTimeout(
      () => {
        this.#pass = this.#takeDue().finally(() => this.#wait());
      },
      Math.max(LOOK_MIN_MS, Math.min(LOOK_MAX_MS, ...waits)),
    );
    this.#timer.unref();
  }

  /** Machines that are to have checkpoints now. */
  #candidates(): FleetMachine[] {
    return this.#parts.fleet.all().filter((machine) => this.#canTake(machine));
  }

  #canTake(machine: FleetMachine): boolean {
    const {state, run, definition, driver} = machine;
    if (state !== 'running' || run === undefined || run.isPaused || definition === undefined) return false;
    return driver.capabilities.refusals.snapshot === undefined && this.#settingsOf(machine).isEnabled;
  }

  #dueAtMs(machine: FleetMachine): number {
    const {intervalMs} = this.#settingsOf(machine);
    const track = this.#trackOf(machine);
    return track === undefined ? Date.now() + intervalMs : track.lookedAtMs + (track.retry?.afterMs ?? intervalMs);
  }

  /** What is known of the present run of a machine; a run that is new is known from now on. */
  #trackOf({id, run}: FleetMachine): Track | undefined {
    const known = this.#tracks.get(id);
    if (run === undefined || known?.run === run) return run && known;
    const seen = {run, lookedAtMs: Date.now(), isActive: true, sampledAtMs: 0, writtenBytes: 0};
    const track: Track = {...seen, consoleEnd: undefined, retry: undefined};
    this.#tracks.set(id, track);
    return track;
  }

  #watch({machines}: FleetSample): void {
    const {fleet} = this.#parts;
    const byId = new Map(fleet.all().map((machine) => [machine.id, machine]));
    for (const id of this.#tracks.keys()) if (!byId.has(id)) this.#tracks.delete(id);
    for (const {machineId, atMs, instructionsPerSecond, diskWrittenBytes} of machines) {
      const machine = byId.get(machineId);
      const track = machine && this.#trackOf(machine);
      // A machine that sends nothing new is told of again with its last sample.
      if (track === undefined || atMs <= track.sampledAtMs) continue;
      const harts = machine?.definition?.config.hartCount ?? 1;
      if (instructionsPerSecond > harts * IDLE_INSTRUCTIONS_PER_SECOND || diskWrittenBytes !== track.writtenBytes)
        track.isActive = true;
      track.sampledAtMs = atMs;
      track.writtenBytes = diskWrittenBytes;
    }
  }

  /** The longest overdue first, each looked at again when its turn comes. */
  async #takeDue(): Promise<void> {
    const due = (machine: FleetMachine) => this.#dueAtMs(machine);
    for (const machine of this.#candidates().sort((a, b) => due(a) - due(b))) {
      const track = this.#trackOf(machine);
      if (this.#isEnded || track === undefined || due(machine) > Date.now()) continue;
      if (!this.#canTake(machine) || this.#parts.saver.isBusy(machine)) continue;
      await this.#take(machine, track);
    }
  }

  /** Takes a checkpoint of a machine that did something. Never fails. */
  async #take(machine: FleetMachine, track: Track): Promise<void> {
    const {snapshots, consoles} = this.#parts;
    try {
      const {ring} = await consoles.open(machine.id);
      const consoleEnd = ring.endOffset;
      track.lookedAtMs = Date.now();
      if (!track.isActive && consoleEnd === track.consoleEnd) return;
      track.isActive = false;
      const taken = await snapshots.create({machine: machine.id}, 'checkpoint');
      track.consoleEnd = consoleEnd;
      if (!this.#isEnded) await this.#prune(machine, taken.id);
      track.retry = undefined;
    } catch (thrown) {
      track.isActive = true;
      this.#failed(machine, track, toManagerError(thrown));
    }
  }

  async #prune(machine: FleetMachine, takenId: string): Promise<void> {
    const {budgetBytes, maxCount} = this.#settingsOf(machine);
    const {layers} = this.#parts;
    let tooLarge: number | undefined;
    await this.#parts.snapshots.prune(machine, async (all) => {
      const sizes = await this.#sizes(machine, all);
      const points = all.map(asPoint);
      const others = points.filter(({kind}) => kind !== 'checkpoint');
      const tooDeep = Math.max(0, (await layers.depth(machine)) - LAYERS_MAX);
      // Layers that a fork has as well cannot be folded: one checkpoint is kept whatever it stands on.
      const fitting = Math.max(1, points.length - others.length - tooDeep);
      const bounds = {budgetBytes, maxCount: Math.min(maxCount, fitting)};
      const gone = new Set(chooseOutdated(points, sizes, bounds, Date.now()).map(({id}) => id));
      if (gone.has(takenId)) tooLarge = checkpointBytes([...others, ...points.filter(({id}) => id === takenId)], sizes);
      return all.filter(({id}) => gone.has(id));
    });
    if (tooLarge === undefined) return;
    throw new ManagerError(
      'disk-full',
      `one takes ${toMiB(tooLarge)} MiB, and all may take ${toMiB(budgetBytes)} MiB.`,
      `Give it more: viv timeline ${machine.name} --budget ${toMiB(2 * tooLarge)}M`,
    );
  }

  #failed(machine: FleetMachine, track: Track, {message, hint}: ManagerError): void {
    const {fleet, log} = this.#parts;
    // What ends, pauses or goes back meanwhile cannot be saved, and nobody misses it.
    if (!fleet.all().includes(machine) || machine.run !== track.run || !this.#canTake(machine)) return;
    const {intervalMs} = this.#settingsOf(machine);
    const isFirst = track.retry === undefined;
    const afterMs = Math.min(Math.max(RETRY_MAX_MS, intervalMs), 2 * (track.retry?.afterMs ?? intervalMs));
    track.retry = {afterMs, reason: `${message} ${hint}`.trim()};
    if (!isFirst) return;
    const news = `No checkpoint of ${machine.name} could be taken: ${message} It is tried again.`;
    log.record('checkpoint-failed', news, machine);
    this.#parts.snapshots.events.emit('changed', machine.id);
  }

  async #sizes(machine: FleetMachine, snapshots: readonly StoredSnapshot[]): Promise<Map<string, number>> {
    const {store, layers} = this.#parts;
    const disks = [...snapshots].reverse().map(({config}) => config.disks);
    const heads = machine.definition === undefined ? [] : [machine.definition.config.disks];
    return new Map([...(await store.memory.sizes(machine.id)), ...(await layers.sizes(machine, [...heads, ...disks]))]);
  }
}

function asPoint({id, kind, createdAtMs, memoryId, sources, config}: StoredSnapshot): TimelinePoint {
  return {id, kind, createdAtMs, files: [memoryId, ...sources, ...config.disks.map(({path}) => path)]};
}

type Changes = {readonly [Name in keyof TimelineChoice]: TimelineChoice[Name] | null};

function changed(before: TimelineChoice, changes: Changes): TimelineChoice {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const merged: Changes = {...before, ...Object.fromEntries(given)};
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
}

const toMiB = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1_048_576));
