import {readFileSync} from 'node:fs';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {DelegatedFile, type FileSyncer} from '../../../src/paravirt/block/delegated-file.js';
import {ParavirtError} from '../../../src/paravirt/error.js';
import {SeededRandom} from '../../support/seeded-random.js';

class FakeSyncer implements FileSyncer {
  isThere = true;
  asked = 0;
  /** Thrown at whoever asks. */
  answer: Error | undefined;
  gate: Promise<void> | undefined;

  async punch(): Promise<void> {}

  async sync(): Promise<void> {
    this.asked++;
    await this.gate;
    if (this.answer !== undefined) throw this.answer;
  }
}

let folder = '';
let path = '';
let syncer = new FakeSyncer();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-delegated-'));
  path = join(folder, 'disk.raw');
  await writeFile(path, new Uint8Array(4 << 20));
  syncer = new FakeSyncer();
});
afterEach(() => rm(folder, {recursive: true}));

/** Two places, so that the other is asked. */
const writeTwo = async (file: DelegatedFile, fill: number) => {
  await file.writev([bytes(512, fill)], 0);
  await file.writev([bytes(512, fill)], 1 << 20);
};
const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const unavailable = () => new ParavirtError('unavailable', 'Nobody is there.', 'Wait.');
/** Bytes that this process has given to write calls so far. */
const writtenBytes = () => Number(/wchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);

describe('a file that somebody else syncs', () => {
  it('asks once for all that was written, and not when nothing was', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    await file.sync();
    expect(syncer.asked).toBe(0);
    await file.writev([bytes(4096, 1)], 0);
    await file.writev([bytes(4096, 2)], 1 << 20);
    await file.sync();
    await file.sync();
    expect(syncer.asked).toBe(1);
    await file.resize(8 << 20);
    await file.sync();
    expect(syncer.asked).toBe(2);
  });

  it('covers what is written while a sync is under way by the next one', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    await writeTwo(file, 1);
    const gate = Promise.withResolvers<void>();
    syncer.gate = gate.promise;
    const first = file.sync();
    await writeTwo(file, 2);
    gate.resolve();
    await first;
    await file.sync();
    expect(syncer.asked).toBe(2);
  });

  it('is durable with each write once each was synced by itself, until one was not', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    const write = async (fill: number) => {
      const before = writtenBytes();
      await file.writev([bytes(1 << 20, fill)], 1 << 20);
      return writtenBytes() - before;
    };
    for (const fill of [1, 2]) {
      await write(fill);
      await file.sync();
    }
    expect(syncer.asked).toBe(2);
    for (const fill of [3, 4, 5]) {
      await write(fill);
      // Nobody is asked, and nothing is written again.
      const before = writtenBytes();
      await file.sync();
      expect(writtenBytes() - before).toBeLessThan(4096);
    }
    expect(syncer.asked).toBe(2);
    for (const fill of [6, 7, 8]) await write(fill);
    await file.sync();
    expect(syncer.asked).toBe(3);
    expect((await readFile(path))[1 << 20]).toBe(8);
  });

  it('has a write beside a durable one as an ordinary one, which the next sync covers', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    for (const fill of [1, 2]) {
      await file.writev([bytes(1 << 20, fill)], 0);
      await file.sync();
    }
    // Two at once: the second is an ordinary one, and the sync covers it.
    await Promise.all([file.writev([bytes(4096, 3)], 0), file.writev([bytes(1 << 20, 4)], 1 << 20)]);
    await file.sync();
    expect(syncer.asked).toBe(3);
  });

  it.each([
    ['is gone', () => Object.assign(syncer, {isThere: false})],
    ['goes while it is asked', () => Object.assign(syncer, {answer: unavailable()})],
  ])('is made durable by its own hand when the other %s', async (_name, leave) => {
    await using file = await DelegatedFile.open(path, syncer);
    await file.writev([bytes(4096, 7)], 4096);
    await file.resize(5 << 20);
    leave();
    const before = writtenBytes();
    await file.sync();
    // The block that was written, and the last byte for the size.
    expect(writtenBytes() - before).toBeGreaterThanOrEqual((256 << 10) + 1);
    const again = writtenBytes();
    await file.sync();
    expect(writtenBytes() - again).toBeLessThan(4096);
    const content = await readFile(path);
    expect([content.length, content[4095], content[4096], content[8191], content[8192]]).toEqual([5 << 20, 0, 7, 7, 0]);
  });

  it('makes the one place that was written durable by its own hand, as far as it was written', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    await file.writev([bytes(4096, 1)], 4096);
    await file.writev([bytes(4096, 2)], 8192);
    const before = writtenBytes();
    await file.sync();
    expect(syncer.asked).toBe(0);
    expect(writtenBytes() - before).toBeGreaterThanOrEqual(8192);
    const again = writtenBytes();
    await file.sync();
    expect(writtenBytes() - again).toBeLessThan(4096);
    expect((await readFile(path)).subarray(4096, 12_288)).toEqual(Buffer.concat([bytes(4096, 1), bytes(4096, 2)]));
  });

  it('keeps what is written while one place is written once more', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    for (let round = 1; round < 50; round++) {
      await file.writev([bytes(4096, round)], 0);
      const syncing = file.sync();
      await Promise.all([syncing, file.writev([bytes(4096, round + 100)], 0)]);
      expect((await readFile(path))[0]).toBe(round + 100);
      await file.sync();
    }
  });

  it('asks again when the other is back', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    syncer.isThere = false;
    await writeTwo(file, 1);
    await file.sync();
    expect(syncer.asked).toBe(0);
    syncer.isThere = true;
    await writeTwo(file, 2);
    await file.sync();
    expect(syncer.asked).toBe(1);
  });

  it('tells an error of the disk, and never calls anything durable after it', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    await writeTwo(file, 1);
    syncer.answer = new ParavirtError('io', 'The disk broke.', 'Replace it.');
    await expect(file.sync()).rejects.toMatchObject({code: 'io'});
    syncer.answer = undefined;
    await expect(file.sync()).rejects.toMatchObject({code: 'io'});
  });

  it('tells a disk that was full too late as what it is', async () => {
    await using file = await DelegatedFile.open(path, syncer);
    await writeTwo(file, 1);
    syncer.answer = new ParavirtError('no-space', 'The host disk is full.', 'Free some space.');
    await expect(file.sync()).rejects.toMatchObject({code: 'io', message: expect.stringContaining('may be lost')});
  });

  it('loses nothing while the other comes and goes under parallel writes', async () => {
    const random = new SeededRandom(3);
    const expected = new Uint8Array(4 << 20);
    {
      await using file = await DelegatedFile.open(path, syncer);
      for (let round = 0; round < 60; round++) {
        syncer.isThere = random.chance(50);
        syncer.answer = random.chance(30) ? unavailable() : undefined;
        const lanes = Array.from({length: 6}, async (_, lane) => {
          const at = lane * 600_000 + random.below(500) * 512;
          const data = bytes(512 * (1 + random.below(150)), random.below(256));
          expected.set(data, at);
          await file.writev([data], at);
        });
        await Promise.all([...lanes, file.sync()]);
      }
      await file.sync();
      const back = new Uint8Array(expected.length);
      await file.readv([back], 0);
      expect(Buffer.compare(back, expected)).toBe(0);
    }
    expect(Buffer.compare(await readFile(path), expected)).toBe(0);
  });
});
