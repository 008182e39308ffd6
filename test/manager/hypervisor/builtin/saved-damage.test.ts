/** Files of saved machines that are damaged anywhere, or were not written to their end. */
import {randomUUID} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {CHUNK_BYTES} from '../../../../src/manager/hypervisor/builtin/saved/format.js';
import {writeSave} from '../../../../src/manager/hypervisor/builtin/saved/save-writer.js';
import {RAM_PAGE_BYTES} from '../../../../src/manager/hypervisor/builtin/saved/saved-ram.js';
import {ManagerError} from '../../../../src/manager/protocol/errors.js';
import {loadState, TestRam, testHead} from '../../../support/saved-state.js';
import {SeededRandom} from '../../../support/seeded-random.js';

/** Writes that are let through before one fails, and how it does; none fails while it is undefined. */
const failing = vi.hoisted(() => ({at: undefined as undefined | {left: number; readonly code: string}}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    open: async (...given: Parameters<typeof real.open>) => {
      const file = await real.open(...given);
      const write = file.write.bind(file) as (...given: unknown[]) => Promise<unknown>;
      const added: object = {
        write: (bytes: Uint8Array, from: number, length: number, position: number) => {
          const {at} = failing;
          if (at === undefined || at.left-- > 0) return write(bytes, from, length, position);
          return Promise.reject(Object.assign(new Error(`${at.code}: write`), {code: at.code}));
        },
      };
      return Object.assign(file, added);
    },
  };
});

const DAMAGES = 300;
const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-damage-'));
});
afterEach(() => rm(folder, {recursive: true}));

/** A state and one that stands on it. */
async function twoStates(packing: 'small' | 'quick') {
  const ram = new TestRam();
  for (const page of [3, CHUNK_PAGES, CHUNK_PAGES + 1, 2 * CHUNK_PAGES + 31]) ram.fill(page, 'text');
  const [first, second] = [randomUUID(), randomUUID()];
  const [below, path] = [first, second].map((id) => join(folder, `${id}.state`)) as [string, string];
  const older = await writeSave(below, testHead, ram, {packing, id: first});
  const content = Buffer.from(ram.content);
  ram.changed.add(3).add(CHUNK_PAGES);
  for (const page of ram.changed) ram.fill(page, 'noise');
  const write = (to: string) => writeSave(to, testHead, ram, {packing, id: second, base: older.base});
  return {below, path, content, ram, write};
}

function damage(content: Buffer, random: SeededRandom): Buffer {
  const bytes = Buffer.from(content);
  const at = random.below(bytes.length);
  switch (random.pick(['flip', 'flip', 'cut', 'zeros', 'tail'] as const)) {
    case 'flip':
      bytes[at] = bytes[at]! ^ (1 << random.below(8));
      return bytes;
    case 'cut':
      return bytes.subarray(0, at);
    case 'zeros':
      return bytes.fill(0, at, Math.min(bytes.length, at + 512));
    case 'tail':
      return Buffer.concat([bytes, Buffer.alloc(1 + random.below(600), random.below(256))]);
  }
}

describe.each(['small', 'quick'] as const)('a saved state, %s', (packing) => {
  it('that is damaged at any place, itself or below, is refused by name or gives what it gave', async () => {
    const {below, path, ram, write} = await twoStates(packing);
    await write(path);
    const whole = new Map([[below, await readFile(below)] as const, [path, await readFile(path)] as const]);
    const random = new SeededRandom(11);
    let refused = 0;
    for (let round = 0; round < DAMAGES; round++) {
      const hurt = random.pick([below, path]);
      await writeFile(hurt, damage(whole.get(hurt)!, random));
      try {
        const loaded = await loadState(path);
        expect(loaded).toMatchObject({isWhole: true, crashes: []});
        expect(loaded.ram.content.equals(ram.content)).toBe(true);
      } catch (thrown) {
        if (!(thrown instanceof ManagerError)) throw thrown;
        expect(thrown).toMatchObject({code: 'bad-snapshot', message: expect.stringContaining(path)});
        refused++;
      }
      await writeFile(hurt, whole.get(hurt)!);
    }
    // Of the file below, head and table are nobody's business, nor are pieces that were replaced.
    expect(refused).toBeGreaterThan(DAMAGES / 2);
    expect((await loadState(path)).ram.content.equals(ram.content)).toBe(true);
  });

  it.each(['ENOSPC', 'EIO'])(
    'that meets %s at any of its writes leaves nothing, and older ones whole',
    async (code) => {
      const {below, path, content, write} = await twoStates(packing);
      let isWritten = false;
      for (let writes = 0; !isWritten; writes++) {
        failing.at = {left: writes, code};
        isWritten = await write(path).then(
          () => true,
          (thrown: unknown) => {
            expect(thrown).toMatchObject({code});
            return false;
          },
        );
        failing.at = undefined;
        if (!isWritten) {
          expect((await readdir(folder)).map((name) => join(folder, name))).toEqual([below]);
          expect((await loadState(below)).ram.content.equals(content)).toBe(true);
        } else expect(writes).toBeGreaterThan(3);
      }
      await loadState(path);
    },
  );
});
