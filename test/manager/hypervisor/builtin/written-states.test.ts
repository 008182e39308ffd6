import {randomUUID} from 'node:crypto';
import {link, mkdir, mkdtemp, open, rename, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {openState} from '../../../../src/manager/hypervisor/builtin/saved/save-reader.js';
import {writeSave} from '../../../../src/manager/hypervisor/builtin/saved/save-writer.js';
import {WrittenStates} from '../../../../src/manager/hypervisor/builtin/written-states.js';
import {TestRam, testHead} from '../../../support/saved-state.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-written-'));
});
afterEach(() => rm(folder, {recursive: true}));

const pathOf = (id: string, at = folder) => join(at, `${id}.state`);

it('are known by every name of the file, and beside any other', async () => {
  const states = new WrittenStates();
  const [one, other] = [randomUUID(), randomUUID()];
  await writeFile(join(folder, '.tmp'), 'state');
  await states.add(join(folder, '.tmp'));
  await rename(join(folder, '.tmp'), pathOf(one));
  await writeFile(pathOf(other), 'state');
  const forked = join(folder, 'fork');
  await mkdir(forked);
  await link(pathOf(one), pathOf(other, forked));
  expect([await states.beside(pathOf(other)), await states.beside(pathOf(one, forked))]).toEqual([[one], [other]]);
});

it('are not known any more once something was written to them, or another has their name', async () => {
  const states = new WrittenStates();
  const ids = [randomUUID(), randomUUID()];
  for (const id of ids) {
    await writeFile(pathOf(id), 'state');
    await states.add(pathOf(id));
  }
  await expect
    .poll(() => writeFile(pathOf(ids[0]!), 'STATE').then(() => states.beside(pathOf(ids[0]!))))
    .toEqual([ids[1]]);
  await writeFile(join(folder, 'new'), 'state');
  await rename(join(folder, 'new'), pathOf(ids[1]!));
  expect(await states.beside(pathOf(ids[0]!))).toEqual([]);
});

it('are not read again as a whole before a machine goes on, and all others are', async () => {
  const [base, id] = [randomUUID(), randomUUID()];
  const ram = new TestRam();
  for (let page = 0; page < 4; page++) ram.fill(page, 'noise');
  const written = await writeSave(pathOf(base), testHead, ram, {packing: 'quick', id: base});
  ram.fill(70, 'noise');
  ram.changed.add(70);
  await writeSave(pathOf(id), testHead, ram, {packing: 'quick', id, base: written.base});
  const bytes = Buffer.alloc(8, 0xff);
  await using file = await open(pathOf(base), 'r+');
  await file.write(bytes, 0, bytes.length, 100);
  const check = async (sound: readonly string[]) => {
    const {reader, verified} = await openState(pathOf(id), new Set(sound));
    await verified.finally(() => reader[Symbol.asyncDispose]());
  };
  await check([base, id]);
  for (const sound of [[], [id]]) await expect(check(sound)).rejects.toMatchObject({code: 'bad-snapshot'});
});
