import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, PTE, RWX, segmentOf} from '../../support/page-tables.js';

const TABLES = 0x8040_0000;
const OTHER_TABLES = 0x8050_0000;
const ONE = 0x8020_0000;
const TWO = 0x8060_0000;
const PAGE = 0x4000_0000n;

const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;
const enter = (satp: bigint) => `${openPmp}
  li t0, ${satp}
  csrw satp, t0
  to S, supervisor
  supervisor:`;
const leaf = (physical: number, flags = RWX) => ((BigInt(physical) >> 12n) << 10n) | flags;
/** Data that tells the two pages apart, in their first and second 4 KiB. */
const data = [
  segmentOf(ONE, '.dword 1'),
  segmentOf(ONE + 0x1000, '.dword 11'),
  segmentOf(TWO, '.dword 2'),
  segmentOf(TWO + 0x1000, '.dword 22'),
];
const read = (address: bigint) => `li t1, ${address}\nld s0, 0(t1)\nsave s0`;
const write = (address: number | bigint, value: bigint) => `li t1, ${address}\nli t2, ${value}\nsd t2, 0(t1)`;

describe('sfence.vma', () => {
  it.each([
    ['everything', 'sfence.vma zero, zero'],
    ['one address', `li t3, ${PAGE}\nsfence.vma t3, zero`],
    ['one address space', 'li t4, 5\nsfence.vma zero, t4'],
    ['one address of one address space', `li t3, ${PAGE + 8n}\nli t4, 5\nsfence.vma t3, t4`],
  ])('of %s makes a changed entry seen by loads, stores and fetches', async (_name, fence) => {
    const tables = new PageTables(TABLES).mapIdentity();
    const entry = tables.map(PAGE, BigInt(ONE), RWX);
    const run = await runGuest({
      text: `${enter(tables.satp(5))}
        ${read(PAGE)}
        ${write(PAGE + 8n, 100n)}
        li t1, ${PAGE + 16n}
        jalr ra, 0(t1)
        save a0
        ${write(entry, leaf(TWO))}
        ${fence}
        ${read(PAGE)}
        ${write(PAGE + 8n, 200n)}
        li t1, ${PAGE + 16n}
        jalr ra, 0(t1)
        save a0
        ${read(BigInt(ONE) + 8n)}
        ${read(BigInt(TWO) + 8n)}
        pass`,
      segments: [
        tables.segment(),
        ...data,
        segmentOf(ONE + 16, 'li a0, 71\nret'),
        segmentOf(TWO + 16, 'li a0, 72\nret'),
      ],
    });
    expect(run.values.slice(0, 6)).toEqual([1n, 71n, 2n, 72n, 100n, 200n]);
  });

  it('makes a page that became unmapped or less permitted fault', async () => {
    const tables = new PageTables(TABLES).mapIdentity();
    const entry = tables.map(PAGE, BigInt(ONE), RWX);
    const run = await runGuest({
      text: `${enter(tables.satp())}
        li s1, ${PAGE}
        ld s0, 0(s1)
        sd s0, 0(s1)
        jalr ra, 16(s1)
        ${write(entry, leaf(ONE, RWX & ~PTE.W & ~PTE.X))}
        sfence.vma s1, zero
        ld s0, 0(s1)
        trap: sd s0, 0(s1)
        trap: jalr ra, 16(s1)
        ${write(entry, 0n)}
        sfence.vma s1, zero
        trap: ld s0, 0(s1)
        pass`,
      segments: [tables.segment(), ...data, segmentOf(ONE + 16, 'ret')],
    });
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([
      [15n, PAGE],
      [12n, PAGE + 16n],
      [13n, PAGE],
    ]);
  });

  it.each([
    [1, 0x20_0000n],
    [2, 0x4000_0000n],
  ])('of one address of a superpage of level %i is seen all over it', async (level) => {
    const tables = new PageTables(TABLES).mapIdentity();
    const physical = level === 1 ? [ONE, TWO] : [0x8000_0000, 0x4000_0000];
    const entry = tables.map(PAGE, BigInt(physical[0]!), RWX, level);
    const far = level === 1 ? 0x1000n : BigInt(ONE - 0x8000_0000) + 0x1000n;
    const run = await runGuest({
      text: `${enter(tables.satp())}
        ${read(PAGE + far)}
        ${level === 1 ? write(entry, leaf(TWO)) : write(entry, 0n)}
        li t3, ${PAGE + 0x10_0000n}
        sfence.vma t3, zero
        li t1, ${PAGE + far}
        trap: ld s0, 0(t1)
        save s0
        pass`,
      segments: [tables.segment(), ...data],
    });
    if (level === 1) expect([run.values.slice(0, 2), run.traps.length]).toEqual([[11n, 22n], 0]);
    else expect([run.values[0], run.traps[0]?.cause, run.traps[0]?.tval]).toEqual([11n, 13n, PAGE + far]);
  });

  it('is seen by the code that makes it: the next instruction comes from the new page', async () => {
    const tables = new PageTables(TABLES).mapIdentity();
    const entry = tables.map(PAGE, BigInt(ONE), RWX);
    const body = (result: number) => `
      sd a1, 0(a2)
      sfence.vma a3, zero
      li a0, ${result}
      ret`;
    const run = await runGuest({
      text: `${enter(tables.satp())}
        li a1, ${leaf(TWO)}
        li a2, ${entry}
        li a3, ${PAGE}
        jalr ra, 0(a3)
        save a0
        pass`,
      segments: [tables.segment(), segmentOf(ONE, body(1)), segmentOf(TWO, body(2))],
    });
    expect(run.values[0]).toBe(2n);
  });
});

