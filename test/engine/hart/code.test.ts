import {describe, expect, it} from 'vitest';
import {runGuest} from '../../support/bare-guest.js';
import {PageTables, RWX, segmentOf} from '../../support/page-tables.js';

const CODE = 0x8020_0000;
const OTHER = 0x8030_0000;
const PAGE = 0x4000_0000n;

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

/** li a0, N (addi a0, zero, N). */
const loadA0 = (value: number) => (value << 20) | 0x513;

describe('code that changes', () => {
  it('runs as it was written after fence.i, time and again', async () => {
    const run = await runGuest({
      text: `
        li s0, ${CODE}
        li s1, 0
        li s2, 300
        li s3, ${loadA0(0)}
        li s4, 0x100000
        li s5, 0
        again:
        sw s3, 0(s0)
        fence.i
        jalr ra, 0(s0)
        bne a0, s1, wrong
        addi s5, s5, 1
        wrong: add s3, s3, s4
        addi s1, s1, 1
        bne s1, s2, again
        save s5
        pass`,
      segments: [segmentOf(CODE, 'nop\nret')],
    });
    expect(run.values[0]).toBe(300n);
  });

  it('may lie in the page that runs', async () => {
    const run = await runGuest({
      text: `
        la s0, victim
        li s1, ${loadA0(9)}
        victim_first: li a0, 1
        beqz zero, over
        over: sw s1, 0(s0)
        fence.i
        victim: li a0, 1
        save a0
        li s1, ${loadA0(10)}
        sw s1, 0(s0)
        bnez s2, done
        li s2, 1
        fence.i
        j victim
        done: pass`,
    });
    expect(run.values.slice(0, 2)).toEqual([9n, 10n]);
  });

  it('changes also where only the second half of the last instruction of a run does', async () => {
    // A jump at every even offset within 32 bytes, to 64 bytes behind its start, then to 80.
    const jump = (distance: number) => (distance << 20) | 0x6f;
    const run = await runGuest({
      text: `
        li s0, ${CODE}
        li s1, ${CODE + 32}
        li s2, ${jump(64) >>> 16}
        li s3, ${jump(80) >>> 16}
        li s4, 0x6f
        li s6, 0x8082
        li s7, ${loadA0(1)}
        li s8, ${loadA0(2)}
        next: sh s4, 0(s0)
        sh s2, 2(s0)
        sw s7, 64(s0)
        sh s6, 68(s0)
        fence.i
        jalr ra, 0(s0)
        save a0
        sw s8, 80(s0)
        sh s6, 84(s0)
        sh s3, 2(s0)
        fence.i
        jalr ra, 0(s0)
        save a0
        addi s0, s0, 2
        bne s0, s1, next
        pass`,
    });
    expect(run.values.slice(0, 32)).toEqual(Array.from({length: 16}, () => [1n, 2n]).flat());
  });

  it('is seen when a page of code is filled with other code at once', async () => {
    // More code pages than a hart keeps decoded, each written, run, and run again after all others.
    const pages = 1100;
    const run = await runGuest({
      memoryBytes: 32 * 1024 ** 2,
      text: `
        li s0, 0x80400000
        li s1, 0
        li s2, ${pages}
        li s3, ${loadA0(0) | 0}
        li s4, 0x8067
        li s6, 0x1000
        fill: andi t0, s1, 1023
        slli t0, t0, 20
        add t0, t0, s3
        sw t0, 0(s0)
        sw s4, 4(s0)
        add s0, s0, s6
        addi s1, s1, 1
        bne s1, s2, fill
        fence.i
        li s7, 2
        round: li s0, 0x80400000
        li s1, 0
        li s5, 0
        run: jalr ra, 0(s0)
        add s5, s5, a0
        add s0, s0, s6
        addi s1, s1, 1
        bne s1, s2, run
        save s5
        addi s7, s7, -1
        bnez s7, round
        pass`,
    });
    const sum = Array.from({length: pages}, (_, i) => BigInt(((i & 1023) << 20) >> 20)).reduce((a, b) => a + b);
    expect(run.values.slice(0, 2).map((value) => BigInt.asIntN(64, value))).toEqual([sum, sum]);
  });
});

