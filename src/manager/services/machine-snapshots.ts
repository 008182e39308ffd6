/** Snapshots of machines: takes them, goes back to them, removes them. One thing at a time for each machine. */
import {EventEmitter} from 'node:events';
import {setTimeout as delay} from 'node:timers/promises';
import {hasProcess} from '../machine/lifecycle.js';
import {stateWord} from '../machine/state-word.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {Disk, MachineConfig} from '../protocol/machine.js';
import {
  MAX_SNAPSHOTS,
  type machineRewind,
  type Snapshot,
  type SnapshotKind,
  type snapshotCreate,
  type snapshotKeep,
  type snapshotRestore,
} from '../protocol/snapshot.js';
import type {StoredSnapshot} from '../store/snapshot-store.js';
import {checkReadable} from './boot-files.js';
import type {ConsoleHub} from './console-hub.js';
import type {FleetMachine} from './fleet.js';
import type {MachineSaver, SaverParts} from './machine-saver.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Undo points that a machine keeps. */
const UNDO_POINTS = 3;
/** How long whoever ends a machine waits for its state to be kept. */
const UNDO_TIMEOUT_MS = 10_000;

/** What it works with. */
export interface SnapshotParts extends SaverParts {
  readonly saver: MachineSaver;
  readonly consoles: ConsoleHub;
}

/** A machine that went back to a snapshot. */
export interface Restored {
  readonly machine: FleetMachine;
  readonly job: Job | undefined;
  readonly snapshot: Snapshot;
  /** What was there before, where it could be kept. */
  readonly undo: Snapshot | undefined;
}

/** See the module. Emits `changed` when snapshots of a machine were taken, described anew or removed, or another is current. */
export class MachineSnapshots {
  readonly events = new EventEmitter<{changed: [machineId: string]}>();
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /** Errors: machine-not-found */
  async list(reference: string): Promise<{snapshots: Snapshot[]; broken: string[]}> {
    const machine = this.#parts.fleet.find(reference);
    const {snapshots, broken} = await this.#parts.store.snapshots.list(machine.id);
    return {snapshots: snapshots.map((snapshot) => asSeen(machine, snapshot)), broken};
  }

  /** Errors: machine-not-found, snapshot-not-found */
  async screen(reference: string, wanted: string): Promise<{snapshot: Snapshot; screen: string}> {
    const machine = this.#parts.fleet.find(reference);
    const snapshot = await this.find(machine, wanted);
    const screen = await this.#parts.store.snapshots.screen(machine.id, snapshot.id);
    return {snapshot: asSeen(machine, snapshot), screen};
  }

