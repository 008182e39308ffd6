/** What becomes of a machine whose region compiler dies. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import * as esbuild from 'esbuild';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {Machine, type MachineSpec} from '../../../src/engine/machine.js';
import {platformModels, standardPlatform} from '../../../src/engine/platform/standard-platform.js';
import {buildGuest} from '../../support/bare-guest.js';
import {defaultRegionSettings} from '../../support/tier.js';

const WAIT = {timeout: 20_000};

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'viv-compiler-'));
  await esbuild.build({
    entryPoints: Object.fromEntries(
      ['throw-1', 'throw-2', 'exit-1', 'exit-2'].map((name) => [
        name,
        join(import.meta.dirname, '../../support/dying-compiler.ts'),
      ]),
    ),
    outdir: folder,
    outExtension: {'.js': '.mjs'},
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
  });
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

/** Goes round one loop until `turn` is 1, round another until it is 2, and ends with how often each number came. */
const TWO_LOOPS = `
    la a0, turn
    li a1, 0
    li a2, 0
  first:
    addi a1, a1, 3
    lw t0, 0(a0)
    beqz t0, first
    li t1, 2
  second:
    addi a2, a2, 5
    lw t0, 0(a0)
    bne t0, t1, second
    li t0, 3
    remu a1, a1, t0
    li t0, 5
    remu a2, a2, t0
    save a1
    save a2
    pass
    .balign 8
  turn: .dword 0`;

describe.each(['throw', 'exit'])('a compiler that dies (%s)', (how) => {
  it.each([1, 2])(
    'at batch %i leaves the machine running with what is compiled, and says so once',
    async (batch) => {
      const {elf, addressOf} = buildGuest({text: TWO_LOOPS});
      const onCompilerFault = vi.fn<(reason: string) => void>();
      const compilerWorker = pathToFileURL(join(folder, `${how}-${batch}.mjs`));
      await using machine = await Machine.create(
        {
          memoryBytes: 16 << 20,
          hartCount: 1,
          tier: 'auto',
          regions: {...defaultRegionSettings, hotThreshold: 3},
          boot: {kind: 'firmware', elf},
          devices: standardPlatform(),
        },
        {
          hartWorker: new URL('../../../dist/engine-hart.js', import.meta.url),
          compilerWorker,
          models: platformModels,
        },
      );
      machine.onCompilerFault(onCompilerFault);
      const turn = (number: number) =>
        machine.memory.view.setUint32(Number(addressOf('turn')) - machine.memory.baseAddress, number, true);
      machine.start();
      if (batch === 2) {
        await expect.poll(() => machine.counters().regions, WAIT).toBeGreaterThan(0);
      } else await expect.poll(() => onCompilerFault.mock.calls.length, WAIT).toBe(1);
      const {regions} = machine.counters();
      turn(1);
      await expect.poll(() => machine.counters().compilerFault, WAIT).toBeDefined();
      const {instructions, compilerFault} = machine.counters();
      expect(compilerFault).toBe(how === 'throw' ? 'Error: a bug in the compiler' : 'its thread ended (7)');
      expect(machine.counters().regions).toBe(regions);
      // It goes on.
      await expect.poll(() => machine.counters().instructions, WAIT).toBeGreaterThan(instructions);
      turn(2);
      expect(await machine.exited).toEqual({kind: 'poweroff', status: 0});
      expect(onCompilerFault.mock.calls).toEqual([[compilerFault]]);
    },
    60_000,
  );
});

/** A machine whose guest does next to nothing, booted or going on from a saved state. */
function createIdle(boot: MachineSpec['boot'], compilerWorker: string): Promise<Machine> {
  return Machine.create(
    {
      memoryBytes: 16 << 20,
      hartCount: 1,
      tier: 'auto',
      regions: defaultRegionSettings,
      boot,
      devices: standardPlatform(),
    },
    {
      hartWorker: new URL('../../../dist/engine-hart.js', import.meta.url),
      compilerWorker: new URL(compilerWorker, import.meta.url),
      models: platformModels,
    },
  );
}

async function runToEnd(machine: Machine): Promise<void> {
  const onCompilerFault = vi.fn<(reason: string) => void>();
  machine.onCompilerFault(onCompilerFault);
  machine.start();
  await machine.exited;
  await machine[Symbol.asyncDispose]();
  expect(machine.counters().compilerFault).toBeUndefined();
  expect(onCompilerFault).not.toHaveBeenCalled();
}

const idle = (): MachineSpec['boot'] => ({kind: 'firmware', elf: buildGuest({text: 'pass'}).elf});

it('is not a fault when the machine ends', async () => {
  await runToEnd(await createIdle(idle(), '../../../dist/compiler.js'));
});

it('is not started for a restored guest without hot code', async () => {
  await using booted = await createIdle(idle(), '../../../dist/compiler.js');
  await booted.pause();
  const restored = await createIdle({kind: 'saved', state: booted.save()}, '../../../dist/there-is-none.js');
  const {baseAddress, sizeBytes} = booted.memory;
  restored.memory.bytes(baseAddress, sizeBytes)!.set(booted.memory.bytes(baseAddress, sizeBytes)!);
  restored.memory.markWritten(baseAddress, sizeBytes);
  await runToEnd(restored);
});
