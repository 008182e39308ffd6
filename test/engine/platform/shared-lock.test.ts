import {fileURLToPath} from 'node:url';
import {Worker} from 'node:worker_threads';
import {build} from 'esbuild';
import {expect, it} from 'vitest';
import {SharedLock} from '../../../src/engine/platform/shared-lock.js';

const ROUNDS = 200_000;
const THREADS = 3;
const [LOCK, COUNT] = [0, 1];

const threadSource = `
import {workerData} from 'node:worker_threads';
import {SharedLock} from './shared-lock.js';
const {cells, rounds} = workerData;
const lock = new SharedLock(cells, ${LOCK});
for (let round = 0; round < rounds; round++) {
  lock.acquire();
  cells[${COUNT}] = cells[${COUNT}] + 1;
  lock.release();
}
`;

it('lets one thread at a time change plain cells', async () => {
  const bundle = await build({
    stdin: {
      contents: threadSource,
      resolveDir: fileURLToPath(new URL('../../../src/engine/platform', import.meta.url)),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const url = new URL(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0]!.contents).toString('base64')}`);
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const threads = Array.from({length: THREADS}, () => new Worker(url, {workerData: {cells, rounds: ROUNDS}}));
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('exit', resolve))));
  expect(cells[COUNT]).toBe(ROUNDS * THREADS);
  expect(cells[LOCK]).toBe(0);
});

it('is free again after release', () => {
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const lock = new SharedLock(cells, 0);
  lock.acquire();
  expect(cells[0]).not.toBe(0);
  lock.release();
  lock.acquire();
  lock.release();
  expect(cells[0]).toBe(0);
});
