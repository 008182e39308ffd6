import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {
  machineCreate,
  machineKill,
  machinePause,
  machineResume,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {eventKinds, FleetWatch, TestConsole, TestDaemon} from '../../support/daemon.js';
import {echoProgram} from '../../support/echo-guest.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

async function define(client: Awaited<ReturnType<TestDaemon['connect']>>, elf: Uint8Array) {
  await daemon.file('program.elf', elf);
  const boot = {kind: 'firmware' as const, elfPath: join(daemon.folder, 'program.elf')};
  return client.request(machineCreate, {name: 'one', boot, memoryBytes: 16 << 20, disks: [{newSizeBytes: 1 << 20}]});
}

describe('a real machine', () => {
  it('runs in its confined process: console, pause, reboot inside the process, power-off', async () => {
    daemon = await TestDaemon.create({isReal: true});
    const client = await daemon.connect();
    await define(client, echoProgram());
    const {machine} = await client.request(machineStart, {machine: 'one'});
    const fleet = await FleetWatch.open(client);
    const console = await TestConsole.open(client, 'one');
    await console.until('>');
    await console.type('hello');
    await console.until('>hello');
    await client.request(machinePause, {machine: 'one'});
    await client.request(machineResume, {machine: 'one'});
    await console.type('r');
    await console.until('>hellor>');
    expect([...fleet.machines.values()][0]?.pid).toBe(machine.pid);
    await console.type('q');
    await fleet.until('one', ({state}) => state === 'defined');
    expect(await eventKinds(client, 'one')).toContain('machine-rebooted');
    // Killed while it runs, it starts again.
    await client.request(machineStart, {machine: 'one'});
    expect((await client.request(machineKill, {machine: 'one'})).machine.state).toBe('defined');
  });

  it('does not start from what is no program for it any more, and says what it is', async () => {
    daemon = await TestDaemon.create({isReal: true});
    const client = await daemon.connect();
    const foreign = Buffer.from(echoProgram());
    foreign.writeUInt16LE(62, 18);
    await define(client, echoProgram());
    await daemon.file('program.elf', foreign);
    await expect(client.request(machineStart, {machine: 'one'})).rejects.toMatchObject({
      code: 'bad-firmware',
      message: expect.stringContaining('x86-64'),
    });
  });
});
