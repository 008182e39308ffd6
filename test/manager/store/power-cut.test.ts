/** Records every write, name and sync of the manager's files under load and looks at what a power cut could leave. */
import {mkdir, mkdtemp, readdir, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {ManagerError} from '../../../src/manager/protocol/errors.js';
import type {Disk} from '../../../src/manager/protocol/machine.js';
import {EventLog} from '../../../src/manager/services/event-log.js';
import {TEMPORARY_PREFIX} from '../../../src/manager/store/atomic-file.js';
import {MachineStore} from '../../../src/manager/store/machine-store.js';
import type {MemoryRef} from '../../../src/manager/store/memory-store.js';
import {CountingDriver, readCount, readCountingState} from '../../support/counting-machine.js';
import {openServices} from '../../support/machine-services.js';
import {type CrashState, type KeptSyncs, recorder} from '../../support/recording-file-system.js';
import {SeededRandom} from '../../support/seeded-random.js';

vi.mock('node:fs/promises', async (original) => {
  const {recordPromises} = await import('../../support/recording-file-system.js');
  return recordPromises(await original());
});
vi.mock('node:fs', async (original) => {
  const {recordCallbacks} = await import('../../support/recording-file-system.js');
  return recordCallbacks(await original());
});

const STATES = Number(process.env['VIV_POWER_CUTS'] ?? 2000);
/** States that are looked at beside each other. */
const PARALLEL = 8;
const MIB = 2 ** 20;

const real = await vi.importActual<typeof import('node:fs')>('node:fs');

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'viv-power-')));
  await writeFile(join(folder, 'kernel'), '');
});
afterAll(() => rm(folder, {recursive: true}));

/** What was told to whoever asked, by name: each has one value after the other. Of a list, the last one in the end, any until then. */
class Told {
  readonly #facts = new Map<string, {readonly values: readonly string[]; readonly begun: number; ended: number}[]>();

  /** Facts that hold when the work has succeeded, and may hold from its begin on. */
  async when<T>(changes: Readonly<Record<string, string | readonly string[]>>, work: () => Promise<T>): Promise<T> {
    const begun = recorder.tick();
    const added = Object.entries(changes).map(([key, value]) => {
      const entry = {values: [value].flat(), begun, ended: Number.POSITIVE_INFINITY};
      this.#facts.set(key, [...(this.#facts.get(key) ?? [{values: ['nothing'], begun: -1, ended: -1}]), entry]);
      return entry;
    });
    const outcome = await work();
    const ended = recorder.tick();
    for (const entry of added) entry.ended = ended;
    return outcome;
  }

  /** What was seen after a power cut at that moment and cannot be. */
  contradictions(moment: number, seen: ReadonlyMap<string, string>): string[] {
    return [...this.#facts].flatMap(([key, values]) => {
      const last = values.findLastIndex(({ended}) => ended <= moment);
      const possible = values
        .slice(last)
        .flatMap((entry) =>
          entry.begun >= moment ? [] : entry.ended <= moment ? entry.values.slice(-1) : entry.values,
        );
      const now = seen.get(key) ?? 'nothing';
      return possible.includes(now) ? [] : [`${key} is ${now}, not ${possible.join(' or ')}`];
    });
  }
}

interface Recording {
  readonly told: Told;
  readonly endMoment: number;
}

