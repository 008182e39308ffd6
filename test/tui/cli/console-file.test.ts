import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {CliContext, type CliManager} from '../../../src/tui/cli/cli-context.js';
import {recordToFile} from '../../../src/tui/cli/console-file.js';
import {runCli} from '../../../src/tui/cli/run-cli.js';
import {FakeFleet, fakeMachine} from '../../support/fake-fleet.js';

let fleet: FakeFleet;
let folder: string;
beforeEach(async () => {
  fleet = new FakeFleet([fakeMachine('web-1', 'running'), fakeMachine('record', 'running')]);
  fleet.say('id-web-1', '\x1b[32mgreen\x1b[0m\x1b]0;EVIL\x07\r\n~ # ');
  folder = await mkdtemp(join(tmpdir(), 'viv-console-file-'));
});
afterEach(async () => {
  await fleet.backend().client[Symbol.asyncDispose]();
  await rm(folder, {recursive: true});
});

function streams() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const text = {out: '', err: ''};
  stdout.setEncoding('utf8').on('data', (data) => {
    text.out += data;
  });
  stderr.setEncoding('utf8').on('data', (data) => {
    text.err += data;
  });
  const manager = {connect: async () => fleet.backend()} as unknown as CliManager;
  return {streams: {stdin: new PassThrough(), stdout, stderr}, text, manager};
}

async function viv(...args: string[]): Promise<{status: number; out: string; err: string}> {
  const {streams: own, text, manager} = streams();
  return {status: await runCli(args, own, manager), ...text};
}

describe('viv console screenshot', () => {
  it('prints the screen as text, without anything a terminal would obey', async () => {
    expect(await viv('console', 'screenshot', 'web-1')).toEqual({status: 0, out: '~ # green\n~ #\n', err: ''});
    const {machine, lines} = JSON.parse((await viv('console', 'screenshot', 'web-1', '--json')).out);
    expect([machine, lines[0], lines.length]).toEqual(['web-1', '~ # green', 24]);
  });

  it('writes a picture or text by the ending of the file', async () => {
    expect(await viv('console', 'screenshot', 'web-1', '-o', join(folder, 'a.PNG'))).toMatchObject({
      status: 0,
      out: '',
    });
    expect((await readFile(join(folder, 'a.PNG'))).subarray(1, 4).toString()).toBe('PNG');
    await viv('console', 'screenshot', 'web-1', '-o', join(folder, 'a.txt'));
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('~ # green\n~ #\n');
  });

  it('of a machine that is not there is an error', async () => {
    expect(await viv('console', 'screenshot', 'web-2')).toMatchObject({status: 1, out: ''});
  });
});

describe('viv console record', () => {
  it('records until it is interrupted, and what comes after is not in the file', async () => {
    const {streams: own, text, manager} = streams();
    const cli = new CliContext(own, manager);
    const output = join(folder, 'a.cast');
    const done = recordToFile(cli, 'web-1', {output});
    while (!text.err.includes('Recording web-1')) await new Promise(setImmediate);
    fleet.say('id-web-1', 'more');
    cli.requestInterrupt();
    await done;
    fleet.say('id-web-1', 'late');
    const [header, ...events] = (await readFile(output, 'utf8')).trim().split('\n');
    expect(JSON.parse(header!)).toMatchObject({version: 2, title: 'web-1'});
    const played = events.map((line) => JSON.parse(line)[2]).join('');
    expect(played).toContain('green');
    expect(played).toMatch(/more$/);
    expect(played).not.toContain('EVIL');
    expect(text.err).toMatch(/Recorded 0s, \d+B; viv console replay .*a\.cast plays it\./);
  });

  it('ends after so many seconds, or at its size', async () => {
    const path = join(folder, 'b.cast');
    expect(await viv('console', 'record', 'web-1', '-o', path, '--seconds', '1')).toMatchObject({status: 0, out: ''});
    await rm(path);
    const small = await viv('console', 'record', 'web-1', '-o', path, '--max-bytes', '150');
    expect(small.err).toContain('The recording has the size it may have');
    expect((await readFile(path)).length).toBeLessThanOrEqual(150);
  });

  it('does not write over a file', async () => {
    await writeFile(join(folder, 'c.cast'), 'mine');
    const {status, err} = await viv('console', 'record', 'web-1', '-o', join(folder, 'c.cast'));
    expect([status, err]).toEqual([1, expect.stringContaining('is there already')]);
    expect(await readFile(join(folder, 'c.cast'), 'utf8')).toBe('mine');
  });

  it.each([
    [['record', 'web-1']],
    [['record', 'web-1', '-o', 'x', '--seconds', '0']],
    [['record', 'web-1', '-o', 'x', '--max-bytes', 'lots']],
    [['replay', 'x', '--speed', '0']],
    [['replay', 'x', '--speed', '-1']],
    [['replay', 'x', '--speed', '1e9']],
    [['replay', 'x']],
  ])('console %j is wrong usage', async (args) => {
    expect((await viv('console', ...args)).status).toBe(2);
  });
});
