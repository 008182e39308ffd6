/** Page tables that change under way: by an interrupt in the midst of a loop, and by two harts at once. */
import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, PTE, RWX, segmentOf} from '../../support/page-tables.js';

const ONE = 0x8020_0000;
const TWO = 0x8060_0000;
const PAGE = 0x4007_7000n;
const ADUE = 1n << 61n;
const MTIME = 0x200_bff8;
const MTIMECMP = 0x200_4000;
/** Long enough that loops are compiled by then. */
const TICKS = 20_000;

const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;
const leaf = (physical: number, flags = RWX) => ((BigInt(physical) >> 12n) << 10n) | flags;

/** Runs `body` in S-mode; after a while a timer interrupt changes the entry of a page and fences it. */
const interrupted = (tables: PageTables, entry: number, body: string, fence = 'sfence.vma t3, zero') => `${openPmp}
  li t0, ${tables.satp()}
  csrw satp, t0
  la t0, remap
  csrw mtvec, t0
  li t3, ${PAGE}
  li t5, ${MTIME}
  ld t6, 0(t5)
  li t5, ${TICKS}
  add t6, t6, t5
  li t5, ${MTIMECMP}
  sd t6, 0(t5)
  li t5, 0x80
  csrw mie, t5
  to S, supervisor
  .balign 4
  remap:
  li t5, ${entry}
  li t6, ${leaf(TWO)}
  sd t6, 0(t5)
  ${fence}
  li t5, ${MTIMECMP}
  li t6, -1
  sd t6, 0(t5)
  mret
  supervisor: ${body}
  pass`;

describe('a page that an interrupt maps anew in the midst of a loop', () => {
  it.each([
    ['its address', 'sfence.vma t3, zero'],
    ['everything', 'sfence.vma zero, zero'],
    ['its address in this address space', 'sfence.vma t3, zero\nli t6, 0\nsfence.vma t3, t6'],
  ])('gives other data after a fence of %s', async (_name, fence) => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    const entry = tables.map(PAGE, BigInt(ONE), RWX);
    const body = `
      li s1, ${PAGE}
      li s2, 1
      again: ld s0, 0(s1)
      sd s0, 8(s1)
      beq s0, s2, again
      save s0
      li s3, ${TWO}
      ld s0, 8(s3)
      save s0`;
    const run = await runGuest({
      text: interrupted(tables, entry, body, fence),
      segments: [tables.segment(), segmentOf(ONE, '.dword 1'), segmentOf(TWO, '.dword 2\n.dword 7')],
    });
    // The interrupt may come between the load and the store, then the old value goes to the new page first.
    expect(run.values.slice(0, 2)).toEqual([2n, 2n]);
  });

  it('goes on in the new code where the old one was left', async () => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    const entry = tables.map(PAGE, BigInt(ONE), RWX);
    const body = `
      li s1, ${PAGE}
      jalr ra, 0(s1)
      save a0`;
    const run = await runGuest({
      text: interrupted(tables, entry, body),
      segments: [
        tables.segment(),
        segmentOf(ONE, 'again: li a0, 1\nli a0, 1\nj again'),
        segmentOf(TWO, 'li a0, 2\nli a0, 2\nli a0, 2\nret'),
      ],
    });
    // Wherever the old loop was left, the new code behind sets its own result.
    expect(run.values[0]).toBe(2n);
  });

  it('is noticed by a loop that only passes through it', async () => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    tables.map(PAGE - 0x1000n, BigInt(ONE), RWX);
    const entry = tables.map(PAGE, BigInt(ONE) + 0x1000n, RWX);
    const body = `
      li s1, ${PAGE - 8n}
      jalr ra, 0(s1)
      save a0`;
    const run = await runGuest({
      text: interrupted(tables, entry, body),
      segments: [
        tables.segment(),
        // Two instructions before the end of the page, then on and back.
        segmentOf(ONE + 0xff8, 'again: addi a0, a0, 1\nli a1, 1\nli a2, 1\nj again'),
        segmentOf(TWO, 'li a0, 2\nret'),
      ],
    });
    expect(run.values[0]).toBe(2n);
  });
});

describe('two harts', () => {
  it('lose no change of a page table entry in which one sets A and D by hardware', async () => {
    // With fewer the two may hardly run at the same time on a busy host.
    const rounds = 1_500_000;
    const tables = new PageTables(0x8040_0000).mapIdentity();
    const entry = tables.map(PAGE, BigInt(ONE), RWX);
    const run = await runGuest({
      hartCount: 2,
      text: `${openPmp}
        li t0, ${ADUE}
        csrw menvcfg, t0
        li t0, ${tables.satp()}
        csrw satp, t0
        li s0, ${entry}
        li s1, ${rounds}
        li s2, 0
        la s8, arrived
        li s9, 1
        csrr s10, mhartid
        to S, supervisor
        supervisor:
        amoadd.d zero, s9, (s8)
        meet: ld t1, 0(s8)
        li t2, 2
        blt t1, t2, meet
        bnez s10, touch
        # Hart 0 flips a bit that is software's, and must find it as it left it.
        li s3, 0x100
        li s4, 0
        flip: amoxor.d t1, s3, (s0)
        and t1, t1, s3
        beq t1, s4, kept
        addi s2, s2, 1
        mv s4, t1
        kept: xor s4, s4, s3
        addi s1, s1, -1
        bnez s1, flip
        la t1, finished
        sd s9, 0(t1)
        wait: ld t2, 8(t1)
        beqz t2, wait
        save s2
        pass
        # Hart 1 clears A and D, and must find both set after a store. It goes on as long as hart 0 does.
        touch:
        li s3, ${PAGE}
        li s4, ${~(PTE.A | PTE.D)}
        li s5, ${PTE.A | PTE.D}
        clear: amoand.d zero, s4, (s0)
        sfence.vma s3, zero
        sd s1, 0(s3)
        ld t1, 0(s0)
        and t1, t1, s5
        beq t1, s5, marked
        addi s2, s2, 1
        marked: addi s1, s1, -1
        blt zero, s1, clear
        la t1, finished
        ld t2, 0(t1)
        beqz t2, clear
        save s2
        sd s9, 8(t1)
        park: j park
        .balign 64
        arrived: .dword 0
        .balign 64
        finished: .dword 0
        .dword 0`,
      segments: [tables.segment()],
    });
    expect([run.valuesOf(0)[0], run.valuesOf(1)[0]]).toEqual([0n, 0n]);
    expect(run.trapsOf(1)).toEqual([]);
  });
});
