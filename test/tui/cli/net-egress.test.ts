import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {networkSchema} from '../../../src/manager/protocol/machine.js';
import {runCli} from '../../../src/tui/cli/run-cli.js';
import {FakeFleet, fakeMachine} from '../../support/fake-fleet.js';

const question = {
  ...{id: '00000000-0000-4000-8000-000000000001', protocol: 'tcp' as const, address: '192.0.2.7', port: 443},
  ...{name: 'example.org', askedAtMs: Date.now() - 5000},
};
let fleet: FakeFleet;

beforeEach(() => {
  const rules = [
    {verdict: 'allow' as const, destination: 'example.org', port: 443},
    {verdict: 'deny' as const, destination: '2001:db8::/32', port: 80},
  ];
  const web = fakeMachine('web-1', 'running', {questions: [question]});
  const config = {...web.config!, network: {...networkSchema.parse({egress: 'ask'}), rules}};
  fleet = new FakeFleet([{...web, config}, fakeMachine('db', 'defined')]);
});
afterEach(async () => {
  await fleet.backend().client[Symbol.asyncDispose]();
});

async function viv(...args: string[]): Promise<{status: number; out: string; err: string}> {
  const collect = () => {
    const stream = new PassThrough();
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return {stream, text: () => Buffer.concat(chunks).toString('utf8')};
  };
  const [out, err] = [collect(), collect()];
  const openEmbedded = () => Promise.reject(new Error('not for this'));
  const manager = {connect: async () => fleet.backend(), openEmbedded};
  const status = await runCli(args, {stdin: new PassThrough(), stdout: out.stream, stderr: err.stream}, manager);
  return {status, out: out.text(), err: err.text()};
}

describe('viv net', () => {
  test('allow, deny, forget and policy ask for what was said', async () => {
    await viv('net', 'allow', 'web-1', 'Example.org:443');
    await viv('net', 'deny', 'web-1', '*');
    await viv('net', 'forget', 'web-1', '[2001:db8::/32]:80');
    await viv('net', 'policy', 'web-1', 'deny');
    expect(fleet.asked).toEqual([
      {machine: 'web-1', rule: {verdict: 'allow', destination: 'example.org', port: 443}},
      {machine: 'web-1', rule: {verdict: 'deny', destination: '*'}},
      {machine: 'web-1', target: {destination: '2001:db8::/32', port: 80}},
      {machine: 'web-1', egress: 'deny'},
    ]);
  });

  test.each([
    [['net', 'allow', 'web-1', 'http://example.org']],
    [['net', 'deny', 'web-1', 'example.org:99999']],
    [['net', 'policy', 'web-1', 'perhaps']],
  ])('%j is refused with what is possible', async (args) => {
    const {status, err} = await viv(...args);
    expect(status).toBe(2);
    expect(err).toMatch(/like example\.org:443|allow, deny, ask/);
    expect(fleet.asked).toEqual([]);
  });

  test('rules lists them in their order, with what becomes of the rest', async () => {
    const lines = (await viv('net', 'rules', 'web-1')).out.split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'VERDICT  DESTINATION',
      'allow    example.org:443',
      'deny     [2001:db8::/32]:80',
      'ask      everything else',
    ]);
    const {out} = await viv('net', 'rules', 'web-1', '--json');
    expect(JSON.parse(out)).toMatchObject({egress: 'ask', rules: [{destination: 'example.org'}, {}]});
    expect((await viv('net', 'rules', 'db')).out).toContain('allow    everything else');
  });

  test('waiting lists what waits, of one machine or of all', async () => {
    const {out} = await viv('net', 'waiting');
    expect(out).toMatch(/^NAME +DESTINATION +ADDRESS +KIND +SINCE\nweb-1 +example\.org:443 +192\.0\.2\.7 +tcp +\ds\n/);
    expect((await viv('net', 'waiting', 'db')).err).toContain('Nothing waits.');
    expect(JSON.parse((await viv('net', 'waiting', '--json')).out)).toEqual([{machine: 'web-1', ...question}]);
  });

  test('ls and show tell the policy', async () => {
    expect((await viv('net', 'ls')).out).toMatch(/web-1 +user,ask/);
    expect((await viv('show', 'web-1')).out).toContain('user,ask, 2 rules (viv net rules)');
  });

  test('a throwaway machine has nobody who could be asked', async () => {
    const {status, err} = await viv('run', 'debian-mini', '--network', 'user,ask', '--', 'true');
    expect([status, err]).toEqual([2, expect.stringContaining('Nobody can be asked')]);
  });
});
