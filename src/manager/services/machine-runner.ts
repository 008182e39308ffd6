/**
 * Starts, pauses, stops and watches machines, and finds those again that an earlier daemon started. Every step goes
 * through the life-cycle table; what a machine's process does by itself arrives as events of its run.
 */
import {stat} from 'node:fs/promises';
import {resolve} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {showScreen} from '../console/console-screen.js';
import type {BootFiles, LaunchPlan, MachineEnd, RunListener, RunningMachine} from '../hypervisor/contract.js';
import {hasProcess, type LifeEvent} from '../machine/lifecycle.js';
import {stateWord} from '../machine/state-word.js';
import type {TerminalSize} from '../protocol/console.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {Disk, MachineConfig, machineStart, SavedState} from '../protocol/machine.js';
import type {GuestProfile} from '../protocol/profile.js';
import type {Settings} from '../settings/settings.js';
import type {HeldImages} from '../store/image-locks.js';
import type {MachineDefinition, MachineLife, MachineStore} from '../store/machine-store.js';
import type {ProcessIdentity} from '../store/process-identity.js';
import {checkMemoryFree, imageFiles, resolveOwnFiles} from './boot-files.js';
import type {ConsoleHub} from './console-hub.js';
import {EgressQuestions} from './egress-questions.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {ImageService} from './image-service.js';
import type {JobService} from './job-service.js';
import type {MachineInstaller} from './machine-installer.js';
import type {MetricsService} from './metrics-service.js';
import type {Volumes} from './volumes.js';

/** What it works with. */
export interface RunnerParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly images: ImageService;
  readonly volumes: Volumes;
  readonly installer: MachineInstaller;
  readonly jobs: JobService;
  readonly consoles: ConsoleHub;
  readonly metrics: MetricsService;
  readonly log: EventLog;
  readonly settings: Settings['machines'];
}

/** What a machine starts with besides its definition. */
export interface StartOrigin {
  /** The machine goes on from this file instead of booting. */
  readonly savedPath?: string;
  /** What that file is, for the news. */
  readonly title?: string;
  /** What its console showed then, as `renderScreen` gives it. */
  readonly screen?: string;
  /** The state is another machine's: what the guest should be called. */
  readonly newGuestName?: string;
  /** What changes with the machine when its guest runs. */
  readonly changes?: Partial<FleetMachine>;
}

/** See the module. */
export class MachineRunner {
  readonly #parts: RunnerParts;
  /** Starts under way, to be cancelled by a kill. */
  readonly #starts = new Map<string, {readonly abort: AbortController; readonly settled: Promise<unknown>}>();
  /** Resolved when the present run of a machine has ended and its end is recorded. */
  readonly #runs = new Map<string, PromiseWithResolvers<void>>();
  /** Machines whose process is being ended: their guests did not power off. */
  readonly #killed = new Set<string>();
  /** Disk images of machines that this daemon started. */
  readonly #held = new Map<string, HeldImages>();
  /** Writes of state.json, one after the other for each machine. */
  readonly #saves = new Map<string, Promise<void>>();

  readonly #questions: EgressQuestions;

