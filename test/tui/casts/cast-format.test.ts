import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {MAX_CAST_LINE_BYTES, parseCastEvent, parseCastHeader} from '../../../src/tui/casts/cast-format.js';
import {openCast} from '../../../src/tui/casts/cast-reader.js';

const HEADER = '{"version": 2, "width": 80, "height": 24}';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-cast-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

/** All that is read from a file with this in it. */
async function read(content: string | Uint8Array): Promise<unknown[]> {
  const path = join(folder, 'file.cast');
  await writeFile(path, content);
  const {events} = await openCast(path);
  const all: unknown[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('the header', () => {
  test('has a size, and maybe a limit of pauses', () => {
    expect(parseCastHeader(HEADER)).toEqual({size: {columns: 80, rows: 24}, idleSeconds: undefined});
    expect(parseCastHeader('{"version":2,"width":1000,"height":1,"idle_time_limit":2.5,"x":[]}')).toMatchObject({
      size: {columns: 1000, rows: 1},
      idleSeconds: 2.5,
    });
  });

  test.each([
    ['{', 'not JSON'],
    ['[]', 'no version'],
    ['{"version": 1, "width": 80, "height": 24}', 'version 1'],
    ['{"version": 3, "term": {"cols": 80, "rows": 24}}', 'version 3'],
    ['{"version": 2}', 'its size'],
    ['{"version": 2, "width": 1e9, "height": 24}', 'its size'],
    ['{"version": 2, "width": -1, "height": 24}', 'its size'],
    ['{"version": 2, "width": 80.5, "height": 24}', 'its size'],
    ['{"version": 2, "width": "80", "height": 24}', 'its size'],
    ['{"version": 2, "width": 80, "height": 24, "idle_time_limit": -1}', 'its size'],
  ])('%s is refused', (line, what) => {
    expect(() => parseCastHeader(line)).toThrow(what);
    expect(() => parseCastHeader(line)).toThrow(expect.objectContaining({code: 'bad-recording'}));
  });
});

describe('an event', () => {
  test('is output, a size, or something else that has a time', () => {
    expect(parseCastEvent('[1.5, "o", "a\\u001b"]', 2)).toEqual({kind: 'output', atSeconds: 1.5, text: 'a\x1b'});
    expect(parseCastEvent('[2, "r", "100x30"]', 2)).toMatchObject({kind: 'resized', size: {columns: 100, rows: 30}});
    expect(parseCastEvent('[2, "m", "here"]', 2)).toEqual({kind: 'other', atSeconds: 2});
    expect(parseCastEvent('[2, "i", "typed"]', 2)).toEqual({kind: 'other', atSeconds: 2});
  });

  test.each([
    ['nonsense'],
    ['{}'],
    ['[1, "o"]'],
    ['[1, "o", "a", "b"]'],
    ['["1", "o", "a"]'],
    ['[-1, "o", "a"]'],
    ['[1e300, "o", "a"]'],
    ['[null, "o", "a"]'],
    ['[1, "o", 5]'],
    ['[1, "r", "80"]'],
    ['[1, "r", "0x0"]'],
    ['[1, "r", "99999x99999"]'],
    ['[1, "r", "80x24\\u001b[2J"]'],
  ])('%s is refused with its line', (line) => {
    expect(() => parseCastEvent(line, 7)).toThrow('Line 7');
  });
});

describe('a file', () => {
  test('is read line by line, the last one without its end too', async () => {
    expect(await read(`${HEADER}\n[1,"o","a"]\n\n[2,"o","b"]`)).toHaveLength(2);
  });

  test('time does not go back', async () => {
    expect(await read(`${HEADER}\n[5,"o","a"]\n[1,"o","b"]\n[6,"o","c"]\n`)).toMatchObject([
      {atSeconds: 5},
      {atSeconds: 5},
      {atSeconds: 6},
    ]);
  });

  test('that is empty, binary, cut off or not there is an error of one sentence', async () => {
    await expect(read('')).rejects.toMatchObject({code: 'bad-recording'});
    await expect(read(Buffer.alloc(100_000, 0xff))).rejects.toMatchObject({code: 'bad-recording'});
    await expect(read(`${HEADER}\n[1,"o","a`)).rejects.toMatchObject({code: 'bad-recording'});
    await expect(openCast(join(folder, 'none'))).rejects.toMatchObject({code: 'file-not-found'});
  });

  test('a line without end is not collected', async () => {
    await expect(read('x'.repeat(MAX_CAST_LINE_BYTES + 1))).rejects.toThrow('longer than');
    const long = JSON.stringify([1, 'o', 'x'.repeat(MAX_CAST_LINE_BYTES)]);
    await expect(read(`${HEADER}\n${long}\n`)).rejects.toThrow('Line 2');
  });
});
