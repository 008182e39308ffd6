import {describe, expect, it} from 'vitest';
import {zicondInstructions} from '../../../src/engine/isa/zicond.js';
import {recordFunctions} from '../../support/record-lowering.js';

// Debian 12's qemu-riscv64 has no Zicond, so the random programs leave it out; its two instructions are checked here.
describe('Zicond', () => {
  const functions = recordFunctions(zicondInstructions);
  const run = (name: string, value: bigint, condition: bigint) => {
    const [result] = functions[name]!(value, condition, 0n, 0, 0) as readonly [bigint, number];
    return BigInt.asUintN(64, result);
  };

  it.each([
    ['czero.eqz', 0n, 0n],
    ['czero.eqz', 1n, 0xfedcba9876543210n],
    ['czero.eqz', 1n << 32n, 0xfedcba9876543210n],
    ['czero.eqz', 1n << 63n, 0xfedcba9876543210n],
    ['czero.nez', 0n, 0xfedcba9876543210n],
    ['czero.nez', 1n, 0n],
    ['czero.nez', 1n << 32n, 0n],
    ['czero.nez', 1n << 63n, 0n],
  ])('%s with condition %s', (name, condition, expected) => {
    expect(run(name, 0xfedcba9876543210n, condition)).toBe(expected);
  });

  it('has the encodings of the specification', () => {
    const encodings = Object.fromEntries(zicondInstructions.map(({name, match, mask}) => [name, [match, mask]]));
    expect(encodings).toEqual({
      'czero.eqz': [0x0e005033, 0xfe00707f],
      'czero.nez': [0x0e007033, 0xfe00707f],
    });
  });
});
