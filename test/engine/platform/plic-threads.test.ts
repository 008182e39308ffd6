import {fileURLToPath} from 'node:url';
import {Worker} from 'node:worker_threads';
import {build} from 'esbuild';
import {expect, it} from 'vitest';
import {createPlic, plic as plicModel} from '../../../src/engine/platform/plic.js';

const ROUNDS = 2000;
const SOURCES = [1, 2];
const DEADLOCK_MS = 10_000;

// Cells the threads of this test share: the context's interrupt bit, then per source how often it was served.
const BIT = 0;
const SERVED = 1;

/** A device thread: raises its line, waits until the hart has served it, lowers it, and again. */
const deviceSource = `
import {workerData} from 'node:worker_threads';
import {createPlic} from './plic.js';
const {cells, bits, source, rounds} = workerData;
const plic = createPlic(cells, 1, (context, isPending) => {
  if (context !== 1) return;
  Atomics.store(bits, ${BIT}, isPending ? 1 : 0);
  Atomics.notify(bits, ${BIT});
});
for (let round = 0; round < rounds; round++) {
  plic.setSource(source, true);
  Atomics.wait(bits, ${SERVED} + source, round);
  plic.setSource(source, false);
  Atomics.add(bits, ${SERVED + 4} + source, 1);
  Atomics.notify(bits, ${SERVED + 4} + source);
}
`;

it('delivers every interrupt exactly once while devices on other threads raise theirs', async () => {
  const platform = fileURLToPath(new URL('../../../src/engine/platform', import.meta.url));
  const bundle = await build({
    stdin: {contents: deviceSource, resolveDir: platform, loader: 'ts'},
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const url = new URL(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0]!.contents).toString('base64')}`);
  const cells = new Int32Array(new SharedArrayBuffer(plicModel.stateBytes));
  const bits = new Int32Array(new SharedArrayBuffer(64));
  const plic = createPlic(cells, 1, (context, isPending) => {
    if (context === 1) Atomics.store(bits, BIT, isPending ? 1 : 0);
  });
  for (const source of SOURCES) plic.write(source * 4, 4, 1);
  plic.write(0x2080, 4, 0b110);

  const workers = SOURCES.map((source) => new Worker(url, {workerData: {cells, bits, source, rounds: ROUNDS}}));
  const ended = Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  const served = [0, 0, 0];
  while (served[1]! + served[2]! < ROUNDS * SOURCES.length) {
    if (Atomics.wait(bits, BIT, 0, DEADLOCK_MS) === 'timed-out') break;
    const source = plic.read(0x20_1004, 4);
    if (source === 0) continue;
    served[source]!++;
    Atomics.store(bits, SERVED + source, served[source]!);
    Atomics.notify(bits, SERVED + source);
    // The device lowers its line before the hart completes, as a driver's acknowledgement makes it.
    Atomics.wait(bits, SERVED + 4 + source, served[source]! - 1, DEADLOCK_MS);
    plic.write(0x20_1004, 4, source);
  }
  expect(served).toEqual([0, ROUNDS, ROUNDS]);
  await ended;
  expect(plic.read(0x20_1004, 4)).toBe(0);
  expect(Atomics.load(bits, BIT)).toBe(0);
});
