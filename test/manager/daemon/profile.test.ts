import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {machineCreate, machinePause, machineStart} from '../../../src/manager/protocol/machine.js';
import {machineProfile} from '../../../src/manager/protocol/profile.js';
import {Assembler} from '../../support/assembler.js';
import {TestDaemon} from '../../support/daemon.js';
import {writeElf} from '../../support/elf-writer.js';

const BASE = 0x8000_0000;

let daemon: TestDaemon;
afterEach(() => daemon[Symbol.asyncDispose]());

describe('a profile', () => {
  it('of a real machine says where its guest is', async () => {
    daemon = await TestDaemon.create({isReal: true});
    const client = await daemon.connect();
    const a = new Assembler(BASE);
    a.loadConstant(5, 1);
    a.label('spin');
    a.to('spin', 'jal');
    await daemon.file('program.elf', writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]}));
    const boot = {kind: 'firmware' as const, elfPath: join(daemon.folder, 'program.elf')};
    await client.request(machineCreate, {name: 'one', boot, memoryBytes: 16 << 20});
    await client.request(machineStart, {machine: 'one'});
    const {sampleCount, lostCount, points} = await client.request(machineProfile, {machine: 'one', durationMs: 1500});
    // Samples that the ring lost while the reader was away are told, not placed.
    const count = sampleCount - lostCount;
    expect(count).toBeGreaterThan(0);
    expect(points).toEqual([{pc: a.addressOf('spin').toString(16), mode: 'kernel', count}]);
  });

  it('needs a machine that runs, and does not take for ever', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'one');
    const profile = () => client.request(machineProfile, {machine: 'one', durationMs: 10});
    await expect(profile()).rejects.toMatchObject({
      code: 'wrong-state',
      hint: expect.stringContaining('viv start one'),
    });
    await client.request(machineStart, {machine: 'one'});
    expect((await profile()).points).toEqual([{pc: '80000000', mode: 'kernel', count: 10}]);
    await client.request(machinePause, {machine: 'one'});
    await expect(profile()).rejects.toMatchObject({code: 'wrong-state', hint: expect.stringContaining('viv resume')});
    await expect(client.request(machineProfile, {machine: 'one', durationMs: 1e6})).rejects.toMatchObject({
      code: 'bad-request',
    });
  });
});