  /** See `snapshotCreate` for the errors. */
  create(
    {machine: reference, name, note}: ParamsOutput<typeof snapshotCreate>,
    kind: SnapshotKind = 'snapshot',
  ): Promise<Snapshot> {
    return this.#parts.saver.inTurn(reference, async () => {
      const {fleet, log} = this.#parts;
      const machine = fleet.findFor('snapshot', reference);
      const taken = await this.#take(machine, {name, note, kind});
      if (kind === 'snapshot')
        log.record('snapshot-taken', `The snapshot ${taken.name} of ${machine.name} was taken.`, machine);
      return asSeen(machine, taken);
    });
  }

  /** See `snapshotKeep` for the errors. */
  keep({machine: reference, snapshot: wanted, name, note}: ParamsOutput<typeof snapshotKeep>): Promise<Snapshot> {
    return this.#parts.saver.inTurn(reference, async () => {
      const {fleet, store} = this.#parts;
      const machine = fleet.find(reference);
      const {id} = machine;
      const snapshot = await this.find(machine, wanted);
      const {snapshots} = await store.snapshots.list(id);
      const others = snapshots.filter((other) => other.id !== snapshot.id);
      const isNamed = name !== undefined && name !== snapshot.name;
      const isOwnName = snapshot.kind === 'snapshot' && !isNamed;
      const kept: StoredSnapshot = {
        ...snapshot,
        kind: 'snapshot',
        name: isOwnName ? snapshot.name : chooseName('snapshot', name, others, machine.name),
        ...(note === undefined ? {} : {note}),
      };
      await store.snapshots.describe(id, kept);
      this.events.emit('changed', id);
      return asSeen(machine, kept);
    });
  }

  /** See `snapshotRestore` for the errors. When a file turns out damaged while it is read, the undo point is left. */
  restore({
    machine: reference,
    snapshot: wanted,
    discardsPresent,
  }: ParamsOutput<typeof snapshotRestore>): Promise<Restored> {
    return this.#parts.saver.inTurn(reference, async () => {
      const machine = this.#parts.fleet.findFor('restore', reference);
      const snapshot = await this.find(machine, wanted);
      if (!discardsPresent && (hasProcess(machine.state) || machine.saved !== undefined))
        throw new ManagerError(
          'wrong-state',
          `${machine.name} is ${stateWord(machine.state)}, and its present state would be replaced.`,
          'Add --yes to go back all the same; the present state stays as an undo point until the next time.',
        );
      if (!discardsPresent) refuseLoss(machine);
      return this.#goTo(machine, snapshot);
    });
  }

  /** See `machineRewind` for the errors. */
  rewind({machine: reference, atMs, discardsPresent}: ParamsOutput<typeof machineRewind>): Promise<Restored> {
    return this.#parts.saver.inTurn(reference, async () => {
      const {fleet, store} = this.#parts;
      const machine = fleet.findFor('restore', reference);
      const {snapshots} = await store.snapshots.list(machine.id);
      const points = snapshots.filter(({kind}) => kind !== 'undo');
      const snapshot = points.findLast(({createdAtMs}) => createdAtMs <= atMs) ?? points[0];
      if (snapshot !== undefined) {
        if (!discardsPresent) refuseLoss(machine);
        return this.#goTo(machine, snapshot);
      }
      throw new ManagerError(
        'snapshot-not-found',
        `There is no state of ${machine.name} to go back to.`,
        `Take one with \`viv snapshot create ${machine.name}\`, or turn its timeline on: viv timeline ${machine.name} on`,
      );
    });
  }

  /** Errors: machine-not-found, snapshot-not-found */
  remove(reference: string, wanted: string): Promise<Snapshot> {
    return this.#parts.saver.inTurn(reference, async () => {
      const {fleet, saver, log} = this.#parts;
      const machine = fleet.find(reference);
      const snapshot = await this.find(machine, wanted);
      const seen = asSeen(machine, snapshot);
      await this.#forget(machine, [snapshot]);
      await saver.collect(machine);
      log.record('snapshot-removed', `The snapshot ${snapshot.name} of ${machine.name} was removed.`, machine);
      return seen;
    });
  }

  /** Removes those that `chooses` picks of all, oldest first, and gives their room back. */
  prune(
    machine: FleetMachine,
    chooses: (all: readonly StoredSnapshot[]) => Promise<readonly StoredSnapshot[]>,
  ): Promise<void> {
    return this.#parts.saver.inTurn(machine.id, async () => {
      const {snapshots} = await this.#parts.store.snapshots.list(machine.id);
      const gone = await chooses(snapshots);
      if (gone.length === 0) return;
      await this.#forget(machine, gone);
      await this.#parts.saver.collect(machine);
    });
  }

  /** Errors: snapshot-not-found */
  async find(machine: FleetMachine, wanted: string): Promise<StoredSnapshot> {
    const {snapshots} = await this.#parts.store.snapshots.list(machine.id);
    const found = snapshots.find(({id}) => id === wanted) ?? snapshots.find(({name}) => name === wanted);
    if (found !== undefined) return found;
    throw new ManagerError(
      'snapshot-not-found',
      `${machine.name} has no snapshot named ${JSON.stringify(wanted.slice(0, 80))}.`,
      `See \`viv snapshot ls ${machine.name}\`.`,
    );
  }

  /** RAM, harts and devices of a snapshot fit the machine it was taken of, and no other. Errors: bad-snapshot */
  refuseOtherMake({name, definition}: FleetMachine, snapshot: StoredSnapshot): void {
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

  /**
   * Keeps the present state of a machine that has a process until the next such point, where that can be done in time: a
   * machine that hangs must still be ended. To be called in turn. `neededId` is one that stays whatever it is.
   */
  async keepForUndo(
    machine: FleetMachine,
    why: 'restore' | 'kill',
    neededId?: string,
  ): Promise<StoredSnapshot | undefined> {
    const {snapshots} = await this.#parts.store.snapshots.list(machine.id);
    const taking = this.#take(machine, {name: undefined, note: `before the last ${why}`, kind: 'undo'});
    const waiting = new AbortController();
    const late = delay(UNDO_TIMEOUT_MS, undefined, {signal: waiting.signal, ref: false});
    try {
      const point = await Promise.race([taking, late.catch(() => undefined)]);
      if (point === undefined) throw new Error('it takes too long');
      await this.#forget(machine, tooOld(snapshots, neededId));
      return point;
    } catch (thrown) {
      taking.catch(() => undefined);
      console.error(`undo point of ${machine.name}: ${toManagerError(thrown).message}`);
      return undefined;
    } finally {
      waiting.abort();
    }
  }

  async #take(
    machine: FleetMachine,
    {name: wanted, note, kind}: {name: string | undefined; note: string | undefined; kind: SnapshotKind},
  ): Promise<StoredSnapshot> {
    const {fleet, store, runner, saver, consoles} = this.#parts;
    const {id, definition} = machine;
    if (definition === undefined) throw new Error(`machine ${id} has no definition in state ${machine.state}`);
    const {memoryBytes, hartCount} = definition.config;
    const {snapshots} = await store.snapshots.list(id);
    const name = chooseName(kind, wanted, snapshots, machine.name);
    const parentId = snapshots.find((snapshot) => snapshot.id === machine.snapshotId)?.id;
    const {size: screenSize, render} = await consoles.look(id);
    const {saved, disks, memoryId, sources} = await saver.capture(machine, {passes: false});
    const {fileBytes, touchedBytes, pausedMs} = saved;
    const described = {
      ...{name, kind, note, parentId, createdAtMs: Date.now(), fileBytes, touchedBytes, pausedMs, screenSize},
      ...{memoryId, sources, config: {memoryBytes, hartCount, disks: [...disks]}},
    };
    const snapshot = await store.snapshots.create(id, described, await render());
    // What is kept of a state that ends is nothing that the machine goes on from.
    if (kind !== 'undo') fleet.update(machine, {snapshotId: snapshot.id});
    await runner.remember(machine);
    this.events.emit('changed', id);
    return snapshot;
  }

  /** Makes the saved state of a machine its undo point. */
  async #keepSaved(machine: FleetMachine, neededId: string): Promise<StoredSnapshot | undefined> {
    const {fleet, store, runner, consoles} = this.#parts;
    const {id, definition, saved} = machine;
    if (saved === undefined || definition === undefined) return undefined;
    const {memoryBytes, hartCount, disks} = definition.config;
    const {atMs: createdAtMs, fileBytes, touchedBytes, memoryId, sources} = saved;
    const {snapshots} = await store.snapshots.list(id);
    const name = chooseName('undo', undefined, snapshots, machine.name);
    const parentId = snapshots.find((snapshot) => snapshot.id === machine.snapshotId)?.id;
    const {size: screenSize, render} = await consoles.look(id);
    const described = {
      ...{name, kind: 'undo' as const, note: 'saved before the last restore', parentId, createdAtMs, pausedMs: 0},
      ...{fileBytes, touchedBytes, screenSize, memoryId, sources, config: {memoryBytes, hartCount, disks}},
    };
    const point = await store.snapshots.create(id, described, await render());
    await this.#forget(machine, tooOld(snapshots, neededId));
    // It fits the disks as they are now, and those are about to be others.
    fleet.update(machine, {saved: undefined});
    await runner.remember(machine);
    return point;
  }

  async #goTo(machine: FleetMachine, snapshot: StoredSnapshot): Promise<Restored> {
    const {store, runner, layers, saver} = this.#parts;
    this.refuseOtherMake(machine, snapshot);
    const savedPath = store.memory.path(machine.id, snapshot.memoryId);
    await checkReadable(savedPath, 'snapshot');
    try {
      const {next} = await layers.grow(machine, snapshot.config.disks);
      // Without it the restore of a machine that runs is as good, and cannot be undone.
      const isUp = hasProcess(machine.state);
      using _prepared = isUp ? runner.prepare(machine, savedPath, next) : undefined;
      const undo = isUp
        ? await this.keepForUndo(machine, 'restore', snapshot.id)
        : await this.#keepSaved(machine, snapshot.id);
      if (isUp) await runner.end(machine);
      // Its memory would not fit the disks.
      await runner.discardSaved(machine);
      await layers.define(machine, next);
      const title = `its snapshot ${snapshot.name}`;
      const screen = await store.snapshots.screen(machine.id, snapshot.id);
      const changes = {snapshotId: snapshot.id};
      const {job} = await runner.startFrom(machine, {savedPath, title, screen, changes});
      const seen = (one: StoredSnapshot) => asSeen({...machine, ...changes}, one);
      return {machine, job, snapshot: seen(snapshot), undo: undo && seen(undo)};
    } finally {
      await saver.collect(machine);
      this.events.emit('changed', machine.id);
    }
  }

  /** Removes snapshots; what only they name is left to be collected. */
  async #forget(machine: FleetMachine, gone: readonly StoredSnapshot[]): Promise<void> {
    const {fleet, store, runner} = this.#parts;
    const {id} = machine;
    for (const {id: goneId} of gone) {
      const {snapshots} = await store.snapshots.list(id);
      const snapshot = snapshots.find((one) => one.id === goneId);
      if (snapshot === undefined) continue;
      // First those that name it: a parent that is gone is nobody's.
      for (const child of snapshots)
        if (child.parentId === goneId) await store.snapshots.describe(id, {...child, parentId: snapshot.parentId});
      if (machine.snapshotId === goneId) {
        fleet.update(machine, {snapshotId: snapshot.parentId});
        await runner.remember(machine);
      }
      await store.snapshots.remove(id, goneId);
    }
    if (gone.length > 0) this.events.emit('changed', id);
  }
}

