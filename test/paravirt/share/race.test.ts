/** Somebody exchanges a folder for a link that leads outside, and back, as fast as can be, while a guest works in it. */
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Worker} from 'node:worker_threads';
import {expect, it} from 'vitest';
import {P9Client, T, text, u32, u64} from '../../support/p9-client.js';

const ROUNDS = 4000;
/** Where one of both had no turn until then, something else is wrong. */
const MOST_ROUNDS = 50 * ROUNDS;

/** Paths are absolute: a worker shares the place where the process stands. */
const exchanger = `
  const {renameSync, symlinkSync, unlinkSync} = require('node:fs');
  const {workerData: {folder, away, outside, stop}} = require('node:worker_threads');
  let rounds = 0;
  while (Atomics.load(stop, 0) === 0) {
    renameSync(folder, away);
    symlinkSync(outside, folder);
    unlinkSync(folder);
    renameSync(away, folder);
    Atomics.store(stop, 1, ++rounds);
    // In place for long enough now and then that whole paths are walked, and not only their beginnings.
    if (rounds % 20 === 0) Atomics.wait(stop, 0, 0, 1);
  }
`;

it('nothing outside is read, made, changed or removed', async () => {
  const base = mkdtempSync(join(tmpdir(), 'viv-race-'));
  const [shared, outside] = [join(base, 'shared'), join(base, 'outside')];
  const folder = join(shared, 'folder');
  mkdirSync(folder, {recursive: true});
  mkdirSync(outside);
  writeFileSync(join(folder, 'file'), 'inside');
  writeFileSync(join(outside, 'file'), 'secret', {mode: 0o600});
  const client = await new P9Client({path: shared, isReadOnly: false}).begin();
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(exchanger, {eval: true, workerData: {folder, away: `${folder}-away`, outside, stop}});
  await new Promise((resolve) => worker.once('online', resolve));
  let fid = 1;
  let inside = 0;
  const areDone = (round: number) => round >= ROUNDS && inside > 0 && Atomics.load(stop, 1) > 100;
  for (let round = 0; round < MOST_ROUNDS && !areDone(round); round++) {
    const [folderFid, fileFid, newFid] = [fid++, fid++, fid++];
    if ((await client.walk(0, folderFid, 'folder')).errno !== undefined) continue;
    await client.walk(folderFid, newFid);
    await client.create(newFid, `new${round}`, 0o600, 0o1001);
    await client.call(T.MKDIR, [u32(folderFid), text(`folder${round}`), u32(0o700), u32(0)]);
    if ((await client.walk(folderFid, fileFid, 'file')).body.length === 15) {
      await client.call(T.SETATTR, [u32(fileFid), u32(1), u32(0o640), u32(0), u32(0), ...Array(5).fill(u64(0))]);
      if ((await client.open(fileFid, 0)).errno === undefined) {
        expect(await client.read(fileFid, 0, 10)).toEqual(Buffer.from('inside'));
        inside++;
      }
    }
    await client.call(T.RENAMEAT, [u32(0), text(`new${round}`), u32(folderFid), text('moved')]);
    await client.call(T.UNLINKAT, [u32(folderFid), text(`new${round}`), u32(0)]);
    for (const used of [folderFid, fileFid, newFid]) await client.clunk(used);
  }
  Atomics.store(stop, 0, 1);
  await new Promise((resolve) => worker.once('exit', resolve));
  // Both had their turns.
  expect(inside).toBeGreaterThan(0);
  expect(Atomics.load(stop, 1)).toBeGreaterThan(100);
  expect(readdirSync(outside)).toEqual(['file']);
  expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('secret');
  expect(statSync(join(outside, 'file')).mode & 0o777).toBe(0o600);
  await client[Symbol.asyncDispose]();
  rmSync(base, {recursive: true});
});
