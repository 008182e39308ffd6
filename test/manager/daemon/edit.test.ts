import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {MAX_TAGS} from '../../../src/manager/protocol/labels.js';
import {
  machineClone,
  machineEdit,
  machineKill,
  machineLabel,
  machineShow,
} from '../../../src/manager/protocol/machine.js';
import {undoLast} from '../../../src/manager/protocol/undo.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;
let client: Client;
beforeEach(async () => {
  daemon = await TestDaemon.create();
  client = await daemon.connect();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const machine = 'one';
const show = async (name = machine) => (await client.request(machineShow, {machine: name})).machine;

describe('labels', () => {
  it('are added and taken away one by one, each tag once, while the machine runs', async () => {
    await daemon.run(client, machine);
    await client.request(machineLabel, {machine, group: 'prod', addTags: ['web', 'eu', 'web']});
    expect((await show()).labels).toEqual({group: 'prod', tags: ['eu', 'web']});
    await client.request(machineLabel, {machine, addTags: ['db'], removeTags: ['web', 'unknown']});
    expect((await show()).labels).toEqual({group: 'prod', tags: ['db', 'eu']});
    await client.request(machineLabel, {machine, group: null});
    expect((await show()).labels).toEqual({tags: ['db', 'eu']});
    await client.request(machineKill, {machine});
  });

  it('outlive the daemon, and go along to a clone', async () => {
    await daemon.define(client, machine);
    await client.request(machineLabel, {machine, group: 'prod', addTags: ['web']});
    process.kill(client.daemon.pid, 'SIGKILL');
    await until(() => identifyProcess(client.daemon.pid) === undefined);
    client = await daemon.connect();
    expect((await show()).labels).toEqual({group: 'prod', tags: ['web']});
    const {machine: cloned} = await client.request(machineClone, {machine});
    expect(cloned.labels).toEqual({group: 'prod', tags: ['web']});
  });

  it.each(['', 'two words', '-x', '\x1b[31m', 'x'.repeat(32)])('cannot be %j', async (tag) => {
    await daemon.define(client, machine);
    await expect(client.request(machineLabel, {machine, addTags: [tag]})).rejects.toMatchObject({code: 'bad-request'});
  });

  it('are bounded in number', async () => {
    await daemon.define(client, machine);
    const tags = Array.from({length: MAX_TAGS}, (_, index) => `t${index}`);
    await client.request(machineLabel, {machine, addTags: tags});
    await expect(client.request(machineLabel, {machine, addTags: ['more']})).rejects.toThrow('at most 16 tags');
    expect((await show()).labels?.tags).toHaveLength(MAX_TAGS);
  });
});

describe('an edit', () => {
  it('changes what is named and nothing else, and is taken back by undo', async () => {
    await daemon.define(client, machine);
    const before = (await show()).config;
    await client.request(machineEdit, {machine, memoryBytes: 2 ** 26, hartCount: 2, network: {egress: 'deny'}});
    const after = (await show()).config;
    expect(after).toMatchObject({memoryBytes: 2 ** 26, hartCount: 2, boot: before?.boot, disks: before?.disks});
    expect(after?.network).toMatchObject({kind: 'user', egress: 'deny', forwards: []});
    expect((await client.request(undoLast, {})).message).toBe('one is made as it was.');
    expect((await show()).config).toEqual(before);
  });

  it('of a part of the network leaves the other parts', async () => {
    await daemon.define(client, machine);
    await client.request(machineEdit, {machine, network: {egress: 'deny', allowsHostLoopback: true}});
    await client.request(machineEdit, {machine, network: {bytesPerSecond: 100_000}});
    expect((await show()).config?.network).toMatchObject({
      ...{kind: 'user', egress: 'deny', allowsHostLoopback: true, bytesPerSecond: 100_000},
    });
  });

  it('is refused while the machine runs', async () => {
    await daemon.run(client, machine);
    await expect(client.request(machineEdit, {machine, hartCount: 2})).rejects.toMatchObject({
      code: 'wrong-state',
      message: 'Cannot change the make of one: it is running.',
    });
    await client.request(machineKill, {machine});
  });

  it.each([
    [{memoryBytes: 4097}, 'bad-memory-size'],
    [{memoryBytes: 2 ** 50}, 'not-enough-memory'],
    [{hartCount: 9}, 'bad-request'],
  ])('with %j changes nothing', async (change, code) => {
    await daemon.define(client, machine);
    const before = (await show()).config;
    await expect(client.request(machineEdit, {machine, ...change})).rejects.toMatchObject({code});
    expect((await show()).config).toEqual(before);
  });
});
