import {describe, expect, it} from 'vitest';
import {disassemble} from '../../../src/engine/debug/disassembler.js';
import {csrTable} from '../../../src/engine/hart/csr-table.js';
import {instructions} from '../../../src/engine/isa/instructions.js';
import {binutils, objdump} from '../../support/binutils.js';
import {SeededRandom} from '../../support/seeded-random.js';
import {itWith} from '../../support/tools.js';

const PER_RECORD = 60;
/** Known to the records only, or by any bits in fields that binutils wants at zero. */
const newer = new Set(['czero.eqz', 'czero.nez']);
const withoutFields = new Set(['fence', 'fence.i', 'fcvt.d.s', 'fcvt.d.w', 'fcvt.d.wu']);

/** Spellings in which binutils differs from the records by design. */
function normalise(text: string): string {
  return text
    .replace(/,dyn$/, '')
    .replace(/^((?:b|jal ).*,)([0-9a-f]+)$/, (_, head: string, target: string) => `${head}0x${target}`)
    .replace(/^fence .*$/, 'fence')
    .replace(/^(fcvt\.d\.(?:s|w|wu) .*),rne$/, '$1');
}

describe('the disassembler', () => {
  itWith(binutils, 'spells every instruction as binutils does', async () => {
    const random = new SeededRandom(9);
    const csrs = csrTable.map(({number}) => number);
    const encodings = instructions.flatMap(({name, format, match, mask, hasRounding}) =>
      Array.from({length: newer.has(name) ? 0 : PER_RECORD}, () => {
        let bits = ((random.u32() & ~mask) | match) >>> 0;
        if (format === 'csr' || format === 'csri') bits = ((bits & 0xfffff) | (random.pick(csrs) << 20)) >>> 0;
        if (hasRounding) bits = ((bits & ~0x7000) | (random.pick([0, 1, 2, 3, 4, 7]) << 12)) >>> 0;
        return withoutFields.has(name) ? (bits & (mask | (name.startsWith('fence') ? 0 : 0xf8f80))) >>> 0 : bits;
      }),
    );
    const theirs = await objdump(encodings, 'no-aliases');
    const wrong = encodings.flatMap((bits, i) => {
      const ours = normalise(disassemble(bits, BigInt(i * 8)).text);
      const other = normalise(theirs[i]!);
      return ours === other ? [] : [`${bits.toString(16)}: ${ours} | ${other}`];
    });
    expect({count: wrong.length, wrong: wrong.slice(0, 20)}).toEqual({count: 0, wrong: []});
  });

  it('shows a compressed instruction as the one it stands for, with its own length', () => {
    expect(disassemble(0x4505, 0n)).toMatchObject({text: 'addi a0,zero,1', lengthBytes: 2});
    expect(disassemble(0x8082, 0n)).toMatchObject({text: 'jalr zero,0(ra)', lengthBytes: 2});
    expect(disassemble(0xa001, 0x8000_0000n)).toMatchObject({text: 'jal zero,0x80000000', lengthBytes: 2});
  });

  it('shows what is no instruction as data', () => {
    expect(disassemble(0, 0n)).toEqual({text: '.2byte 0x0', lengthBytes: 2});
    expect(disassemble(0xffffffff | 0, 0n)).toEqual({text: '.4byte 0xffffffff', lengthBytes: 4});
  });

  it('knows CSRs by name, and prints others and reads as the general instruction', () => {
    expect(disassemble(0x30002573, 0n).text).toBe('csrrs a0,mstatus,zero');
    expect(disassemble(0x7c0157f3, 0n).text).toBe('csrrwi a5,0x7c0,2');
  });

  it('prints targets as 64-bit addresses', () => {
    expect(disassemble(0xfe000ee3 | 0, 0n).text).toBe('beq zero,zero,0xfffffffffffffffc');
  });
});
