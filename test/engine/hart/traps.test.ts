import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, PTE, RWX, segmentOf} from '../../support/page-tables.js';

const SIE = 1n << 1n;
const MIE = 1n << 3n;
const SPIE = 1n << 5n;
const MPIE = 1n << 7n;
const SPP = 1n << 8n;
const MPP = 3n << 11n;
const MPRV = 1n << 17n;
const INTERRUPT = 1n << 63n;

/** Lets S and U see all memory. */
const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;

describe('trap entry and return', () => {
  it('takes an undelegated exception of S-mode in M-mode and returns to S-mode', async () => {
    const run = await runGuest({
      text: `${openPmp}
        csrsi mstatus, 2
        to S, supervisor
        supervisor:
        trap: ecall
        csrr s0, sstatus
        save s0
        trap: csrr t0, mscratch
        pass`,
    });
    expect(run.traps.map(({cause, pc, handler}) => [cause, pc, handler])).toEqual([
      [9n, run.addressOf('trap0'), 'machine'],
      [2n, run.addressOf('trap1'), 'machine'],
    ]);
    expect(run.traps[0]!.status & (MPP | MIE | MPIE | SIE)).toBe((1n << 11n) | SIE);
    expect(run.values[0]! & SIE).toBe(SIE);
  });

  it('delegates to S-mode what medeleg says and leaves the rest to M-mode', async () => {
    const run = await runGuest({
      text: `${openPmp}
        li t0, 0x104
        csrw medeleg, t0
        csrsi mstatus, 2
        to U, user
        user:
        trap: .word 0
        trap: ecall
        trap: ebreak
        to_s: la s11, supervisor
        csrr t0, sstatus
        supervisor:
        trap: ecall
        trap: .word 0
        pass`,
    });
    const at = (i: number) => run.addressOf(`trap${i}`);
    expect(run.traps.map(({cause, pc, handler}) => [cause, pc, handler])).toEqual([
      [2n, at(0), 'supervisor'],
      [8n, at(1), 'supervisor'],
      [3n, at(2), 'machine'],
      [2n, run.addressOf('to_s') + 8n, 'supervisor'],
      [8n, at(3), 'supervisor'],
      [2n, at(4), 'supervisor'],
    ]);
    // From U: SPP 0, SIE moved to SPIE.
    expect(run.traps[0]!.status & (SPP | SPIE | SIE)).toBe(SPIE);
  });

  it('never delegates what happens in M-mode', async () => {
    const run = await runGuest({
      text: `
        li t0, -1
        csrw medeleg, t0
        csrr s0, medeleg
        save s0
        trap: .word 0
        pass`,
    });
    expect(run.values[0]).toBe(0xb3ffn);
    expect(run.traps[0]).toMatchObject({cause: 2n, handler: 'machine'});
  });

  it('keeps the outer return state of a nested trap where the handler saved it', async () => {
    const run = await runGuest({
      text: `
        la t0, outer
        csrw mtvec, t0
        csrsi mstatus, 8
        first: ecall
        after: csrr s2, mstatus
        save s2
        pass
        .balign 4
        outer:
        csrr s0, mepc
        csrr s1, mstatus
        save s1
        la t0, m_trap
        csrw mtvec, t0
        trap: ebreak
        csrr s1, mstatus
        save s1
        addi s0, s0, 4
        csrw mepc, s0
        li t0, 0x1880
        csrs mstatus, t0
        mret`,
    });
    const [entered, nested, after] = run.values;
    expect(entered! & (MIE | MPIE | MPP)).toBe(MPIE | MPP);
    // The inner trap took MIE = 0 into MPIE; the inner mret put it back and set MPIE, MPP = U.
    expect(run.traps[0]!.status & (MIE | MPIE | MPP)).toBe(MPP);
    expect(nested! & (MIE | MPIE | MPP)).toBe(MPIE);
    expect(after! & MIE).toBe(MIE);
  });

  it('goes to base plus four times the cause for interrupts in vectored mode, to base for exceptions', async () => {
    const run = await runGuest({
      text: `
        la t0, vector
        addi t0, t0, 1
        csrw mtvec, t0
        csrr s0, mtvec
        save s0
        li s1, 0
        ecall
        li t0, 0x2000000
        li t1, 1
        sw t1, 0(t0)
        csrsi mie, 8
        csrsi mstatus, 8
        spin: j spin
        .balign 256
        vector:
        j exception
        nop
        nop
        csrr s1, mcause
        save s1
        pass
        exception: li s1, 77
        save s1
        csrr t0, mepc
        addi t0, t0, 4
        csrw mepc, t0
        mret`,
    });
    expect(run.values[0]).toBe(run.addressOf('vector') + 1n);
    expect(run.values.slice(1, 3)).toEqual([77n, INTERRUPT | 3n]);
  });

  it('returns by sret to U or S as SPP says and moves SPIE to SIE', async () => {
    const run = await runGuest({
      text: `${openPmp}
        to S, supervisor
        supervisor:
        li t0, 0x120
        csrs sstatus, t0
        la t0, still
        csrw sepc, t0
        sret
        still: csrr s0, sstatus
        save s0
        la t0, user
        csrw sepc, t0
        sret
        user:
        trap: csrr s0, sstatus
        trap: sret
        trap: mret
        trap: wfi
        trap: sfence.vma zero, zero
        pass`,
    });
    expect(run.values[0]! & (SIE | SPIE | SPP)).toBe(SIE | SPIE);
    expect(run.traps.map(({cause, status}) => [cause, status & MPP])).toEqual(Array(5).fill([2n, 0n]));
  });

  it('clears MPRV on a return to less than M-mode only', async () => {
    const run = await runGuest({
      text: `${openPmp}
        li t0, 0x20000
        csrs mstatus, t0
        to M, machine
        machine: csrr s0, mstatus
        save s0
        li t0, 0x20000
        csrs mstatus, t0
        to S, supervisor
        supervisor:
        trap: ecall
        pass`,
    });
    expect(run.values[0]! & MPRV).toBe(MPRV);
    expect(run.traps[0]!.status & MPRV).toBe(0n);
  });

  it('traps what TVM, TW and TSR forbid in S-mode, not in M-mode', async () => {
    const run = await runGuest({
      text: `${openPmp}
        csrsi mie, 2
        csrsi mip, 2
        li t0, 0x700000
        csrs mstatus, t0
        csrr t0, satp
        sfence.vma zero, zero
        wfi
        csrci mip, 2
        to S, supervisor
        supervisor:
        trap: csrr t0, satp
        trap: csrw satp, zero
        trap: sfence.vma zero, zero
        trap: wfi
        trap: sret
        pass`,
    });
    expect(run.traps.map(({cause}) => cause)).toEqual([2n, 2n, 2n, 2n, 2n]);
    expect(run.traps.map(({pc}) => pc)).toEqual([0, 1, 2, 3, 4].map((i) => run.addressOf(`trap${i}`)));
  });
});

