import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {BuildProgress} from '../../../src/manager/image/build-progress.js';
import {DiskMakerConsole} from '../../../src/manager/image/disk-maker-console.js';

describe('the console of a machine that makes a disk', () => {
  let folder: string;
  let logPath: string;
  const seen: BuildProgress[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'viv-console-'));
    logPath = join(folder, 'debian.log');
    seen.length = 0;
  });
  afterEach(() => rmSync(folder, {recursive: true}));

  function consoleOf(...pieces: string[]): DiskMakerConsole {
    const made = new DiskMakerConsole((progress) => seen.push(progress));
    for (const piece of pieces) made.push(Buffer.from(piece, 'latin1'));
    return made;
  }

  it('tells stages and steps, however the bytes are cut', async () => {
    const made = consoleOf(
      'viv-build: sta',
      'ge unpack\r\nviv-build: step 1 2\r\nnoise\r',
      '\nviv-build: step 2 2\r\nviv-build: done\r\n',
    );
    expect(seen.map(({stage, done, total}) => [stage, done, total])).toEqual([
      ['start machine', 0, undefined],
      ['install packages', 0, undefined],
      ['install packages', 0, 2],
      ['install packages', 2, 2],
    ]);
    await expect(made.conclude({kind: 'powered-off'}, logPath)).resolves.toBeUndefined();
  });

  it('says at which stage it failed and what it wrote last, and keeps all of it', async () => {
    const made = consoleOf(
      'viv-build: stage configure\n',
      'dpkg: error processing package foo\x1b[31m\n',
      'viv-build: failed\n',
    );
    await expect(made.conclude({kind: 'powered-off'}, logPath)).rejects.toMatchObject({
      code: 'image-build-failed',
      message: expect.stringMatching(/stage "configure packages": dpkg: error processing package foo\[31m\.$/),
      hint: expect.stringContaining(logPath),
    });
    expect(readFileSync(logPath, 'utf8')).toContain('error processing package foo');
  });

  it('believes no machine that crashed after it was done', async () => {
    const made = consoleOf('viv-build: done\n');
    await expect(made.conclude({kind: 'crashed', reason: 'The process ended.'}, logPath)).rejects.toMatchObject({
      message: expect.stringContaining('crashed (The process ended)'),
    });
  });

  it('bounds what it keeps of a machine that floods it', async () => {
    const made = consoleOf();
    for (let piece = 0; piece < 64; piece++) made.push(Buffer.alloc(65_536, 'x'));
    for (let line = 0; line < 20_000; line++) made.push(Buffer.from(`line ${line} ${'y'.repeat(100)}\n`));
    await expect(made.conclude({kind: 'powered-off'}, logPath)).rejects.toThrow();
    expect(readFileSync(logPath).length).toBeLessThanOrEqual(256 << 10);
  });
});