  readonly #endListeners: ((machine: FleetMachine) => void)[] = [];

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#questions = new EgressQuestions(parts.fleet, parts.log);
  }

  /** Errors: wrong-state, and all that can be wrong with image, files, memory and the machine process */
  async start(
    reference: string,
    from: ParamsOutput<typeof machineStart>['from'],
  ): Promise<{readonly machine: FleetMachine; readonly job: Job | undefined}> {
    const {fleet, store} = this.#parts;
    const machine = fleet.findFor('start', reference);
    if (from === 'saved' && machine.saved === undefined)
      throw new ManagerError(
        'wrong-state',
        `Nothing is saved of ${machine.name}.`,
        `Boot it with \`viv start ${machine.name}\`.`,
      );
    const isSaved = machine.saved !== undefined && from !== 'boot';
    const {saved} = machine;
    if (!isSaved || saved === undefined) return this.startFrom(machine, {});
    await refuseOtherDisks(machine.name, saved);
    const savedPath = store.memory.path(machine.id, saved.memoryId);
    return this.startFrom(machine, {savedPath, ...(saved.isCopied ? {newGuestName: machine.name} : {})});
  }

  /**
   * Begins what a start from a state over other disks will need, while the machine still runs; a start that differs, or
   * disposing this, undoes it. What is wrong is told by that start.
   */
  prepare(machine: FleetMachine, savedPath: string, disks: readonly Disk[]): Disposable {
    const {definition, driver, id} = machine;
    const preparing = async () => {
      if (definition === undefined || driver.prepare === undefined) return;
      const boot = await this.#findBoot(machine, definition);
      const {size} = await this.#parts.consoles.open(id);
      await driver.prepare(
        await this.#planLaunch(machine, {...definition.config, disks: [...disks]}, boot, size, {savedPath}),
      );
    };
    const prepared = preparing().catch(() => undefined);
    return {[Symbol.dispose]: () => void prepared.then(() => driver.forgetPrepared?.(id))};
  }

  /** Starts a machine that has no process. Errors: as `start` */
  async startFrom(
    machine: FleetMachine,
    origin: StartOrigin,
  ): Promise<{readonly machine: FleetMachine; readonly job: Job | undefined}> {
    const {fleet, images, settings} = this.#parts;
    // Between the caller's look and now another may have started it.
    const {definition} = fleet.findFor('start', machine.id);
    if (definition === undefined) throw new Error(`machine ${machine.id} has no definition in state ${machine.state}`);
    checkMemoryFree(definition.config.memoryBytes, settings.hostMemoryReserveBytes);
    const {boot} = definition.config;
    fleet.apply(machine, 'start', {crash: undefined});
    const abort = new AbortController();
    let job: Job | undefined;
    try {
      const image = boot.kind === 'image' ? await images.find(boot.image) : undefined;
      if (boot.kind === 'image' && image === undefined) {
        job = await images.build(boot.image, false);
        fleet.update(machine, {reason: `Its image ${boot.image} is being built.`});
      }
    } catch (thrown) {
      throw await this.#startFailed(machine, thrown);
    }
    const launching = this.#launch(machine, definition, origin, job, abort.signal).finally(() =>
      this.#starts.delete(machine.id),
    );
    this.#starts.set(machine.id, {abort, settled: launching.catch(() => undefined)});
    if (job === undefined) await launching;
    // Its failure is told as a change of the machine and an event.
    else launching.catch(() => undefined);
    return {machine, job};
  }

  /** Errors: wrong-state, machine-failed */
  async pause(reference: string): Promise<FleetMachine> {
    const {fleet, log} = this.#parts;
    const machine = fleet.findFor('pause', reference);
    await machine.run?.pause();
    if (fleet.apply(machine, 'paused')) log.record('machine-paused', `${machine.name} was paused.`, machine);
    return machine;
  }

  /** Errors: wrong-state, machine-failed */
  async resume(reference: string): Promise<FleetMachine> {
    const {fleet, log} = this.#parts;
    const machine = fleet.findFor('resume', reference);
    await machine.run?.resume();
    if (fleet.apply(machine, 'resumed')) log.record('machine-resumed', `${machine.name} goes on.`, machine);
    return machine;
  }

  /** Resolves when the guest is off. Errors: wrong-state, shutdown-timeout, machine-failed */
  async shutdown(reference: string, timeoutMs = this.#parts.settings.shutdownTimeoutMs): Promise<FleetMachine> {
    const {fleet, log} = this.#parts;
    const machine = fleet.findFor('shutdown', reference);
    const run = this.#runs.get(machine.id);
    fleet.apply(machine, 'ask-shutdown');
    log.record('machine-stopping', `${machine.name} was asked to power off.`, machine);
    await machine.run?.askShutdown();
    const waiting = new AbortController();
    try {
      const late = delay(timeoutMs, 'late' as const, {signal: waiting.signal}).catch(() => 'late' as const);
      if ((await Promise.race([run?.promise, late])) !== 'late') return machine;
    } finally {
      waiting.abort();
    }
    const reason = `It did not power off within ${timeoutMs / 1000} s of being asked.`;
    if (machine.state === 'paused')
      throw new ManagerError(
        'wrong-state',
        `${machine.name} was paused before it was off. ${machine.reason ?? ''}`.trim(),
        `Resume it with \`viv resume ${machine.name}\`, and shut it down then.`,
      );
    if (!fleet.apply(machine, 'shutdown-ignored', {reason})) return machine;
    log.record('shutdown-ignored', `${machine.name}: ${reason}`, machine);
    throw new ManagerError(
      'shutdown-timeout',
      `${machine.name} did not power off within ${timeoutMs / 1000} s.`,
      `Wait and ask again, or force it off with \`viv kill ${machine.name}\`.`,
    );
  }

  /** Errors: wrong-state, machine-failed */
  async kill(reference: string): Promise<FleetMachine> {
    const {fleet, log} = this.#parts;
    const machine = fleet.findFor('kill', reference);
    const start = this.#starts.get(machine.id);
    if (start !== undefined) {
      start.abort.abort();
      await start.settled;
      // The abort may have come too late to stop it; then it runs now and is ended below.
      if (!hasProcess(machine.state)) return machine;
    }
    await this.end(machine);
    log.record('machine-killed', `${machine.name} was forced off.`, machine);
    return machine;
  }

  /** Ends the process of a machine; resolves when its end is recorded. Errors: machine-failed */
  async end(machine: FleetMachine): Promise<void> {
    const run = this.#runs.get(machine.id);
    if (machine.run !== undefined) this.#killed.add(machine.id);
    await machine.run?.kill();
    await run?.promise;
  }

  /** Gives up what a machine was saved as, durably, where there is such a thing. Errors: system errors of writing pass through */
  async discardSaved(machine: FleetMachine): Promise<void> {
    const {fleet} = this.#parts;
    const {saved} = machine;
    if (saved === undefined) return;
    fleet.update(machine, {saved: undefined});
    try {
      await this.commit(machine);
    } catch (thrown) {
      fleet.update(machine, {saved});
      throw thrown;
    }
    fleet.apply(machine, 'discarded');
  }

  /** Takes the images that a machine's disks are made of now for its process. Errors: disk-in-use, file-not-found, bad-disk */
  async holdImages(machine: FleetMachine): Promise<void> {
    const {volumes} = this.#parts;
    const {process, definition} = machine;
    if (process === undefined || definition === undefined) return;
    const plans = await volumes.plan(machine.folder, definition.config.disks);
    this.#held.set(machine.id, volumes.acquireFor(process, plans, machine.name));
  }

  /** Samples where a running guest spends its time. Errors: machine-not-found, wrong-state, machine-failed */
  async profile(reference: string, durationMs: number, signal: AbortSignal): Promise<GuestProfile> {
    const machine = this.#parts.fleet.find(reference);
    if (machine.run !== undefined && machine.state === 'running') return machine.run.profile(durationMs, signal);
    throw new ManagerError(
      'wrong-state',
      `Cannot profile ${machine.name}: it is ${stateWord(machine.state)}, and only a running guest spends time.`,
      machine.state === 'paused' ? `Let it go on: viv resume ${machine.name}` : `Start it: viv start ${machine.name}`,
    );
  }

  /** Looks for the process of a machine that ran when the last daemon ended. */
  async recover(machine: FleetMachine, life: MachineLife | undefined): Promise<void> {
    const {fleet, store, consoles, log} = this.#parts;
    // A machine whose folder cannot be swept is found all the same.
    const wasSaving = await store.sweep(machine.id, life?.saved).catch(() => false);
    const process = life?.process;
    if (process === undefined) return;
    if (machine.saved !== undefined) return this.#endSaved(machine, process);
    const console = await consoles.openFound(machine.id, process.consoleBase);
    console.begin(process.consoleBase);
    fleet.apply(machine, 'start', {process});
    this.#runs.set(machine.id, Promise.withResolvers());
    // Disks that cannot be found any more are not synced for the machine: it then does that its own way.
    const disks = await this.#parts.volumes
      .plan(machine.folder, machine.definition?.config.disks ?? [])
      .catch(() => []);
    const {shares = []} = machine.definition?.config ?? {};
    const found = await machine.driver.find(
      machine.id,
      machine.folder,
      process,
      {disks, shares},
      this.#listen(machine),
    );
    if ('end' in found) {
      consoles.forgetFound(machine.id);
      return this.#ended(machine, found.end);
    }
    const terminalPath = await consoles.openTerminal(machine.id);
    // Who sees that it runs can type.
    console.setRun(found);
    fleet.apply(machine, 'started', {run: found, terminalPath});
    const interrupted = wasSaving ? {reason: 'The daemon ended while its state was being saved; nothing is lost.'} : {};
    if (found.isPaused) fleet.apply(machine, 'paused', {...interrupted, ...pauseReason(found)});
    log.record('machine-found', `${machine.name} was found running by the new daemon.`, machine);
  }

  /** Calls when a run has ended and its end is recorded. */
  onEnded(listener: (machine: FleetMachine) => void): void {
    this.#endListeners.push(listener);
  }

  /** Lets go of every process without ending it. */
  async release(): Promise<void> {
    for (const {abort} of this.#starts.values()) abort.abort();
    await Promise.all([...this.#starts.values()].map(({settled}) => settled));
    for (const machine of this.#parts.fleet.all()) machine.run?.release();
    await Promise.all(this.#saves.values());
  }

  /** Ends a process that an earlier daemon had saved, or whose guest it had not let run yet: that state is the machine. */
  async #endSaved(machine: FleetMachine, process: ProcessIdentity): Promise<void> {
    const nothing = () => undefined;
    const found = await machine.driver.find(
      machine.id,
      machine.folder,
      process,
      {disks: [], shares: []},
      {
        ...{onSpawned: async () => undefined, onReady: async () => undefined},
        ...{onOutput: nothing, onCounters: nothing, onRebooted: nothing, onHalted: nothing, onEnd: nothing},
        onQuestions: nothing,
      },
    );
    if (!('end' in found)) await found.kill();
    await this.remember(machine);
  }

  async #launch(
    machine: FleetMachine,
    defined: MachineDefinition,
    {savedPath, title = 'its saved state', screen, newGuestName, changes}: StartOrigin,
    job: Job | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const {fleet, volumes, consoles, log} = this.#parts;
    try {
      const definition = await this.#install(machine, defined, job, signal);
      const boot = await this.#findBoot(machine, definition);
      const console = await consoles.open(machine.id);
      const from = {savedPath, newGuestName};
      const plan = await this.#planLaunch(machine, definition.config, boot, console.size, from);
      const held = volumes.acquire(plan.disks, machine.name);
      this.#held.set(machine.id, held);
      if (screen !== undefined && screen !== '') console.show(showScreen(screen));
      const consoleBase = console.ring.endOffset;
      console.begin(consoleBase);
      fleet.update(machine, {reason: undefined});
      this.#runs.set(machine.id, Promise.withResolvers());
      const {id, name} = machine;
      const listener = this.#listen(machine, {
        onSpawned: async (spawned) => {
          held.handOver(spawned);
          fleet.update(machine, {process: {...spawned, startedAtMs: Date.now(), consoleBase}});
          await this.remember(machine);
        },
        // From now on its disks may be ahead of the memory that was saved.
        onReady: () => this.discardSaved(machine),
      });
      const run = await machine.driver.start(plan, listener, signal);
      // It may have ended between its start and now; its end has been told then.
      if (machine.process === undefined) return;
      const terminalPath = await consoles.openTerminal(id);
      const process = {...machine.process, startedAtMs: run.startedAtMs};
      fleet.apply(machine, 'started', {run, terminalPath, process, saved: undefined, ...changes});
      await this.remember(machine);
      if (run.isPaused) fleet.apply(machine, 'paused', pauseReason(run));
      console.setRun(run);
      if (savedPath === undefined) log.record('machine-started', `${name} was started.`, machine);
      else log.record('machine-restored', `${name} goes on from ${title}.`, machine);
    } catch (thrown) {
      throw await this.#startFailed(machine, thrown);
    }
  }

  async #planLaunch(
    {id, name}: FleetMachine,
    config: MachineConfig,
    boot: BootFiles,
    size: TerminalSize,
    from: Pick<LaunchPlan, 'savedPath' | 'newGuestName'>,
  ): Promise<LaunchPlan> {
    const folder = this.#parts.store.folder(id);
    const disks = await this.#parts.volumes.plan(folder, config.disks);
    return {id, name, folder, config, boot, disks, size, ...from};
  }

  /** Waits for the build of the machine's image, and gives the machine what it needs of an image with a disk. */
  async #install(
    machine: FleetMachine,
    definition: MachineDefinition,
    job: Job | undefined,
    signal: AbortSignal,
  ): Promise<MachineDefinition> {
    const {images, jobs, fleet, installer} = this.#parts;
    const {boot} = definition.config;
    if (boot.kind !== 'image') return definition;
    if (job !== undefined) {
      const {state, error} = await jobs.wait(job.id, signal);
      if (state === 'cancelled')
        throw new ManagerError(
          'cancelled',
          `The build of ${boot.image} was cancelled.`,
          `\`viv start ${definition.name}\` builds it again.`,
        );
      if (error !== undefined)
        throw new ManagerError('image-build-failed', `Its image could not be built: ${error.message}`, error.hint);
      fleet.update(machine, {reason: undefined});
    }
    const image = await images.find(boot.image);
    return image === undefined ? definition : installer.install(machine, definition, image);
  }

  async #findBoot(machine: FleetMachine, {config, name}: MachineDefinition): Promise<BootFiles> {
    const {boot} = config;
    if (boot.kind !== 'image') return resolveOwnFiles(boot, machine);
    const image = await this.#parts.images.find(boot.image);
    if (image !== undefined) return imageFiles(image, boot.commandLine, name);
    throw new ManagerError('image-not-built', `The image ${boot.image} is gone again.`, 'Start the machine once more.');
  }

  #listen(machine: FleetMachine, begin: Partial<RunListener> = {}): RunListener {
    const {consoles, metrics, log} = this.#parts;
    // Opened before every start, so this settles before the first byte arrives and keeps the order of bytes.
    const console = consoles.open(machine.id);
    return {
      onSpawned: async () => undefined,
      onReady: async () => undefined,
      ...begin,
      onOutput: (offset, bytes) => void console.then((opened) => opened.output(offset, bytes)),
      onCounters: (counters) => metrics.add(machine.id, counters),
      onRebooted: () => {
        log.record('machine-rebooted', `${machine.name} rebooted.`, machine);
        if (isInstaller(machine)) void this.#restartInstalled(machine);
      },
      onHalted: (reason) => this.#halted(machine, reason),
      onQuestions: (questions) => this.#questions.note(machine, questions),
      onEnd: (end) =>
        void console.then((opened) => {
          opened.flush();
          return this.#ended(machine, end);
        }),
    };
  }

  #halted(machine: FleetMachine, reason: string): void {
    const {fleet, log} = this.#parts;
    // Paused already by the user, or still starting: then whoever finishes the start tells it.
    if (!fleet.apply(machine, 'halted', {reason}) && machine.state === 'paused') fleet.update(machine, {reason});
    log.record('disk-failed', `${machine.name}: ${reason}`, machine);
  }

  async #ended(machine: FleetMachine, end: MachineEnd): Promise<void> {
    const {fleet, consoles, metrics, log} = this.#parts;
    const run = this.#runs.get(machine.id);
    metrics.stop(machine.id);
    // Its guest ran: what it was started from is the past.
    const nothing = {run: undefined, process: undefined, saved: undefined, questions: []};
    const wasKilled = this.#killed.delete(machine.id);
    if (machine.saved !== undefined && machine.state === 'saving') {
      fleet.apply(machine, 'written', {run: undefined, process: undefined, questions: []});
      log.record('machine-saved', `${machine.name} was saved.`, machine);
    } else if (end.kind === 'crashed') {
      const crash = {reason: end.reason, atMs: Date.now()};
      fleet.apply(machine, 'crashed', {reason: end.reason, crash, ...nothing});
      log.record('machine-crashed', `${machine.name} crashed: ${end.reason}`, machine);
    } else {
      fleet.apply(machine, 'off', {crash: undefined, ...nothing});
      const status = end.status === 0 ? '' : ` with status ${end.status}`;
      log.record('machine-stopped', `${machine.name} is off${status}.`, machine);
    }
    this.#letGo(machine.id);
    (await consoles.open(machine.id)).setRun(undefined);
    await this.remember(machine);
    if (end.kind === 'powered-off' && !wasKilled && isInstaller(machine)) await this.#finishInstaller(machine);
    run?.resolve();
    // The next one may have begun.
    if (this.#runs.get(machine.id) === run) this.#runs.delete(machine.id);
    for (const listener of this.#endListeners) listener(machine);
  }

  /** True when the machine boots from its disks from now on. Never fails. */
  async #finishInstaller(machine: FleetMachine): Promise<boolean> {
    return this.#parts.installer.finish(machine).catch((thrown: unknown) => {
      console.error(`what ${machine.name} boots: ${toManagerError(thrown).message}`);
      return false;
    });
  }

  /** Its process has begun to boot the installer once more; a machine does that only if nothing was installed. */
  async #restartInstalled(machine: FleetMachine): Promise<void> {
    try {
      await this.end(machine);
      await this.#finishInstaller(machine);
      await this.startFrom(machine, {});
    } catch (thrown) {
      this.#parts.log.record(
        'start-failed',
        `${machine.name} could not be started after its reboot: ${toManagerError(thrown).message}`,
        machine,
      );
    }
  }

  async #startFailed(machine: FleetMachine, thrown: unknown): Promise<ManagerError> {
    const error = toManagerError(thrown);
    const {fleet, log} = this.#parts;
    const event: LifeEvent = machine.saved === undefined ? 'start-failed' : 'restore-failed';
    fleet.apply(machine, event, {
      reason: `${error.message} ${error.hint}`.trim(),
      run: undefined,
      process: undefined,
      questions: [],
    });
    this.#letGo(machine.id);
    log.record('start-failed', `${machine.name} could not be started: ${error.message}`, machine);
    this.#runs.get(machine.id)?.resolve();
    this.#runs.delete(machine.id);
    await this.remember(machine);
    return error;
  }

  #letGo(id: string): void {
    this.#held.get(id)?.[Symbol.dispose]();
    this.#held.delete(id);
  }

  /** Writes down a machine's name, process and crash, for the daemon after this one. Never fails. */
  remember(machine: FleetMachine): Promise<void> {
    return this.commit(machine).catch((failure: unknown) => {
      // A full disk: the machine runs on, a later daemon may not find it.
      console.error(`state of ${machine.name}: ${failure instanceof Error ? failure.message : failure}`);
    });
  }

  /** Like `remember`, and durable when it resolves. Errors: system errors of writing pass through */
  commit(machine: FleetMachine): Promise<void> {
    const {id} = machine;
    const save = (this.#saves.get(id) ?? Promise.resolve()).then(async () => {
      const {name, process, crash, saved, snapshotId} = machine;
      await this.#parts.store.saveLife(id, {name, process, crash, saved, snapshotId});
    });
    this.#saves.set(
      id,
      save.catch(() => undefined),
    );
    return save;
  }
}

