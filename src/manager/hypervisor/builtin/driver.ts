/** The default hypervisor driver: our own machine, one Node.js process for each that runs. */
import {join} from 'node:path';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import {type Boot, defaultNetwork, type Tier} from '../../protocol/machine.js';
import type {Settings} from '../../settings/settings.js';
import {isAlive, isGoneWithin, type ProcessIdentity} from '../../store/process-identity.js';
import {untilAborted} from '../../until-aborted.js';
import type {
  Capabilities,
  HypervisorDriver,
  LaunchPlan,
  MachineEnd,
  MachineParts,
  RunListener,
  RunningMachine,
  StateMake,
} from '../contract.js';
import {checkMachine} from './check.js';
import {shapeOf} from './groundwork.js';
import {type Launch, LINK_VERSION} from './link.js';
import {explainEnd} from './obituary.js';
import {ProcessLink, removeSocket} from './process-link.js';
import {checkWholeState, readWholeState} from './saved/whole-state.js';
import {SpareKeeper, type SpareOptions} from './spare-keeper.js';
import {SpareProcess} from './spare-process.js';
import {SpawnedProcess, startFailed} from './spawned-process.js';
import {Switches} from './switches.js';
import {WrittenStates} from './written-states.js';

/** What the driver takes from the settings and from the installation. */
export interface BuiltinDriverOptions extends SpareOptions {
  readonly scrollbackBytes: number;
  readonly logMaxBytes: number;
  readonly sampleIntervalMs: number;
  readonly startTimeoutMs: number;
  /** What machines run with that do not say it themselves. */
  readonly defaultTier: Tier;
  readonly regions: Settings['regions'];
}

/** A process that is told to end, or ends by itself, is gone by then. */
const ENDING_MS = 2000;

/** See the module. */
export class BuiltinDriver implements HypervisorDriver {
  readonly name = 'builtin';
  readonly capabilities: Capabilities = {refusals: {}};
  readonly #options: BuiltinDriverOptions;
  /** Processes that were started ahead, by machine. */
  readonly #prepared = new Map<string, SpawnedProcess>();
  readonly #written = new WrittenStates();
  readonly #spares: SpareKeeper;
  readonly #switches = new Switches();

  constructor(options: BuiltinDriverOptions) {
    this.#options = options;
    this.#spares = new SpareKeeper(options);
  }

  check(memoryBytes: number, boot: Boot): Promise<void> {
    return checkMachine(memoryBytes, boot);
  }

  async prepare(plan: LaunchPlan): Promise<void> {
    this.forgetPrepared(plan.id);
    const launch = await this.#launch(plan);
    const spawned = await this.#spawn(launch, true);
    this.forgetPrepared(plan.id);
    this.#prepared.set(plan.id, spawned);
  }

  forgetPrepared(id: string): void {
    this.#prepared.get(id)?.[Symbol.dispose]();
    this.#prepared.delete(id);
  }

