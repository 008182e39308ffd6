import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {parseMoment} from '../../../src/tui/cli/moment.js';
import {runCli} from '../../../src/tui/cli/run-cli.js';
import {FakeFleet, fakeMachine} from '../../support/fake-fleet.js';

let fleet: FakeFleet;

beforeEach(() => {
  fleet = new FakeFleet([fakeMachine('web-1', 'running'), fakeMachine('db', 'defined')]);
});
afterEach(async () => {
  await fleet.backend().client[Symbol.asyncDispose]();
});

async function viv(...args: string[]): Promise<{status: number; out: string; err: string}> {
  const streams = {stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough()};
  let out = '';
  let err = '';
  streams.stdout.on('data', (chunk) => {
    out += chunk;
  });
  streams.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const openEmbedded = () => Promise.reject(new Error('not asked for'));
  const status = await runCli(args, streams, {connect: async () => fleet.backend(), openEmbedded});
  return {status, out, err};
}

describe('a moment', () => {
  const now = new Date(2026, 4, 5, 12, 0, 30).getTime();

  test('is how long ago, a time of the last 24 hours, or a name', () => {
    expect(parseMoment('-30s', now)).toEqual({kind: 'time', atMs: now - 30_000});
    expect(parseMoment('-1.5h', now)).toEqual({kind: 'time', atMs: now - 5_400_000});
    expect(parseMoment('11:59', now)).toEqual({kind: 'time', atMs: new Date(2026, 4, 5, 11, 59).getTime()});
    expect(parseMoment('9:05:07', now)).toEqual({kind: 'time', atMs: new Date(2026, 4, 5, 9, 5, 7).getTime()});
    expect(parseMoment('13:00', now)).toEqual({kind: 'time', atMs: new Date(2026, 4, 4, 13).getTime()});
    expect(parseMoment('auto-3', now)).toEqual({kind: 'point', name: 'auto-3'});
  });

  test.each(['25:00', '12:60', '-', '-x', '-5 cows', '', '../x'])('is not %j', (text) => {
    expect(() => parseMoment(text, now)).toThrow('is no moment to go back to');
  });
});

describe('viv rewind', () => {
  test('says where it went back to, how old that is, and how to return', async () => {
    fleet.addPoint({createdAtMs: Date.now() - 90_000});
    fleet.addPoint({createdAtMs: Date.now() - 20_000});
    const {status, err} = await viv('rewind', 'web-1', '--to', '-30s');
    expect(status).toBe(0);
    expect(err).toMatch(/^web-1 is running, as it was 1m3\ds ago: at auto-1, \d\d:\d\d:\d\d\.$/m);
    expect(err).toContain('What was there before stays as undo-1: viv rewind web-1 --to undo-1');
    expect((await viv('rewind', 'web-1', '--to=-1h')).err).toContain('That is the oldest point there is.');
    const {out} = await viv('rewind', 'web-1', '--to', 'auto-2', '--json');
    expect(JSON.parse(out)).toMatchObject({machine: {name: 'web-1'}, snapshot: {name: 'auto-2'}, undo: {kind: 'undo'}});
  });

  test('needs a moment that is one', async () => {
    expect(await viv('rewind', 'web-1')).toMatchObject({status: 2, err: expect.stringContaining('--to -30s')});
    expect(await viv('rewind', 'web-1', '--to', 'last week')).toMatchObject({status: 2});
    expect(await viv('rewind', 'web-1', '--to', 'nope')).toMatchObject({status: 1});
    expect(await viv('rewind', 'nope', '--to', '-30s')).toMatchObject({status: 1});
  });
});

describe('viv timeline', () => {
  test('lists the points, and says how they are taken', async () => {
    expect((await viv('timeline', 'web-1')).err).toContain('There are no points yet.');
    fleet.addPoint({createdAtMs: Date.now() - 90_000});
    fleet.addPoint({kind: 'snapshot', name: 'good', note: 'it works'});
    const {out, err} = await viv('timeline', 'web-1');
    expect(out).toMatch(/^POINT +WHAT +TIME +AGE +SIZE +PINNED +NOTE$/m);
    expect(out).toMatch(/^auto-1 +checkpoint +\d\d:\d\d:\d\d +1m3\ds +1\.2M$/m);
    expect(out).toMatch(/^good \* +snapshot .* yes +it works$/m);
    expect(err).toBe('The timeline of web-1 is on: a checkpoint every 30s, at most 60 and 1G; checkpoints take 12M.\n');
    expect(JSON.parse((await viv('timeline', 'web-1', '--json')).out)).toMatchObject({
      isEnabled: true,
      points: [{}, {}],
    });
  });

  test('is turned off and on', async () => {
    expect((await viv('timeline', 'web-1', 'off')).err).toContain('Turn it on: viv timeline web-1 on');
    expect((await viv('timeline', 'web-1', 'on', '--interval', '10s', '--budget', '1G')).err).toContain('is on');
    expect(await viv('timeline', 'web-1', 'perhaps')).toMatchObject({status: 2});
    expect(await viv('timeline', 'web-1', '--interval', '0.1s')).toMatchObject({status: 2});
    expect(await viv('timeline', 'web-1', '--budget', 'much')).toMatchObject({status: 2});
  });
});

describe('viv snapshot ls', () => {
  test('shows what was taken by name; --all shows the timeline as well', async () => {
    const root = fleet.addPoint({kind: 'snapshot', name: 'base'});
    const auto = fleet.addPoint({parentId: root.id});
    fleet.addPoint({kind: 'snapshot', name: 'leaf', parentId: auto.id});
    const {out, err} = await viv('snapshot', 'ls', 'web-1');
    expect(out).toMatch(/^base .*\n {2}leaf \*/m);
    expect(out).not.toContain('auto');
    expect(err).toContain('1 more points of its timeline: viv snapshot ls --all web-1');
    expect((await viv('snapshot', 'ls', '--all', 'web-1')).out).toMatch(/^base .*\nauto-2 +checkpoint .*\nleaf \*/m);
  });

  test('keep pins a point', async () => {
    fleet.addPoint({});
    const {err} = await viv('snapshot', 'keep', 'web-1', 'auto-1', 'good', '--note', 'works');
    expect(err).toBe('auto-1 is kept as good.\n');
    expect(fleet.points).toMatchObject([{name: 'good', kind: 'snapshot', note: 'works'}]);
  });
});

test('fork --from and clone make machines', async () => {
  fleet.addPoint({});
  expect((await viv('fork', 'web-1', '--from', 'auto-1')).err).toContain('forked from auto-1 of web-1.');
  expect((await viv('clone', 'db')).err).toContain('db-clone was cloned from db.');
});
