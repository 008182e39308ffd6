import {mkdtemp, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {inflateSync} from 'node:zlib';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {writeScreenshot} from '../../../src/tui/pictures/screenshot.js';
import {GuestScreen} from '../../../src/tui/terminal/guest-screen.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-shot-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

async function screenAfter(text: string): Promise<GuestScreen> {
  const screen = new GuestScreen(20, 5, {changed: () => undefined, answered: () => undefined});
  await screen.replay(Buffer.from(text));
  return screen;
}

/** Width, height and the bytes of all pixels of a PNG. */
function unpack(png: Buffer): {width: number; height: number; data: Buffer} {
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.subarray(at + 4, at + 8).toString() === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return {width: png.readUInt32BE(16), height: png.readUInt32BE(20), data: inflateSync(Buffer.concat(parts))};
}

async function picture(text: string): Promise<ReturnType<typeof unpack>> {
  const path = join(folder, `${Math.random()}.png`);
  await writeScreenshot(await screenAfter(text), path, true);
  return unpack(await readFile(path));
}

test('text is what the screen shows, without blank lines at its end', async () => {
  const path = join(folder, 'a.txt');
  await writeScreenshot(await screenAfter('\x1b[31mone\x1b[0m\r\n\r\ntwo\x1b]0;t\x07'), path, true);
  expect(await readFile(path, 'utf8')).toBe('one\n\ntwo\n');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a picture has the size of the screen and shows letters, without fonts of the host', async () => {
  const blank = await picture('');
  const written = await picture('hello ─│█⣿');
  // 20 cells of 8.4 and 5 of 17 with a margin of 12, twice.
  expect([written.width, written.height]).toEqual([2 * Math.ceil(20 * 8.4 + 24), 2 * (5 * 17 + 24)]);
  expect(written.data.equals(blank.data)).toBe(false);
  const other = await picture('hallo ─│█⣿');
  expect(other.data.equals(written.data)).toBe(false);
});

test('colours and what XML has no place for are no obstacle', async () => {
  const red = await picture('\x1b[41m   ');
  expect(red.data.equals((await picture('   ')).data)).toBe(false);
  await expect(picture('<&>"\ufffe\u{1ffff}')).resolves.toBeDefined();
});

test('a file that is there is only written over when that is meant', async () => {
  const path = join(folder, 'b.txt');
  await writeScreenshot(await screenAfter('one'), path, true);
  await expect(writeScreenshot(await screenAfter('two'), path, true)).rejects.toMatchObject({code: 'file-exists'});
  await writeScreenshot(await screenAfter('two'), path, false);
  expect(await readFile(path, 'utf8')).toBe('two\n');
  await expect(writeScreenshot(await screenAfter(''), join(folder, 'no/b.txt'), true)).rejects.toMatchObject({
    code: 'file-not-found',
  });
});
