import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {SbiCounters} from '../../../src/engine/sbi/contract.js';
import * as registry from '../../../src/engine/sbi/extensions/registry.js';
import {RAM_BASE, sbiRig} from './sbi-rig.js';

const BASE = 0x10;
const SRST = 0x5352_5354;
const DBCN = 0x4442_434e;
const PMU = 0x50_4d55;
const INVALID_PARAM = -3;
const NOT_SUPPORTED = -2;
const text = (bytes: string) => new TextEncoder().encode(bytes);

describe('base', () => {
  it('names specification, implementation and machine', () => {
    const rig = sbiRig();
    const values = [0, 1, 2, 4, 5, 6].map((fid) => rig.call(BASE, fid).value);
    expect(values).toEqual([0x0200_0000n, 0x56_4956n, 0x1_0000n, 0n, 42n, 7n]);
    expect(rig.call(BASE, 7).error).toBe(NOT_SUPPORTED);
  });

  it('finds what is offered and nothing else', () => {
    const rig = sbiRig();
    const probe = (id: bigint) => rig.call(BASE, 3, id).value;
    const offered = [
      0x10n,
      0x5449_4d45n,
      0x73_5049n,
      0x5246_4e43n,
      0x48_534dn,
      0x5352_5354n,
      0x5355_5350n,
      0x4442_434en,
    ];
    expect(offered.map(probe)).toEqual(offered.map(() => 1n));
    expect([0x53_5441n, 0x50_4d55n, 0x4n, 0x0900_0000n].map(probe)).toEqual([0n, 0n, 0n, 0n]);
  });
});

it('gives every extension id to one extension', () => {
  const ids = Object.values(registry).flatMap((extension) => extension.ids);
  expect(new Set(ids).size).toBe(ids.length);
});

it('answers unknown extensions with "not supported"', () => {
  const rig = sbiRig();
  for (const id of [0x53_5441, 0x0a00_0000, -1, 4, 5])
    expect(rig.call(id, 0)).toMatchObject({error: NOT_SUPPORTED, value: 0n});
});

describe('system reset', () => {
  it.each([
    [0n, 0n, 'resetSystem(shutdown, false)'],
    [0n, 1n, 'resetSystem(shutdown, true)'],
    [1n, 0n, 'resetSystem(cold-reboot, false)'],
    [2n, 0xe000_0001n, 'resetSystem(warm-reboot, true)'],
  ])('type %i reason %i', (type, reason, logged) => {
    const rig = sbiRig();
    expect(rig.call(SRST, 0, type, reason).registers).toBe('none');
    expect(rig.log).toEqual([logged]);
  });

  it('refuses reserved and vendor types and reserved reasons', () => {
    const rig = sbiRig();
    expect(rig.call(SRST, 0, 3n, 0n).error).toBe(INVALID_PARAM);
    expect(rig.call(SRST, 0, 0xf000_0000n, 0n).error).toBe(NOT_SUPPORTED);
    expect(rig.call(SRST, 0, 0n, 2n).error).toBe(INVALID_PARAM);
    expect(rig.log).toEqual([]);
  });
});

describe('debug console', () => {
  it('writes guest memory and says how much was taken', () => {
    const rig = sbiRig();
    rig.memory.bytes(RAM_BASE + 16, 12)!.set(text('hello, world'));
    expect(rig.call(DBCN, 0, 12n, BigInt(RAM_BASE + 16), 0n)).toMatchObject({error: 0, value: 8n});
    expect(rig.log).toEqual(['consoleWrite(hello, world)']);
  });

  it('reads what is waiting into guest memory and marks it written', () => {
    const rig = sbiRig();
    rig.input = [...text('abc')];
    expect(rig.call(DBCN, 1, 64n, BigInt(RAM_BASE), 0n).value).toBe(3n);
    expect([...rig.memory.bytes(RAM_BASE, 4)!]).toEqual([0x61, 0x62, 0x63, 0]);
    expect(rig.written).toEqual([[RAM_BASE, 3]]);
    expect(rig.call(DBCN, 1, 64n, BigInt(RAM_BASE), 0n).value).toBe(0n);
    expect(rig.written).toHaveLength(1);
  });

  it('writes a byte', () => {
    const rig = sbiRig();
    rig.call(DBCN, 2, 0x141n);
    expect(rig.log).toEqual(['consoleWriteByte(65)']);
  });

  it.each([
    [4n, 0x1000n, 0n],
    [0x10001n, BigInt(RAM_BASE), 0n],
    [4n, BigInt(RAM_BASE), 1n],
    [-1n, BigInt(RAM_BASE), 0n],
    [4n, -2n, 0n],
  ])('refuses %i bytes at %i, high %i', (length, low, high) => {
    const rig = sbiRig();
    expect([0, 1].map((fid) => rig.call(DBCN, fid, length, low, high).error)).toEqual([INVALID_PARAM, INVALID_PARAM]);
    expect(rig.log).toEqual([]);
  });
});

