import {expect, it} from 'vitest';
import {ModuleBuilder} from '../../../src/engine/codegen/wasm/module.js';
import {softfloat} from '../../../src/engine/softfloat/softfloat.js';
import {runUnderQemu} from '../../support/guest-program.js';
import {instantiateWasm} from '../../support/instantiate-wasm.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {describeWith} from '../../support/tools.js';
import {type Case, cases} from './cases.js';
import {cornerRows, floatRows, randomInteger} from './operands.js';
import {passesOf, RESULT_BYTES, referenceProgram, type Tables} from './reference.js';

const SEED = 20260;
const ROWS = 1500;

function exactFunctions() {
  const module = new ModuleBuilder({initialPages: 1, maximumPages: 1});
  softfloat(module, true);
  return instantiateWasm(module.finish());
}

function tables(random: SeededRandom): Tables {
  return {
    f32: [...cornerRows('f32'), ...floatRows('f32', ROWS, random)],
    f64: [...cornerRows('f64'), ...floatRows('f64', ROWS, random)],
    integer: Array.from({length: ROWS}, () => [randomInteger(random)]),
  };
}

/** What the f or x register holds after the function's result is written to it. */
function registerOf(to: Case['to'], value: number | bigint): bigint {
  if (to === 'f32') return BigInt.asUintN(32, BigInt(value)) | 0xffffffff00000000n;
  return BigInt.asUintN(64, BigInt(value));
}

describeWith(['qemu-riscv64'], 'softfloat', () => {
  const functions = exactFunctions();
  const random = new SeededRandom(SEED);
  const rows = tables(random);

  it('agrees with qemu-riscv64 on results and flags in all rounding modes', async () => {
    const passes = passesOf(cases);
    const output = await runUnderQemu(referenceProgram(passes, rows, 0));
    const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
    const wrong: string[] = [];
    let at = 0;
    let compared = 0;
    for (const {test, mode} of passes) {
      const isShort = test.from === 'f32' || /From[IU]32/.test(test.exact);
      for (const row of rows[test.from]) {
        const operands = row.slice(0, test.operands).map((bits) => (isShort ? Number(bits & 0xffffffffn) : bits));
        const result = functions[test.exact]!(...operands, ...(test.takesRounding ? [mode] : []));
        const [value, flags] = result as readonly [number | bigint, number];
        const expected = {value: view.getBigUint64(at, true), flags: view.getUint8(at + 8)};
        const got = {value: registerOf(test.to, value), flags};
        if (got.value !== expected.value || got.flags !== expected.flags) {
          const show = (result: {value: bigint; flags: number}) => `${result.value.toString(16)}/${result.flags}`;
          const inputs = row.slice(0, test.operands).map((bits) => bits.toString(16));
          wrong.push(`${test.exact}(${inputs}) mode ${mode}: ${show(got)}, expected ${show(expected)}`);
        }
        at += RESULT_BYTES;
        compared++;
      }
    }
    expect({wrong: wrong.slice(0, 10), count: wrong.length}).toEqual({wrong: [], count: 0});
    expect(compared).toBeGreaterThan(200_000);
  });
});
