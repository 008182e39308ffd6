/** Every floating-point instruction in loops over corner cases, as programs in every tier. */
import {expect, it} from 'vitest';
import {runBare} from '../../support/bare-machine.js';
import {runUnderQemu} from '../../support/guest-program.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {describeWith} from '../../support/tools.js';
import {instructionCases} from '../softfloat/cases.js';
import {cornerRows, floatRows, randomInteger} from '../softfloat/operands.js';
import {passesOf, RESULT_BYTES, referenceProgram, type Tables} from '../softfloat/reference.js';

const ROWS = 700;
const INEXACT = 1;

describeWith(['qemu-riscv64'], 'floating-point instructions', () => {
  const random = new SeededRandom(90125);
  const rows: Tables = {
    f32: [...cornerRows('f32'), ...floatRows('f32', ROWS, random)],
    f64: [...cornerRows('f64'), ...floatRows('f64', ROWS, random)],
    integer: Array.from({length: ROWS}, () => [randomInteger(random)]),
  };

  it.each([
    ['with all flags clear', 0, false],
    ['with inexact already set', INEXACT, false],
    ['with a static rounding mode and all flags clear', 0, true],
    ['with a static rounding mode and inexact already set', INEXACT, true],
  ])('agree with qemu-riscv64 %s', async (_title, flags, isStatic) => {
    const passes = passesOf(instructionCases, isStatic);
    const program = referenceProgram(passes, rows, flags);
    const [expected, run] = await Promise.all([runUnderQemu(program), runBare(program)]);
    expect(run.exit).toEqual({kind: 'poweroff', status: 0});
    const [wanted, got] = [expected, run.results].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset));
    const wrong: string[] = [];
    let at = 0;
    for (const {test, mode} of passes) {
      for (const row of rows[test.from]) {
        const [one, other] = [wanted, got].map((view) =>
          [view!.getBigUint64(at, true), view!.getBigUint64(at + 8, true)].map((word) => word.toString(16)).join('/'),
        );
        if (one !== other) {
          const inputs = row.slice(0, test.operands).map((bits) => bits.toString(16));
          wrong.push(`${test.instruction} (${inputs}) mode ${mode}: ${other}, expected ${one}`);
        }
        at += RESULT_BYTES;
      }
    }
    expect({wrong: wrong.slice(0, 10), count: wrong.length}).toEqual({wrong: [], count: 0});
  });
});
