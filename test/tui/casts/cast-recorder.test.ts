import {mkdtemp, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import type {ManagerError} from '../../../src/manager/protocol/errors.js';
import {parseCastEvent, parseCastHeader} from '../../../src/tui/casts/cast-format.js';
import {CastRecorder} from '../../../src/tui/casts/cast-recorder.js';
import {GuestScreen} from '../../../src/tui/terminal/guest-screen.js';

const SIZE = {columns: 20, rows: 4};

let folder: string;
let path: string;
let ends: (ManagerError | undefined)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-record-'));
  path = join(folder, 'one.cast');
  ends = [];
});
afterEach(() => rm(folder, {recursive: true, force: true}));

const begin = (replay = '', maxBytes = 1e6) =>
  CastRecorder.begin({path, title: 'one', maxBytes, ended: (problem) => ends.push(problem)}, SIZE, Buffer.from(replay));

/** The recorded events, and the screen that playing them leads to. */
async function played(): Promise<{readonly text: string[]; readonly output: string; readonly lines: string[]}> {
  const [header, ...lines] = (await readFile(path, 'utf8')).trim().split('\n');
  const {size} = parseCastHeader(header!);
  const screen = new GuestScreen(size.columns, size.rows, {changed: () => undefined, answered: () => undefined});
  let output = '';
  for (const [at, line] of lines.entries()) {
    const event = parseCastEvent(line, at + 2);
    if (event.kind === 'resized') screen.resize(event.size.columns, event.size.rows);
    if (event.kind !== 'output') continue;
    output += event.text;
    await screen.replay(Buffer.from(event.text));
  }
  return {text: screen.text, output, lines};
}

describe('a recording', () => {
  test('begins with the screen as it was and goes on with what comes', async () => {
    const recorder = await begin('before\r\n\x1b[31mred\x1b[0m ');
    recorder.output(Buffer.from('after\r\n'), false);
    recorder.resized({columns: 30, rows: 5});
    recorder.output(Buffer.from('more'), false);
    await recorder[Symbol.asyncDispose]();
    const {text, output} = await played();
    expect(text).toEqual(['before', 'red after', 'more', '', '']);
    expect(output).toContain('\x1b[31mred');
  });

  test('is its user’s alone, and takes no file that is there', async () => {
    await (await begin())[Symbol.asyncDispose]();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(begin()).rejects.toMatchObject({code: 'file-exists'});
    path = join(folder, 'none/one.cast');
    await expect(begin()).rejects.toMatchObject({code: 'file-not-found'});
  });

  test('has no titles, clipboard writes or queries, in whatever pieces they come', async () => {
    const recorder = await begin('\x1b]0;EVIL\x07ok');
    for (const byte of Buffer.from('\x1b]52;c;RVZJTA==\x07\x1b[c\x1bP+q\x1b\\é'))
      recorder.output(Uint8Array.of(byte), false);
    await recorder[Symbol.asyncDispose]();
    const {output, text} = await played();
    expect(output).not.toMatch(/EVIL|52;c|\[c|\+q/);
    expect(text[0]).toBe('oké');
  });

  test('a gap of the viewer’s begins the screen anew, behind a marker', async () => {
    const recorder = await begin('old');
    recorder.output(Buffer.from('new'), true);
    await recorder[Symbol.asyncDispose]();
    const {text, lines} = await played();
    expect(text[0]).toBe('new');
    expect(lines.map((line) => JSON.parse(line)[1])).toContain('m');
  });

  test('ends at its size, once, and is whole until there', async () => {
    const recorder = await begin('', 10_000);
    for (let count = 0; count < 100; count++) recorder.output(Buffer.from(`${'x'.repeat(1000)}\r\n`), false);
    expect(ends).toEqual([undefined]);
    await recorder[Symbol.asyncDispose]();
    expect((await stat(path)).size).toBeLessThanOrEqual(10_000);
    expect((await played()).text.join('')).toContain('xxx');
  });

  test('a flood that the disk does not take is left out, and the screen after it is right', async () => {
    const recorder = await begin('', 1e9);
    // All in one turn: nothing is written meanwhile.
    for (let count = 0; count < 300; count++) recorder.output(Buffer.alloc(65_536, 'flood '), false);
    recorder.output(Buffer.from('\x1b[2J\x1b[Hthe end'), false);
    const {promise, resolve} = Promise.withResolvers<void>();
    const look = setInterval(async () => {
      if ((await readFile(path, 'utf8')).includes('the end')) resolve();
    }, 20);
    await promise;
    clearInterval(look);
    await recorder[Symbol.asyncDispose]();
    expect((await stat(path)).size).toBeLessThan(6 * 2 ** 20);
    const {text, lines} = await played();
    expect(text[0]).toBe('the end');
    expect(lines.filter((line) => JSON.parse(line)[1] === 'm')).toHaveLength(1);
  });
});
