/**
 * Makes second machines of machines: of one that runs, or of a snapshot, a machine that is started from the same instant;
 * of one that is off, a machine with the same disks. Frozen images and states are shared, both write layers of their own.
 */
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {Disk, SavedState} from '../protocol/machine.js';
import {shareOwnFiles} from './boot-files.js';
import type {FleetMachine} from './fleet.js';
import type {MachineDefiner} from './machine-definer.js';
import {refuseOtherDisks} from './machine-runner.js';
import {type MachineSaver, type SaverParts, savedState} from './machine-saver.js';
import type {MachineSnapshots} from './machine-snapshots.js';

/** What it works with. */
export interface ForkerParts extends SaverParts {
  readonly definer: MachineDefiner;
  readonly saver: MachineSaver;
  readonly snapshots: MachineSnapshots;
}

interface Instant {
  readonly disks: readonly Disk[];
  readonly saved: SavedState | undefined;
}

/** See the module. */
export class MachineForker {
  readonly #parts: ForkerParts;

  constructor(parts: ForkerParts) {
    this.#parts = parts;
  }

  /** See `machineFork` for the errors. */
  async fork(
    reference: string,
    name: string | undefined,
    wanted: string | undefined,
  ): Promise<{readonly machine: FleetMachine; readonly job: Job | undefined}> {
    const {saver, runner} = this.#parts;
    const fork = await saver.inTurn(reference, () =>
      wanted === undefined ? this.#ofRunning(reference, name) : this.#ofSnapshot(reference, name, wanted),
    );
    try {
      return await runner.start(fork.id, 'saved');
    } catch (thrown) {
      const {code, message} = toManagerError(thrown);
      throw new ManagerError(
        code,
        `${fork.name} was made and could not be started: ${message}`,
        `It is saved: \`viv start ${fork.name}\` tries again, \`viv rm ${fork.name}\` removes it.`,
      );
    }
  }

  /** See `machineClone` for the errors. */
  async clone(reference: string, name: string | undefined): Promise<FleetMachine> {
    const {fleet, layers, log} = this.#parts;
    return this.#parts.saver.inTurn(reference, async () => {
      const source = fleet.findFor('clone', reference);
      const {definition} = source;
      if (definition === undefined) throw new Error(`machine ${source.id} has no definition in state ${source.state}`);
      if (source.saved !== undefined) await refuseOtherDisks(source.name, source.saved);
      // From now on both stand on what was the top.
      const {frozen, next} = await layers.grow(source, definition.config.disks);
      await layers.define(source, next);
      const clone = await this.#copy(source, name, {disks: frozen, saved: source.saved});
      log.record('machine-cloned', `${clone.name} was cloned from ${source.name}.`, clone);
      return clone;
    });
  }

  async #ofRunning(reference: string, name: string | undefined): Promise<FleetMachine> {
    const {fleet, saver, log} = this.#parts;
    const source = fleet.findFor('fork', reference);
    const {saved, disks, memoryId, sources} = await saver.capture(source, {passes: true});
    try {
      const fork = await this.#copy(source, name, {disks, saved: savedState(saved, {memoryId, sources})});
      log.record('machine-forked', `${fork.name} was forked from ${source.name}.`, fork);
      return fork;
    } finally {
      await saver.collect(source);
    }
  }

  async #ofSnapshot(reference: string, name: string | undefined, wanted: string): Promise<FleetMachine> {
    const {fleet, snapshots, log} = this.#parts;
    const source = fleet.find(reference);
    const snapshot = await snapshots.find(source, wanted);
    snapshots.refuseOtherMake(source, snapshot);
    const {createdAtMs: atMs, fileBytes, touchedBytes, memoryId, sources} = snapshot;
    const saved = {atMs, fileBytes, touchedBytes, memoryId, sources};
    const fork = await this.#copy(source, name, {disks: snapshot.config.disks, saved});
    log.record('machine-forked', `${fork.name} was forked from the snapshot ${snapshot.name} of ${source.name}.`, fork);
    return fork;
  }

  #copy(source: FleetMachine, name: string | undefined, {disks, saved}: Instant): Promise<FleetMachine> {
    const {definer, layers, store} = this.#parts;
    return definer.copy(source, name, async (folder) => {
      if (source.definition !== undefined) await shareOwnFiles(source.definition.config.boot, source.folder, folder);
      if (saved !== undefined) await store.memory.share(source.id, saved, folder);
      return {
        disks: await layers.share(source, disks, folder),
        ...(saved === undefined ? {} : {saved: {...saved, images: undefined, isCopied: true}}),
      };
    });
  }
}
