import {expect, it} from 'vitest';
import {Groundwork, layoutOf} from '../../src/engine/groundwork.js';
import {Machine} from '../../src/engine/machine.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import {buildGuest} from '../support/bare-guest.js';
import {testTier} from '../support/tier.js';

const entry = (name: string) => new URL(`../../dist/${name}.js`, import.meta.url);
const shape = {memoryBytes: 16 * 1024 ** 2, hartCount: 2, ...testTier(), devices: standardPlatform()};

it('threads and code that were there before their machine are its own', async () => {
  await using groundwork = new Groundwork(entry('engine-hart'));
  groundwork.lay({...shape, hasSbi: false}, platformModels);
  const laid = groundwork.interpreter({...shape, hasSbi: false}, layoutOf(shape, platformModels));
  const {elf} = buildGuest({text: 'pass', hartCount: 2});
  const threads = [groundwork.thread(), groundwork.thread()];
  const given = [...threads];
  groundwork.thread = () => given.shift()!;
  await using machine = await Machine.create(
    {...shape, boot: {kind: 'firmware', elf}},
    {compilerWorker: entry('compiler'), hartWorker: entry('engine-hart'), models: platformModels, groundwork},
  );
  expect(given).toEqual([]);
  expect(groundwork.interpreter({...shape, hasSbi: false}, layoutOf(shape, platformModels))).toBe(laid);
  machine.start();
  expect(await machine.exited).toEqual({kind: 'poweroff', status: 0});
});