describe('a write of satp', () => {
  it('switches address spaces without a fence and keeps them apart; global pages stay', async () => {
    const global = 0x4020_0000n;
    const [first, second] = [TABLES, OTHER_TABLES].map((at, i) => {
      const tables = new PageTables(at).mapIdentity(RWX | PTE.G);
      tables.map(PAGE, BigInt([ONE, TWO][i]!), RWX);
      tables.map(PAGE + 0x1000n, BigInt([ONE, TWO][i]!), RWX | PTE.U);
      tables.map(global, BigInt(ONE) + 0x1000n, RWX | PTE.G);
      return tables;
    });
    const reads = `${read(PAGE)}\n${read(PAGE + 0x1000n)}\n${read(global)}`;
    const switchTo = (satp: bigint) => `li t0, ${satp}\ncsrw satp, t0`;
    const run = await runGuest({
      text: `
        li t0, 0x40000
        csrs mstatus, t0
        ${enter(first!.satp(1))}
        ${reads}
        ${switchTo(second!.satp(2))}
        ${reads}
        ${switchTo(first!.satp(1))}
        ${reads}
        pass`,
      segments: [first!.segment(), second!.segment(), ...data],
    });
    expect(run.values.slice(0, 9)).toEqual([1n, 1n, 11n, 2n, 2n, 11n, 1n, 1n, 11n]);
  });

  it('that turns translation off forgets even global pages', async () => {
    const tables = new PageTables(TABLES).mapIdentity(RWX | PTE.G);
    // The same virtual address is another page of RAM when translation is off.
    tables.map(0x8080_0000n, BigInt(ONE), RWX | PTE.G, 1);
    const run = await runGuest({
      text: `${enter(tables.satp(1))}
        ${read(0x8080_0000n)}
        csrw satp, zero
        ${read(0x8080_0000n)}
        li t0, ${tables.satp(1)}
        csrw satp, t0
        ${read(0x8080_0000n)}
        pass`,
      segments: [tables.segment(), ...data, segmentOf(0x8080_0000, '.dword 70')],
    });
    expect(run.values.slice(0, 3)).toEqual([1n, 70n, 1n]);
  });

  it('of a mode that does not exist changes nothing', async () => {
    const tables = new PageTables(TABLES);
    const run = await runGuest({
      text: [1n, 7n, 11n, 15n]
        .map((mode) => `li t0, ${(mode << 60n) | 5n}\ncsrw satp, t0\ncsrr s0, satp\nsave s0`)
        .concat(`li t0, ${tables.satp(0xffff)}\ncsrw satp, t0\ncsrr s0, satp\nsave s0\npass`)
        .join('\n'),
    });
    expect(run.values.slice(0, 5)).toEqual([0n, 0n, 0n, 0n, tables.satp(0xffff)]);
  });
});

describe('SUM', () => {
  it('opens and closes user pages from one instruction to the next, and leaves supervisor pages alone', async () => {
    const tables = new PageTables(TABLES).mapIdentity();
    tables.map(PAGE, BigInt(ONE), RWX | PTE.U);
    const user = PAGE + 0x1000n;
    tables.map(user, BigInt(ONE) + 0x1000n, RWX);
    const run = await runGuest({
      text: `${enter(tables.satp())}
        li s1, ${PAGE}
        li s2, ${user}
        li s3, 0x40000
        li s5, 3
        again:
        la s11, closed
        ld s4, 0(s1)
        closed: csrrs s6, sstatus, s3
        ld s4, 0(s1)
        save s4
        sd s4, 8(s1)
        ld s4, 0(s2)
        save s4
        csrrc s7, sstatus, s3
        sub s7, s7, s6
        save s7
        la s11, shut
        sd s4, 8(s1)
        shut: ld s4, 0(s2)
        save s4
        addi s5, s5, -1
        bnez s5, again
        pass`,
      segments: [tables.segment(), ...data],
    });
    expect(run.values.slice(0, 12)).toEqual(Array(3).fill([1n, 11n, 0x40000n, 11n]).flat());
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual(
      Array(3)
        .fill([
          [13n, PAGE],
          [15n, PAGE + 8n],
        ])
        .flat(),
    );
  });
});

describe('MPRV', () => {
  it('makes M-mode loads and stores, not fetches, those of the mode in MPP', async () => {
    const tables = new PageTables(TABLES).mapIdentity();
    tables.map(PAGE, BigInt(ONE), RWX);
    tables.map(PAGE + 0x1000n, BigInt(TWO), RWX | PTE.U);
    const run = await runGuest({
      text: `${openPmp}
        li t0, ${tables.satp()}
        csrw satp, t0
        li s1, ${PAGE}
        li s2, ${PAGE + 0x1000n}
        li t0, 0x20800
        csrs mstatus, t0
        ld s0, 0(s1)
        la s11, refused
        ld s0, 0(s2)
        refused:
        li t0, 0x61800
        csrc mstatus, t0
        la t1, frame_finisher
        save s0
        li t0, 0x60800
        csrs mstatus, t0
        ld s3, 0(s2)
        li t0, 0x60800
        csrc mstatus, t0
        save s3
        li t0, 0x20000
        csrs mstatus, t0
        la s11, user_refused
        ld s4, 0(s1)
        user_refused:
        li t0, 0x20000
        csrc mstatus, t0
        pass`,
      segments: [tables.segment(), ...data],
    });
    expect(run.values.slice(0, 2)).toEqual([1n, 2n]);
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([
      [13n, PAGE + 0x1000n],
      [13n, PAGE],
    ]);
  });
});
