import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {daemonStop} from '../../../src/manager/protocol/daemon.js';
import {type EgressRule, MAX_EGRESS_RULES} from '../../../src/manager/protocol/egress.js';
import {eventsSince} from '../../../src/manager/protocol/events.js';
import {jobWait} from '../../../src/manager/protocol/job.js';
import {
  type Machine,
  machineClone,
  machineCreate,
  machineKill,
  machineShow,
  machineStart,
  networkSchema,
} from '../../../src/manager/protocol/machine.js';
import {networkAnswer, networkPolicy, networkRule, networkUnrule} from '../../../src/manager/protocol/network.js';
import {snapshotCreate} from '../../../src/manager/protocol/snapshot.js';
import {snapshotExport, snapshotImport} from '../../../src/manager/protocol/snapshot-file.js';
import {FleetWatch, TestConsole, TestDaemon} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

/** A running machine that asks, and its console: its guest does what is typed. */
async function asking(client: Client): Promise<TestConsole> {
  const boot = {kind: 'linux' as const, kernelPath: `${daemon.folder}/kernel`};
  const network = networkSchema.parse({egress: 'ask'});
  await client.request(machineCreate, {name: 'web', boot, memoryBytes: 2 ** 26, network});
  await client.request(machineStart, {machine: 'web'});
  return TestConsole.open(client, 'web');
}

const waits = ({questions = []}: Machine): boolean => questions.length > 0;
const messages = async (client: Client): Promise<string[]> =>
  (await client.request(eventsSince, {})).events.map(({message}) => message);

describe('a guest that asks', () => {
  it('is shown to all with what it waits for, and goes on when somebody answers', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const console = await asking(client);
    const watch = await FleetWatch.open(client);
    await console.type('name example.org 192.0.2.7\nreach 192.0.2.7 443\n');
    const {questions} = await watch.until('web', waits);
    expect(questions).toMatchObject([{protocol: 'tcp', address: '192.0.2.7', port: 443, name: 'example.org'}]);
    expect(await messages(client)).toContain(
      'web wants to reach example.org:443 (192.0.2.7) by TCP: viv net allow web example.org:443',
    );
    const answer = {machine: 'web', questionId: questions![0]!.id, verdict: 'allow'} as const;
    await client.request(networkAnswer, answer);
    await console.until('[reached 192.0.2.7:443]');
    await watch.until('web', (machine) => !waits(machine));
    expect(await messages(client)).toContain('web may reach example.org:443 for now.');
    await expect(client.request(networkAnswer, answer)).rejects.toMatchObject({code: 'bad-request'});
    const {machine} = await client.request(machineShow, {machine: 'web'});
    expect(machine.config?.network?.rules).toBeUndefined();
  });

  it('is answered for always by a rule, which later daemons and runs know', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const console = await asking(client);
    const watch = await FleetWatch.open(client);
    await console.type('reach 192.0.2.7 443\n');
    const {questions} = await watch.until('web', waits);
    const answer = {machine: 'web', questionId: questions![0]!.id, verdict: 'deny', isAlways: true} as const;
    await client.request(networkAnswer, answer);
    await console.until('[refused 192.0.2.7:443]');
    await client.request(daemonStop, {machines: 'keep'});
    const next = await daemon.connect();
    const rules = [{verdict: 'deny', destination: '192.0.2.7', port: 443}];
    expect((await next.request(machineShow, {machine: 'web'})).machine.config?.network).toMatchObject({rules});
    await next.request(machineKill, {machine: 'web'});
    await next.request(machineStart, {machine: 'web'});
    const again = await TestConsole.open(next, 'web');
    await again.type('reach 192.0.2.7 443\n');
    await again.until('[refused 192.0.2.7:443]');
  });

  it('still waits for a daemon that comes', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const console = await asking(client);
    const watch = await FleetWatch.open(client);
    await console.type('reach 192.0.2.7 443\n');
    const {questions} = await watch.until('web', waits);
    await client.request(daemonStop, {machines: 'keep'});
    const next = await daemon.connect();
    const found = await (await FleetWatch.open(next)).until('web', waits);
    expect(found.questions).toEqual(questions);
  });

  it('waits for nothing any more when it is off', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const console = await asking(client);
    const watch = await FleetWatch.open(client);
    await console.type('reach 192.0.2.7 443\n');
    const {questions} = await watch.until('web', waits);
    await console.type('off 0\n');
    await watch.until('web', (machine) => machine.state === 'defined' && !waits(machine));
    await expect(
      client.request(networkAnswer, {machine: 'web', questionId: questions![0]!.id, verdict: 'allow'}),
    ).rejects.toMatchObject({code: 'bad-request', hint: expect.stringContaining('viv net waiting web')});
  });
});

