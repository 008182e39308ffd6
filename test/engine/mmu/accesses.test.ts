import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, RWX} from '../../support/page-tables.js';

const DATA = 0x8020_0000;
const PAGE = 0x4000_0000n;
const CBZE = 1n << 7n;

const openPmp = `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;
const enter = (tables: PageTables) => `${openPmp}
  li t0, ${tables.satp()}
  csrw satp, t0
  to S, supervisor
  supervisor:`;

describe('misaligned loads and stores', () => {
  it('work at every offset in a page and across two pages that lie apart', async () => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    tables.map(PAGE, BigInt(DATA), RWX);
    tables.map(PAGE + 0x1000n, BigInt(DATA) + 0x5000n, RWX);
    const pattern = 0x8877_6655_4433_2211n;
    const offsets = [-8, -7, -6, -5, -4, -3, -2, -1, 0];
    const run = await runGuest({
      text: `${enter(tables)}
        li s1, ${PAGE + 0x1000n}
        li s2, ${pattern}
        ${offsets
          .map(
            (offset) => `
        sd zero, -8(s1)
        sd zero, 0(s1)
        sd s2, ${offset}(s1)
        ld s3, ${offset}(s1)
        save s3
        lw s3, ${offset + 2}(s1)
        save s3
        lhu s3, ${offset + 5}(s1)
        save s3
        ld s3, -8(s1)
        save s3
        ld s3, 0(s1)
        save s3`,
          )
          .join('')}
        pass`,
      segments: [tables.segment()],
    });
    const memory = new DataView(new ArrayBuffer(24));
    const want = offsets.flatMap((offset) => {
      memory.setBigUint64(0, 0n, true);
      memory.setBigUint64(8, 0n, true);
      memory.setBigUint64(8 + offset, pattern, true);
      return [
        pattern,
        BigInt.asUintN(64, BigInt(memory.getInt32(8 + offset + 2, true))),
        BigInt(memory.getUint16(8 + offset + 5, true)),
        memory.getBigUint64(0, true),
        memory.getBigUint64(8, true),
      ];
    });
    expect(run.traps).toEqual([]);
    expect(run.values.slice(0, want.length)).toEqual(want);
  });

  it('that reach into a page that faults change nothing and name that page', async () => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    tables.map(PAGE, BigInt(DATA), RWX);
    tables.map(PAGE + 0x2000n, BigInt(DATA), RWX);
    const run = await runGuest({
      text: `${enter(tables)}
        li s1, ${PAGE + 0x1000n}
        li s2, -1
        trap: sd s2, -4(s1)
        trap: ld s3, -4(s1)
        li s4, ${PAGE + 0x2000n}
        trap: sd s2, -4(s4)
        trap: ld s3, -4(s4)
        ld s3, -8(s1)
        save s3
        ld s3, 0(s4)
        save s3
        pass`,
      segments: [tables.segment()],
    });
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([
      [15n, PAGE + 0x1000n],
      [13n, PAGE + 0x1000n],
      [15n, PAGE + 0x1ffcn],
      [13n, PAGE + 0x1ffcn],
    ]);
    expect(run.values.slice(0, 2)).toEqual([0n, 0n]);
  });
});

describe('stores', () => {
  it('keep every bit of what looks like a signalling NaN, also when they miss the TLB', async () => {
    const patterns = [0x7ff0_0000_0000_0001n, 0xfff7_ffff_fff7_ffffn, 0xfff0_0000_0000_0123n];
    // Often enough that the host compiles the slow path with optimisation, which is what once lost bits.
    const rounds = 6000;
    const run = await runGuest({
      text: `
        li s0, ${DATA}
        li s1, ${rounds}
        la s3, patterns
        ld s4, 0(s3)
        ld s5, 8(s3)
        ld s6, 16(s3)
        li s8, 0
        again:
        sfence.vma zero, zero
        sd s4, 0(s0)
        sfence.vma zero, zero
        sd s5, 8(s0)
        sfence.vma zero, zero
        sd s6, 16(s0)
        ld s7, 0(s0)
        bne s7, s4, wrong
        ld s7, 8(s0)
        bne s7, s5, wrong
        ld s7, 16(s0)
        bne s7, s6, wrong
        addi s8, s8, 1
        wrong: addi s1, s1, -1
        bnez s1, again
        save s8
        pass
        .balign 8
        patterns: ${patterns.map((value) => `.dword ${value}`).join('\n')}`,
    });
    expect(run.values[0]).toBe(BigInt(rounds));
  });
});

// Machines with one hart have other code for atomics than those with more; the second hart sleeps.
describe.each([1, 2])('atomics of a machine with %i harts', (hartCount) => {
  const alone = (text: string) => `csrr t0, mhartid\nbnez t0, park\n${text}\npark: wfi\nj park`;
  const operands = [0n, 1n, -1n, 0x7fff_ffffn, -0x8000_0000n, 1n << 62n, -(1n << 63n)];
  const operations: Readonly<Record<string, (old: bigint, value: bigint) => bigint>> = {
    amoswap: (_, value) => value,
    amoadd: (old, value) => old + value,
    amoxor: (old, value) => old ^ value,
    amoand: (old, value) => old & value,
    amoor: (old, value) => old | value,
    amomin: (old, value) => (value < old ? value : old),
    amomax: (old, value) => (value > old ? value : old),
    amominu: (old, value) => (BigInt.asUintN(64, value) < BigInt.asUintN(64, old) ? value : old),
    amomaxu: (old, value) => (BigInt.asUintN(64, value) > BigInt.asUintN(64, old) ? value : old),
  };

  it.each(Object.keys(operations))('%s is right for words and doublewords', async (name) => {
    const pairs = operands.flatMap((old) => operands.map((value) => [old, value] as const));
    const run = await runGuest({
      hartCount,
      text: alone(`
        li s0, ${DATA}
        la s1, pairs
        li s2, ${pairs.length}
        again: ld s3, 0(s1)
        ld s4, 8(s1)
        sd s3, 0(s0)
        ${name}.d s5, s4, (s0)
        save s5
        ld s5, 0(s0)
        save s5
        sd s3, 0(s0)
        ${name}.w s5, s4, (s0)
        save s5
        ld s5, 0(s0)
        save s5
        addi s1, s1, 16
        addi s2, s2, -1
        bnez s2, again
        pass
        .balign 8
        pairs: ${pairs.map(([old, value]) => `.dword ${old}\n.dword ${value}`).join('\n')}`),
    });
    const word = (value: bigint) => BigInt.asIntN(32, value);
    const act = operations[name]!;
    const expected = pairs.flatMap(([old, value]) => {
      const low = BigInt.asUintN(32, act(word(old), word(value)));
      return [old, act(old, value), word(old), (BigInt.asUintN(64, old) & ~0xffff_ffffn) | low];
    });
    expect(run.values.slice(0, expected.length)).toEqual(expected.map((value) => BigInt.asUintN(64, value)));
  });

  it('give the old value and store the new one; a word is sign-extended', async () => {
    const run = await runGuest({
      hartCount,
      text: alone(`
        li s0, ${DATA}
        li s1, 0xffffffff80000000
        sd s1, 0(s0)
        li s2, 5
        amoadd.w s3, s2, (s0)
        save s3
        lwu s3, 0(s0)
        save s3
        amomax.w s3, s2, (s0)
        save s3
        amominu.d s3, s2, (s0)
        save s3
        amoswap.d zero, s1, (s0)
        ld s3, 0(s0)
        save s3
        pass`),
    });
    expect(run.values.slice(0, 5)).toEqual([
      0xffff_ffff_8000_0000n,
      0x8000_0005n,
      0xffff_ffff_8000_0005n,
      0xffff_ffff_0000_0005n,
      0xffff_ffff_8000_0000n,
    ]);
  });

  it('store conditionally once per reservation, and not after a trap or a change of the value', async () => {
    const run = await runGuest({
      hartCount,
      text: alone(`
        li s0, ${DATA}
        li s1, 1
        sc.d s2, s1, (s0)
        save s2
        lr.d s3, (s0)
        sc.d s2, s1, (s0)
        save s2
        sc.d s2, s1, (s0)
        save s2
        lr.d s3, (s0)
        addi s4, s0, 8
        sc.d s2, s1, (s4)
        save s2
        lr.d s3, (s0)
        trap: ecall
        sc.d s2, s1, (s0)
        save s2
        lr.w s3, (s0)
        li s5, 9
        sw s5, 0(s0)
        sc.w s2, s1, (s0)
        save s2
        ld s2, 0(s0)
        save s2
        pass`),
    });
    expect(run.values.slice(0, 7)).toEqual([1n, 0n, 1n, 1n, 1n, 1n, 9n]);
  });
});

describe('cbo.zero', () => {
  it('zeroes the 64 bytes around an address and nothing else', async () => {
    const run = await runGuest({
      text: `
        li s0, ${DATA + 128}
        li s1, -1
        ${Array.from({length: 10}, (_, i) => `sd s1, ${i * 8 - 8}(s0)`).join('\n')}
        addi s2, s0, 37
        cbo.zero (s2)
        ${Array.from({length: 10}, (_, i) => `ld s3, ${i * 8 - 8}(s0)\nsave s3`).join('\n')}
        li s2, 0x10000000
        trap: cbo.zero (s2)
        pass`,
    });
    expect(run.values.slice(0, 10)).toEqual([(1n << 64n) - 1n, ...Array(8).fill(0n), (1n << 64n) - 1n]);
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([[7n, 0x1000_0000n]]);
  });

  it.each([
    [0n, 0n, [2n, 2n]],
    [0n, CBZE, [2n, 2n]],
    [CBZE, 0n, [2n]],
    [CBZE, CBZE, []],
  ])('with menvcfg %i and senvcfg %i traps below M-mode as those say', async (machine, supervisor, causes) => {
    const run = await runGuest({
      text: `${openPmp}
        li s0, ${DATA}
        li t0, ${machine}
        csrw menvcfg, t0
        li t0, ${supervisor}
        csrw senvcfg, t0
        cbo.zero (s0)
        to S, supervisor
        supervisor:
        trap: cbo.zero (s0)
        la t0, user
        csrw sepc, t0
        sret
        user:
        trap: cbo.zero (s0)
        pass`,
    });
    expect(run.traps.map(({cause}) => cause)).toEqual(causes);
  });
});
