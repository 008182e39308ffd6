/**
 * Takes the state of machines that have a process: memory into a file, disks as they are below new layers. The guest goes
 * on meanwhile; one thing at a time for each machine. A file counts from the moment that something names it, and is swept
 * away when nothing does.
 */
import {randomUUID} from 'node:crypto';
import {rm} from 'node:fs/promises';
import type {RunningMachine, SavedMachine, SaveRequest} from '../hypervisor/contract.js';
import {hasProcess} from '../machine/lifecycle.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Disk, SavedState} from '../protocol/machine.js';
import type {MachineStore} from '../store/machine-store.js';
import type {MemoryRef} from '../store/memory-store.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {MachineLayers} from './machine-layers.js';
import {lookAtImages, type MachineRunner} from './machine-runner.js';
import {Turns} from './turns.js';

/** What it works with. */
export interface SaverParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly runner: MachineRunner;
  readonly layers: MachineLayers;
  readonly log: EventLog;
}

/** A state that was taken: nothing names it yet. `disks` are those of the instant; nobody writes them any more. */
export interface CapturedState extends MemoryRef {
  readonly saved: SavedMachine;
  readonly disks: readonly Disk[];
}

/** See the module. */
export class MachineSaver {
  readonly #parts: SaverParts;
  /** What is done with a machine's states and layers, one after the other. */
  readonly #turns = new Turns();

  constructor(parts: SaverParts) {
    this.#parts = parts;
    parts.runner.onEnded((machine) => this.#collectLater(machine));
  }

  /** Starts a machine, as `MachineRunner.start` does, once nothing is done with its states and layers. */
  start(...[reference, from]: Parameters<MachineRunner['start']>): ReturnType<MachineRunner['start']> {
    return this.inTurn(reference, () => this.#parts.runner.start(reference, from));
  }

  /**
   * Does work on a machine's states when what was asked for before is done; a fold, which can be done later, makes way.
   * Errors: machine-not-found and those of the work
   */
  inTurn<T>(reference: string, work: () => Promise<T>): Promise<T> {
    const {fleet, layers} = this.#parts;
    const {id} = fleet.find(reference);
    layers.interrupt(id);
    return this.#turns.take(id, work);
  }

  /** Whether something is done with a machine's states now. */
  isBusy(machine: FleetMachine): boolean {
    return this.#turns.isTaken(machine.id);
  }

  /** Puts a machine away: its state into a file, its process ended. Errors: wrong-state, disk-full, storage-failed, machine-failed */
  save(reference: string): Promise<FleetMachine> {
    return this.inTurn(reference, async () => {
      const {fleet, runner, log} = this.#parts;
      const machine = fleet.findFor('save', reference);
      await this.#hold(machine, async (run) => {
        // It must not run on between its state and its end.
        if (!run.isPaused) await run.pause();
        const {saved, memoryId, sources} = await this.#write(machine, run, {overlays: [], passes: false});
        try {
          fleet.update(machine, {saved: savedState(saved, {memoryId, sources})});
          await runner.commit(machine);
        } catch (thrown) {
          fleet.update(machine, {saved: undefined});
          throw thrown;
        }
        await runner.end(machine);
        // A process that died behind the state that it wrote took nothing with it.
        const wasKilled = fleet.apply(machine, 'written', {reason: undefined, crash: undefined});
        if (wasKilled) log.record('machine-saved', `${machine.name} was saved.`, machine);
      });
      await this.#noteImages(machine);
      await this.collect(machine);
      return machine;
    });
  }

