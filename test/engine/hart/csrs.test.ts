import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';

const ALL = (1n << 64n) - 1n;
const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;

/** Writes all ones and then zero to each CSR and reads both back. */
async function writable(names: readonly string[]): Promise<Record<string, readonly [bigint, bigint]>> {
  const run = await runGuest({
    text: `li s0, 0x6000
      csrs mstatus, s0
      ${names
        .map(
          (name) => `
        li s0, -1
        csrw ${name}, s0
        csrr s1, ${name}
        csrw ${name}, zero
        csrr s2, ${name}
        save s1
        save s2`,
        )
        .join('')}
      pass`,
  });
  expect(run.traps).toEqual([]);
  return Object.fromEntries(names.map((name, i) => [name, [run.values[i * 2]!, run.values[i * 2 + 1]!]]));
}

describe('a CSR', () => {
  it('keeps exactly the bits that are implemented', async () => {
    expect(
      await writable(
        'medeleg mideleg mie mepc sepc mcause scause mtval stval mscratch sscratch mcounteren scounteren misa mcountinhibit mhpmcounter3 mhpmevent31 satp menvcfg senvcfg pmpaddr15 fcsr'.split(
          ' ',
        ),
      ),
    ).toEqual({
      medeleg: [0xb3ffn, 0n],
      mideleg: [0x222n, 0n],
      mie: [0xaaan, 0n],
      mepc: [ALL - 1n, 0n],
      sepc: [ALL - 1n, 0n],
      mcause: [ALL, 0n],
      scause: [ALL, 0n],
      mtval: [ALL, 0n],
      stval: [ALL, 0n],
      mscratch: [ALL, 0n],
      sscratch: [ALL, 0n],
      mcounteren: [0xffffffffn, 0n],
      scounteren: [0xffffffffn, 0n],
      misa: [0x8000_0000_0014_112fn, 0x8000_0000_0014_112fn],
      mcountinhibit: [0n, 0n],
      mhpmcounter3: [0n, 0n],
      mhpmevent31: [0n, 0n],
      satp: [0n, 0n],
      menvcfg: [(1n << 63n) | (1n << 61n) | 0x81n, 0n],
      senvcfg: [0x81n, 0n],
      pmpaddr15: [(1n << 54n) - 1n, 0n],
      fcsr: [0xffn, 0n],
    });
  });

  it('mtvec and stvec have direct and vectored mode and keep the old one for others', async () => {
    const run = await runGuest({
      text: ['mtvec', 'stvec']
        .flatMap((name) =>
          ['0x80000100', '0x80000101', '0x80000202', '0x80000303'].map(
            (value) => `li s0, ${value}\ncsrw ${name}, s0\ncsrr s0, ${name}\nsave s0`,
          ),
        )
        .concat('pass')
        .join('\n'),
    });
    const kept = [0x8000_0100n, 0x8000_0101n, 0x8000_0201n, 0x8000_0301n];
    expect(run.values.slice(0, 8)).toEqual([...kept, ...kept]);
  });

  it('mstatus has fixed UXL and SXL, a computed SD, and an MPP that is a mode there is', async () => {
    const run = await runGuest({
      text: `
        csrr s0, mstatus
        save s0
        li s0, -1
        csrw mstatus, s0
        csrr s1, mstatus
        save s1
        csrr s1, sstatus
        save s1
        li s0, 0x1000
        csrw mstatus, s0
        csrr s1, mstatus
        save s1
        csrw mstatus, zero
        li s0, 0x800
        csrw mstatus, s0
        li s0, 0x1000
        csrw mstatus, s0
        csrr s1, mstatus
        save s1
        li s0, -1
        csrw sstatus, s0
        csrr s1, mstatus
        save s1
        pass`,
    });
    const [reset, all, sstatus, keptM, keptS, fromS] = run.values;
    expect(reset).toBe(0xa_0000_0000n);
    expect(all).toBe((1n << 63n) | 0xa_0000_0000n | 0x7e_79aan);
    expect(sstatus).toBe((1n << 63n) | 0x2_0000_0000n | 0xc_6122n);
    expect(keptM).toBe(0xa_0000_1800n);
    expect(keptS).toBe(0xa_0000_0800n);
    expect(fromS).toBe((1n << 63n) | 0xa_0000_0000n | 0xc_6922n);
  });

  it('combines old value and source as the instruction says, and reads before it writes', async () => {
    const run = await runGuest({
      text: `
        li s0, 0xf0
        csrw mscratch, s0
        li s1, 0x3c
        csrrs s2, mscratch, s1
        save s2
        csrrc s2, mscratch, s0
        save s2
        csrrwi s2, mscratch, 31
        save s2
        csrrsi s2, mscratch, 0
        save s2
        csrrci s2, mscratch, 5
        save s2
        csrrw s1, mscratch, s1
        save s1
        csrrs s1, mscratch, s1
        save s1
        csrr s1, mscratch
        save s1
        pass`,
    });
    expect(run.values.slice(0, 8)).toEqual([0xf0n, 0xfcn, 0x0cn, 31n, 31n, 26n, 0x3cn, 0x3en]);
  });

  it('is an illegal instruction where privilege, number or state forbid it', async () => {
    const illegal = [
      'csrr t0, 0x7c0',
      'csrr t0, 0x5a8',
      'csrr t0, 0x3a1',
      'csrw cycle, zero',
      'csrrs t0, mvendorid, t1',
      'csrrwi t0, time, 0',
      'csrrc t0, mhartid, t1',
      'csrr t0, fcsr',
      'csrw frm, zero',
      'csrr t0, fflags',
    ];
    const supervisor = [
      'csrr t0, mstatus',
      'csrr t0, mhartid',
      'csrw mtvec, zero',
      'csrr t0, cycle',
      'csrr t0, time',
      'csrr t0, instret',
      'csrr t0, stimecmp',
    ];
    const run = await runGuest({
      text: `${openPmp}
        csrrs t0, cycle, zero
        csrrci t0, time, 0
        csrrsi t0, mhartid, 0
        ${illegal.map((line) => `trap: ${line}`).join('\n')}
        to S, supervisor
        supervisor:
        ${supervisor.map((line) => `trap: ${line}`).join('\n')}
        la t0, user
        csrw sepc, t0
        sret
        user:
        trap: csrr t0, sstatus
        trap: csrr t0, satp
        pass`,
    });
    const count = illegal.length + supervisor.length + 2;
    expect(run.traps.map(({cause, pc}) => [cause, pc])).toEqual(
      Array.from({length: count}, (_, i) => [2n, run.addressOf(`trap${i}`)]),
    );
  });

  it('counter is open to S-mode by mcounteren and to U-mode by scounteren as well', async () => {
    const run = await runGuest({
      text: `${openPmp}
        csrwi mcounteren, 5
        csrwi scounteren, 6
        to S, supervisor
        supervisor:
        csrr t0, cycle
        csrr t0, instret
        trap: csrr t0, time
        la t0, user
        csrw sepc, t0
        sret
        user:
        csrr t0, instret
        trap: csrr t0, cycle
        trap: csrr t0, time
        pass`,
    });
    expect(run.traps.map(({pc}) => pc)).toEqual([0, 1, 2].map((i) => run.addressOf(`trap${i}`)));
  });
});

