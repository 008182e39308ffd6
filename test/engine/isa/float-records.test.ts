import {expect, it} from 'vitest';
import {hostFuses} from '../../../src/engine/codegen/host-fusion.js';
import {dInstructions} from '../../../src/engine/isa/d.js';
import {fInstructions} from '../../../src/engine/isa/f.js';
import {runUnderQemu} from '../../support/guest-program.js';
import {recordFunctions} from '../../support/record-lowering.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {describeWith} from '../../support/tools.js';
import {instructionCases} from '../softfloat/cases.js';
import {cornerRows, floatRows, randomInteger} from '../softfloat/operands.js';
import {passesOf, RESULT_BYTES, referenceProgram, type Tables} from '../softfloat/reference.js';

const ROWS = 1500;
const INEXACT = 1;

describeWith(['qemu-riscv64'], 'floating-point records', () => {
  const random = new SeededRandom(731);
  const records = [...fInstructions, ...dInstructions].filter(({format}) => format === 'R' || format === 'R4');
  const functions = recordFunctions(records);
  const withFusion = hostFuses() ? recordFunctions(records, true) : functions;
  const rows: Tables = {
    f32: [...cornerRows('f32'), ...floatRows('f32', ROWS, random)],
    f64: [...cornerRows('f64'), ...floatRows('f64', ROWS, random)],
    integer: Array.from({length: ROWS}, () => [randomInteger(random)]),
  };

  it.each([
    ['with all flags clear (exact functions)', 0, functions],
    ['with inexact already set (host arithmetic)', INEXACT, functions],
    ['with inexact already set on a host that fuses', INEXACT, withFusion],
  ])('agree with qemu-riscv64 %s', async (_title, initialFlags, tested) => {
    const passes = passesOf(instructionCases);
    const output = await runUnderQemu(referenceProgram(passes, rows, initialFlags));
    const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
    const wrong: string[] = [];
    let at = 0;
    for (const {test, mode} of passes) {
      for (const row of rows[test.from]) {
        const operands = [0, 1, 2].map((i) => (row[i] ?? 0n) | (test.from === 'f32' ? 0xffffffff00000000n : 0n));
        const result = tested[test.instruction]!(...operands, initialFlags, mode) as readonly [bigint, number];
        const got = `${BigInt.asUintN(64, result[0]).toString(16)}/${result[1]}`;
        const expected = `${view.getBigUint64(at, true).toString(16)}/${view.getUint8(at + 8)}`;
        if (got !== expected) {
          const inputs = operands.slice(0, test.operands).map((bits) => bits.toString(16));
          wrong.push(`${test.instruction} (${inputs}) mode ${mode}: ${got}, expected ${expected}`);
        }
        at += RESULT_BYTES;
      }
    }
    expect({wrong: wrong.slice(0, 10), count: wrong.length}).toEqual({wrong: [], count: 0});
  });

  it('treat a single in a broken box as the canonical NaN', () => {
    const broken = 0xfffffffe3f800000n;
    const one = 0xffffffff3f800000n;
    const nan = 0xffffffff7fc00000n;
    const run = (name: string, ...operands: readonly bigint[]) => {
      const [value, fcsr] = functions[name]!(...operands, INEXACT, 0) as readonly [bigint, number];
      return [BigInt.asUintN(64, value), fcsr];
    };
    expect(run('fadd.s', one, broken, 0n)).toEqual([nan, INEXACT]);
    expect(run('fmadd.s', one, one, broken)).toEqual([nan, INEXACT]);
    expect(run('feq.s', broken, broken, 0n)).toEqual([0n, INEXACT]);
    expect(run('fmin.s', broken, one, 0n)).toEqual([one, INEXACT]);
    expect(run('fsgnj.s', broken, broken, 0n)).toEqual([nan, INEXACT]);
    expect(run('fclass.s', broken, 0n, 0n)).toEqual([0x200n, INEXACT]);
    expect(run('fcvt.d.s', broken, 0n, 0n)).toEqual([0x7ff8000000000000n, INEXACT]);
    expect(run('fcvt.w.s', broken, 0n, 0n)).toEqual([0x7fffffffn, INEXACT | 16]);
    expect(run('fmv.x.w', broken, 0n, 0n)).toEqual([0x3f800000n, INEXACT]);
  });
});