  /**
   * Takes the state of a machine that goes on. To be called in turn; whoever does names it, or calls `collect`. One that
   * `passes` is read at once and then goes: the next one does not stand on it.
   * Errors: disk-full, storage-failed, machine-failed, wrong-state
   */
  async capture(machine: FleetMachine, {passes}: {readonly passes: boolean}): Promise<CapturedState> {
    const {layers, runner} = this.#parts;
    const {run, definition} = machine;
    if (run === undefined || definition === undefined)
      throw new Error(`machine ${machine.id} has no run in state ${machine.state}`);
    const {frozen, next, overlays} = await layers.grow(machine, definition.config.disks, run.diskTops);
    if (overlays.length > 0) {
      await layers.define(machine, next);
      await runner.holdImages(machine);
    }
    return {...(await this.#write(machine, run, {overlays, passes})), disks: frozen};
  }

  /** Removes states that nothing names any more, and folds layers that nothing needs. To be called in turn. */
  async collect(machine: FleetMachine): Promise<void> {
    const {store, layers} = this.#parts;
    const {snapshots, broken} = await store.snapshots.list(machine.id);
    // What cannot be read may name anything.
    if (broken.length > 0) return;
    await store.memory.collect(machine.id, [...snapshots, ...(machine.saved === undefined ? [] : [machine.saved])]);
    await layers.tidy(
      machine,
      snapshots.map(({config}) => config.disks),
    );
  }

  /**
   * Writes what snapshots have laid over a disk into the image that was attached, so that it holds everything. To be called
   * in turn. Errors: wrong-state when a snapshot or another machine needs it as it is; disk-in-use, disk-full
   */
  async settleDisk(reference: string, index: number): Promise<void> {
    const {fleet, store, layers} = this.#parts;
    const machine = fleet.find(reference);
    const {attached} = machine.definition?.config.disks[index] ?? {};
    if (attached === undefined) return;
    const {snapshots, broken} = await store.snapshots.list(machine.id);
    const needed = snapshots.filter(({kind}) => kind === 'snapshot').length;
    if (needed > 0 || broken.length > 0)
      throw new ManagerError(
        'wrong-state',
        `The disk ${attached.path} of ${machine.name} holds ${needed} snapshots.`,
        `Remove them first: viv snapshot rm ${machine.name} …; or copy the disk: viv disk convert.`,
      );
    const other = fleet.all().find((one) => one !== machine && standsOn(one, attached.path));
    if (other !== undefined)
      throw new ManagerError(
        'wrong-state',
        `The disk ${attached.path} of ${machine.name} cannot be changed: ${other.name} stands on it.`,
        `Remove ${other.name} first, or copy the disk: viv disk convert.`,
      );
    // What the timeline keeps of a disk that goes away is of no use.
    for (const {id} of snapshots) await store.snapshots.remove(machine.id, id);
    await layers.settle(machine, index);
  }

  /** Resolves when nothing is being saved. */
  settled(): Promise<void> {
    this.#parts.layers.interrupt();
    return this.#turns.settled();
  }

  /** Writes down how the disks were left. Without it the state is as good, and other disks are not noticed. */
  async #noteImages(machine: FleetMachine): Promise<void> {
    const {fleet, runner} = this.#parts;
    const {saved, definition} = machine;
    if (saved === undefined || definition === undefined) return;
    const images = await lookAtImages(machine.folder, definition.config.disks).catch(() => undefined);
    if (images === undefined) return;
    fleet.update(machine, {saved: {...saved, images}});
    await runner.remember(machine);
  }

  /** What a run that has ended had gone on from is no longer needed. */
  #collectLater(machine: FleetMachine): void {
    const {fleet} = this.#parts;
    this.#turns
      .take(machine.id, async () => {
        if (fleet.all().includes(machine) && !hasProcess(machine.state)) await this.collect(machine);
      })
      .catch((thrown: unknown) => console.error(`states of ${machine.name}: ${toManagerError(thrown).message}`));
  }

  async #write(
    machine: FleetMachine,
    run: RunningMachine,
    {overlays, passes}: Pick<SaveRequest, 'overlays' | 'passes'>,
  ): Promise<MemoryRef & {readonly saved: SavedMachine}> {
    const {memory} = this.#parts.store;
    const memoryId = randomUUID();
    const path = await memory.temporaryPath(machine.id, memoryId);
    try {
      const keptIds = await memory.list(machine.id);
      const packing = passes ? 'quick' : 'small';
      const saved = await run.save({path, id: memoryId, keptIds, overlays, packing, passes});
      await memory.settle(machine.id, memoryId);
      return {saved, memoryId, sources: [...saved.sources]};
    } catch (thrown) {
      await rm(path, {force: true});
      throw thrown;
    }
  }

  /** Does the work with a machine in `saving`, and lets it go on as before when it still has a process then. */
  async #hold(machine: FleetMachine, work: (run: RunningMachine) => Promise<void>): Promise<void> {
    const {fleet, log} = this.#parts;
    const {run, reason, state} = machine;
    // Another may have begun since the caller looked.
    if (!fleet.apply(machine, 'save')) fleet.findFor('save', machine.id);
    if (run === undefined) throw new Error(`machine ${machine.id} has no run in state ${state}`);
    try {
      await work(run);
    } catch (thrown) {
      const error = toManagerError(thrown);
      log.record('save-failed', `${machine.name} could not be saved: ${error.message}`, machine);
      throw error;
    } finally {
      if (machine.state === 'saving') {
        if (state === 'running' && run.isPaused && run.haltReason === undefined)
          await run.resume().catch(() => undefined);
        if (!run.isPaused) fleet.apply(machine, 'goes-on');
        else fleet.apply(machine, 'stands-still', {reason: run.haltReason ?? reason});
      }
    }
  }
}

/** Another machine was forked from it, or has the same image attached below layers. */
function standsOn({definition}: FleetMachine, path: string): boolean {
  return definition?.config.disks.some(({backingFiles = []}) => backingFiles.includes(path)) ?? false;
}

/** What is told of a state that was just written. */
export function savedState({fileBytes, touchedBytes}: SavedMachine, {memoryId, sources}: MemoryRef): SavedState {
  return {atMs: Date.now(), fileBytes, touchedBytes, memoryId, sources};
}