describe('instret', () => {
  it('counts each instruction once, through branches, loops, calls, traps and page ends', async () => {
    const run = await runGuest({
      text: `
        csrr s0, instret
        csrr s1, instret
        sub s2, s1, s0
        save s2

        li s3, 1000
        csrr s0, instret
        loop: addi s3, s3, -1
        beqz zero, on
        nop
        on: bnez s3, loop
        csrr s1, instret
        sub s2, s1, s0
        save s2

        csrr s0, instret
        call sub
        csrr s1, instret
        sub s2, s1, s0
        save s2

        la s11, after
        csrr s0, instret
        ecall
        after: csrr s1, instret
        sub s2, s1, s0
        save s2

        csrr s0, instret
        j far
        back: csrr s1, instret
        sub s2, s1, s0
        save s2
        pass
        sub: .half 0x0001
        ret
        .zero 4096
        .balign 4096
        .zero 4090
        far: .half 0x0001
        nop
        j back`,
    });
    // The trap handler is 15 instructions when it goes on elsewhere; ecall itself does not retire.
    expect(run.values.slice(0, 5)).toEqual([1n, 3001n, 4n, 16n, 5n]);
  });

  it('and cycle go on from what is written', async () => {
    const run = await runGuest({
      text: `
        li s0, 0x123456789abcdef0
        csrw minstret, s0
        csrr s1, minstret
        save s1
        csrw mcycle, zero
        nop
        csrr s1, cycle
        save s1
        csrr s1, instret
        sub s1, s1, s0
        save s1
        li s0, -2
        csrw minstret, s0
        nop
        nop
        nop
        csrr s1, minstret
        save s1
        pass`,
    });
    expect(run.values.slice(0, 4)).toEqual([0x1234_5678_9abc_def0n, 1n, 8n, 1n]);
  });
});

