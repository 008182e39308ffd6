import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, PTE, RWX, segmentOf} from '../../support/page-tables.js';

const DATA = 0x8020_0000n;
/** Not at the start of a page, so that no access below crosses one. */
const INSIDE = DATA + 0x100n;
const CODE = 0x8030_0000n;
const R = 1;
const W = 2;
const X = 4;
const TOR = 8;
const NA4 = 16;
const NAPOT = 24;
const LOCK = 128;

const napot = (base: bigint, size: bigint) => (base + size / 2n - 1n) >> 2n;

/** Fills pmpaddr0… and pmpcfg0 with regions; the configuration is written last. */
const regions = (list: readonly (readonly [number, bigint])[]) =>
  `${list.map(([, address], i) => `li t0, ${address}\ncsrw pmpaddr${i}, t0`).join('\n')}
  li t0, ${BigInt.asUintN(
    64,
    list.reduce((sum, [config], i) => sum | (BigInt(config) << BigInt(i * 8)), 0n),
  )}
  csrw pmpcfg0, t0`;
const everything = [NAPOT | R | W | X, (1n << 54n) - 1n] as const;
const toSupervisor = 'to S, supervisor\nsupervisor:';

describe('PMP', () => {
  it('gives S-mode nothing without a region and M-mode everything', async () => {
    const run = await runGuest({
      text: `
        ld t1, 0(tp)
        la t0, seen
        csrw mtvec, t0
        to S, refused
        refused: nop
        .balign 4
        seen: csrr s0, mcause
        save s0
        csrr s0, mepc
        save s0
        pass`,
    });
    expect(run.values.slice(0, 2)).toEqual([1n, run.addressOf('refused')]);
  });

  it.each([
    ['NAPOT', [[NAPOT, napot(INSIDE, 64n)], everything]],
    ['TOR', [[0, INSIDE >> 2n], [TOR, (INSIDE + 64n) >> 2n], everything]],
    ['NA4', [...[0n, 4n, 8n, 12n, 16n, 20n, 24n].map((at) => [NA4, (INSIDE + at) >> 2n] as const), everything]],
  ] as const)('guards exactly the bytes of a %s region, whatever the page', async (name, list) => {
    const end = INSIDE + (name === 'NA4' ? 28n : 64n);
    const run = await runGuest({
      text: `${regions(list)}
        ${toSupervisor}
        li s1, ${INSIDE}
        li s2, ${end}
        ld t1, -8(s1)
        sd t1, -8(s1)
        ld t1, 0(s2)
        sd t1, 0(s2)
        trap: lbu t1, 0(s1)
        trap: sb t1, -1(s2)
        trap: ld t1, -4(s1)
        trap: sd t1, -4(s2)
        trap: lr.w t1, (s1)
        trap: amoadd.w t1, t1, (s1)
        ld t1, 0(s2)
        pass`,
    });
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([
      [5n, INSIDE],
      [7n, end - 1n],
      [5n, INSIDE - 4n],
      [7n, end - 4n],
      [5n, INSIDE],
      [7n, INSIDE],
    ]);
  });

  it('lets the first region that matches decide', async () => {
    const run = await runGuest({
      text: `${regions([[NAPOT | R, napot(DATA, 4096n)], [NAPOT, napot(DATA, 8192n)], everything])}
        ${toSupervisor}
        li s1, ${DATA}
        ld t1, 0(s1)
        trap: sd t1, 0(s1)
        li s1, ${DATA + 4096n}
        trap: ld t1, 0(s1)
        li s1, ${DATA + 8192n}
        ld t1, 0(s1)
        pass`,
    });
    expect(run.traps.map(({cause}) => cause)).toEqual([7n, 5n]);
  });

  it('binds M-mode by locked regions only, whose registers then stay', async () => {
    const run = await runGuest({
      text: `
        li s1, ${DATA}
        ${regions([
          [NAPOT, napot(DATA, 4096n)],
          [NAPOT | LOCK | R, napot(DATA + 4096n, 4096n)],
        ])}
        ld t1, 0(s1)
        li s2, ${DATA + 4096n}
        ld t1, 0(s2)
        trap: sd t1, 0(s2)
        csrw pmpcfg0, zero
        csrr s3, pmpcfg0
        save s3
        csrw pmpaddr1, zero
        csrr s3, pmpaddr1
        save s3
        csrw pmpaddr0, zero
        csrr s3, pmpaddr0
        save s3
        trap: sd t1, 0(s2)
        pass`,
    });
    expect(run.traps.map(({cause}) => cause)).toEqual([7n, 7n]);
    expect(run.values.slice(0, 3)).toEqual([BigInt(NAPOT | LOCK | R) << 8n, napot(DATA + 4096n, 4096n), 0n]);
  });

  it('keeps the lower bound of a locked top-of-range region', async () => {
    const run = await runGuest({
      text: `
        li s1, ${DATA}
        ${regions([
          [0, DATA >> 2n],
          [TOR | LOCK, (DATA + 4096n) >> 2n],
        ])}
        csrw pmpaddr0, zero
        csrr s3, pmpaddr0
        save s3
        trap: ld t1, 0(s1)
        ld t1, -8(s1)
        pass`,
    });
    expect(run.values[0]).toBe(DATA >> 2n);
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([[5n, DATA]]);
  });

  it('knows no region between equal or falling bounds, and no write without read', async () => {
    const run = await runGuest({
      text: `${regions([[0, (DATA + 4n) >> 2n], [TOR, (DATA + 4n) >> 2n], [TOR, DATA >> 2n], [NAPOT | W | X, napot(DATA + 4096n, 4096n)], everything])}
        csrr s3, pmpcfg0
        save s3
        ${toSupervisor}
        li s1, ${DATA}
        ld t1, 0(s1)
        sd t1, 0(s1)
        pass`,
    });
    expect(run.traps).toEqual([]);
    expect((run.values[0]! >> 24n) & 0xffn).toBe(BigInt(NAPOT | X));
  });

  it('checks every fetch of a page it divides', async () => {
    // 16 bytes of the page may run; the last instruction is 4 bytes of which two are outside.
    const run = await runGuest({
      text: `${regions([[0, CODE >> 2n], [TOR | R | W | X, (CODE + 16n) >> 2n], [TOR | R | W, (CODE + 4096n) >> 2n], everything])}
        ${toSupervisor}
        li s1, ${CODE}
        li a0, 0
        la s11, over
        jalr ra, 0(s1)
        over: save a0
        la s11, jumped
        jalr ra, 64(s1)
        jumped: save a0
        pass`,
      segments: [
        segmentOf(
          Number(CODE),
          '.half 0x0505\naddi a0, a0, 1\naddi a0, a0, 1\naddi a0, a0, 1\naddi a0, a0, 1\naddi a0, a0, 1\nret',
        ),
        segmentOf(Number(CODE) + 64, 'ret'),
      ],
    });
    expect(run.traps.map(({cause, pc, tval}) => [cause, pc, tval])).toEqual([
      [1n, CODE + 14n, CODE + 16n],
      [1n, CODE + 64n, CODE + 64n],
    ]);
    expect(run.values.slice(0, 2)).toEqual([4n, 4n]);
  });

  it('runs loops, calls and counts exactly in a page it divides', async () => {
    const run = await runGuest({
      text: `${regions([[0, CODE >> 2n], [TOR | R | W | X, (CODE + 2048n) >> 2n], [TOR | R | W, (CODE + 4096n) >> 2n], everything])}
        li t0, 7
        csrw mcounteren, t0
        ${toSupervisor}
        li s1, ${CODE}
        csrr s2, instret
        jalr ra, 0(s1)
        csrr s3, instret
        sub s3, s3, s2
        save s3
        save a0
        pass`,
      segments: [
        segmentOf(
          Number(CODE),
          `li a0, 0
           li a1, 10
           again: addi a0, a0, 3
           auipc a2, 0
           addi a1, a1, -1
           bnez a1, again
           .half 0x0505
           ret`,
        ),
      ],
    });
    expect(run.values.slice(0, 2)).toEqual([46n, 31n]);
    expect(run.traps).toEqual([]);
  });

  it('holds for page tables: what S-mode may not read, a walk may not either', async () => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    const page = 0x4000_0000n;
    tables.map(page, DATA, RWX);
    const table = BigInt(tables.map(page + 0x1000n, DATA, RWX & ~PTE.D)) & ~0xfffn;
    const run = await runGuest({
      text: `
        li t0, ${1n << 61n}
        csrw menvcfg, t0
        ${regions([[NAPOT | R, napot(table, 4096n)], everything])}
        li t0, ${tables.satp()}
        csrw satp, t0
        ${toSupervisor}
        li s1, ${page + 0x1000n}
        ld t1, 0(s1)
        trap: sd t1, 0(s1)
        pass`,
      segments: [tables.segment()],
    });
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([[7n, page + 0x1000n]]);
    const hidden = await runGuest({
      text: `${regions([[NAPOT, napot(table, 4096n)], everything])}
        li t0, ${tables.satp()}
        csrw satp, t0
        ${toSupervisor}
        li s1, ${page}
        trap: ld t1, 0(s1)
        trap: jalr ra, 0(s1)
        pass`,
      segments: [tables.segment()],
    });
    expect(hidden.traps.map(({cause, tval}) => [cause, tval])).toEqual([
      [5n, page],
      [1n, page],
    ]);
  });
});