describe('legacy calls', () => {
  it('leave a1 alone and return their result in a0', () => {
    const rig = sbiRig();
    rig.input = [0x7a];
    expect(rig.call(1, 0, 0x41n)).toMatchObject({registers: 'error', error: 0});
    expect(rig.call(2, 0)).toMatchObject({registers: 'error', error: 0x7a});
    expect(rig.call(2, 0).error).toBe(-1);
    expect(rig.call(0, 0, 5n)).toMatchObject({registers: 'error', error: 0});
    expect(rig.call(3, 0).error).toBe(0);
    expect(rig.call(8, 0).registers).toBe('none');
    expect(rig.log).toEqual([
      'consoleWriteByte(65)',
      'setTimer(0, 5, 0)',
      'clearIpi(0)',
      'resetSystem(shutdown, false)',
    ]);
  });
});

describe('performance counters', () => {
  function countingRig() {
    const running = [true, true];
    const values = new Map<number, string>();
    const counters: SbiCounters = {
      write: (_hart, counter, low, high) => {
        values.set(counter, `${high}:${low}`);
      },
      setRunning: (_hart, counter, isRunning) => {
        running[counter] = isRunning;
      },
      isRunning: (_hart, counter) => running[counter]!,
    };
    return {...sbiRig(1, counters), running, values};
  }

  it('are offered only by a machine that has them', () => {
    expect(sbiRig().call(PMU, 0).error).toBe(NOT_SUPPORTED);
    const rig = countingRig();
    expect(rig.call(BASE, 3, BigInt(PMU)).value).toBe(1n);
    expect(rig.call(PMU, 0).value).toBe(2n);
  });

  it('describe themselves as 64-bit CSRs', () => {
    const rig = countingRig();
    expect(rig.call(PMU, 1, 0n).value).toBe(0xc00n | (63n << 12n));
    expect(rig.call(PMU, 1, 1n).value).toBe(0xc02n | (63n << 12n));
    expect(rig.call(PMU, 1, 2n).error).toBe(INVALID_PARAM);
  });

  it('are chosen by event once stopped, cleared and started as asked', () => {
    const rig = countingRig();
    expect(rig.call(PMU, 2, 0n, 3n, 0n, 2n).error).toBe(NOT_SUPPORTED);
    expect(rig.call(PMU, 4, 0n, 3n, 1n).error).toBe(0);
    expect(rig.running).toEqual([false, false]);
    expect(rig.call(PMU, 2, 0n, 3n, 6n, 2n)).toMatchObject({error: 0, value: 1n});
    expect(rig.running).toEqual([false, true]);
    expect(rig.values.get(1)).toBe('0:0');
    expect(rig.call(PMU, 2, 0n, 3n, 0n, 3n).error).toBe(NOT_SUPPORTED);
  });

  it('start with a value and say when they run or stand already', () => {
    const rig = countingRig();
    expect(rig.call(PMU, 3, 0n, 1n, 0n).error).toBe(-7);
    rig.call(PMU, 4, 1n, 1n, 0n);
    expect(rig.call(PMU, 4, 1n, 1n, 0n).error).toBe(-8);
    expect(rig.call(PMU, 3, 1n, 1n, 1n, 0x5_0000_0006n).error).toBe(0);
    expect(rig.values.get(1)).toBe('5:6');
    expect([
      rig.call(PMU, 3, 0n, 0n, 0n).error,
      rig.call(PMU, 3, 1n, 2n, 0n).error,
      rig.call(PMU, 4, 0n, 1n << 40n, 0n).error,
    ]).toEqual([INVALID_PARAM, INVALID_PARAM, INVALID_PARAM]);
  });
});

it('survives any call: nothing throws and every error is one of the specification', () => {
  const ids = Object.values(registry).flatMap((extension) => extension.ids);
  const interesting = fc.constantFrom(0n, 1n, 2n, -1n, 0x8000_0000n, BigInt(RAM_BASE), 1n << 32n, 1n << 63n);
  const argument = fc.oneof(interesting, fc.bigInt({min: 0n, max: (1n << 64n) - 1n}));
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...ids), fc.integer()),
      fc.integer({min: -2, max: 9}),
      fc.array(argument, {minLength: 6, maxLength: 6}),
      (id, fid, args) => {
        const {error, registers} = sbiRig(2).call(id, fid, ...args);
        if (registers === 'both') expect(error).toBeLessThanOrEqual(0);
        expect(error).toBeGreaterThanOrEqual(-14);
      },
    ),
    {numRuns: 2000},
  );
});
