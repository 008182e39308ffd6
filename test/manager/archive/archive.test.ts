import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {ArchiveReader} from '../../../src/manager/archive/archive-reader.js';
import {ArchiveWriter} from '../../../src/manager/archive/archive-writer.js';
import {encodeManifest, type ManifestDraft, parseManifest, partNames} from '../../../src/manager/archive/manifest.js';
import {encodeTarHeader} from '../../../src/manager/archive/tar-header.js';
import {readTar} from '../../../src/manager/image/tar.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {inPieces, tarEnd} from '../../support/tar-writer.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-archive-'));
});
afterEach(() => rm(folder, {recursive: true}));

const draft: ManifestDraft = {
  writer: 'test',
  packedAtMs: 1_700_000_000_000,
  machine: {name: 'one', memoryBytes: 64 << 20, hartCount: 1},
  boot: {kind: 'linux', commandLine: 'console=hvc0 "quoted" ä', takesHostname: true, hasInitrd: true},
  disks: [{sizeBytes: 1 << 20, isReadOnly: false}],
  state: {
    name: 'base',
    note: 'before – after',
    createdAtMs: 1,
    touchedBytes: 4096,
    pausedMs: 1.5,
    screenSize: {columns: 80, rows: 25},
  },
};

/** Lengths with and without padding. */
const bodies = new Map(partNames(draft).map((name, index) => [name, noise([0, 700, 512, 1, 5000][index]!, index)]));

function noise(length: number, seed: number): Buffer {
  const random = new SeededRandom(seed + 1);
  return Buffer.from(Array.from({length}, () => random.below(256)));
}

async function write(path: string): Promise<void> {
  await using writer = await ArchiveWriter.create(path, draft);
  for (const [name, body] of bodies)
    if (name.startsWith('disk')) await writer.place(name, ({path: file, offset}) => writeAt(file, offset, body));
    else await writer.stream(name, inPieces(body, 300));
  await writer.finish();
}

async function writeAt(path: string, offset: number, body: Uint8Array): Promise<void> {
  const content = await readFile(path);
  expect(content.length).toBe(offset);
  await writeFile(path, Buffer.concat([content, body]));
}

async function unpacked(path: string) {
  const target = await mkdtemp(join(folder, 'unpacked-'));
  try {
    await using archive = await ArchiveReader.open(path);
    await archive.unpack(new Map(partNames(draft).map((part) => [part, join(target, part)])), {});
    const read = await Promise.all(archive.manifest.parts.map(({name}) => readFile(join(target, name))));
    return {manifest: archive.manifest, read};
  } finally {
    await rm(target, {recursive: true});
  }
}

describe('an archive', () => {
  it('gives back what was put in, also what was written in its place', async () => {
    const path = join(folder, 'out.tar');
    await write(path);
    const {manifest, read} = await unpacked(path);
    expect(manifest).toMatchObject(draft);
    expect(Buffer.concat(read).equals(Buffer.concat([...bodies.values()]))).toBe(true);
    expect(await readdir(folder)).toEqual(['out.tar']);
  });

  it('that is flipped or cut off at 200 places is refused or gives the same', async () => {
    const path = join(folder, 'out.tar');
    await write(path);
    const content = await readFile(path);
    const whole = await unpacked(path);
    const random = new SeededRandom(7);
    const counts = {refused: 0, same: 0};
    for (let round = 0; round < 200; round++) {
      const at = random.below(content.length);
      const bytes = round % 4 === 0 ? content.subarray(0, at) : Buffer.from(content);
      if (round % 4 !== 0) bytes[at] = bytes[at]! ^ (1 << random.below(8));
      const damaged = join(folder, 'damaged.tar');
      await writeFile(damaged, bytes);
      const outcome = await unpacked(damaged).catch((thrown: unknown) => thrown);
      if (outcome instanceof Error) {
        expect(outcome).toMatchObject({code: 'bad-snapshot', message: expect.stringContaining(damaged)});
        counts.refused++;
      } else {
        expect(outcome).toEqual(whole);
        counts.same++;
      }
    }
    expect(counts.refused).toBeGreaterThan(counts.same);
  });

  it('that is not finished leaves nothing', async () => {
    {
      await using writer = await ArchiveWriter.create(join(folder, 'out.tar'), draft);
      await writer.stream('screen', inPieces(Buffer.from('x'), 1));
      const endless = (async function* () {
        yield Buffer.alloc(10);
        throw Object.assign(new Error('no space left on device'), {code: 'ENOSPC'});
      })();
      await expect(writer.stream('memory.state', endless)).rejects.toMatchObject({code: 'ENOSPC'});
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('never takes the place of another file', async () => {
    const path = join(folder, 'out.tar');
    await using writer = await ArchiveWriter.create(path, draft);
    for (const [name, body] of bodies) await writer.stream(name, inPieces(body, 300));
    await writeFile(path, 'mine');
    await expect(writer.finish()).rejects.toMatchObject({code: 'bad-request'});
    expect(await readFile(path, 'utf8')).toBe('mine');
  });
});

describe('a header of a large file', () => {
  it.each([8 ** 11 - 1, 8 ** 11, 2 ** 45])('says %d bytes', async (sizeBytes) => {
    const bytes = Buffer.concat([encodeTarHeader('disk0.qcow2', sizeBytes, 0), tarEnd]);
    for await (const entry of readTar(inPieces(bytes, 512))) {
      expect(entry).toMatchObject({path: 'disk0.qcow2', sizeBytes});
      break;
    }
  });
});

describe('a manifest', () => {
  const withRules = (rules: unknown[]) => {
    const parts = partNames(draft).map((name) => ({name, sizeBytes: 1, sha256: 'a'.repeat(64)}));
    const manifest = JSON.parse(encodeManifest(draft, parts).toString());
    manifest.machine.network = {kind: 'user', egress: 'ask', rules};
    return parseManifest(Buffer.from(JSON.stringify(manifest)), 'it');
  };

  it('has rules that deny, and none that would allow a guest more or make no sense', () => {
    const rule = {verdict: 'deny', destination: 'example.org', port: 80};
    expect(withRules([rule]).machine.network).toMatchObject({rules: [rule]});
    for (const wrong of [
      {...rule, verdict: 'allow'},
      {...rule, destination: 'a\x1b[2J'},
      {...rule, more: 1},
    ])
      expect(() => withRules([wrong])).toThrow();
  });
});
