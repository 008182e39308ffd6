/** A machine that goes on in another one: what restoring a snapshot does, without a file between. */
import {Machine} from '../../src/engine/machine.js';
import type {MachineState} from '../../src/engine/machine-state.js';
import {PAGE_BYTES} from '../../src/engine/memory/layout.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import {type TestTier, testTier} from './tier.js';

/** A machine in a saved state whose RAM is still zero. */
export function createSaved(
  state: MachineState,
  tier: TestTier = testTier(),
  {memoryBytes} = state,
  hartCount = state.harts.length,
): Promise<Machine> {
  return Machine.create(
    {
      memoryBytes,
      hartCount,
      ...tier,
      boot: {kind: 'saved', state},
      devices: standardPlatform(),
    },
    {
      hartWorker: new URL('../../dist/engine-hart.js', import.meta.url),
      compilerWorker: new URL('../../dist/compiler.js', import.meta.url),
      models: platformModels,
    },
  );
}

/**
 * Pauses a machine, takes its state through JSON and its touched pages into a new one, and ends it. With `isLate` a page
 * is only there once somebody wants it.
 */
export async function moveMachine(machine: Machine, tier?: TestTier, isLate = false): Promise<Machine> {
  await machine.pause();
  const state = JSON.parse(JSON.stringify(machine.save())) as MachineState;
  const moved = await createSaved(state, tier);
  const {baseAddress, sizeBytes} = machine.memory;
  const pages = new Map<number, Uint8Array>();
  for (let page = 0; page < sizeBytes / PAGE_BYTES; page++)
    if (machine.isTouched(page) || machine.absent.isAbsent(page))
      pages.set(page, Uint8Array.from(machine.memory.bytes(baseAddress + page * PAGE_BYTES, PAGE_BYTES)!));
  const runs = [...pages.keys()].map((first) => ({first, count: 1}));
  moved.absent.begin(runs, (page) => moved.absent.fill(page, pages.get(page)!));
  if (!isLate) {
    for (const [page, content] of pages) moved.absent.fill(page, content);
    moved.absent.end();
  }
  await machine[Symbol.asyncDispose]();
  return moved;
}
