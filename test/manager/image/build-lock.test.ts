import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {takeBuildLock} from '../../../src/manager/image/build-lock.js';

describe('takeBuildLock', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'viv-lock-'));
    path = join(folder, 'build.lock');
  });
  afterEach(() => rmSync(folder, {recursive: true}));
  const never = () => expect.unreachable('nobody else has the lock');

  it('lets the second wait until the first is done', async () => {
    const order: string[] = [];
    const first = await takeBuildLock(path, undefined, never);
    const waits = Promise.withResolvers<void>();
    const second = takeBuildLock(path, undefined, waits.resolve).then((lock) => {
      order.push('second');
      return lock;
    });
    await waits.promise;
    order.push('first');
    await first[Symbol.asyncDispose]();
    await (await second)[Symbol.asyncDispose]();
    expect(order).toEqual(['first', 'second']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes over from a process that has died', async () => {
    const {pid} = spawnSync('true');
    writeFileSync(path, `${pid} 123`);
    await using _lock = await takeBuildLock(path, undefined, never);
    expect(readdirSync(folder)).toEqual(['build.lock']);
  });

  it('takes over from a process whose id another one has now', async () => {
    writeFileSync(path, `${process.pid} 1`);
    await using _lock = await takeBuildLock(path, undefined, never);
    expect(existsSync(path)).toBe(true);
  });

  it('gives up when cancelled, and leaves the owner its lock', async () => {
    await using _lock = await takeBuildLock(path, undefined, never);
    const abort = new AbortController();
    await expect(takeBuildLock(path, abort.signal, () => abort.abort())).rejects.toMatchObject({code: 'cancelled'});
    expect(readdirSync(folder)).toEqual(['build.lock']);
  });
});
