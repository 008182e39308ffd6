import {describe, expect, it} from 'vitest';
import {zbbInstructions} from '../../../src/engine/isa/zbb.js';
import {recordFunctions} from '../../support/record-lowering.js';

// The random programs compare Zbb with qemu-riscv64; this is the one case in which Debian 12's is wrong.
describe('ctzw', () => {
  const functions = recordFunctions(zbbInstructions.filter(({name}) => name === 'ctzw'));
  const run = (value: bigint) => (functions['ctzw']!(value, 0n, 0n, 0, 0) as readonly [bigint, number])[0];

  it.each([
    [0n, 32n],
    [1n << 40n, 32n],
    [0xffffffff80000000n, 31n],
    [1n << 32n, 32n],
    [(1n << 35n) | 0x50n, 4n],
  ])('of %s counts at most 32 zeros', (value, expected) => {
    expect(run(value)).toBe(expected);
  });
});
