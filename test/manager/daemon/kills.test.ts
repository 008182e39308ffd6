/** Kills the daemon and machine processes at any instant of what they do, and looks at what was promised before. */
import {existsSync, watch} from 'node:fs';
import {readdir} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {daemonStop} from '../../../src/manager/protocol/daemon.js';
import {ManagerError} from '../../../src/manager/protocol/errors.js';
import {
  type Machine,
  machineCreate,
  machineFork,
  machineKill,
  machineList,
  machineRemove,
  machineResume,
  machineSave,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotList, snapshotRemove, snapshotRestore} from '../../../src/manager/protocol/snapshot.js';
import {Volumes} from '../../../src/manager/services/volumes.js';
import {TEMPORARY_PREFIX} from '../../../src/manager/store/atomic-file.js';
import {ImageLocks} from '../../../src/manager/store/image-locks.js';
import {MachineStore} from '../../../src/manager/store/machine-store.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {TestConsole, TestDaemon, until} from '../../support/daemon.js';
import {processesNaming} from '../../support/processes.js';
import {SeededRandom} from '../../support/seeded-random.js';

const KILLS = Number(process.env['VIV_KILLS'] ?? 200);
/** About as many changes as the longest of the requests makes in the machine's folder. */
const CHANGES_MAX = 30;
/** Of a hundred kills; a new daemon takes longer than a new machine. */
const DAEMON_PERCENT = 30;
const SNAPSHOTS_MAX = 6;
/** A machine process that no daemon has told to run ends after half a minute. */
const ORPHANS_GONE_MS = 40_000;

const machine = 'one';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

/** Something that is asked for, and what may be told of afterwards. */
interface Work {
  readonly run: () => Promise<unknown>;
  /** A snapshot that it makes or removes. */
  readonly adds?: string;
  readonly removes?: string;
  readonly saves?: boolean;
}

async function show(client: Client): Promise<Machine> {
  const {machines} = await client.request(machineList, {});
  return machines.find(({name}) => name === machine)!;
}

function chooseWork(client: Client, {state}: Machine, known: readonly string[], number: number, random: SeededRandom) {
  const start: Work = {run: () => client.request(machineStart, {machine})};
  if (state === 'paused') return {run: () => client.request(machineResume, {machine})};
  if (state !== 'running') {
    const snapshot = random.chance(25) ? known.at(-1) : undefined;
    if (snapshot === undefined) return start;
    return {run: () => client.request(snapshotRestore, {machine, snapshot, discardsPresent: true})};
  }
  const name = `s${number}`;
  const create: Work = {adds: name, run: () => client.request(snapshotCreate, {machine, name})};
  if (known.length === 0) return create;
  const snapshot = random.pick(known);
  const remove: Work = {removes: snapshot, run: () => client.request(snapshotRemove, {machine, snapshot})};
  if (known.length > SNAPSHOTS_MAX) return remove;
  return random.pick<Work>([
    create,
    create,
    create,
    remove,
    {run: () => client.request(snapshotRestore, {machine, snapshot, discardsPresent: true})},
    {run: () => client.request(machineFork, {machine, name: `f${number}`})},
    {saves: true, run: () => client.request(machineSave, {machine})},
    {run: () => client.request(machineKill, {machine})},
  ]);
}

/** Resolves at one of the next changes in a machine's folder, or when the work is done. */
async function untilInstant(folder: string, done: Promise<unknown>, random: SeededRandom): Promise<void> {
  let left = random.below(CHANGES_MAX);
  const reached = Promise.withResolvers<void>();
  const watchers = ['.', 'memory', 'snapshots', 'disks']
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .map((path) => watch(path, () => left-- <= 0 && reached.resolve()));
  await Promise.race([reached.promise, done]);
  for (const watcher of watchers) watcher.close();
}

