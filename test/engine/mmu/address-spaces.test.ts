/** Translations of several address spaces kept side by side: switching forgets nothing, fences reach what they name. */
import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, PTE, RWX, segmentOf} from '../../support/page-tables.js';

const ONE = 0x8020_0000;
const TWO = 0x8060_0000;
/** Not where the code of the tests lies modulo the size of a TLB, so that both stay in it. */
const PAGE = 0x4007_7000n;
const GLOBAL = 0x4020_0000n;
const SUM = 1 << 18;

const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, ${SUM}
  csrs mstatus, t0`;
const switchTo = (satp: bigint) => `li t0, ${satp}\ncsrw satp, t0`;
const enter = (satp: bigint) => `${openPmp}
  ${switchTo(satp)}
  to S, supervisor
  supervisor:`;
const leaf = (physical: number, flags: bigint) => ((BigInt(physical) >> 12n) << 10n) | flags;
const read = (address: bigint) => `li t1, ${address}\nld s0, 0(t1)\nsave s0`;
const write = (address: number | bigint, value: bigint) => `li t1, ${address}\nli t2, ${value}\nsd t2, 0(t1)`;
/** Loads by way of the entry, and fetches (the page's code returns its number in a0). */
const readAndRun = (address: bigint) => `${read(address)}\nli t1, ${address + 16n}\njalr ra, 0(t1)\nsave a0`;
const numbered = (address: number, number: number) => [
  segmentOf(address, `.dword ${number}`),
  segmentOf(address + 16, `li a0, ${number}\nret`),
];

/** Address spaces with tables of their own, all with the identity map as global pages (of S-mode, if nothing else is said). */
const spaces = (count: number, map: (tables: PageTables, index: number) => void, flags = RWX | PTE.G) =>
  Array.from({length: count}, (_, i) => {
    const tables = new PageTables(0x8080_0000 + i * 0x1_0000).mapIdentity(flags);
    map(tables, i);
    return tables;
  });

describe('address spaces', () => {
  it.each([
    ['everything', 'sfence.vma zero, zero', true],
    ['an address', `li t3, ${PAGE}\nsfence.vma t3, zero`, true],
    ['the other address space', 'li t4, 1\nsfence.vma zero, t4', true],
    ['an address of the other address space', `li t3, ${PAGE}\nli t4, 1\nsfence.vma t3, t4`, true],
    // What these leave alone may be seen or not; the loads' translation stays here.
    ['this address space', 'li t4, 2\nsfence.vma zero, t4', false],
    ['an address of this address space', `li t3, ${PAGE}\nli t4, 2\nsfence.vma t3, t4`, false],
  ])('that are not in use are reached by a fence of %s as it says', async (_name, fence, isReached) => {
    let entry = 0;
    const [first, second] = spaces(2, (tables, i) => {
      const at = tables.map(PAGE, BigInt([ONE, TWO][i]!), RWX);
      if (i === 0) entry = at;
    });
    const run = await runGuest({
      text: `${enter(first!.satp(1))}
        ${readAndRun(PAGE)}
        ${switchTo(second!.satp(2))}
        ${readAndRun(PAGE)}
        ${write(entry, leaf(ONE + 0x1000, RWX))}
        ${fence}
        ${switchTo(first!.satp(1))}
        ${readAndRun(PAGE)}
        ${switchTo(second!.satp(2))}
        ${readAndRun(PAGE)}
        pass`,
      segments: [
        first!.segment(),
        second!.segment(),
        ...numbered(ONE, 1),
        ...numbered(ONE + 0x1000, 11),
        ...numbered(TWO, 2),
      ],
    });
    const now = isReached ? [11n, 11n] : [1n, run.values[5]];
    expect(run.values.slice(0, 8)).toEqual([1n, 1n, 2n, 2n, ...now, 2n, 2n]);
  });

  it('share changed global pages after a fence in one of them', async () => {
    const entries: number[] = [];
    const all = spaces(3, (tables) => {
      entries.push(tables.map(GLOBAL, BigInt(ONE), RWX | PTE.G));
    });
    const run = await runGuest({
      text: `${enter(all[0]!.satp(1))}
        ${read(GLOBAL)}
        ${switchTo(all[1]!.satp(2))}
        ${read(GLOBAL)}
        ${entries.map((entry) => write(entry, leaf(TWO, RWX | PTE.G))).join('\n')}
        li t3, ${GLOBAL}
        sfence.vma t3, zero
        ${all.map((tables, i) => `${switchTo(tables.satp(i + 1))}\n${read(GLOBAL)}`).join('\n')}
        pass`,
      segments: [...all.map((tables) => tables.segment()), ...numbered(ONE, 1), ...numbered(TWO, 2)],
    });
    expect(run.values.slice(0, 5)).toEqual([1n, 1n, 2n, 2n, 2n]);
  });

  it('stay apart when there are more than a hart keeps, each with pages of S and of U', async () => {
    const count = 21;
    const all = spaces(count, (tables, i) => {
      tables.map(PAGE, BigInt(ONE + i * 0x1000), RWX | PTE.U);
      tables.map(PAGE + 0x1000n, BigInt(ONE + i * 0x1000), RWX);
    });
    // Two rounds in order, then back and forth between neighbours: some are known, some had to give way.
    const order = [
      ...Array(count).keys(),
      ...Array(count).keys(),
      ...[...Array(count).keys()].flatMap((i) => [i, i ^ 1]),
    ];
    const visits = order.filter((i) => i < count);
    const run = await runGuest({
      text: `${openPmp}
        to S, supervisor
        supervisor:
        la s5, satps
        la s6, order
        li s7, ${visits.length}
        again: ld t1, 0(s6)
        slli t1, t1, 3
        add t1, t1, s5
        ld t0, 0(t1)
        csrw satp, t0
        ${read(PAGE)}
        li t1, ${PAGE + 0x1000n}
        ld s1, 0(t1)
        sub s1, s1, s0
        save s1
        addi s6, s6, 8
        addi s7, s7, -1
        bnez s7, again
        pass
        .balign 8
        satps: ${all.map((tables, i) => `.dword ${tables.satp(i)}`).join('\n')}
        order: ${visits.map((i) => `.dword ${i}`).join('\n')}`,
      segments: [
        ...all.map((tables) => tables.segment()),
        ...all.flatMap((_, i) => [segmentOf(ONE + i * 0x1000, `.dword ${100 + i}`)]),
      ],
    });
    expect(run.values.slice(0, 2 * visits.length)).toEqual(visits.flatMap((i) => [BigInt(100 + i), 0n]));
  });

  it('with the ASID of another, after a fence of that ASID, have nothing of it', async () => {
    const [first, second] = spaces(2, (tables, i) => {
      tables.map(PAGE, BigInt([ONE, TWO][i]!), RWX | PTE.U);
    });
    const run = await runGuest({
      text: `${enter(first!.satp(7))}
        ${read(PAGE)}
        li t4, 7
        ${switchTo(second!.satp(7))}
        sfence.vma zero, t4
        ${read(PAGE)}
        ${write(first!.map(PAGE, BigInt(ONE), RWX | PTE.U), leaf(TWO, RWX | PTE.U))}
        sfence.vma zero, t4
        ${switchTo(first!.satp(7))}
        ${read(PAGE)}
        pass`,
      segments: [first!.segment(), second!.segment(), ...numbered(ONE, 1), ...numbered(TWO, 2)],
    });
    expect(run.values.slice(0, 3)).toEqual([1n, 2n, 2n]);
  });

  it('are those of satp for M-mode with MPRV too', async () => {
    const [first, second] = spaces(2, (tables, i) => {
      tables.map(PAGE, BigInt([ONE, TWO][i]!), RWX | PTE.U);
    });
    const peek = (satp: bigint) => `${switchTo(satp)}
      li t0, 0x20000
      csrs mstatus, t0
      ld s0, 0(s1)
      csrc mstatus, t0
      save s0`;
    const run = await runGuest({
      text: `${openPmp}
        li s1, ${PAGE}
        ${[first, second, first, second].map((tables) => peek(tables!.satp(3))).join('\n')}
        li t0, 0x20000
        csrs mstatus, t0
        ${switchTo(first!.satp(3))}
        ld s0, 0(s1)
        li t0, 0x20000
        csrc mstatus, t0
        save s0
        pass`,
      segments: [first!.segment(), second!.segment(), ...numbered(ONE, 1), ...numbered(TWO, 2)],
    });
    expect(run.values.slice(0, 5)).toEqual([1n, 2n, 1n, 2n, 1n]);
  });

  it.each(['S', 'U'])('are not for %s-mode to choose or fence where that may not', async (mode) => {
    const flags = RWX | PTE.G | (mode === 'U' ? PTE.U : 0n);
    const [first, second] = spaces(2, (tables, i) => tables.map(PAGE, BigInt([ONE, TWO][i]!), flags), flags);
    const run = await runGuest({
      text: `${openPmp}
        ${switchTo(second!.satp(2))}
        ${switchTo(first!.satp(1))}
        li t0, ${1 << 20}
        csrs mstatus, t0
        to ${mode}, below
        below:
        li t1, ${second!.satp(2)}
        li t3, ${PAGE}
        trap: csrw satp, t1
        trap: sfence.vma t3, zero
        trap: sfence.vma t3, t1
        ${read(PAGE)}
        pass`,
      segments: [first!.segment(), second!.segment(), ...numbered(ONE, 1), ...numbered(TWO, 2)],
    });
    expect(run.traps.slice(0, 3).map(({cause}) => cause)).toEqual([2n, 2n, 2n]);
    expect(run.values[0]).toBe(1n);
  });
});
