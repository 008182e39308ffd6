/** Runs the bare form of a guest program on a machine of ours and reads its results from guest memory. */
import {Machine, type MachineExit} from '../../src/engine/machine.js';
import {RAM_BASE} from '../../src/engine/memory/layout.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import type {GuestProgram} from './guest-program.js';
import {type TestTier, testTier} from './tier.js';

/** What a run left behind. */
export interface BareRun {
  readonly exit: MachineExit | {readonly kind: 'hangs'};
  readonly results: Uint8Array;
  readonly instructions: number;
  /** Those that regions retired. */
  readonly regionInstructions: number;
}

/** Longer than any program takes, on a busy host too. */
const HANG_MS = 60_000;
const PAGE_BYTES = 4096;
/** Memory behind the results. */
const ROOM_BYTES = 1024 ** 2;

/** Boots the program as firmware, in the test run's tier or another, and waits for its end; not for ever. */
export async function runBare(program: GuestProgram, tier: TestTier = testTier()): Promise<BareRun> {
  const end = program.resultsAddress + program.resultBytes - RAM_BASE;
  await using machine = await Machine.create(
    {
      memoryBytes: Math.ceil((end + ROOM_BYTES) / PAGE_BYTES) * PAGE_BYTES,
      hartCount: 1,
      ...tier,
      boot: {kind: 'firmware', elf: program.bare},
      devices: standardPlatform(),
    },
    {
      hartWorker: new URL('../../dist/engine-hart.js', import.meta.url),
      compilerWorker: new URL('../../dist/compiler.js', import.meta.url),
      models: platformModels,
    },
  );
  machine.start();
  using patience = new DisposableStack();
  const hanging = new Promise<{readonly kind: 'hangs'}>((resolve) => {
    const timer = setTimeout(() => resolve({kind: 'hangs'}), HANG_MS);
    patience.defer(() => clearTimeout(timer));
  });
  const exit = await Promise.race([machine.exited, hanging]);
  const bytes = machine.memory.bytes(program.resultsAddress, program.resultBytes);
  if (!bytes) throw new Error('the results are not in RAM');
  const {instructions, regionInstructions = 0} = machine.counters();
  return {exit, results: bytes.slice(), instructions, regionInstructions};
}