/** What a machine that is off has on its disks can be kept by nothing but itself. Errors: wrong-state */
function refuseLoss({name, state, saved, definition}: FleetMachine): void {
  const disks = definition?.config.disks.filter(({isReadOnly}) => !isReadOnly) ?? [];
  if (hasProcess(state) || saved !== undefined || disks.length === 0) return;
  throw new ManagerError(
    'wrong-state',
    `${name} is off, and what was written to its disks since then would be lost.`,
    'Add --yes to lose it, or keep it with `viv clone` first.',
  );
}

/** Undo points that make room for a new one. */
function tooOld(snapshots: readonly StoredSnapshot[], neededId: string | undefined): StoredSnapshot[] {
  const older = snapshots.filter(({kind, id}) => kind === 'undo' && id !== neededId);
  return older.slice(0, Math.max(0, older.length + 1 - UNDO_POINTS));
}

function chooseName(
  kind: SnapshotKind,
  wanted: string | undefined,
  snapshots: readonly StoredSnapshot[],
  machine: string,
): string {
  if (snapshots.length >= MAX_SNAPSHOTS)
    throw new ManagerError(
      'bad-request',
      `${machine} has ${MAX_SNAPSHOTS} snapshots, the most it may.`,
      'Remove some.',
    );
  const isTaken = (candidate: string) => snapshots.some(({name}) => name === candidate);
  if (wanted === undefined) {
    const stem = {snapshot: 'snapshot', checkpoint: 'auto', undo: 'undo'}[kind];
    // Those that go by themselves leave their numbers unused: a name seen a minute ago must not be another's now.
    let number =
      1 + (kind === 'snapshot' ? snapshots.filter((one) => one.kind === kind).length : last(stem, snapshots));
    while (isTaken(`${stem}-${number}`)) number++;
    return `${stem}-${number}`;
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

/** The highest number after a stem. */
function last(stem: string, snapshots: readonly StoredSnapshot[]): number {
  const numbers = snapshots.map(({name}) => (name.startsWith(`${stem}-`) ? Number(name.slice(stem.length + 1)) : 0));
  return Math.max(0, ...numbers.filter(Number.isSafeInteger));
}

function make({memoryBytes, hartCount, disks}: Pick<MachineConfig, 'memoryBytes' | 'hartCount' | 'disks'>) {
  const made: Record<string, string> = {
    memory: `${memoryBytes} bytes`,
    CPUs: String(hartCount),
    disks: disks.map(nameDisk).join(', '),
  };
  return made;
}

/** A disk by what was attached: layers over it are not its user's. */
function nameDisk({path, format, isReadOnly, attached = {path, format}}: Disk): string {
  return `${attached.path} (${attached.format}${isReadOnly ? ', read-only' : ''})`;
}

function asSeen({snapshotId}: Pick<FleetMachine, 'snapshotId'>, stored: StoredSnapshot): Snapshot {
  const {config, memoryId: _memory, sources: _sources, ...snapshot} = stored;
  const {memoryBytes, hartCount} = config;
  return {...snapshot, memoryBytes, hartCount, isCurrent: snapshotId === snapshot.id};
}
