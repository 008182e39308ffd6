import {inspect} from 'node:util';
import {expect, it} from 'vitest';
import type {Instruction} from '../../../src/engine/isa/instruction.js';
import {instructions} from '../../../src/engine/isa/instructions.js';
import {runBare} from '../../support/bare-machine.js';
import {runUnderQemu} from '../../support/guest-program.js';
import {testTier} from '../../support/tier.js';
import {describeWith} from '../../support/tools.js';
import {firstDifference} from './difference.js';
import {type RandomProgram, randomProgram} from './generator.js';

/** Another seed, another million instructions: `VIV_ORACLE_SEED=77 npx vitest run test/engine/oracle`. */
const SEED = Number(process.env['VIV_ORACLE_SEED'] ?? 1);
const {tier} = testTier();
// Straight code that runs once is all compile time where everything is compiled.
const PROGRAMS = tier === 'regions' ? 1 : 8;
const BLOCKS = tier === 'regions' ? 400 : 1100;
const UNITS = 120;
const QEMU_CPU = 'rv64,zba=true,zbb=true,zbs=true';
/** Instructions per block that only load and store registers; they do not count as tested. */
const OVERHEAD = 120;

async function compare(random: RandomProgram): Promise<{instructions: number; difference: string | undefined}> {
  const [expected, run] = await Promise.all([runUnderQemu(random.program, QEMU_CPU), runBare(random.program)]);
  const ended = run.exit.kind === 'poweroff' && run.exit.status === 0;
  const difference = ended ? firstDifference(random, expected, run.results) : `ended with ${inspect(run.exit)}`;
  return {instructions: run.instructions - random.blocks.length * OVERHEAD, difference};
}

/** Runs `body` while the record `victim` means what `impostor` means. */
async function whileBroken<T>(victim: string, impostor: string, body: () => Promise<T>): Promise<T> {
  const list = instructions as Instruction[];
  const at = list.findIndex(({name}) => name === victim);
  const other = list.find(({name}) => name === impostor);
  const original = list[at];
  if (!original || !other) throw new Error(`no ${victim} or ${impostor}`);
  list[at] = {...original, lower: other.lower};
  try {
    return await body();
  } finally {
    list[at] = original;
  }
}

describeWith(['qemu-riscv64'], 'random programs', () => {
  it('end with the registers, flags and memory that qemu-riscv64 gives', async () => {
    let executed = 0;
    for (let i = 0; i < PROGRAMS; i++) {
      const seed = SEED * 1000 + i;
      const {instructions, difference} = await compare(randomProgram(seed, BLOCKS, UNITS));
      expect(difference, `seed ${seed}`).toBeUndefined();
      executed += instructions;
    }
    expect(executed).toBeGreaterThan(100 * PROGRAMS * BLOCKS);
  }, 180_000);

  // Records are broken in this process: regions compiled on threads of their own have their own.
  it.runIf(tier === 'interpreter').each([
    ['sraw', 'srlw'],
    ['mulhsu', 'mulh'],
    ['fle.s', 'flt.s'],
    ['fnmsub.d', 'fnmadd.d'],
    ['sh2add.uw', 'sh2add'],
    ['amomax.w', 'amomaxu.w'],
  ])('notice that %s does what %s should', async (victim, impostor) => {
    const random = randomProgram(SEED, 150, UNITS);
    const {difference} = await whileBroken(victim, impostor, () => compare(random));
    expect(difference).toMatch(/block|scratch/);
  });
});
