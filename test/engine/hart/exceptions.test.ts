import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';

const RAM_END = 0x8100_0000n;

describe('exceptions in M-mode', () => {
  it('carry the exact cause, pc and value', async () => {
    const run = await runGuest({
      text: `
        trap: ecall
        trap: ebreak
        trap: .word 0xffffffff
        trap: .half 0
        li t0, 0x7ffffff8
        trap: ld t1, 0(t0)
        trap: sw t1, 4(t0)
        li t0, ${RAM_END}
        trap: lbu t1, 0(t0)
        trap: sb t1, 0(t0)
        trap: ld t1, -4(t0)
        trap: sd t1, -4(t0)
        trap: jalr ra, 0(t0)
        li t0, ${RAM_END - 6n}
        trap: lr.w t1, (t0)
        trap: sc.w t1, t1, (t0)
        trap: amoadd.d t1, t1, (t0)
        li t0, 0x10000001
        trap: lw t1, 0(t0)
        trap: sw t1, 0(t0)
        li t0, 0x10000000
        trap: amoswap.w t1, t1, (t0)
        trap: lr.w t1, (t0)
        trap: csrr t1, 0x123
        trap: csrw mhartid, t1
        pass`,
    });
    const at = (i: number) => run.addressOf(`trap${i}`);
    const end = (i: number) => run.addressOf(`trap${i}_end`);
    const csrr = 0x12302373n;
    const csrw = 0xf1431073n;
    expect(run.traps.map(({cause, pc, tval}) => [cause, pc, tval])).toEqual([
      [11n, at(0), 0n],
      [3n, at(1), at(1)],
      [2n, at(2), 0xffffffffn],
      [2n, at(3), 0n],
      [5n, at(4), 0x7ffffff8n],
      [7n, at(5), 0x7ffffffcn],
      [5n, at(6), RAM_END],
      [7n, at(7), RAM_END],
      [5n, at(8), RAM_END],
      [7n, at(9), RAM_END],
      [1n, RAM_END, RAM_END],
      [4n, at(11), RAM_END - 6n],
      [6n, at(12), RAM_END - 6n],
      [6n, at(13), RAM_END - 6n],
      [5n, at(14), 0x10000001n],
      [7n, at(15), 0x10000001n],
      [7n, at(16), 0x10000000n],
      [5n, at(17), 0x10000000n],
      [2n, at(18), csrr],
      [2n, at(19), csrw],
    ]);
    expect(end(3) - at(3)).toBe(2n);
    expect(run.exit).toEqual({kind: 'poweroff', status: 0});
  });
});
