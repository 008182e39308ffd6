/** Runs the bare form of a guest program on a machine of ours and reads its results from guest memory. */
import {Machine, type MachineExit} from '../../src/engine/machine.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import type {GuestProgram} from './guest-program.js';
import {testTier} from './tier.js';

/** What a run left behind. */
export interface BareRun {
  readonly exit: MachineExit;
  readonly results: Uint8Array;
  readonly instructions: number;
}

/** Boots the program as firmware and waits for its end. */
export async function runBare(program: GuestProgram): Promise<BareRun> {
  await using machine = await Machine.create(
    {
      memoryBytes: 16 * 1024 ** 2,
      hartCount: 1,
      ...testTier(),
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
  const exit = await machine.exited;
  const bytes = machine.memory.bytes(program.resultsAddress, program.resultBytes);
  if (!bytes) throw new Error('the results are not in RAM');
  return {exit, results: bytes.slice(), instructions: machine.counters().instructions};
}