function isInstaller({definition}: FleetMachine): boolean {
  const boot = definition?.config.boot;
  return boot?.kind === 'linux' && boot.isInstaller === true;
}

type SavedImage = NonNullable<SavedState['images']>[number];

/** The images that a machine's disks are written to, as they are now. */
export async function lookAtImages(folder: string, disks: readonly Disk[]): Promise<SavedImage[]> {
  const written = disks.filter(({isReadOnly}) => !isReadOnly).map(({path}) => resolve(folder, path));
  return Promise.all(written.map(lookAt));
}

async function lookAt(path: string): Promise<SavedImage> {
  const {size, mtimeMs} = await stat(path);
  return {path, sizeBytes: size, changedAtMs: mtimeMs};
}

/** What is in a guest's memory of its disks must be what is on them, whatever lies over them. Errors: bad-snapshot */
export async function refuseOtherDisks(name: string, {images = []}: SavedState): Promise<void> {
  for (const image of images) {
    const now = await lookAt(image.path).catch(() => undefined);
    if (now?.sizeBytes === image.sizeBytes && now.changedAtMs === image.changedAtMs) continue;
    throw new ManagerError(
      'bad-snapshot',
      `The disk ${image.path} was changed since ${name} was saved, and what ${name} has in memory of it would destroy it.`,
      `Boot it instead: viv start --discard-saved ${name}`,
    );
  }
}

function pauseReason({haltReason}: RunningMachine): {readonly reason?: string} {
  return haltReason === undefined ? {} : {reason: haltReason};
}
