/**
 * Puts the state of running machines into files. A guest stands still while its state is written, and the machine is
 * `saving`; a file counts from the moment that state.json says so, and is swept away when nothing does.
 */
import {rm} from 'node:fs/promises';
import type {RunningMachine, SavedMachine} from '../hypervisor/contract.js';
import {toManagerError} from '../protocol/errors.js';
import type {SavedState} from '../protocol/machine.js';
import type {MachineStore} from '../store/machine-store.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {MachineRunner} from './machine-runner.js';

/** What it works with. */
export interface SaverParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly runner: MachineRunner;
  readonly log: EventLog;
}

/** See the module. */
export class MachineSaver {
  readonly #parts: SaverParts;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: SaverParts) {
    this.#parts = parts;
  }

  /** Errors: wrong-state, not-supported, disk-full, storage-failed, machine-failed */
  async save(reference: string): Promise<FleetMachine> {
    const {fleet, store, runner} = this.#parts;
    const machine = fleet.findFor('save', reference);
    const {id} = machine;
    await this.hold(machine, async (run) => {
      // It must not run on between its state and its end.
      if (!run.isPaused) await run.pause();
      const path = store.temporaryPath(id);
      try {
        const saved = await run.save(path);
        await store.settle(id, path, store.savedPath(id));
        fleet.update(machine, {saved: savedState(saved)});
        await runner.commit(machine);
      } catch (thrown) {
        fleet.update(machine, {saved: undefined});
        for (const made of [path, store.savedPath(id)]) await rm(made, {force: true});
        throw thrown;
      }
      await runner.end(machine);
    });
    return machine;
  }

  /**
   * Does the work with a machine in `saving`, and lets it go on as before when it still has a process then.
   * Errors: wrong-state when another got there first, and those of the work
   */
  async hold<T>(machine: FleetMachine, work: (run: RunningMachine) => Promise<T>): Promise<T> {
    const {fleet, log} = this.#parts;
    const {run, reason, state} = machine;
    // Another may have begun since the caller looked.
    if (!fleet.apply(machine, 'save')) fleet.findFor('save', machine.id);
    if (run === undefined) throw new Error(`machine ${machine.id} has no run in state ${state}`);
    const wasPaused = state === 'paused';
    const done = (async () => {
      try {
        return await work(run);
      } catch (thrown) {
        const error = toManagerError(thrown);
        log.record('save-failed', `${machine.name} could not be saved: ${error.message}`, machine);
        throw error;
      } finally {
        if (machine.state === 'saving') {
          if (!wasPaused && run.isPaused && run.haltReason === undefined) await run.resume().catch(() => undefined);
          if (!run.isPaused) fleet.apply(machine, 'goes-on');
          else fleet.apply(machine, 'stands-still', {reason: run.haltReason ?? reason});
        }
      }
    })();
    this.#underWay.add(done);
    try {
      return await done;
    } finally {
      this.#underWay.delete(done);
    }
  }

  /** Resolves when nothing is being saved. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
  }
}

/** What is told of a state that was just written. */
export function savedState({fileBytes, touchedBytes}: SavedMachine): SavedState {
  return {atMs: Date.now(), fileBytes, touchedBytes};
}