/** Everything that touches the files of the manager, done once. */
async function record(name: string, keeps: KeptSyncs): Promise<Recording> {
  const root = join(folder, name);
  await mkdir(root);
  recorder.begin(root, keeps);
  const told = new Told();
  const driver = new CountingDriver();
  const services = await openServices(join(root, 'home'), join(folder, `${name}-run`), driver);
  const {definer, saver, snapshots, forker, undo} = services;
  const boot = {kind: 'linux' as const, kernelPath: join(folder, 'kernel'), commandLine: ''};
  const newDisk = {newSizeBytes: MIB, format: 'qcow2' as const};
  const gone = (machine: string) => ({[`machine ${machine}`]: 'nothing', [`count ${machine}`]: 'nothing'});
  const there = (machine: string, count: string | readonly string[]) => ({
    [`machine ${machine}`]: 'there',
    [`count ${machine}`]: count,
  });
  const countOn = (machine: string) => {
    const running = driver.running.get(machine)!;
    return told.when({[`count ${machine}`]: String(running.count + 1)}, () => running.countOn());
  };
  const take = (machine: string, snapshot: string) =>
    told.when({[`snapshot ${machine}/${snapshot}`]: 'there'}, () => snapshots.create({machine, name: snapshot}));
  const forget = (machine: string, snapshot: string) =>
    told.when({[`snapshot ${machine}/${snapshot}`]: 'nothing'}, () => snapshots.remove(machine, snapshot));
  const goBack = (machine: string, snapshot: string) =>
    undo.restored(snapshots.restore({machine, snapshot, discardsPresent: true}));

  const make = {boot, memoryBytes: 64 * MIB, disks: [newDisk], shares: []};
  await told.when(there('one', '0'), () => definer.create({name: 'one', ...make}));
  await told.when({'count one': '1'}, () => saver.start('one', 'boot'));
  await countOn('one');
  await take('one', 'a');
  await countOn('one');
  await take('one', 'b');
  await countOn('one');
  await told.when({'snapshot one/b': 'nothing', 'snapshot one/kept': 'there'}, () =>
    snapshots.keep({machine: 'one', snapshot: 'b', name: 'kept'}),
  );
  await countOn('one');
  // Two was counted then; whoever goes on counts one on.
  await told.when({'count one': ['2', '3'], undo: 'restored'}, () => goBack('one', 'a'));
  await told.when({...there('two', ['3', '4']), 'saved two': ['yes', 'nothing']}, () =>
    forker.fork('one', 'two', undefined),
  );
  await countOn('two');
  await take('two', 'c');
  await take('one', 'd');
  await countOn('one');
  await forget('one', 'kept');
  await forget('one', 'a');
  await told.when({undo: 'restored,killed'}, () => undo.kill('one'));
  await told.when({'saved two': 'yes'}, () => saver.save('two'));
  await told.when({'saved two': 'nothing', 'count two': '6'}, () => saver.start('two', 'saved'));
  await countOn('two');
  await told.when({'saved two': 'yes'}, () => saver.save('two'));
  await told.when(there('three', '4'), () => forker.clone('one', 'three'));
  await told.when({...gone('three'), ...there('four', '4'), 'disks four': '1', undo: 'restored,killed,renamed'}, () =>
    undo.rename('three', 'four'),
  );
  await told.when({'disks four': '2', undo: 'restored,killed,renamed,redefined'}, () =>
    undo.attachDisk({machine: 'four', disk: newDisk}),
  );
  await told.when({'machine four': 'in the trash', undo: 'restored,killed,renamed,redefined,removed'}, () =>
    undo.remove('four'),
  );
  await told.when({'machine four': 'there', undo: 'restored,killed,renamed,redefined'}, () => undo.undo());
  await forget('one', 'd');
  await told.when(
    {'saved two': 'nothing', 'count two': ['5', '6'], undo: 'restored,killed,renamed,redefined,restored'},
    () => goBack('two', 'c'),
  );
  await services.settle();
  recorder.end();
  return {told, endMoment: recorder.now};
}

interface Finding {
  readonly seen: ReadonlyMap<string, string>;
  readonly wrong: readonly string[];
}

/** Opens what a power cut has left as the next daemon does; answers with what is there, and what is wrong with it. */
async function examine(home: string, runtime: string): Promise<Finding> {
  const services = await openServices(home, runtime, new CountingDriver());
  await services.settle();
  const {fleet, store, volumes, undoStore} = services;
  const seen = new Map<string, string>();
  const wrong: string[] = [];
  const look = async (what: string, work: () => Promise<void>) => {
    await work().catch((thrown: unknown) =>
      wrong.push(`${what}: ${thrown instanceof Error ? thrown.message : thrown}`),
    );
  };
  const at = {machines: join(home, 'machines'), trash: join(home, 'trash')};
  for (const [place, open, folderOf] of [
    ['there', store, (id: string) => join(at.machines, id)],
    ['in the trash', new MachineStore({machines: at.trash, trash: at.machines}), (id: string) => join(at.trash, id)],
  ] as const)
    for (const {id, definition, life} of await open.list()) {
      if (definition instanceof ManagerError) {
        wrong.push(definition.message);
        continue;
      }
      const {name, config} = definition;
      seen.set(`machine ${name}`, place);
      seen.set(`disks ${name}`, String(config.disks.length));
      if (life === undefined) wrong.push(`the life of ${name} cannot be read`);
      const countOf = async (disks: readonly Disk[]) => {
        const plans = await volumes.plan(folderOf(id), disks);
        return readCount(plans[0]!.images);
      };
      const checkInstant = async ({memoryId, sources}: MemoryRef, disks: readonly Disk[]) => {
        const {count} = await readCountingState(open.memory.path(id, memoryId));
        for (const source of sources) await readCountingState(open.memory.path(id, source));
        const diskCount = await countOf(disks);
        if (count !== diskCount) throw new Error(`memory is of ${count} and disk of ${diskCount}`);
      };
      await look(`the disks of ${name}`, async () => {
        seen.set(`count ${name}`, String(await countOf(config.disks)));
      });
      const {snapshots, broken} = await open.snapshots.list(id);
      wrong.push(...broken);
      for (const snapshot of snapshots) {
        seen.set(`snapshot ${name}/${snapshot.name}`, 'there');
        await look(`the snapshot ${snapshot.name} of ${name}`, () => checkInstant(snapshot, snapshot.config.disks));
      }
      const saved = life?.saved;
      if (saved === undefined) continue;
      seen.set(`saved ${name}`, 'yes');
      await look(`the saved state of ${name}`, () => checkInstant(saved, config.disks));
    }
  for (const machine of fleet.all()) if (machine.state === 'broken') wrong.push(`${machine.name} is broken`);
  for (const path of await readdir(at.machines, {recursive: true}))
    if (basename(path).startsWith(TEMPORARY_PREFIX)) wrong.push(`${path} was not swept`);
  seen.set('undo', (await undoStore.read()).map(({kind}) => kind).join(',') || 'nothing');
  return {seen, wrong};
}

