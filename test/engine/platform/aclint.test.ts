import {describe, expect, it} from 'vitest';
import {aclint as aclintModel, createAclint} from '../../../src/engine/platform/aclint.js';

const MTIME = 0xbff8;
const MTIMECMP = 0x4000;

function rig(hartCount = 2) {
  const rigState = {
    nowNs: 0,
    software: new Map<number, boolean>(),
    deadlines: [] as [hart: number, low: number, high: number][],
  };
  const device = createAclint({
    cells: new Int32Array(new SharedArrayBuffer(aclintModel.stateBytes)),
    hartCount,
    clock: {nowNs: () => rigState.nowNs},
    setSoftwarePending: (hart, isPending) => {
      rigState.software.set(hart, isPending);
    },
    setTimerDeadline: (hart, low, high) => {
      rigState.deadlines.push([hart, low, high]);
    },
  });
  return Object.assign(rigState, {
    read: (offset: number) => device.read(offset, 4),
    write: (offset: number, value: number) => device.write(offset, 4, value),
    device,
  });
}

describe('mtime', () => {
  it('counts 10 MHz ticks of the machine clock', () => {
    const aclint = rig();
    aclint.nowNs = 123_456_789;
    expect([aclint.read(MTIME), aclint.read(MTIME + 4)]).toEqual([1_234_567, 0]);
  });

  it('keeps the high half that belongs to a low half just read', () => {
    const aclint = rig();
    aclint.nowNs = 0xffff_ffff * 100;
    expect(aclint.read(MTIME)).toBe(0xffff_ffff);
    aclint.nowNs += 100;
    expect(aclint.read(MTIME + 4)).toBe(0);
    expect(aclint.read(MTIME + 4)).toBe(1);
    expect(aclint.read(MTIME)).toBe(0);
  });

  it('goes on from what a guest writes', () => {
    const aclint = rig();
    aclint.nowNs = 5_000;
    aclint.write(MTIME, 10);
    aclint.write(MTIME + 4, 0x8000_0000);
    expect([aclint.read(MTIME), aclint.read(MTIME + 4)]).toEqual([10, 0x8000_0000]);
    aclint.nowNs += 700;
    expect(aclint.read(MTIME)).toBe(17);
    expect([aclint.device.offsetLow, aclint.device.offsetHigh]).toEqual([0xffff_ffd8, 0x7fff_ffff]);
  });
});

describe('mtimecmp', () => {
  it('announces the deadline after each half', () => {
    const aclint = rig();
    aclint.write(MTIMECMP + 8, 0x1234);
    aclint.write(MTIMECMP + 12, 0x9000_0000);
    expect(aclint.deadlines).toEqual([
      [1, 0x1234, 0],
      [1, 0x1234, 0x9000_0000],
    ]);
    expect([aclint.read(MTIMECMP + 8), aclint.read(MTIMECMP + 12)]).toEqual([0x1234, 0x9000_0000]);
  });

  it('moves deadlines, in ticks of the clock, when a guest moves mtime', () => {
    const aclint = rig();
    aclint.nowNs = 1_000;
    aclint.write(MTIMECMP, 500);
    aclint.deadlines.length = 0;
    aclint.write(MTIME, 400); // 100 ticks left, the clock is at 10
    expect(aclint.deadlines).toEqual([[0, 110, 0]]);
    aclint.write(MTIME, 600); // already over
    expect(aclint.deadlines.at(-1)).toEqual([0, 10, 0]);
  });

  it('does not overflow for a deadline of all ones', () => {
    const aclint = rig();
    aclint.nowNs = 1_000;
    aclint.write(MTIME, 0);
    aclint.write(MTIMECMP, 0xffff_ffff);
    aclint.write(MTIMECMP + 4, 0xffff_ffff);
    expect(aclint.deadlines.at(-1)).toEqual([0, 0xffff_ffff, 0xffff_ffff]);
  });
});

describe('msip', () => {
  it('sets and clears the software interrupt of its hart by bit 0 only', () => {
    const aclint = rig();
    aclint.write(4, 0xffff_ffff);
    expect(aclint.software).toEqual(new Map([[1, true]]));
    expect(aclint.read(4)).toBe(1);
    aclint.write(4, 2);
    expect(aclint.software.get(1)).toBe(false);
  });

  it('does not exist for harts that do not', () => {
    const aclint = rig();
    aclint.write(8, 1);
    aclint.write(MTIMECMP + 16, 1);
    expect([aclint.software.size, aclint.deadlines.length, aclint.read(8)]).toEqual([0, 0, 0]);
  });
});