/** What is wrong with the files. */
async function findFaults(): Promise<string[]> {
  const store = new MachineStore(daemon.paths);
  const volumes = new Volumes({backingFolders: []}, new ImageLocks(join(daemon.folder, 'no-locks')));
  const faults: string[] = [];
  for (const {id, definition, life} of await store.list()) {
    if (definition instanceof ManagerError || life === undefined) {
      faults.push(`${id} is broken`);
      continue;
    }
    const {snapshots, broken} = await store.snapshots.list(id);
    faults.push(...broken);
    const there = await store.memory.list(id);
    for (const {memoryId, sources} of [...snapshots, ...(life.saved === undefined ? [] : [life.saved])])
      for (const needed of [memoryId, ...sources])
        if (!there.includes(needed)) faults.push(`the state ${needed} of ${definition.name} is missing`);
    for (const {disks} of [definition.config, ...snapshots.map(({config}) => config)])
      await volumes.plan(store.folder(id), disks).catch((thrown: unknown) => faults.push(String(thrown)));
    for (const path of await readdir(store.folder(id), {recursive: true}))
      if (basename(path).startsWith(TEMPORARY_PREFIX)) faults.push(`${path} of ${definition.name} was left`);
  }
  return faults;
}

/** Layers may be folded and collected at the moment. */
async function expectNoFaults(): Promise<void> {
  let faults: string[] = [];
  const isSound = async () => {
    faults = await findFaults().catch((thrown: unknown) => [String(thrown)]);
    return faults.length === 0;
  };
  await until(isSound).catch(() => expect(faults).toEqual([]));
}

describe('two hundred kills', () => {
  it('at any instant lose no snapshot, no saved state and no machine, and leave nothing behind', async () => {
    daemon = await TestDaemon.create();
    const random = new SeededRandom(2);
    let client = await daemon.connect();
    const boot = {kind: 'linux' as const, kernelPath: join(daemon.folder, 'kernel')};
    const disks = [{newSizeBytes: 2 ** 20, format: 'qcow2' as const}];
    const made = await client.request(machineCreate, {name: machine, boot, memoryBytes: 64 * 2 ** 20, disks});
    const {folder} = made.machine;
    const known = new Set<string>();
    let interrupted = 0;
    for (let number = 0; number < KILLS; number++) {
      const before = await show(client);
      const {run, adds, removes, saves = false} = chooseWork(client, before, [...known], number, random);
      const outcome = run().then(
        () => 'done',
        (thrown: unknown) => {
          if (!(thrown instanceof ManagerError)) throw thrown;
          return 'failed';
        },
      );
      await untilInstant(folder, outcome, random);
      const {pid: machinePid} = before;
      const hasMachine = machinePid !== undefined && identifyProcess(machinePid) !== undefined;
      const victim = hasMachine && !random.chance(DAEMON_PERCENT) ? machinePid : client.daemon.pid;
      process.kill(victim, 'SIGKILL');
      const isDone = (await outcome) === 'done';
      if (!isDone) interrupted++;
      await until(() => identifyProcess(victim) === undefined);
      if (victim === client.daemon.pid) client = await daemon.connect();

      const {snapshots, broken} = await client.request(snapshotList, {machine});
      expect(broken).toEqual([]);
      const names = new Set(snapshots.filter(({kind}) => kind === 'snapshot').map(({name}) => name));
      if (adds !== undefined && (isDone || names.has(adds))) known.add(adds);
      if (removes !== undefined && (isDone || !names.has(removes))) known.delete(removes);
      expect([...names].sort()).toEqual([...known].sort());
      const {machines} = await client.request(machineList, {});
      expect(machines.filter(({state}) => state === 'broken')).toEqual([]);
      expect(machines.filter(({reason = ''}) => reason.includes('cannot be used'))).toEqual([]);
      if (isDone && saves) expect((await show(client)).state).toBe('saved');
      await expectNoFaults();
      for (const {name, state} of machines) {
        if (name === machine) continue;
        if (['running', 'paused'].includes(state)) await client.request(machineKill, {machine: name});
        else if (state === 'saved') await client.request(machineStart, {machine: name, from: 'boot'});
        else await client.request(machineRemove, {machine: name});
      }
    }

    // Not all of them came when everything was done.
    expect(interrupted).toBeGreaterThan(KILLS / 5);
    for (const snapshot of known) {
      await client.request(snapshotRestore, {machine, snapshot, discardsPresent: true});
      const console = await TestConsole.open(client, machine);
      await console.until('restored: saved line');
    }
    await client.request(daemonStop, {machines: 'kill'});
    await client.untilDaemonGone();
    const deadline = Date.now() + ORPHANS_GONE_MS;
    while (Date.now() < deadline && (await processesNaming(daemon.folder)).length > 0)
      await until(async () => Date.now() > deadline || (await processesNaming(daemon.folder)).length === 0).catch(
        () => undefined,
      );
    expect(await processesNaming(daemon.folder)).toEqual([]);
  }, 900_000);
});
