import {cp, mkdtemp, readdir, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {VolumeTools} from '../../../src/manager/services/volume-tools.js';
import {ImageLocks} from '../../../src/manager/store/image-locks.js';
import {expectSameContent, qemuCheck, qemuImg} from '../../support/qemu-img.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {describeWith} from '../../support/tools.js';

const SIZE = 5 << 20;
/** The end of the source holds nothing. */
const HOLE = 2 << 20;
let folder = '';
let source = '';
let locks: ImageLocks;
let tools: VolumeTools;
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-volumes-'));
  source = at('source.raw');
  const bytes = new Uint8Array(SIZE);
  const random = new SeededRandom(4);
  for (let offset = 0; offset < SIZE - HOLE; offset += 24_576) {
    const kind = random.below(3);
    if (kind === 1) bytes.fill(random.below(256), offset, offset + 24_576);
    if (kind === 2)
      for (let index = offset; index < Math.min(SIZE, offset + 24_576); index++) bytes[index] = random.below(256);
  }
  await writeFile(source, bytes);
  locks = new ImageLocks(at('locks'));
  tools = new VolumeTools({backingFolders: []}, locks);
});
afterEach(() => rm(folder, {recursive: true}));

/** An overlay over a copy of the source, with writes and zeroes of its own. */
async function makeOverlay(): Promise<{base: string; overlay: string; flat: string}> {
  const [base, overlay, flat] = [at('base.qcow2'), at('overlay.qcow2'), at('flat.raw')];
  await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', source, base);
  await tools.create({path: overlay, backing: {path: base}, sizeBytes: SIZE + (1 << 20), clusterBytes: 4096});
  const {execFileSync} = await import('node:child_process');
  const commands = ['write -P 9 1M 300k', 'write -z 2M 512k', 'write -P 7 5M 100k', 'discard 3M 64k'];
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), overlay]);
  await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', overlay, flat);
  return {base, overlay, flat};
}

