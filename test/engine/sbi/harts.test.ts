import {describe, expect, it} from 'vitest';
import {RAM_BASE, sbiRig} from './sbi-rig.js';

const TIME = 0x5449_4d45;
const IPI = 0x73_5049;
const RFENCE = 0x5246_4e43;
const HSM = 0x48_534d;
const SUSP = 0x5355_5350;
const ALL = -1n;
const INVALID_PARAM = -3;
const NOT_SUPPORTED = -2;
const ADDRESS = BigInt(RAM_BASE + 0x100);

it('sets the timer of the calling hart with all 64 bits', () => {
  const rig = sbiRig();
  expect(rig.call(TIME, 0, 0x1234_5678_9abc_def0n)).toMatchObject({error: 0, value: 0n, registers: 'both'});
  expect(rig.log).toEqual([`setTimer(0, ${0x9abc_def0}, ${0x1234_5678})`]);
});

describe('a hart mask', () => {
  const harts = (hartCount: number, mask: bigint, base: bigint) => {
    const rig = sbiRig(hartCount);
    const {error} = rig.call(IPI, 0, mask, base);
    return error === 0 ? rig.log.map((line) => Number(/\d+/.exec(line)![0])) : error;
  };

  it('selects base + n for every bit n', () => {
    expect(harts(4, 0b1011n, 0n)).toEqual([0, 1, 3]);
    expect(harts(4, 0b11n, 2n)).toEqual([2, 3]);
    expect(harts(40, (1n << 39n) | 1n, 0n)).toEqual([0, 39]);
    expect(harts(64, 1n << 63n, 0n)).toEqual([63]);
  });

  it('selects every hart with base -1, whatever the bits', () => {
    expect(harts(3, 0n, ALL)).toEqual([0, 1, 2]);
    expect(harts(3, ALL, ALL)).toEqual([0, 1, 2]);
  });

  it('selects nobody when empty', () => {
    expect(harts(2, 0n, 0n)).toEqual([]);
    expect(harts(2, 0n, 1n << 40n)).toEqual([]);
  });

  it('that names one missing hart reaches none', () => {
    expect(harts(2, 0b101n, 0n)).toBe(INVALID_PARAM);
    expect(harts(2, 0b11n, 1n)).toBe(INVALID_PARAM);
    expect(harts(2, 1n << 40n, 0n)).toBe(INVALID_PARAM);
    expect(harts(2, 1n, 1n << 32n)).toBe(INVALID_PARAM);
    expect(harts(2, 1n, 0xffff_ffffn)).toBe(INVALID_PARAM);
    expect(harts(1, 1n, -2n)).toBe(INVALID_PARAM);
  });
});

describe('remote fences', () => {
  it('reach the masked harts and wait once for all of them', () => {
    const rig = sbiRig(3);
    expect(rig.call(RFENCE, 0, 0b101n, 0n).error).toBe(0);
    expect(rig.log).toEqual(['remoteFenceI(0)', 'remoteFenceI(2)', 'waitForFences(0)']);
  });

  it('pass range and address space on', () => {
    const rig = sbiRig();
    rig.call(RFENCE, 1, 1n, 0n, 0xffff_ffff_8000_0000n, 0x2000n, 5n);
    rig.call(RFENCE, 2, 1n, 0n, 0x1000n, ALL, 5n);
    rig.call(RFENCE, 2, 1n, 0n, 0n, 0n, 0x1_0005n);
    expect(rig.log.filter((line) => line.startsWith('remoteSfence'))).toEqual([
      `remoteSfence(0, ${0x8000_0000}, ${0xffff_ffff}, 8192, 0, -1)`,
      `remoteSfence(0, 4096, 0, ${0xffff_ffff}, ${0xffff_ffff}, 5)`,
      'remoteSfence(0, 0, 0, 0, 0, -1)',
    ]);
  });

  it('check the mask, and do not exist for guests of guests', () => {
    const rig = sbiRig();
    expect(rig.call(RFENCE, 1, 0b10n, 0n).error).toBe(INVALID_PARAM);
    for (const fid of [3, 4, 5, 6, 7, -1]) expect(rig.call(RFENCE, fid, 1n, 0n).error).toBe(NOT_SUPPORTED);
    expect(rig.log).toEqual([]);
  });
});

