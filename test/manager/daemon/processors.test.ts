/** CPUs and tiers of machines, through the daemon: what is refused, and what reaches the machine's process. */
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import configuration from '../../../configs/daemon.json' with {type: 'json'};
import type {Client} from '../../../src/manager/client.js';
import {machineCreate, machineList, machineStart} from '../../../src/manager/protocol/machine.js';
import {TestDaemon} from '../../support/daemon.js';

let daemon: TestDaemon;
afterEach(() => daemon[Symbol.asyncDispose]());

function create(client: Client, options: Record<string, unknown>) {
  const boot = {kind: 'linux' as const, kernelPath: join(daemon.folder, 'kernel')};
  return client.request(machineCreate, {name: 'one', boot, memoryBytes: 64 << 20, ...options});
}

/** What the machine's process is told when it starts. */
async function launched(client: Client): Promise<unknown> {
  const {machine} = await client.request(machineStart, {machine: 'one'});
  return JSON.parse(await readFile(join(machine.folder, 'launch.json'), 'utf8'));
}

describe('a machine that is asked for by request', () => {
  it.each([
    ['hartCount', 17, 'A machine cannot have 17 CPUs.', 'Give 1 to 8.'],
    ['hartCount', 0, 'A machine cannot have 0 CPUs.', 'Give 1 to 8.'],
    ['hartCount', 1.5, 'A machine cannot have 1.5 CPUs.', 'Give 1 to 8.'],
    ['hartCount', 'x', expect.stringContaining('hartCount'), expect.stringMatching(/\S/)],
    ['tier', 'warp', 'There is no execution tier called warp.', 'There are interpreter, regions, auto.'],
    ['hotThreshold', 0, 'Code cannot become hot after 0 arrivals.', 'Give a whole number from 1 to 30000.'],
  ])('with %s %s is refused and not made', async (name, value, message, hint) => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await expect(create(client, {[name]: value})).rejects.toMatchObject({code: 'bad-request', message, hint});
    expect((await client.request(machineList, {})).machines).toEqual([]);
  });

  it('runs with the tier and bounds of the settings when it says nothing', async () => {
    daemon = await TestDaemon.create({settings: {machines: {defaultTier: 'interpreter'}, regions: {maxRegions: 12}}});
    const client = await daemon.connect();
    await create(client, {});
    expect(await launched(client)).toMatchObject({
      tier: 'interpreter',
      regions: {...configuration.regions, maxRegions: 12},
    });
  });

  it('keeps the tier and threshold that it was made with', async () => {
    daemon = await TestDaemon.create({settings: {regions: {hotThreshold: 5}}});
    const client = await daemon.connect();
    const {machine} = await create(client, {tier: 'regions', hotThreshold: 9, hartCount: 8});
    expect(machine.config).toMatchObject({tier: 'regions', hotThreshold: 9, hartCount: 8});
    expect(await launched(client)).toMatchObject({
      tier: 'regions',
      regions: {...configuration.regions, hotThreshold: 9},
    });
  });
});
