import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {
  machineCreate,
  machineKill,
  machinePause,
  machineResume,
  machineStart,
} from '../../../src/manager/protocol/machine.js';
import {Assembler} from '../../support/assembler.js';
import {eventKinds, FleetWatch, TestConsole, TestDaemon} from '../../support/daemon.js';
import {writeElf} from '../../support/elf-writer.js';

const BASE = 0x8000_0000;
const UART = 0x1000_0000;
const FINISHER = 0x10_0000;

/** Echoes what it reads on the serial port; `q` powers off, `r` reboots. */
function echoProgram(): Uint8Array {
  const a = new Assembler(BASE);
  a.loadConstant(5, UART);
  a.loadConstant(6, '>'.charCodeAt(0));
  a.op('sb', {rs1: 5, rs2: 6});
  a.label('poll');
  a.op('lbu', {rd: 6, rs1: 5, imm: 5});
  a.op('andi', {rd: 6, rs1: 6, imm: 1});
  a.to('poll', 'beq', {rs1: 6});
  a.op('lbu', {rd: 6, rs1: 5});
  a.op('sb', {rs1: 5, rs2: 6});
  a.loadConstant(8, FINISHER);
  a.loadConstant(9, 0x5555);
  a.loadConstant(7, 'q'.charCodeAt(0));
  a.to('finish', 'beq', {rs1: 6, rs2: 7});
  a.loadConstant(9, 0x7777);
  a.loadConstant(7, 'r'.charCodeAt(0));
  a.to('finish', 'beq', {rs1: 6, rs2: 7});
  a.to('poll', 'jal');
  a.label('finish');
  a.op('sw', {rs1: 8, rs2: 9});
  a.label('wait');
  a.to('wait', 'jal');
  return writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]});
}

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