describe('floating-point state', () => {
  it('is off after reset: every f instruction is illegal with its own bits', async () => {
    const run = await runGuest({
      text: `
        trap: fadd.s f0, f1, f2
        trap: flw f0, 0(sp)
        trap: fsd f0, 0(sp)
        trap: fmv.x.d a0, f0
        pass`,
    });
    expect(run.traps.map(({cause, pc}) => [cause, pc])).toEqual(
      [0, 1, 2, 3].map((i) => [2n, run.addressOf(`trap${i}`)]),
    );
    expect(run.traps[0]!.tval).toBe(0x0020_f053n);
  });

  it('becomes dirty by an f register, by fcsr and by flags, and not by reading fcsr', async () => {
    const initial = 'li t0, 0x6000\ncsrc mstatus, t0\nli t0, 0x2000\ncsrs mstatus, t0';
    const probe = 'csrr s0, mstatus\nsave s0';
    const run = await runGuest({
      text: `
        ${initial}
        csrr t0, fcsr
        ${probe}
        fmv.d.x f0, zero
        ${probe}
        ${initial}
        csrw frm, zero
        ${probe}
        ${initial}
        csrwi fflags, 1
        ${probe}
        pass`,
    });
    const fs = run.values.slice(0, 4).map((value) => [(value >> 13n) & 3n, value >> 63n]);
    expect(fs).toEqual([
      [1n, 0n],
      [3n, 1n],
      [3n, 1n],
      [3n, 1n],
    ]);
  });

  it('is one register in three views, each changing its own bits', async () => {
    const steps = [
      'csrrw s0, fcsr, s1',
      'csrrs s0, fflags, zero',
      'csrrs s0, frm, zero',
      'csrrc s0, fflags, s2',
      'csrrwi s0, frm, 31',
      'csrrs s0, fcsr, zero',
      'csrrci s0, frm, 5',
      'csrrsi s0, fflags, 1',
      'csrrw s0, fflags, s1',
      'csrrc s0, fcsr, s1',
      'csrrs s0, fcsr, zero',
    ];
    const run = await runGuest({
      text: `
        li t0, 0x6000
        csrs mstatus, t0
        li s1, 0x37a
        li s2, 0xf0f18
        ${steps.map((step) => `${step}\nsave s0`).join('\n')}
        pass`,
    });
    expect(run.values.slice(0, steps.length)).toEqual([0n, 0x1an, 3n, 0x1an, 3n, 0xe2n, 7n, 2n, 3n, 0x5an, 0n]);
  });

  it('refuses reserved rounding modes, static or in frm, for every instruction that has one', async () => {
    const run = await runGuest({
      text: `
        li t0, 0x6000
        csrs mstatus, t0
        trap: .word 0x0020d053       # fadd.s, rm 5
        trap: .word 0x0220e053       # fadd.d, rm 6
        csrwi frm, 5
        trap: fadd.s f0, f1, f2
        trap: fcvt.d.w f0, a0
        trap: fcvt.w.d a0, f0
        trap: fsqrt.d f0, f0
        trap: fmadd.d f0, f0, f0, f0
        fsgnj.d f0, f1, f1
        csrwi frm, 7
        trap: fmul.d f0, f1, f2
        csrwi frm, 0
        csrwi fflags, 1
        fmul.d f0, f1, f2
        pass`,
    });
    expect(run.traps.map(({cause, pc}) => [cause, pc])).toEqual(
      Array.from({length: 8}, (_, i) => [2n, run.addressOf(`trap${i}`)]),
    );
  });
});