describe('rules', () => {
  it('decide at once in a machine that runs, the newest first, until they are taken back', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const console = await asking(client);
    const watch = await FleetWatch.open(client);
    await console.type('reach 192.0.2.7 443\n');
    await watch.until('web', waits);
    const rule = (verdict: 'allow' | 'deny', destination: string) =>
      client.request(networkRule, {machine: 'web', rule: {verdict, destination}});
    await rule('deny', '192.0.2.0/24');
    await console.until('[refused 192.0.2.7:443]');
    await rule('allow', '192.0.2.8');
    await console.type('reach 192.0.2.8 443\nreach 192.0.2.9 443\n');
    await console.until('[reached 192.0.2.8:443]');
    await console.until('[refused 192.0.2.9:443]');
    const {machine} = await rule('deny', '192.0.2.8');
    expect(machine.config?.network?.rules).toEqual([
      {verdict: 'deny', destination: '192.0.2.8'},
      {verdict: 'deny', destination: '192.0.2.0/24'},
    ]);
    for (const destination of ['192.0.2.8', '192.0.2.0/24'])
      await client.request(networkUnrule, {machine: 'web', target: {destination}});
    await client.request(networkPolicy, {machine: 'web', egress: 'allow'});
    await console.type('reach 192.0.2.10 443\n');
    await console.until('[reached 192.0.2.10:443]');
    await expect(
      client.request(networkUnrule, {machine: 'web', target: {destination: '192.0.2.8'}}),
    ).rejects.toMatchObject({code: 'bad-request', hint: 'See viv net rules web.'});
  });

  it('that deny go along with a snapshot as a file, those that allow do not', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const console = await asking(client);
    for (const rule of [
      {verdict: 'deny', destination: 'ads.example.org', port: 80},
      {verdict: 'allow', destination: '192.0.2.0/24'},
    ] as const)
      await client.request(networkRule, {machine: 'web', rule});
    await console.type('saves whole\nhalf');
    await console.until('half');
    await client.request(snapshotCreate, {machine: 'web', name: 'base'});
    const path = `${daemon.folder}/out.tar`;
    const done = async ({job}: {job: {id: string}}) =>
      expect((await client.request(jobWait, {jobId: job.id})).job).toMatchObject({state: 'done'});
    await done(await client.request(snapshotExport, {machine: 'web', snapshot: 'base', path}));
    await done(await client.request(snapshotImport, {path, name: 'copy'}));
    const {machine} = await client.request(machineShow, {machine: 'copy'});
    expect(machine.config?.network).toMatchObject({egress: 'ask'});
    expect(machine.config?.network?.rules).toEqual([{verdict: 'deny', destination: 'ads.example.org', port: 80}]);
  });

  it('are taken along by copies, bounded, and refused where they make no sense or there is no network', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    await daemon.define(client, 'web');
    for (let count = 0; count < MAX_EGRESS_RULES; count++)
      await client.request(networkRule, {
        machine: 'web',
        rule: {verdict: 'allow', destination: `10.0.${count >> 8}.${count & 255}`},
      });
    const last: EgressRule = {verdict: 'deny', destination: '10.0.0.255'};
    await client.request(networkRule, {machine: 'web', rule: last});
    await expect(
      client.request(networkRule, {machine: 'web', rule: {verdict: 'deny', destination: '*'}}),
    ).rejects.toMatchObject({code: 'bad-request', message: `web has ${MAX_EGRESS_RULES} rules.`});
    for (const destination of ['a\x1b[2J', 'nowhere!', '10.0.0.0/99'])
      await expect(
        client.request(networkRule, {machine: 'web', rule: {verdict: 'deny', destination}}),
      ).rejects.toMatchObject({code: 'bad-request'});
    const {machine} = await client.request(machineClone, {machine: 'web', name: 'copy'});
    expect(machine.config?.network?.rules?.[0]).toEqual(last);
    const boot = {kind: 'linux' as const, kernelPath: `${daemon.folder}/kernel`};
    const network = networkSchema.parse({kind: 'none'});
    await client.request(machineCreate, {name: 'alone', boot, memoryBytes: 2 ** 26, network});
    await expect(client.request(networkRule, {machine: 'alone', rule: last})).rejects.toMatchObject({
      code: 'not-supported',
    });
  });
});
