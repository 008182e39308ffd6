/** Does to machines what can be taken back, remembers how, and takes it back: the last first. */
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {machineAttachDisk, machineDetachDisk, machineEdit} from '../protocol/machine.js';
import type {UndoEntry, UndoStore} from '../store/undo-store.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {MachineDefiner} from './machine-definer.js';
import type {MachineEditor} from './machine-editor.js';
import {writesForeignImage} from './machine-layers.js';
import type {MachineRunner} from './machine-runner.js';
import type {MachineSaver} from './machine-saver.js';
import type {MachineSnapshots, Restored} from './machine-snapshots.js';

/** What it works with. */
export interface UndoParts {
  readonly fleet: Fleet;
  readonly definer: MachineDefiner;
  readonly editor: MachineEditor;
  readonly runner: MachineRunner;
  readonly saver: MachineSaver;
  readonly snapshots: MachineSnapshots;
  readonly undo: UndoStore;
}

/** What was taken back, in one sentence. */
export interface Undone {
  readonly machine: FleetMachine;
  readonly message: string;
  readonly job?: Job | undefined;
}

/** States from which a machine can be kept before it is forced off. */
const keepable: ReadonlySet<string> = new Set(['running', 'paused', 'stopping']);

/** See the module. Its methods fail as those of the services that they call. */
export class MachineUndo {
  readonly #parts: UndoParts;

  constructor(parts: UndoParts) {
    this.#parts = parts;
  }

  /** Pulls the plug; what ran is kept where that can be done at once. */
  async kill(reference: string): Promise<FleetMachine> {
    const {fleet, runner, saver, snapshots} = this.#parts;
    const machine = fleet.findFor('kill', reference);
    let point: string | undefined;
    // A machine that is being saved, or hangs in it, is ended without waiting.
    if (keepable.has(machine.state) && !saver.isBusy(machine) && !writesForeignImage(machine))
      point = await saver.inTurn(machine.id, async () => {
        if (machine.run === undefined) return undefined;
        // The plug is pulled now, not when the state is written.
        await machine.run.pause().catch(() => undefined);
        return (await snapshots.keepForUndo(machine, 'kill'))?.id;
      });
    // It may have ended meanwhile by itself.
    if (machine.state !== 'defined' || point === undefined) await runner.kill(machine.id);
    if (point !== undefined) await this.#remember({kind: 'killed', machineId: machine.id, snapshotId: point});
    return machine;
  }

  async restored(work: Promise<Restored>): Promise<Restored> {
    const done = await work;
    const {undo, machine} = done;
    if (undo !== undefined) await this.#remember({kind: 'restored', machineId: machine.id, snapshotId: undo.id});
    return done;
  }

  async remove(reference: string): Promise<FleetMachine> {
    const machine = await this.#parts.saver.inTurn(reference, () => this.#parts.definer.remove(reference));
    await this.#remember({kind: 'removed', machineId: machine.id});
    return machine;
  }

  async rename(reference: string, newName: string): Promise<FleetMachine> {
    const {fleet, definer, runner} = this.#parts;
    const {name} = fleet.find(reference);
    const machine = await definer.rename(reference, newName);
    await runner.remember(machine);
    if (machine.name !== name) await this.#remember({kind: 'renamed', machineId: machine.id, name});
    return machine;
  }

  attachDisk({machine, disk}: ParamsOutput<typeof machineAttachDisk>): Promise<FleetMachine> {
    return this.#redefine(machine, () => this.#parts.definer.attachDisk(machine, disk));
  }

  edit(changes: ParamsOutput<typeof machineEdit>): Promise<FleetMachine> {
    return this.#redefine(changes.machine, () => this.#parts.editor.edit(changes));
  }

  async detachDisk({machine, disk}: ParamsOutput<typeof machineDetachDisk>) {
    const {fleet, saver, definer} = this.#parts;
    return saver.inTurn(machine, async () => {
      const index = definer.findDisk(machine, disk);
      await saver.settleDisk(machine, index);
      const config = fleet.find(machine).definition?.config;
      const detached = await definer.detachDisk(machine, index);
      if (config !== undefined) await this.#remember({kind: 'redefined', machineId: detached.machine.id, config});
      return detached;
    });
  }

  /** See `undoLast`. */
  async undo(): Promise<Undone> {
    const entries = await this.#parts.undo.read();
    for (const entry of entries.reverse()) {
      const undone = await this.#takeBack(entry);
      // Only what was taken back, or can never be, is forgotten.
      await this.#parts.undo.change((all) => all.filter((one) => JSON.stringify(one) !== JSON.stringify(entry)));
      if (undone !== undefined) return undone;
    }
    throw new ManagerError('nothing-to-undo', 'There is nothing to undo.', 'See `viv ls` for the machines there are.');
  }

  /** Undefined when it is beyond being taken back. */
  async #takeBack(entry: UndoEntry): Promise<Undone | undefined> {
    const {fleet, definer, runner, snapshots} = this.#parts;
    const {machineId} = entry;
    const isThere = fleet.all().some(({id}) => id === machineId);
    if (entry.kind === 'removed') {
      if (isThere) return undefined;
      try {
        const machine = await definer.unremove(machineId);
        return {machine, message: `${machine.name} is back.`};
      } catch (thrown) {
        if (thrown instanceof ManagerError && thrown.code === 'machine-not-found') return undefined;
        throw thrown;
      }
    }
    if (!isThere) return undefined;
    const machine = fleet.find(machineId);
    switch (entry.kind) {
      case 'killed':
      case 'restored': {
        const {snapshots: all} = await snapshots.list(machineId);
        if (!all.some(({id}) => id === entry.snapshotId)) return undefined;
        const what = entry.kind === 'killed' ? 'was forced off' : 'went back';
        const params = {machine: machineId, snapshot: entry.snapshotId, discardsPresent: true};
        const {job} = await snapshots.restore(params);
        return {machine, message: `${machine.name} goes on from where it ${what}.`, job};
      }
      case 'renamed': {
        const {name} = machine;
        await definer.rename(machineId, entry.name);
        await runner.remember(machine);
        return {machine, message: `${name} is called ${entry.name} again.`};
      }
      case 'redefined':
        await definer.redefine(machineId, entry.config);
        return {machine, message: `${machine.name} is made as it was.`};
    }
  }

  async #redefine(reference: string, work: () => Promise<FleetMachine>): Promise<FleetMachine> {
    const {fleet, saver} = this.#parts;
    const config = fleet.find(reference).definition?.config;
    const machine = await saver.inTurn(reference, work);
    if (config !== undefined) await this.#remember({kind: 'redefined', machineId: machine.id, config});
    return machine;
  }

  #remember(entry: UndoEntry): Promise<void> {
    return this.#parts.undo.change((all) => [...all, entry]);
  }
}