describe('an instruction that straddles two pages', () => {
  /** Two pages, mapped apart from each other; `text` starts six bytes before the boundary. */
  const straddling = (text: string) => {
    const segment = segmentOf(CODE + 0xffa, text);
    return {
      first: {address: segment.address, bytes: segment.bytes.slice(0, 6)},
      second: {address: OTHER, bytes: segment.bytes.slice(6)},
    };
  };
  const map = () => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    tables.map(PAGE, BigInt(CODE), RWX);
    const entry = tables.map(PAGE + 0x1000n, BigInt(OTHER), RWX);
    return {tables, entry};
  };

  it('runs, also as a branch, a jump, a call and their targets', async () => {
    const {tables} = map();
    const cases = [
      // Each enters at the first instruction and returns a0; the one that straddles comes second.
      'li a0, 1\naddi a0, a0, 41\nret',
      'li a0, 1\nauipc a0, 0\nret',
      'li a0, 1\nbeq zero, zero, taken\nli a0, 2\nret\ntaken: li a0, 3\nret',
      'li a0, 1\nbne zero, zero, taken\nli a0, 2\nret\ntaken: li a0, 3\nret',
      'back: li a0, 1\nbeq a1, a0, back\nli a0, 4\nret',
      'mv a5, ra\njal ra, sub\naddi a0, a0, 1\njr a5\nsub: li a0, 50\nret',
      'li a0, 1\njalr a0, 0(ra)',
    ];
    const runs = await Promise.all(
      cases.map((text, i) => {
        const {first, second} = straddling(text);
        return runGuest({
          text: `${enter(tables)}
            li s1, ${PAGE + 0xffan}
            li a1, ${i === 4 ? 0 : 1}
            jalr ra, 0(s1)
            back_here: save a0
            addi s1, s1, 4
            li a0, 7
            call there
            j over
            there: mv a5, ra
            jr s1
            over: save a0
            pass`,
          segments: [tables.segment(), first, second],
        });
      }),
    );
    const next = PAGE + 0x1002n;
    // Entered at the first instruction, then at the straddling one with a0 = 7.
    expect(runs.map(({values, traps}) => [values[0], values[1], traps.length])).toEqual([
      [42n, 48n, 0],
      [PAGE + 0xffen, PAGE + 0xffen, 0],
      [3n, 3n, 0],
      [2n, 2n, 0],
      [4n, 4n, 0],
      [51n, 51n, 0],
      [next, next, 0],
    ]);
  });

  it('faults with its own address and the second page as value, and runs once that is mapped', async () => {
    const {tables, entry} = map();
    const {first, second} = straddling('li a0, 1\naddi a0, a0, 41\nret');
    const leaf = (BigInt(OTHER) >> 12n) << 10n;
    const upper = straddling('li a0, 1\naddi a0, a0, 77\nret').second;
    const run = await runGuest({
      text: `${enter(tables)}
        li s1, ${PAGE + 0xffan}
        li s2, ${entry}
        sd zero, 0(s2)
        sfence.vma zero, zero
        la s11, on
        jalr ra, 0(s1)
        on: li s3, ${leaf | RWX}
        sd s3, 0(s2)
        sfence.vma zero, zero
        jalr ra, 0(s1)
        save a0
        li s3, ${(leaf + (0x80n << 10n)) | RWX}
        sd s3, 0(s2)
        sfence.vma zero, zero
        jalr ra, 0(s1)
        save a0
        pass`,
      segments: [tables.segment(), first, second, {address: OTHER + 0x8_0000, bytes: upper.bytes}],
    });
    expect(run.traps.map(({cause, pc, tval}) => [cause, pc, tval])).toEqual([[12n, PAGE + 0xffen, PAGE + 0x1000n]]);
    expect(run.values.slice(0, 2)).toEqual([42n, 78n]);
  });

  it('gives its bits when it is illegal, its address when it traps, and sees changes of its second half', async () => {
    const {tables} = map();
    const {first, second} = straddling('li a0, 1\n.word 0xfedcba7f\nret');
    const ecall = straddling('li a0, 1\necall\nret');
    const run = await runGuest({
      text: `${enter(tables)}
        li s1, ${PAGE + 0xffan}
        la s11, on
        jalr ra, 0(s1)
        on: li s2, ${CODE + 0xffe}
        li s3, 0x73
        sh s3, 0(s2)
        li s2, ${OTHER}
        sh zero, 0(s2)
        fence.i
        la s11, over
        jalr ra, 0(s1)
        over: pass`,
      segments: [tables.segment(), first, second],
    });
    expect(ecall.first.bytes.length).toBe(6);
    expect(run.traps.map(({cause, pc, tval}) => [cause, pc, tval])).toEqual([
      [2n, PAGE + 0xffen, 0xfedcba7fn],
      [9n, PAGE + 0xffen, 0n],
    ]);
  });

  it('at the end of RAM raises a fetch fault behind it', async () => {
    const end = 0x8100_0000n;
    const run = await runGuest({
      text: `
        li s1, ${end - 6n}
        li s2, 0x10001
        sw s2, 0(s1)
        li s2, 0x0013
        sh s2, 4(s1)
        la s11, on
        jalr ra, 0(s1)
        on: la s11, over
        jalr ra, 4(s1)
        over: pass`,
    });
    expect(run.traps.map(({cause, pc, tval}) => [cause, pc, tval])).toEqual([
      [1n, end - 2n, end],
      [1n, end - 2n, end],
    ]);
  });
});

describe('the compressed length', () => {
  it('counts for the pc, links and illegal values', async () => {
    const run = await runGuest({
      text: `
        .half 0x4505
        save a0
        la s0, target
        .half 0x9402
        linked: save ra
        trap: .half 0x0000
        trap: .half 0x9c41
        trap: .half 0x9002
        pass
        .balign 4
        target: ret`,
    });
    expect(run.values.slice(0, 2)).toEqual([1n, run.addressOf('linked')]);
    expect(run.traps.map(({cause, pc, tval}) => [cause, pc, tval])).toEqual([
      [2n, run.addressOf('trap0'), 0n],
      [2n, run.addressOf('trap1'), 0x9c41n],
      [3n, run.addressOf('trap2'), run.addressOf('trap2')],
    ]);
  });
});