describe('hart state management', () => {
  it('starts a stopped hart once', () => {
    const rig = sbiRig(2);
    expect(rig.call(HSM, 0, 1n, ADDRESS, 0xfeed_0000_0001n).error).toBe(0);
    expect(rig.log).toEqual([`startHart(1, ${ADDRESS}, ${0xfeed_0000_0001n})`]);
    expect(rig.call(HSM, 0, 1n, ADDRESS, 0n).error).toBe(-6);
    expect(rig.call(HSM, 0, 0n, ADDRESS, 0n).error).toBe(-6);
  });

  it('refuses harts that do not exist and addresses outside RAM', () => {
    const rig = sbiRig(2);
    expect(rig.call(HSM, 0, 2n, ADDRESS).error).toBe(INVALID_PARAM);
    expect(rig.call(HSM, 0, 1n << 32n, ADDRESS).error).toBe(INVALID_PARAM);
    expect(rig.call(HSM, 0, 1n, 0x1000n).error).toBe(-5);
    expect(rig.call(HSM, 0, 1n, ALL).error).toBe(-5);
    expect(rig.call(HSM, 2, 2n).error).toBe(INVALID_PARAM);
  });

  it('tells the state of a hart', () => {
    const rig = sbiRig(2);
    expect([rig.call(HSM, 2, 0n).value, rig.call(HSM, 2, 1n).value]).toEqual([0n, 1n]);
    rig.states[1] = 'suspended';
    expect(rig.call(HSM, 2, 1n).value).toBe(4n);
  });

  it('stops the caller without a return', () => {
    const rig = sbiRig();
    expect(rig.call(HSM, 1).registers).toBe('none');
    expect(rig.log).toEqual(['stopHart(0)']);
  });

  it('suspends with and without keeping registers', () => {
    const rig = sbiRig();
    expect(rig.call(HSM, 3, 0n)).toMatchObject({error: 0, registers: 'both'});
    expect(rig.call(HSM, 3, 0x8000_0000n, ADDRESS, 9n).registers).toBe('none');
    expect(rig.log).toEqual(['suspendHart(0)', `suspendHartAndResumeAt(0, ${ADDRESS}, 9)`]);
    expect(rig.call(HSM, 3, 0x8000_0000n, 0n).error).toBe(-5);
    expect([1n, 0x8000_0001n].map((type) => rig.call(HSM, 3, type).error)).toEqual([INVALID_PARAM, INVALID_PARAM]);
    expect([0x1000_0000n, 0x9000_0000n].map((type) => rig.call(HSM, 3, type).error)).toEqual([
      NOT_SUPPORTED,
      NOT_SUPPORTED,
    ]);
  });
});

describe('system suspend', () => {
  it('is the last running hart sleeping', () => {
    const rig = sbiRig(2);
    expect(rig.call(SUSP, 0, 0n, ADDRESS, 5n).registers).toBe('none');
    expect(rig.log).toEqual([`suspendHartAndResumeAt(0, ${ADDRESS}, 5)`]);
  });

  it('is denied while another hart is not stopped', () => {
    const rig = sbiRig(2);
    rig.states[1] = 'suspended';
    expect(rig.call(SUSP, 0, 0n, ADDRESS, 5n)).toMatchObject({error: -4, registers: 'both'});
    expect(rig.log).toEqual([]);
  });

  it('checks type and address', () => {
    const rig = sbiRig();
    expect(rig.call(SUSP, 0, 1n, ADDRESS).error).toBe(INVALID_PARAM);
    expect(rig.call(SUSP, 0, 0x8000_0000n, ADDRESS).error).toBe(NOT_SUPPORTED);
    expect(rig.call(SUSP, 0, 0n, 0n).error).toBe(-5);
  });
});
