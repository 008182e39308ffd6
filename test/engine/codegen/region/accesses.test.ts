/** Loads and stores of regions, where they differ from the interpreter's. */
import {describe, expect, it} from 'vitest';
import {runGuest} from '../../../support/bare-guest.js';
import {PageTables, RWX} from '../../../support/page-tables.js';
import {REGIONS} from '../../../support/tier.js';

const DATA = 0x8020_0000;

const enter = (tables: PageTables) => `
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, ${tables.satp()}
  csrw satp, t0
  to S, supervisor
  supervisor:`;
/** The body runs some times over, from the second on as a region. */
const repeated = (body: string, rounds = 3) => `
  li s10, ${rounds}
  repeat:
    ${body}
    addi s10, s10, -1
    bnez s10, repeat
  pass`;

describe('an empty TLB entry', () => {
  it('is for no address, not even the one its tag looks like', async () => {
    const addresses = [-1n, -4096n, -0x1000_1000n, 0n, 0xfffn, 0x3fffffn, 0xffff_ffffn, 0xffff_fffen];
    const run = await runGuest({
      tier: REGIONS,
      text: repeated(
        addresses.map((address) => `li s1, ${address}\ntrap: lbu s0, 0(s1)\ntrap: sb s0, 0(s1)`).join('\n'),
      ),
    });
    const want = addresses.flatMap((address) => [5n, 7n].map((cause) => [cause, BigInt.asUintN(64, address)]));
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([want, want, want].flat());
  });

  it.each([0x3_ffff_f000n, 0x4000_0000n, 0x403f_e000n])('is left behind by a fence of page %s', async (page) => {
    const tables = new PageTables(0x8040_0000).mapIdentity();
    const entry = tables.map(page, BigInt(DATA), RWX);
    const run = await runGuest({
      tier: REGIONS,
      text: `${enter(tables)}
        li s1, ${page}
        li s2, ${entry}
        ld s3, 0(s2)
        ${repeated(`
          ld s0, 0(s1)
          sd s0, 8(s1)
          sd zero, 0(s2)
          sfence.vma s1, zero
          trap: ld s0, 0(s1)
          trap: sb s0, 0x7ff(s1)
          li s4, ${page + 0xfffn}
          trap: lbu s0, 0(s4)
          sfence.vma s1, zero
          trap: lbu s0, 0(s4)
          sd s3, 0(s2)
          sfence.vma s1, zero`)}`,
      segments: [tables.segment()],
    });
    const want = [
      [13n, page],
      [15n, page + 0x7ffn],
      [13n, page + 0xfffn],
      [13n, page + 0xfffn],
    ];
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual([want, want, want].flat());
  });
});
