import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {eventsSince, subscribe} from '../../../src/manager/protocol/events.js';
import {
  machineAttachDisk,
  machineKill,
  machinePause,
  machineResume,
  machineSave,
  machineShow,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {
  machineRewind,
  type Snapshot,
  snapshotKeep,
  snapshotList,
  snapshotRemove,
} from '../../../src/manager/protocol/snapshot.js';
import {timelineChange, timelineChanged, timelineShow} from '../../../src/manager/protocol/timeline.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

const machine = 'one';
const EVERY_SECOND = {isEnabled: true, intervalMs: 1000};

async function open(timeline: Record<string, unknown> = EVERY_SECOND): Promise<Client> {
  daemon = await TestDaemon.create({settings: {timeline, metrics: {intervalMs: 100}}});
  return daemon.connect();
}

async function points(client: Client, name = machine): Promise<Snapshot[]> {
  return (await client.request(snapshotList, {machine: name})).snapshots;
}

const names = async (client: Client, name = machine) => (await points(client, name)).map((point) => point.name);

/** Follows a machine's points through notifications, as a user interface does. */
async function follow(client: Client, matches: () => Promise<boolean>): Promise<void> {
  let next = Promise.withResolvers<void>();
  using _listening = client.on(timelineChanged, () => next.resolve());
  await client.request(subscribe, {topics: ['snapshots']});
  while (!(await matches())) {
    await next.promise;
    next = Promise.withResolvers();
  }
}

describe('the timeline', () => {
  it('takes checkpoints of a machine that does something, tells of each, and keeps the newest of them', async () => {
    const client = await open({...EVERY_SECOND, maxCount: 2});
    await daemon.run(client, machine);
    await follow(client, async () => (await names(client)).includes('auto-4'));
    expect((await points(client)).every(({kind}) => kind === 'checkpoint')).toBe(true);
    const {folder} = (await client.request(machineShow, {machine})).machine;
    const files = async (of: string) => (await readdir(join(folder, of))).length;
    // The next one is written already when it is late: files are as many as points between two checkpoints only.
    await follow(client, async () => (await names(client)).length === 2 && (await files('snapshots')) === 2);
    // Files of those that went are gone with them, but for the one that the next ones stand on.
    await follow(client, async () => (await files('memory')) <= 4);
  });

  it('leaves pinned points alone', async () => {
    const client = await open({...EVERY_SECOND, maxCount: 1});
    await daemon.run(client, machine);
    await follow(client, async () => (await names(client)).includes('auto-1'));
    await client.request(snapshotKeep, {machine, snapshot: 'auto-1', name: 'good', note: 'works'});
    await follow(client, async () => (await names(client)).includes('auto-3'));
    expect((await points(client)).find(({name}) => name === 'good')).toMatchObject({kind: 'snapshot', note: 'works'});
  });

  it('costs a machine that does nothing no checkpoint, and takes one when it does something again', async () => {
    const client = await open();
    await daemon.run(client, machine);
    await daemon.run(client, 'clock');
    const console = await TestConsole.open(client, machine);
    await console.type('idle\n');
    await console.until('idle');
    const last = async () => Number((await names(client, 'clock')).at(-1)?.slice('auto-'.length) ?? 0);
    const wait = async (count: number) => {
      const from = await last();
      await follow(client, async () => (await last()) >= from + count);
    };
    // What came before it was idle is kept.
    await wait(3);
    const count = (await points(client)).length;
    expect(count).toBeGreaterThan(0);
    await wait(3);
    expect(await points(client)).toHaveLength(count);
    await console.type('print x\n');
    await follow(client, async () => (await points(client)).length === count + 1);
  });

  it('takes none of a machine that is paused or off', async () => {
    const client = await open();
    await daemon.run(client, machine);
    await daemon.run(client, 'clock');
    await follow(client, async () => (await points(client)).length > 0);
    await client.request(machinePause, {machine});
    const paused = await names(client);
    const clock = (await points(client, 'clock')).length;
    await follow(client, async () => (await points(client, 'clock')).length >= clock + 3);
    expect((await names(client)).length - paused.length).toBeLessThanOrEqual(0);
    await client.request(machineResume, {machine});
    await follow(client, async () => (await points(client)).length > paused.length);
    await client.request(machineKill, {machine});
    expect((await client.request(eventsSince, {machine})).events.map(({kind}) => kind)).not.toContain(
      'checkpoint-failed',
    );
  });

  it('tells a failure once, tries again, and says what is wrong; the machine runs on', async () => {
    const client = await open();
    const {pid} = await daemon.run(client, machine);
    const console = await TestConsole.open(client, machine);
    await console.type('saves failed\n');
    const failures = async () =>
      (await client.request(eventsSince, {machine})).events.filter(({kind}) => kind === 'checkpoint-failed');
    await follow(client, async () => (await failures()).length > 0);
    const {timeline} = await client.request(timelineShow, {machine});
    expect(timeline.problem).toBe('The last checkpoint failed: The disk is full. Free some space.');
    await console.type('saves done\n');
    const before = (await points(client)).length;
    await follow(client, async () => (await points(client)).length > before);
    await until(async () => (await client.request(timelineShow, {machine})).timeline.problem === undefined);
    expect(await failures()).toHaveLength(1);
    expect((await client.request(machineShow, {machine})).machine).toMatchObject({state: 'running', pid});
  });

  it('is turned on and off for a machine that runs, and what was asked stays over a new daemon', async () => {
    const client = await open({isEnabled: false, intervalMs: 60_000});
    const {pid} = await daemon.run(client, machine);
    expect((await client.request(timelineShow, {machine})).timeline).toMatchObject({isEnabled: false, usedBytes: 0});
    const changes = {isEnabled: true, intervalMs: 1000, budgetBytes: 2 ** 21};
    const {timeline} = await client.request(timelineChange, {machine, ...changes});
    expect(timeline).toMatchObject(changes);
    await follow(client, async () => (await points(client)).length > 0);
    process.kill(client.daemon.pid, 'SIGKILL');
    await until(() => identifyProcess(client.daemon.pid) === undefined);
    const second = await daemon.connect();
    expect((await second.request(timelineShow, {machine})).timeline).toMatchObject(changes);
    expect((await second.request(machineShow, {machine})).machine).toMatchObject({state: 'running', pid});
    const before = (await points(second)).length;
    await follow(second, async () => (await points(second)).length > before);
    const off = await second.request(timelineChange, {machine, isEnabled: null, intervalMs: null, budgetBytes: null});
    expect(off.timeline).toMatchObject({isEnabled: false, intervalMs: 60_000});
    expect((await second.request(machineShow, {machine})).machine.config?.timeline).toBeUndefined();
    await expect(second.request(timelineChange, {machine, intervalMs: 5})).rejects.toMatchObject({code: 'bad-request'});
  });

  it('spares a machine that writes to an image of its user, until it is asked for', async () => {
    const client = await open();
    await daemon.define(client, machine);
    const path = await daemon.file('data.raw', Buffer.alloc(2 ** 20));
    await client.request(machineAttachDisk, {machine, disk: {path, format: 'raw'}});
    expect((await client.request(timelineShow, {machine})).timeline).toMatchObject({
      isEnabled: false,
      problem: expect.stringContaining('an image that you attached'),
    });
    await client.request(machineStart, {machine});
    const {timeline} = await client.request(timelineChange, {machine, isEnabled: true});
    expect(timeline.isEnabled).toBe(true);
    await follow(client, async () => (await names(client)).length > 0);
  });

  it('gives up checkpoints that do not fit into its budget, and says so', async () => {
    const client = await open({...EVERY_SECOND, budgetBytes: 2 ** 20});
    await daemon.run(client, machine);
    // A state of its own that is larger than all may be.
    const console = await TestConsole.open(client, machine);
    await console.type('saves large\n');
    const problem = async () => (await client.request(timelineShow, {machine})).timeline.problem;
    await follow(client, async () => (await problem()) !== undefined);
    expect(await problem()).toMatch(
      /failed: one takes 3 MiB, and all may take 1 MiB\. Give it more: viv timeline one --budget/,
    );
    expect((await names(client)).length).toBe(0);
  });
});

describe('going back in time', () => {
  it('goes to the newest state that is not newer, else to the oldest, and keeps what was there', async () => {
    const client = await open();
    await daemon.run(client, machine);
    const console = await TestConsole.open(client, machine);
    await console.type('half');
    await follow(client, async () => (await points(client)).length >= 3);
    await client.request(timelineChange, {machine, isEnabled: false});
    const [oldest, second, third] = await points(client);
    const back = await client.request(machineRewind, {machine, atMs: third!.createdAtMs - 1});
    expect(back).toMatchObject({snapshot: {name: second!.name, isCurrent: true}, undo: {kind: 'undo', name: 'undo-1'}});
    await console.until('restored: saved line "half"');
    const far = await client.request(machineRewind, {machine, atMs: 0});
    expect(far).toMatchObject({snapshot: {name: oldest!.name}, undo: {name: 'undo-2'}});
    // Both rewinds can be undone.
    expect((await points(client)).filter(({kind}) => kind === 'undo')).toHaveLength(2);
  });

  it('keeps a saved state as the undo point', async () => {
    const client = await open();
    await daemon.run(client, machine);
    const console = await TestConsole.open(client, machine);
    await follow(client, async () => (await points(client)).length > 0);
    await client.request(timelineChange, {machine, isEnabled: false});
    await console.type('typed later');
    await console.until('typed later');
    await client.request(machineSave, {machine});
    const back = await client.request(machineRewind, {machine, atMs: 0});
    expect(back).toMatchObject({machine: {state: 'running'}, undo: {kind: 'undo'}});
    expect(back.machine.saved).toBeUndefined();
    await client.request(machineKill, {machine});
    for (const {name} of (await points(client)).filter(({kind}) => kind === 'checkpoint'))
      await client.request(snapshotRemove, {machine, snapshot: name});
    await client.request(snapshotKeep, {machine, snapshot: back.undo!.name, name: 'later'});
    await client.request(machineRewind, {machine, atMs: Date.now()});
    await console.until('restored: saved line "typed later"');
  });
});
