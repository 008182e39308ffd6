import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';

const ROUNDS = 20_000;

/** Hart 0 ends the machine once all others have counted themselves done. */
const finish = (hartCount: number) => `
  la s0, done
  li s1, 1
  amoadd.d zero, s1, (s0)
  csrr s2, mhartid
  bnez s2, park
  li s1, ${hartCount}
  waiting: ld s2, 0(s0)
  bne s2, s1, waiting
  pass
  park: wfi
  j park
  .balign 64
  done: .dword 0
  .balign 64
  word: .dword 0
  other: .dword 0
  .balign 64
  turn: .dword 0`;

describe.each([2, 3])('%i harts', (hartCount) => {
  it('start at the entry, each with its own mhartid in CSR and a0', async () => {
    const run = await runGuest({hartCount, text: `save a0\ncsrr s0, mhartid\nsave s0\n${finish(hartCount)}`});
    for (let hart = 0; hart < hartCount; hart++)
      expect(run.valuesOf(hart).slice(0, 2)).toEqual([BigInt(hart), BigInt(hart)]);
  });

  it('lose no atomic addition, and no LR/SC or compare loop over the same word', async () => {
    const run = await runGuest({
      hartCount,
      text: `
        la s0, word
        la s3, other
        li s1, ${ROUNDS}
        li s2, 1
        again:
        amoadd.d zero, s2, (s0)
        retry: lr.d t0, (s3)
        addi t0, t0, 1
        sc.d t1, t0, (s3)
        bnez t1, retry
        amomaxu.d zero, s1, (s0)
        addi s1, s1, -1
        bnez s1, again
        ${finish(hartCount).replace('pass', 'la s0, word\nld s1, 0(s0)\nsave s1\nld s1, 8(s0)\nsave s1\npass')}`,
    });
    expect(run.values[1]).toBe(BigInt(hartCount * ROUNDS));
    expect(run.values[0]).toBeGreaterThanOrEqual(BigInt(hartCount * ROUNDS));
  });

  it('wake each other by software interrupts of the CLINT, round and round', async () => {
    const run = await runGuest({
      hartCount,
      text: `
        csrr s2, mhartid
        slli s3, s2, 2
        li t0, 0x2000000
        add s3, s3, t0            # own msip
        addi s4, s2, 1
        li t1, ${hartCount}
        bne s4, t1, next
        li s4, 0
        next: slli s4, s4, 2
        add s4, s4, t0            # next hart's msip
        li s5, 100
        li s6, 1
        csrsi mie, 8
        bnez s2, again
        sw s6, 0(s4)
        again: wfi
        csrr t2, mip
        andi t2, t2, 8
        beqz t2, again
        sw zero, 0(s3)
        la t3, turn
        amoadd.d zero, s6, (t3)
        sw s6, 0(s4)
        addi s5, s5, -1
        bnez s5, again
        csrci mie, 8
        ${finish(hartCount).replace('pass', 'la s0, turn\nld s1, 0(s0)\nsave s1\npass')}`,
    });
    expect(run.values[0]).toBe(BigInt(hartCount * 100));
  });

  it('read the same time: it never goes back from one hart to the next', async () => {
    const run = await runGuest({
      hartCount,
      text: `
        csrr s2, mhartid
        la s3, turn
        la s4, word                # the time that was read last
        li s5, 60
        li s6, 0                   # times that went back
        li s7, ${hartCount}
        li s8, 1
        round: ld t0, 0(s3)
        remu t0, t0, s7
        bne t0, s2, round
        fence
        ld t1, 0(s4)
        csrr t2, time
        bgeu t2, t1, later
        addi s6, s6, 1
        later: sd t2, 0(s4)
        fence
        amoadd.d zero, s8, (s3)
        addi s5, s5, -1
        bnez s5, round
        save s6
        ${finish(hartCount)}`,
    });
    for (let hart = 0; hart < hartCount; hart++) expect(run.valuesOf(hart)[0]).toBe(0n);
  });

  it('see code that another hart wrote, after fence.i', async () => {
    const run = await runGuest({
      hartCount,
      text: `
        csrr s2, mhartid
        la s3, code
        la s4, turn
        li s5, 200
        li s6, 0
        li s7, 1
        bnez s2, reader
        li t0, 0x513
        li t1, 0x100000
        # Hart 0 writes "li a0, n", announces n and waits for all others to have run it.
        writer: add t0, t0, t1
        sw t0, 0(s3)
        fence
        la t2, seen
        sd zero, 0(t2)
        fence
        sd s7, 0(s4)
        li t3, ${hartCount - 1}
        unseen: ld t4, 0(t2)
        bne t4, t3, unseen
        addi s7, s7, 1
        addi s5, s5, -1
        bnez s5, writer
        j finished
        reader: ld t0, 0(s4)
        bne t0, s7, reader
        fence
        fence.i
        jalr ra, 0(s3)
        beq a0, s7, right
        addi s6, s6, 1
        right: la t2, seen
        li t3, 1
        fence
        amoadd.d zero, t3, (t2)
        addi s7, s7, 1
        addi s5, s5, -1
        bnez s5, reader
        save s6
        finished: ${finish(hartCount)}
        seen: .dword 0
        .balign 4096
        code: li a0, 0
        ret`,
    });
    for (let hart = 1; hart < hartCount; hart++) expect(run.valuesOf(hart)[0]).toBe(0n);
  });
});

describe('two harts', () => {
  it('never both miss what the other stored before its fence', async () => {
    // Store buffering: each stores the round's number to its own word, fences, and loads the other's.
    const run = await runGuest({
      hartCount: 2,
      text: `
        csrr s2, mhartid
        slli s2, s2, 6
        la s0, words
        add s3, s0, s2            # own word
        xori s2, s2, 64
        add s4, s0, s2            # the other's
        la s5, seen
        srli s2, s2, 3
        la s6, arrived
        li s7, 1                  # round
        li s8, ${ROUNDS}
        li s9, 0                  # both missed
        li s10, 1
        slli a1, s7, 1
        round: sd s7, 0(s3)
        fence rw, rw
        ld a2, 0(s4)
        bgeu a2, s7, met
        amoadd.d zero, s10, (s5)
        met: amoadd.d zero, s10, (s6)
        wait: ld a3, 0(s6)
        bltu a3, a1, wait
        csrr a4, mhartid
        bnez a4, follow
        ld a5, 0(s5)
        li a6, 2
        bne a5, a6, fine
        addi s9, s9, 1
        fine: sd zero, 0(s5)
        fence
        addi a1, a1, 1
        amoadd.d zero, s10, (s6)
        j next
        follow: addi a1, a1, 1
        leave: ld a3, 0(s6)
        bltu a3, a1, leave
        next: addi s7, s7, 1
        addi a1, a1, 2
        bne s7, s8, round
        save s9
        ${finish(2)}
        .balign 64
        words: .dword 0
        .balign 64
        .dword 0
        .balign 64
        seen: .dword 0
        .balign 64
        arrived: .dword 0`,
    });
    expect(run.valuesOf(0)[0]).toBe(0n);
  });
});
