/** Snapshots of machines: takes them, goes back to them, removes them. One thing at a time for each machine. */
import {hasProcess} from '../machine/lifecycle.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {MachineConfig} from '../protocol/machine.js';
import {MAX_SNAPSHOTS, type Snapshot, type snapshotCreate, type snapshotRestore} from '../protocol/snapshot.js';
import type {StoredSnapshot} from '../store/snapshot-store.js';
import {checkReadable} from './boot-files.js';
import type {FleetMachine} from './fleet.js';
import type {MachineSaver, SaverParts} from './machine-saver.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** See the module. */
export class MachineSnapshots {
  readonly #parts: SaverParts;
  readonly #saver: MachineSaver;
  /** The last thing under way for each machine. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(parts: SaverParts, saver: MachineSaver) {
    this.#parts = parts;
    this.#saver = saver;
  }

  /** Errors: machine-not-found */
  async list(reference: string): Promise<{snapshots: Snapshot[]; broken: string[]}> {
    const machine = this.#parts.fleet.find(reference);
    const {snapshots, broken} = await this.#parts.store.snapshots.list(machine.id);
    return {snapshots: snapshots.map((snapshot) => asSeen(machine, snapshot)), broken};
  }

  /** See `snapshotCreate` for the errors. */
  create({machine: reference, name: wanted, note}: ParamsOutput<typeof snapshotCreate>): Promise<Snapshot> {
    return this.#inTurn(reference, async () => {
      const {fleet, store, runner, log} = this.#parts;
      const machine = fleet.findFor('snapshot', reference);
      const {id, definition} = machine;
      if (definition === undefined) throw new Error(`machine ${id} has no definition in state ${machine.state}`);
      const {memoryBytes, hartCount, disks} = definition.config;
      const {snapshots} = await store.snapshots.list(id);
      const name = chooseName(wanted, snapshots, machine.name);
      const parentId = snapshots.find((snapshot) => snapshot.id === machine.snapshotId)?.id;
      const taken = await this.#saver.hold(machine, async (run) => {
        const snapshot = await store.snapshots.create(id, async (path) => {
          const saved = await run.save(path);
          const createdAtMs = Date.now();
          return {name, note, parentId, createdAtMs, ...saved, config: {memoryBytes, hartCount, disks}};
        });
        fleet.update(machine, {snapshotId: snapshot.id});
        await runner.remember(machine);
        return snapshot;
      });
      log.record('snapshot-taken', `The snapshot ${name} of ${machine.name} was taken.`, machine);
      return asSeen(machine, taken);
    });
  }

  /** See `snapshotRestore` for the errors. When the snapshot's file is damaged, the present state is lost all the same. */
  restore({machine: reference, snapshot: wanted, discardsPresent}: ParamsOutput<typeof snapshotRestore>): Promise<{
    readonly machine: FleetMachine;
    readonly job: Job | undefined;
  }> {
    return this.#inTurn(reference, async () => {
      const {fleet, store, runner} = this.#parts;
      const machine = fleet.findFor('restore', reference);
      const snapshot = await this.#find(machine, wanted);
      refuseOtherMake(machine, snapshot);
      const savedPath = store.snapshots.statePath(machine.id, snapshot.id);
      await checkReadable(savedPath, 'snapshot');
      if (!discardsPresent && (hasProcess(machine.state) || machine.saved !== undefined))
        throw new ManagerError(
          'wrong-state',
          `${machine.name} is ${machine.state}, and its present state would be lost.`,
          'Add --yes to lose it; a running machine can be kept with `viv snapshot create` first.',
        );
      if (hasProcess(machine.state)) await runner.end(machine);
      const title = `its snapshot ${snapshot.name}`;
      return runner.startFrom(machine, {savedPath, title, changes: {snapshotId: snapshot.id}});
    });
  }

  /** Errors: machine-not-found, snapshot-not-found */
  remove(reference: string, wanted: string): Promise<Snapshot> {
    return this.#inTurn(reference, async () => {
      const {fleet, store, runner, log} = this.#parts;
      const machine = fleet.find(reference);
      const {id} = machine;
      const snapshot = await this.#find(machine, wanted);
      const {snapshots} = await store.snapshots.list(id);
      // First those that name it: a parent that is gone is nobody's.
      for (const child of snapshots)
        if (child.parentId === snapshot.id) await store.snapshots.describe(id, {...child, parentId: snapshot.parentId});
      const seen = asSeen(machine, snapshot);
      if (machine.snapshotId === snapshot.id) {
        fleet.update(machine, {snapshotId: snapshot.parentId});
        await runner.remember(machine);
      }
      await store.snapshots.remove(id, snapshot.id);
      log.record('snapshot-removed', `The snapshot ${snapshot.name} of ${machine.name} was removed.`, machine);
      return seen;
    });
  }

  async #find(machine: FleetMachine, wanted: string): Promise<StoredSnapshot> {
    const {snapshots} = await this.#parts.store.snapshots.list(machine.id);
    const found = snapshots.find(({id}) => id === wanted) ?? snapshots.find(({name}) => name === wanted);
    if (found !== undefined) return found;
    throw new ManagerError(
      'snapshot-not-found',
      `${machine.name} has no snapshot named ${JSON.stringify(wanted.slice(0, 80))}.`,
      `See \`viv snapshot ls ${machine.name}\`.`,
    );
  }

  async #inTurn<T>(reference: string, work: () => Promise<T>): Promise<T> {
    const {id} = this.#parts.fleet.find(reference);
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(id, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === settled) this.#turns.delete(id);
    }
  }
}