describe('the page that a trap or return goes on in', () => {
  const CODE = 0x8020_0000;
  const PAGE = 0x4000_0000n;
  const guest = (flags: bigint, text: string, enter: string) => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    tables.map(PAGE, BigInt(CODE), flags);
    return {
      text: `${openPmp}
        li t0, ${tables.satp()}
        csrw satp, t0
        li t0, 0x100
        csrw medeleg, t0
        la t0, over
        csrw mtvec, t0
        li s1, ${PAGE}
        ${enter}
        .balign 4
        over:
        csrr s0, mcause
        save s0
        csrr s0, mepc
        save s0
        csrr s0, mstatus
        save s0
        pass`,
      segments: [tables.segment(), segmentOf(CODE, text)],
    };
  };

  it('is looked up with the rights of the new mode by a trap, even when it is the present one', async () => {
    const run = await runGuest(
      guest(
        RWX | PTE.U,
        'nop\necall\nhandler: nop',
        `addi t0, s1, 8
        csrw stvec, t0
        csrw mepc, s1
        mret`,
      ),
    );
    expect([run.values[0], run.values[1], run.values[2]! & MPP]).toEqual([12n, PAGE + 8n, 1n << 11n]);
  });

  it('is looked up with the rights of the new mode by a return, even when it is the present one', async () => {
    const run = await runGuest(
      guest(
        RWX,
        'nop\nsret\nnop',
        `to S, supervisor
        supervisor: addi t0, s1, 8
        csrw sepc, t0
        jr s1`,
      ),
    );
    expect([run.values[0], run.values[1], run.values[2]! & MPP]).toEqual([12n, PAGE + 8n, 0n]);
  });
});