async function findBadStates(name: string, keeps: KeptSyncs, states: number): Promise<string[]> {
  const random = new SeededRandom(7);
  const {told, endMoment} = await record(name, keeps);
  const bad: string[] = [];
  const findings = new Map<string, Promise<Finding>>();
  const find = async (state: CrashState, number: number): Promise<Finding> => {
    const place = join(folder, `${name}-${number}`);
    state.build(real, place);
    try {
      return await examine(join(place, 'home'), join(place, 'run'));
    } catch (thrown) {
      return {seen: new Map(), wrong: [String(thrown)]};
    } finally {
      await rm(place, {recursive: true});
    }
  };
  let left = states;
  const work = async () => {
    while (left-- > 0) {
      const moment = random.below(endMoment + 1);
      const state = recorder.cut(moment, random);
      const {key} = state;
      const finding = findings.get(key) ?? find(state, findings.size);
      findings.set(key, finding);
      const {seen, wrong} = await finding;
      const problems = [...wrong, ...told.contradictions(moment, seen)];
      if (problems.length > 0) bad.push(`at ${moment}: ${problems.join('; ')}`);
    }
  };
  await Promise.all(Array.from({length: PARALLEL}, work));
  return bad;
}

describe('a power cut', () => {
  it('at any moment loses nothing of machines, snapshots and saved states that anybody was told of', async () => {
    expect(await findBadStates('all', 'all', STATES)).toEqual([]);
  }, 300_000);

  it.each(['none', 'files', 'folders'] as const)(
    'would lose some of it if no syncs were made but: %s',
    async (keeps) => {
      // What the services cannot do with such states is no news.
      const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
      expect(await findBadStates(keeps, keeps, 100)).not.toEqual([]);
      told.mockRestore();
    },
    120_000,
  );

  it('leaves a diary that opens, with whole events in order, and goes on', async () => {
    const root = join(folder, 'diary');
    await mkdir(root);
    recorder.begin(root, 'all');
    {
      await using log = await EventLog.open(join(root, 'events.jsonl'), 5);
      for (let number = 1; number <= 30; number++) log.record('daemon-started', `event ${number} ${'.'.repeat(200)}`);
    }
    recorder.end();
    const endMoment = recorder.now;
    const random = new SeededRandom(3);
    for (let state = 0; state < 200; state++) {
      const place = join(folder, `diary-${state}`);
      recorder.cut(random.below(endMoment + 1), random).build(real, place);
      for (const isLater of [false, true]) {
        await using log = await EventLog.open(join(place, 'events.jsonl'), 5);
        const {events} = log.since(undefined, undefined, 5);
        const numbers = events.map(({seq}) => seq);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        const isLast = (seq: number) => isLater && seq === numbers.at(-1);
        for (const {seq, message} of events)
          expect(message).toBe(isLast(seq) ? 'after' : `event ${seq} ${'.'.repeat(200)}`);
        if (isLater) expect(events.at(-1)?.message).toBe('after');
        else log.record('daemon-started', 'after');
      }
    }
  });
});