function chooseName(wanted: string | undefined, snapshots: readonly StoredSnapshot[], machine: string): string {
  if (snapshots.length >= MAX_SNAPSHOTS)
    throw new ManagerError(
      'bad-request',
      `${machine} has ${MAX_SNAPSHOTS} snapshots, the most it may.`,
      'Remove some.',
    );
  const isTaken = (candidate: string) => snapshots.some(({name}) => name === candidate);
  if (wanted === undefined) {
    let number = snapshots.length + 1;
    while (isTaken(`snapshot-${number}`)) number++;
    return `snapshot-${number}`;
  }
  if (!NAME.test(wanted))
    throw new ManagerError(
      'bad-name',
      `${JSON.stringify(wanted.slice(0, 80))} cannot be a snapshot's name.`,
      'Use up to 63 letters, digits, dots, dashes and underscores, like before-upgrade.',
    );
  if (!isTaken(wanted)) return wanted;
  throw new ManagerError('name-taken', `${machine} has a snapshot named ${wanted} already.`, 'Choose another name.');
}

/** RAM, harts and devices of a snapshot fit the machine it was taken of, and no other. */
function refuseOtherMake({name, definition}: FleetMachine, snapshot: StoredSnapshot): void {
  if (definition === undefined) return;
  const now = make(definition.config);
  const then = make(snapshot.config);
  const differing = Object.keys(now).filter((part) => now[part] !== then[part]);
  if (differing.length === 0) return;
  throw new ManagerError(
    'bad-snapshot',
    `The snapshot ${snapshot.name} was taken when ${name} had other ${differing.join(', ')}.`,
    `It had ${differing.map((part) => `${part}: ${then[part] || 'none'}`).join('; ')}. Make it so again first.`,
  );
}

function make({memoryBytes, hartCount, disks}: Pick<MachineConfig, 'memoryBytes' | 'hartCount' | 'disks'>) {
  const made: Record<string, string> = {
    memory: `${memoryBytes} bytes`,
    CPUs: String(hartCount),
    disks: disks
      .map(({path, format, isReadOnly}) => `${path} (${format}${isReadOnly ? ', read-only' : ''})`)
      .join(', '),
  };
  return made;
}

function asSeen(machine: FleetMachine, {config, ...snapshot}: StoredSnapshot): Snapshot {
  const {memoryBytes, hartCount} = config;
  return {...snapshot, memoryBytes, hartCount, isCurrent: machine.snapshotId === snapshot.id};
}
