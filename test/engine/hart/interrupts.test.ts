import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';

const INTERRUPT = 1n << 63n;
const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;

describe('interrupts', () => {
  it('that are pending are taken right behind the instruction that enables them', async () => {
    const run = await runGuest({
      text: `
        csrsi mip, 2
        csrsi mstatus, 8
        by_mie: csrsi mie, 2
        nop
        csrci mstatus, 8
        csrsi mie, 2
        by_status: csrsi mstatus, 8
        nop
        csrci mip, 2
        csrsi mie, 2
        by_mip: csrsi mip, 2
        nop
        csrci mstatus, 8
        csrsi mie, 2
        li t0, 0x1880
        csrs mstatus, t0
        la t0, by_mret
        csrw mepc, t0
        mret
        nop
        by_mret: nop
        pass`,
    });
    expect(run.traps.map(({cause, pc}) => [cause, pc])).toEqual([
      [INTERRUPT | 1n, run.addressOf('by_mie') + 4n],
      [INTERRUPT | 1n, run.addressOf('by_status') + 4n],
      [INTERRUPT | 1n, run.addressOf('by_mip') + 4n],
      [INTERRUPT | 1n, run.addressOf('by_mret')],
    ]);
  });

  it('come in the order of their priority', async () => {
    const run = await runGuest({
      text: `
        li t0, 0x2000000
        li t1, 1
        sw t1, 0(t0)
        li t0, 0x2004000
        sd zero, 0(t0)
        li t0, 0x222
        csrs mip, t0
        wait: csrr t0, mip
        andi t0, t0, 0x80
        beqz t0, wait
        csrr s0, mip
        save s0
        li t0, 0x2aa
        csrs mie, t0
        csrsi mstatus, 8
        nop
        pass`,
    });
    expect(run.values[0]).toBe(0x2aan);
    expect(run.traps.map(({cause}) => cause & 0xffn)).toEqual([3n, 7n, 9n, 1n, 5n]);
  });

  it('that are delegated interrupt S- and U-mode only', async () => {
    const run = await runGuest({
      text: `${openPmp}
        csrsi mideleg, 2
        csrsi mie, 2
        csrsi mip, 2
        csrsi mstatus, 8
        nop
        csrr s0, mip
        save s0
        to S, supervisor
        supervisor:
        nop
        csrr s0, sip
        save s0
        enable: csrsi sstatus, 2
        nop
        csrsi sie, 2
        pass`,
    });
    expect(run.values.slice(0, 2)).toEqual([2n, 2n]);
    expect(run.traps).toHaveLength(2);
    expect(run.traps[0]).toMatchObject({
      cause: INTERRUPT | 1n,
      pc: run.addressOf('enable') + 4n,
      handler: 'supervisor',
    });
  });

  it('show in sip and sie only as far as they are delegated', async () => {
    const run = await runGuest({
      text: `
        li t0, 0x222
        csrw mip, t0
        csrw mie, t0
        csrr s0, sip
        save s0
        csrr s0, sie
        save s0
        li t0, 0x202
        csrw mideleg, t0
        csrr s0, sip
        save s0
        csrr s0, sie
        save s0
        csrw sip, zero
        csrw sie, zero
        csrr s0, mip
        save s0
        csrr s0, mie
        save s0
        li t0, -1
        csrw mideleg, t0
        csrr s0, mideleg
        save s0
        csrw mie, t0
        csrr s0, mie
        save s0
        pass`,
    });
    expect(run.values.slice(0, 8)).toEqual([0n, 0n, 0x202n, 0x202n, 0x220n, 0x20n, 0x222n, 0xaaan]);
  });

  it('of the machine timer come at mtimecmp, also out of WFI, and go when it is moved', async () => {
    const run = await runGuest({
      text: `
        li s0, 0x200bff8
        li s1, 0x2004000
        ld t0, 0(s0)
        li t1, 20000
        add s2, t0, t1
        sd s2, 0(s1)
        li t0, 0x80
        csrs mie, t0
        waiting: wfi
        csrr s3, mip
        save s3
        csrr t0, time
        sltu t0, t0, s2
        save t0
        li t0, -1
        sd t0, 0(s1)
        csrr s3, mip
        save s3
        ld t0, 0(s0)
        li t1, 10000
        add s2, t0, t1
        sd s2, 0(s1)
        csrsi mstatus, 8
        la s11, over
        spin: j spin
        over: pass`,
    });
    expect(run.values.slice(0, 3)).toEqual([0x80n, 0n, 0n]);
    expect(run.traps.map(({cause, pc}) => [cause, pc])).toEqual([[INTERRUPT | 7n, run.addressOf('spin')]]);
  });

  it('of the supervisor timer follow stimecmp when menvcfg.STCE is set', async () => {
    const refused = await runGuest({
      text: `${openPmp}
        li t0, 0x20
        csrs mideleg, t0
        csrs mie, t0
        to S, without
        without:
        trap: csrr t0, stimecmp
        pass`,
    });
    expect(refused.traps[0]).toMatchObject({cause: 2n, pc: refused.addressOf('trap0')});
    const run = await runGuest({
      text: `${openPmp}
        li t0, 1
        slli t0, t0, 63
        csrs menvcfg, t0
        csrwi mcounteren, 2
        li t0, 0x20
        csrs mideleg, t0
        csrs mie, t0
        to S, supervisor
        supervisor:
        csrr t0, time
        li t1, 2000000
        add s2, t0, t1
        csrw stimecmp, s2
        csrr s0, sip
        save s0
        wfi
        csrr s0, sip
        save s0
        li t0, -1
        csrw stimecmp, t0
        csrr s0, sip
        save s0
        csrr s0, stimecmp
        save s0
        csrsi sstatus, 2
        past: csrw stimecmp, zero
        nop
        pass`,
    });
    expect(run.values.slice(0, 4)).toEqual([0n, 0x20n, 0n, (1n << 64n) - 1n]);
    expect(run.traps).toHaveLength(1);
    expect(run.traps[0]).toMatchObject({
      cause: INTERRUPT | 5n,
      pc: run.addressOf('past') + 4n,
      handler: 'supervisor',
    });
  });

  it('from a device are claimed at the PLIC and end when the device is served', async () => {
    const run = await runGuest({
      text: `${openPmp}
        li s0, 0xc000000
        li s1, 0x10000000
        li t0, 1
        sw t0, 40(s0)         # priority of source 10
        li t1, 0x400
        li s2, 0xc002000
        sw t1, 0(s2)          # enabled for context 0 (M)
        li s3, 0xc200000
        sw zero, 0(s3)
        li t0, 2
        sb t0, 1(s1)          # UART: interrupt when the transmitter is empty
        li t0, 0x800
        csrs mie, t0
        wfi
        csrr s4, mip
        save s4
        lw s5, 4(s3)
        save s5
        csrr s4, mip
        save s4
        sb zero, 1(s1)
        sw s5, 4(s3)
        csrr s4, mip
        save s4
        pass`,
    });
    expect(run.values.slice(0, 4)).toEqual([0x800n, 10n, 0n, 0n]);
  });

  it('a WFI goes on for a pending interrupt that is globally off', async () => {
    const run = await runGuest({
      text: `
        csrsi mie, 8
        li t0, 0x2000000
        li t1, 1
        sw t1, 0(t0)
        wfi
        csrr s0, mip
        save s0
        sw zero, 0(t0)
        csrr s0, mip
        save s0
        pass`,
    });
    expect(run.values.slice(0, 2)).toEqual([8n, 0n]);
    expect(run.traps).toEqual([]);
  });
});
