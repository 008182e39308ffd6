import {mkdtemp, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough, Writable} from 'node:stream';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {CaptureAnswer} from '../../../src/manager/protocol/network.js';
import {CliContext, type CliManager, type CliStreams} from '../../../src/tui/cli/cli-context.js';
import {captureToFile} from '../../../src/tui/cli/net-capture.js';
import {PCAPNG_END_BYTES, pcapngFrame, pcapngHead} from '../../../src/tui/packets/pcapng.js';
import {FakeFleet, fakeMachine} from '../../support/fake-fleet.js';

const frame = (length: number): CaptureAnswer['frames'][number] => ({
  ...{atUs: 1_700_000_000_000_000, direction: 'sent', frameBytes: length},
  data: Buffer.alloc(length, length).toString('base64'),
});
const frames = [60, 61, 62, 63, 64].map(frame);
const headBytes = (snapBytes = 65_589) => pcapngHead('Vivarium 0.1.0', 'web-1', snapBytes).length;
const bytesOf = (count: number) => frames.slice(0, count).reduce((sum, one) => sum + pcapngFrame(one).length, 0);

let fleet: FakeFleet;
let folder: string;
beforeEach(async () => {
  fleet = new FakeFleet([fakeMachine('web-1', 'running'), fakeMachine('db', 'defined')]);
  fleet.frames = frames;
  folder = await mkdtemp(join(tmpdir(), 'viv-capture-'));
});
afterEach(async () => {
  await fleet.backend().client[Symbol.asyncDispose]();
  await rm(folder, {recursive: true});
});

function open(stdout: CliStreams['stdout'] = new PassThrough()) {
  const stderr = new PassThrough();
  let notes = '';
  stderr.setEncoding('utf8').on('data', (text) => {
    notes += text;
  });
  const manager = {connect: async () => fleet.backend()} as unknown as CliManager;
  const cli = new CliContext({stdin: new PassThrough(), stdout, stderr}, manager);
  return {cli, notes: () => notes, output: join(folder, 'a.pcapng')};
}

describe('viv net capture', () => {
  it('writes all frames that came until it is interrupted, and how many are missing', async () => {
    const {cli, output, notes} = open();
    const done = captureToFile(cli, 'web-1', {output});
    while (fleet.log.filter((entry) => entry.startsWith('network/capture')).length < 5) await new Promise(setImmediate);
    cli.requestInterrupt();
    await done;
    const file = await readFile(output);
    expect(file.length).toBe(headBytes() + bytesOf(5) + PCAPNG_END_BYTES);
    expect(file.readBigUInt64LE(file.length - 16)).toBe(3n);
    expect(notes()).toBe('5 frames captured, 3 dropped.\n');
    expect((await stat(output)).mode & 0o777).toBe(0o600);
  });

  it('ends after as many frames as were asked for', async () => {
    const {cli, output, notes} = open();
    await captureToFile(cli, 'web-1', {output, packets: 3, snap: 100});
    expect((await readFile(output)).length).toBe(headBytes() + bytesOf(3) + PCAPNG_END_BYTES);
    expect(notes()).toMatch(/^3 frames/);
  });

  it('ends before the file is larger than was asked for', async () => {
    const {cli, output} = open();
    const maxBytes = headBytes() + bytesOf(4) + PCAPNG_END_BYTES;
    await captureToFile(cli, 'web-1', {output, maxBytes});
    expect((await stat(output)).size).toBe(maxBytes);
    await captureToFile(cli, 'web-1', {output, maxBytes: maxBytes - 1});
    expect((await stat(output)).size).toBe(headBytes() + bytesOf(3) + PCAPNG_END_BYTES);
  });

  it('asks for no more frames while what has come is not written', async () => {
    const held: (() => void)[] = [];
    const stdout = new Writable({write: (_chunk, _encoding, done) => void held.push(done)});
    const {cli} = open(stdout);
    const done = captureToFile(cli, 'web-1', {output: '-', packets: 5});
    const asked = () => fleet.log.filter((entry) => entry.startsWith('network/capture')).length;
    const counts: number[] = [];
    for (let writes = 0; writes < 5; writes++) {
      while (held.length === 0) await new Promise(setImmediate);
      counts.push(asked());
      held.pop()!();
    }
    await done;
    expect(counts.slice(0, 4)).toEqual([1, 2, 3, 4]);
  });

  it('ends when its reader has left', async () => {
    const stdout = new Writable({write: (_chunk, _encoding, done) => done(new Error('EPIPE'))});
    stdout.on('error', () => undefined);
    await captureToFile(open(stdout).cli, 'web-1', {output: '-'});
  });

  it('leaves no file for a machine that is off, and nothing on a terminal', async () => {
    const {cli, output} = open();
    await expect(captureToFile(cli, 'db', {output})).rejects.toMatchObject({code: 'wrong-state'});
    await expect(stat(output)).rejects.toMatchObject({code: 'ENOENT'});
    const terminal = open(Object.assign(new PassThrough(), {isTTY: true}));
    await expect(captureToFile(terminal.cli, 'web-1', {output: '-'})).rejects.toMatchObject({name: 'UsageError'});
  });
});
