import {spawn} from 'node:child_process';
import {mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {z} from 'zod';
import {ManagerError} from '../../../src/manager/protocol/errors.js';
import {writeFileAtomic} from '../../../src/manager/store/atomic-file.js';
import {acquireLock} from '../../../src/manager/store/lock-file.js';
import {MachineStore} from '../../../src/manager/store/machine-store.js';
import {identifyProcess, isAlive} from '../../../src/manager/store/process-identity.js';
import {readStateFile, type StateFormat, writeStateFile} from '../../../src/manager/store/versioned-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-store-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

const config = {memoryBytes: 64 << 20, hartCount: 1, boot: {kind: 'image' as const, image: 'debian-mini'}, disks: []};
const definition = (id: string, name: string) => ({id, name, createdAtMs: 1, driver: 'builtin', config});
const ID = '01234567-89ab-4def-8123-456789abcdef';

describe('an atomic file', () => {
  it('is the old or the new one, whole, when its writer is killed at any moment', async () => {
    const path = join(folder, 'file.json');
    const contents = ['a', 'b'].map((letter) => letter.repeat(300_000));
    await writeFile(path, contents[0] ?? '');
    const script = `
      const {open, rename} = require('node:fs/promises');
      const {dirname, join} = require('node:path');
      (async () => {
        const {writeFileAtomic} = await import(process.argv[1]);
        for (let n = 0; ; n++) await writeFileAtomic(process.argv[2], (n % 2 ? 'a' : 'b').repeat(300000));
      })();`;
    const bundled = join(folder, 'atomic.mjs');
    const esbuild = await import('esbuild');
    await esbuild.build({
      entryPoints: [join(import.meta.dirname, '../../../src/manager/store/atomic-file.ts')],
      outfile: bundled,
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
    for (let round = 0; round < 10; round++) {
      const writer = spawn(process.execPath, ['-e', script, bundled, path], {stdio: 'ignore'});
      const ended = new Promise((resolve) => writer.once('exit', resolve));
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 7));
      writer.kill('SIGKILL');
      await ended;
      expect(contents).toContain(await readFile(path, 'utf8'));
    }
  });

  it('leaves nothing beside the old one when it cannot be written', async () => {
    await mkdir(join(folder, 'target'));
    await expect(writeFileAtomic(join(folder, 'target'), 'text')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['target']);
  });
});

describe('a state file', () => {
  const format: StateFormat<z.ZodObject<{size: z.ZodNumber}>> = {
    title: 'test state',
    version: 3,
    schema: z.object({size: z.number()}),
    migrations: {1: ({length}) => ({count: length}), 2: ({count}) => ({size: Number(count) * 2})},
  };

  it('of an old version goes through every migration', async () => {
    await writeFile(join(folder, 's'), '{"version": 1, "length": 21}');
    expect(await readStateFile(join(folder, 's'), format)).toEqual({size: 42});
  });

  it('comes back as it was written', async () => {
    await writeStateFile(join(folder, 's'), format, {size: 5});
    expect(await readStateFile(join(folder, 's'), format)).toEqual({size: 5});
    expect(await readStateFile(join(folder, 'none'), format)).toBeUndefined();
  });

  it.each([
    ['', 'state-file-broken', 'it is empty'],
    ['{"version": 3, "si', 'state-file-broken', 'it is cut off or not JSON'],
    ['[]', 'state-file-broken', 'it has no version'],
    ['{"version": 3, "size": "big"}', 'state-file-broken', 'size: '],
    ['{"version": 4, "size": 1}', 'state-file-newer', 'written by a newer Vivarium (format 4, this one knows 3)'],
  ])('%j is refused with its reason', async (text, code, reason) => {
    await writeFile(join(folder, 's'), text);
    await expect(readStateFile(join(folder, 's'), format)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(reason),
    });
    expect(await readFile(join(folder, 's'), 'utf8')).toBe(text);
  });
});

describe('a lock', () => {
  it('is held by one and free afterwards', () => {
    const path = join(folder, 'lock');
    const lock = acquireLock(path);
    expect('heldBy' in lock).toBe(false);
    expect(acquireLock(path)).toEqual({heldBy: process.pid});
    if (!('heldBy' in lock)) lock[Symbol.dispose]();
    expect('heldBy' in acquireLock(path)).toBe(false);
  });

  it('of a process that is gone, or whose pid belongs to another now, is taken over', async () => {
    const path = join(folder, 'lock');
    await writeFile(path, JSON.stringify({pid: process.pid, startToken: 'another boot/1'}));
    expect('heldBy' in acquireLock(path)).toBe(false);
  });

  it('is not taken over by two at once, and a take-over that died is forgotten', async () => {
    const path = join(folder, 'lock');
    await writeFile(path, JSON.stringify({pid: process.pid, startToken: 'another boot/1'}));
    await writeFile(`${path}.takeover`, JSON.stringify({pid: 1}));
    expect(acquireLock(path)).toEqual({heldBy: 1});
    await utimes(`${path}.takeover`, new Date(0), new Date(0));
    expect('heldBy' in acquireLock(path)).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(['lock']);
  });
});

describe('a process identity', () => {
  it('tells a process from a later one with its pid', () => {
    const self = identifyProcess(process.pid);
    expect(self && isAlive(self)).toBe(true);
    expect(isAlive({pid: process.pid, startToken: 'another boot/1'})).toBe(false);
  });
});

describe('the machine store', () => {
  async function open(): Promise<MachineStore> {
    const store = new MachineStore({machines: join(folder, 'machines'), trash: join(folder, 'trash')});
    await store.open();
    return store;
  }

  it('leaves nothing of a machine whose making failed', async () => {
    const store = await open();
    const failing = store.create(definition(ID, 'one'), async () => {
      throw new ManagerError('disk-full', 'No space.', 'Make some.');
    });
    await expect(failing).rejects.toMatchObject({code: 'disk-full'});
    expect(await readdir(join(folder, 'machines'))).toEqual([]);
  });

  it('clears what a killed creation left, and nothing else', async () => {
    const store = await open();
    await store.create(definition(ID, 'one'), async () => undefined);
    await mkdir(join(folder, 'machines', '.new-half'));
    await (await open()).list();
    expect(await readdir(join(folder, 'machines'))).toEqual([ID]);
  });

  it('names a broken machine by what its state file remembers', async () => {
    const store = await open();
    await store.create(definition(ID, 'one'), async () => undefined);
    await store.saveLife(ID, {name: 'one'});
    await truncate(join(store.folder(ID), 'machine.json'), 10);
    const [stored] = await store.list();
    expect(stored?.definition).toBeInstanceOf(ManagerError);
    expect(stored?.life?.name).toBe('one');
  });

  it('brings back the machine that was discarded last', async () => {
    const store = await open();
    await store.create(definition(ID, 'one'), async () => undefined);
    await store.discard(ID);
    expect(await store.list()).toEqual([]);
    expect((await store.recover()).id).toBe(ID);
    expect(await store.list()).toHaveLength(1);
    await expect(store.recover()).rejects.toMatchObject({code: 'machine-not-found'});
  });
});
