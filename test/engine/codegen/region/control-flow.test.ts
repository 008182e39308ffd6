/** Control flow that a region predicts, and must survive when the prediction is wrong; in whatever tier the run has. */
import {describe, expect, it} from 'vitest';
import {runGuest} from '../../../support/bare-guest.js';
import {segmentOf} from '../../../support/page-tables.js';

const STACK = 0x8080_0000;
const FAR = 0x8020_0000;

describe('guest control flow', () => {
  it('returns through thousands of nested calls', async () => {
    // sum(n) = n + sum(n - 1), far deeper than calls of the host may nest.
    const run = await runGuest({
      text: `
        li sp, ${STACK}
        li s2, 3
        rounds: li a0, 5000
        call sum
        addi s2, s2, -1
        bnez s2, rounds
        save a0
        pass
        sum: beqz a0, bottom
        addi sp, sp, -16
        sd ra, 0(sp)
        sd a0, 8(sp)
        addi a0, a0, -1
        call sum
        ld a1, 8(sp)
        add a0, a0, a1
        ld ra, 0(sp)
        addi sp, sp, 16
        bottom: ret`,
    });
    expect(run.values[0]).toBe(12_502_500n);
  });

  it('goes where longjmp says, out of several calls', async () => {
    const run = await runGuest({
      text: `
        li sp, ${STACK}
        li s0, 0
        li s1, 400
        again: mv s3, sp
        la s4, landed
        call outer
        addi s0, s0, 1000
        landed: addi s0, s0, 1
        addi s1, s1, -1
        bnez s1, again
        save s0
        pass
        outer: addi sp, sp, -16
        sd ra, 0(sp)
        call inner
        addi s0, s0, 1000
        ld ra, 0(sp)
        addi sp, sp, 16
        ret
        inner: andi t0, s1, 3
        beqz t0, normal
        mv sp, s3
        jr s4
        normal: ret`,
    });
    // Three of four calls jump out: each adds 1; each fourth returns twice: 2001.
    expect(run.values[0]).toBe(400n + 100n * 2000n);
  });

  it('switches between stacks inside a call, as a scheduler does', async () => {
    // Two coroutines swap sp, ra and s registers in one function; each counts with its own s2.
    const run = await runGuest({
      text: `
        li sp, ${STACK}
        la s0, contexts
        la s1, contexts
        addi s1, s1, 64
        la t0, second
        sd t0, 0(s1)
        li t0, ${STACK - 0x10000}
        sd t0, 8(s1)
        li t0, 0
        sd t0, 16(s1)
        li s2, 0
        li s3, 500
        first: addi s2, s2, 1
        mv a0, s0
        mv a1, s1
        call swap
        addi s3, s3, -1
        bnez s3, first
        ld t0, 16(s1)
        save s2
        save t0
        pass
        second: addi s2, s2, 3
        mv a0, s1
        mv a1, s0
        call swap
        j second
        swap: sd ra, 0(a0)
        sd sp, 8(a0)
        sd s2, 16(a0)
        ld ra, 0(a1)
        ld sp, 8(a1)
        ld s2, 16(a1)
        ret
        .balign 64
        contexts: .zero 128`,
    });
    expect(run.values.slice(0, 2)).toEqual([500n, 1500n]);
  });

  it('enters a loop in its middle', async () => {
    const run = await runGuest({
      text: `
        li s0, 0
        li s1, 0
        li s2, 3000
        again: andi t0, s1, 1
        li t1, 5
        beqz t0, middle
        top: addi s0, s0, 1
        middle: addi s0, s0, 10
        addi t1, t1, -1
        bnez t1, top
        addi s1, s1, 1
        bne s1, s2, again
        save s0
        pass`,
    });
    // From the middle: 5 × 10 + 4; from the top: 5 × 11.
    expect(run.values[0]).toBe(1500n * 54n + 1500n * 55n);
  });

  it('follows a jump table whose entries change', async () => {
    const run = await runGuest({
      text: `
        la s3, table
        la t0, one
        sd t0, 0(s3)
        la t0, two
        sd t0, 8(s3)
        la t0, three
        sd t0, 16(s3)
        li s0, 0
        li s1, 0
        li s2, 2000
        again: li t0, 3
        remu t1, s1, t0
        slli t1, t1, 3
        add t1, t1, s3
        ld t1, 0(t1)
        jr t1
        one: addi s0, s0, 1
        j next
        two: addi s0, s0, 2
        j next
        three: addi s0, s0, 3
        j next
        four: addi s0, s0, 4
        next: addi s1, s1, 1
        li t0, 1000
        bne s1, t0, same
        la t0, four
        sd t0, 8(s3)
        same: bne s1, s2, again
        save s0
        pass
        .balign 8
        table: .zero 24`,
    });
    const sum = (from: number, to: number, second: number) =>
      Array.from({length: to - from}, (_, i) => [1, second, 3][(from + i) % 3]!).reduce((a, b) => a + b, 0);
    expect(run.values[0]).toBe(BigInt(sum(0, 1000, 2) + sum(1000, 2000, 4)));
  });

  it('runs on into the next page, and sees that page change behind a fence.i', async () => {
    // The function begins three ops before the page's end; its last ops lie in the next page, which is then rewritten.
    const run = await runGuest({
      text: `
        li s0, ${FAR + 4096 - 12}
        li s4, ${FAR + 4096}
        li s1, 0
        li s2, 1000
        li s3, 0
        again: mv a0, s1
        jalr ra, 0(s0)
        add s3, s3, a0
        addi s1, s1, 1
        bne s1, s2, again
        save s3
        li t0, ${(100 << 20) | 0x50513}
        sw t0, 0(s4)
        fence.i
        li s1, 0
        li s3, 0
        after: mv a0, s1
        jalr ra, 0(s0)
        add s3, s3, a0
        addi s1, s1, 1
        bne s1, s2, after
        save s3
        pass`,
      segments: [segmentOf(FAR + 4096 - 12, 'addi a0, a0, 1\naddi a0, a0, 1\naddi a0, a0, 1\naddi a0, a0, 7\nret')],
    });
    expect(run.values.slice(0, 2)).toEqual([499_500n + 10_000n, 499_500n + 103_000n]);
  });

  it('counts every instruction once, whichever way code is left', async () => {
    // minstret over a loop with calls, a trap in the middle and a CSR that the interpreter reads.
    const run = await runGuest({
      text: `
        li sp, ${STACK}
        la t0, handler
        csrw mtvec, t0
        li s1, 600
        csrr s3, minstret
        again: call work
        addi s1, s1, -1
        bnez s1, again
        csrr s4, minstret
        sub s4, s4, s3
        save s4
        pass
        work: addi t0, zero, 1
        ecall
        csrr t1, minstret
        ret
        .balign 4
        handler: csrr t2, mepc
        addi t2, t2, 4
        csrw mepc, t2
        mret`,
    });
    // A turn: call (jal), addi, [ecall does not retire], 4 in the handler, csrr, ret, addi, bnez; and one csrr.
    expect(run.values[0]).toBe(600n * 10n + 1n);
  });
});