  async start(plan: LaunchPlan, listener: RunListener, signal: AbortSignal): Promise<RunningMachine> {
    const launch = await this.#launch(plan);
    signal.throwIfAborted();
    using spawned = this.#takePrepared(launch) ?? (await this.#spawn(launch, false));
    const timeout = AbortSignal.timeout(this.#options.startTimeoutMs);
    const given = AbortSignal.any([signal, timeout]);
    let isStarted = false;
    // Until the guest runs, the error of `start` is the only news there is.
    const gate: RunListener = {
      onSpawned: (process) => listener.onSpawned(process),
      onReady: () => listener.onReady(),
      onOutput: (offset, bytes) => listener.onOutput(offset, bytes),
      onCounters: (counters) => listener.onCounters(counters),
      onRebooted: () => listener.onRebooted(),
      onHalted: (reason) => listener.onHalted(reason),
      onQuestions: (questions) => listener.onQuestions(questions),
      onEnd: (end) => {
        if (isStarted) listener.onEnd(end);
      },
    };
    try {
      const identity = await spawned.listening(given);
      await listener.onSpawned(identity);
      const {folder, disks} = plan;
      const {exited} = spawned;
      const written = this.#written;
      const {socketPath, shares} = launch;
      const link = await ProcessLink.open({identity, folder, socketPath, exited, disks, shares, written}, gate);
      await untilAborted(link.boot(), given);
      isStarted = true;
      spawned.linked();
      this.#spares.used(shapeOf(launch));
      if (link.switch !== undefined) this.#switches.join(plan.id, socketPath, link.switch);
      return link;
    } catch (thrown) {
      if (signal.aborted) throw new ManagerError('cancelled', 'The start was cancelled.', 'Start it again any time.');
      if (timeout.aborted) throw startFailed({kind: 'crashed', reason: 'it took too long'});
      throw toManagerError(thrown);
    }
  }

  async find(
    id: string,
    folder: string,
    process: ProcessIdentity,
    parts: MachineParts,
    listener: RunListener,
  ): Promise<RunningMachine | {readonly end: MachineEnd}> {
    const socketPath = this.#socketPath(id);
    if (!isAlive(process)) {
      await removeSocket(socketPath);
      return {end: explainEnd(folder, undefined, 'The machine process ended while the daemon was away')};
    }
    try {
      const link = await ProcessLink.open(
        {identity: process, folder, socketPath, ...parts, written: this.#written},
        listener,
      );
      if (!link.isStarted) {
        link.release();
        globalThis.process.kill(process.pid, 'SIGKILL');
        // What it holds is free when it is gone.
        await isGoneWithin(process, ENDING_MS);
        return {end: {kind: 'crashed', reason: 'The daemon ended while it was being started.'}};
      }
      await link.follow().catch((thrown: unknown) => {
        // Its end is told here, and not once more by the link.
        link.release();
        throw thrown;
      });
      if (link.switch !== undefined) this.#switches.join(id, socketPath, link.switch);
      return link;
    } catch (thrown) {
      // One that ends loses its connections first.
      if (await isGoneWithin(process, ENDING_MS))
        return {end: explainEnd(folder, undefined, 'The machine process ended while the daemon was away')};
      const {message} = toManagerError(thrown);
      return {end: {kind: 'crashed', reason: `Its process ${process.pid} runs but cannot be used: ${message}`}};
    }
  }

  readState(path: string, onProgress?: (done: number, total: number) => void): AsyncIterable<Uint8Array> {
    return readWholeState(path, onProgress);
  }

  checkState(path: string, make: StateMake): Promise<void> {
    return checkWholeState(path, make);
  }

  /** The process that was started ahead, if it is the one that is needed now; any other is ended. */
  #takePrepared(launch: Launch): SpawnedProcess | undefined {
    const prepared = this.#prepared.get(launch.id);
    if (prepared?.fits(launch)) {
      this.#prepared.delete(launch.id);
      return prepared;
    }
    this.forgetPrepared(launch.id);
    return undefined;
  }

  /** A process for a launch: the one that waits for one, or a new one. */
  async #spawn(launch: Launch, isAhead: boolean): Promise<SpawnedProcess> {
    const spare = SpareProcess.suits(launch) ? this.#spares.take() : undefined;
    if (spare !== undefined) {
      // Its end may not have been heard of yet.
      const spawned = await spare.become(launch).catch(() => undefined);
      if (spawned !== undefined) return spawned;
    }
    return SpawnedProcess.start(launch, this.#options, isAhead);
  }

  #socketPath(id: string): string {
    return join(this.#options.runtimeFolder, `${id}.sock`);
  }

  async #launch(plan: LaunchPlan): Promise<Launch> {
    const {defaultTier, regions} = this.#options;
    const {tier = defaultTier, hotThreshold = regions.hotThreshold} = plan.config;
    return {
      linkVersion: LINK_VERSION,
      id: plan.id,
      name: plan.name,
      socketPath: this.#socketPath(plan.id),
      folder: plan.folder,
      memoryBytes: plan.config.memoryBytes,
      hartCount: plan.config.hartCount,
      tier,
      regions: {...regions, hotThreshold},
      boot: plan.boot,
      disks: plan.disks.map(({images, isReadOnly}) => ({images: [...images], isReadOnly})),
      network: plan.config.network ?? defaultNetwork,
      shares: [...(plan.config.shares ?? [])],
      size: plan.size,
      savedPath: plan.savedPath,
      soundStates: plan.savedPath === undefined ? [] : await this.#written.beside(plan.savedPath),
      newGuestName: plan.newGuestName,
      scrollbackBytes: this.#options.scrollbackBytes,
      logMaxBytes: this.#options.logMaxBytes,
      sampleIntervalMs: this.#options.sampleIntervalMs,
    };
  }
}
