import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {daemonStop} from '../../../src/manager/protocol/daemon.js';
import {machineCreate, machineKill, machineStart} from '../../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotRestore} from '../../../src/manager/protocol/snapshot.js';
import {isAlive, type ProcessIdentity} from '../../../src/manager/store/process-identity.js';
import {TestConsole, TestDaemon, until} from '../../support/daemon.js';
import {echoProgram, sleepingProgram} from '../../support/echo-guest.js';

let daemon: TestDaemon;
let client: Client;

afterEach(() => daemon[Symbol.asyncDispose]());

const spares = () => join(daemon.paths.home, 'spares');

async function owners(): Promise<ProcessIdentity[]> {
  const folders = await readdir(spares()).catch(() => []);
  return Promise.all(
    folders.map(async (name) => {
      const text = await readFile(join(spares(), name, 'owner.json'), 'utf8').catch(() => '{"pid":0}');
      return JSON.parse(text || '{"pid":0}') as ProcessIdentity;
    }),
  );
}

/** The process that waits besides those known. */
async function nextSpare(known: readonly number[]): Promise<ProcessIdentity> {
  let found: ProcessIdentity | undefined;
  await until(async () => {
    found = (await owners()).find((owner) => owner.pid > 0 && isAlive(owner) && !known.includes(owner.pid));
    return found !== undefined;
  });
  return found!;
}

async function define(name: string, program = sleepingProgram()): Promise<void> {
  const boot = {kind: 'firmware' as const, elfPath: await daemon.file(`${name}.elf`, program)};
  await client.request(machineCreate, {name, boot, memoryBytes: 16 << 20, disks: [{newSizeBytes: 1 << 20}]});
}

/** A daemon with a machine that runs, and the process that waits then. */
async function open(settings: Record<string, unknown> = {}): Promise<void> {
  daemon = await TestDaemon.create({isReal: true, settings: {machines: settings}});
  client = await daemon.connect();
  await define('one');
  await client.request(machineStart, {machine: 'one'});
}

describe('a process that waits', () => {
  it('is there after a start, and becomes the next machine, which is one like any other', async () => {
    await open();
    const spare = await nextSpare([]);
    await define('two', echoProgram());
    const {machine} = await client.request(machineStart, {machine: 'two'});
    expect(machine.pid).toBe(spare.pid);
    const console = await TestConsole.open(client, 'two');
    await console.until('>');
    await console.type('a');
    await console.until('>a');
    await client.request(snapshotCreate, {machine: 'two', name: 'then'});
    await client.request(snapshotRestore, {machine: 'two', snapshot: 'then', discardsPresent: true});
    await console.type('b');
    await console.until('b');
    expect((await readdir(machine.folder)).sort()).toEqual(
      expect.arrayContaining(['console.log', 'launch.json', 'machine.log', 'memory']),
    );
  });

  it('takes its folder with it when its machine ends', async () => {
    await open();
    const spare = await nextSpare([]);
    await define('two');
    await client.request(machineStart, {machine: 'two'});
    await client.request(machineKill, {machine: 'two'});
    await until(async () => !(await owners()).some(({pid}) => pid === spare.pid));
  });

  it('ends with the daemon', async () => {
    await open();
    const spare = await nextSpare([]);
    await client.request(daemonStop, {machines: 'kill'});
    await until(() => !isAlive(spare));
  });

  it('ends when no machine was started for long', async () => {
    await open({spareIdleMs: 3000});
    const spare = await nextSpare([]);
    await until(() => !isAlive(spare));
  });

  it('that died is nothing that a start needs', async () => {
    await open();
    const spare = await nextSpare([]);
    process.kill(spare.pid, 'SIGKILL');
    await define('two');
    const {machine} = await client.request(machineStart, {machine: 'two'});
    expect(machine.pid).not.toBe(spare.pid);
  });

  it('leaves no folder for good when the daemon was not there', async () => {
    await open();
    await nextSpare([]);
    const left = join(spares(), 'spare-left');
    await mkdir(left);
    await writeFile(join(left, 'owner.json'), JSON.stringify({pid: 2 ** 22 + 1}));
    await client.request(daemonStop, {machines: 'keep'});
    client = await daemon.connect();
    await define('two');
    await client.request(machineStart, {machine: 'two'});
    await until(async () => !(await readdir(spares())).includes('spare-left'));
  });
});