describeWith(['qemu-img'], 'the disk tools', () => {
  it.each([
    ['qcow2', {}],
    ['qcow2', {isCompressed: true}],
    ['qcow2', {isCompressed: true, compression: 'zstd', clusterBytes: 2 << 20}],
    ['qcow2', {isCompressed: true, clusterBytes: 4096}],
    ['qcow2', {clusterBytes: 512, version: 2}],
    ['raw', {}],
  ] as const)('convert to %s %j, equal and clean', async (format, options) => {
    const target = at(`copy.${format}`);
    const made = await tools.convert({path: source}, {path: target, ...options}, {});
    expect(made).toMatchObject({format, sizeBytes: SIZE});
    await expectSameContent(source, 'raw', target, format);
    if (format === 'qcow2') expect(await qemuCheck(target)).toEqual({errors: 0, leaks: 0});
    // Zeros take no room; with the largest clusters there are none that hold only zeros.
    if (!('clusterBytes' in options && options.clusterBytes > HOLE / 2))
      expect(made.usedBytes).toBeLessThan(SIZE - HOLE / 2);
  });

  it('convert a chain into one image, and back to raw', async () => {
    const {overlay, flat} = await makeOverlay();
    await tools.convert({path: overlay}, {path: at('one.qcow2')}, {});
    await expectSameContent(flat, 'raw', at('one.qcow2'), 'qcow2');
    expect((await tools.info({path: at('one.qcow2')})).length).toBe(1);
  });

  it('leave nothing of a copy that was cancelled, or whose target is there', async () => {
    const abort = new AbortController();
    const work = {signal: abort.signal, onProgress: () => abort.abort()};
    await expect(tools.convert({path: source}, {path: at('new.qcow2')}, work)).rejects.toMatchObject({
      code: 'cancelled',
    });
    await writeFile(at('precious.raw'), 'precious');
    await expect(tools.convert({path: source}, {path: at('precious.raw')}, {})).rejects.toMatchObject({
      code: 'bad-request',
    });
    expect((await readdir(folder)).sort()).toEqual(['locks', 'precious.raw', 'source.raw']);
    expect((await stat(at('precious.raw'))).size).toBe(8);
  });

  it('commit an overlay into what it stands on, and empty it', async () => {
    const {base, overlay, flat} = await makeOverlay();
    await tools.commit({path: overlay}, {});
    await expectSameContent(flat, 'raw', base, 'qcow2');
    await expectSameContent(flat, 'raw', overlay, 'qcow2');
    expect(await qemuCheck(base)).toEqual({errors: 0, leaks: 0});
    expect((await tools.map({path: overlay})).every(({depth, kind}) => depth > 0 || kind === 'zero')).toBe(true);
  });

  it('rebase an overlay without a change of what it shows', async () => {
    const {base, overlay, flat} = await makeOverlay();
    await tools.create({path: at('other.raw'), sizeBytes: 3 << 20});
    await cp(base, at('copy.qcow2'));
    await tools.rebase({path: overlay}, {path: at('other.raw')}, {isUnsafe: false});
    await expectSameContent(flat, 'raw', overlay, 'qcow2');
    await tools.rebase({path: overlay}, undefined, {isUnsafe: false});
    await expectSameContent(flat, 'raw', overlay, 'qcow2');
    expect(await qemuCheck(overlay)).toEqual({errors: 0, leaks: 0});
    expect((await tools.info({path: overlay})).length).toBe(1);
  });

  it('rebase unsafely by name alone', async () => {
    const {base, overlay, flat} = await makeOverlay();
    await cp(base, at('moved.qcow2'));
    await rm(base);
    await expect(tools.info({path: overlay})).rejects.toMatchObject({code: 'file-not-found'});
    await tools.rebase({path: overlay}, {path: at('moved.qcow2')}, {isUnsafe: true});
    await expectSameContent(flat, 'raw', overlay, 'qcow2');
    expect((await tools.info({path: overlay})).map(({path}) => path)).toEqual([overlay, at('moved.qcow2')]);
  });

  it('map what qemu-img maps', async () => {
    const {overlay} = await makeOverlay();
    const theirs = JSON.parse(await qemuImg('map', '--output=json', '-f', 'qcow2', overlay)) as {
      start: number;
      length: number;
      zero: boolean;
    }[];
    const isZeroAt = (list: readonly {start: number; length: number; zero: boolean}[], offset: number) =>
      list.find(({start, length}) => offset >= start && offset < start + length)?.zero;
    const ours = (await tools.map({path: overlay})).map((one) => ({...one, zero: one.kind === 'zero'}));
    expect(ours.reduce((sum, {length}) => sum + length, 0)).toBe(SIZE + (1 << 20));
    for (let offset = 0; offset < SIZE; offset += 4096) expect(isZeroAt(ours, offset)).toBe(isZeroAt(theirs, offset));
  });

  it('check and repair', async () => {
    const path = at('disk.qcow2');
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', source, path);
    expect(await tools.check({path}, {repairs: false})).toMatchObject({errorCount: 0, leakedClusters: 0});
    // A refcount that counts one use too few, and one that counts one too many.
    const {open} = await import('node:fs/promises');
    {
      await using file = await open(path, 'r+');
      const table = Buffer.alloc(8);
      await file.read(table, 0, 8, 65_536);
      const block = Number(table.readBigUInt64BE());
      await file.write(Buffer.of(0, 0), 0, 2, block + 8 * 2);
      await file.write(Buffer.of(0, 1), 0, 2, block + 2000 * 2);
    }
    const found = await tools.check({path}, {repairs: false});
    expect([found.errorCount > 0, found.leakedClusters, found.isRepaired]).toEqual([true, 1, false]);
    expect((await tools.check({path}, {repairs: true})).isRepaired).toBe(true);
    expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
    await expectSameContent(source, 'raw', path, 'qcow2');
  });

  it('resize, and cut off nothing unless told so', async () => {
    const path = at('disk.qcow2');
    await tools.convert({path: source}, {path}, {});
    expect((await tools.resize({path}, 64 << 20, {shrinks: false})).sizeBytes).toBe(64 << 20);
    await expect(tools.resize({path}, 1 << 20, {shrinks: false})).rejects.toMatchObject({
      code: 'bad-request',
      hint: expect.stringContaining('--shrink'),
    });
    expect((await tools.resize({path}, 1 << 20, {shrinks: true})).sizeBytes).toBe(1 << 20);
    expect(await qemuCheck(path)).toEqual({errors: 0, leaks: 0});
  });

  it('refuse what something uses, and guess no format', async () => {
    const {base, overlay} = await makeOverlay();
    using _held = locks.acquire([{path: base, isWriting: false}], 'web-1');
    await expect(tools.resize({path: base}, 64 << 20, {shrinks: false})).rejects.toMatchObject({code: 'disk-in-use'});
    await expect(tools.commit({path: overlay}, {})).rejects.toMatchObject({code: 'disk-in-use'});
    await cp(overlay, at('nameless'));
    await expect(tools.info({path: at('nameless')})).rejects.toMatchObject({code: 'bad-disk'});
    expect((await tools.info({path: at('nameless'), format: 'raw'}))[0]?.format).toBe('raw');
  });
});
