/** SBI's remote fences between two harts of a directly booted supervisor. */
import {describe, expect, it} from 'vitest';
import {Assembler} from '../../../src/engine/debug/assembler.js';
import {writeElf} from '../../../src/engine/debug/elf-writer.js';
import {Machine} from '../../../src/engine/machine.js';
import {platformModels, standardPlatform} from '../../../src/engine/platform/standard-platform.js';
import {assembleText} from '../../support/assembly-text.js';
import {PageTables, RWX, segmentOf} from '../../support/page-tables.js';
import {testTier} from '../../support/tier.js';

const CODE = 0x8020_0000;
const ONE = 0x8030_0000;
const TWO = 0x8060_0000;
const PAGE = 0x4007_7000n;
const ASID = 9;
const leaf = (physical: number) => ((BigInt(physical) >> 12n) << 10n) | RWX;

/** Boots two harts: the second goes round in a loop that only another mapping of PAGE ends, the first makes that. */
async function run(fid: 1 | 2, range: readonly [start: bigint, size: bigint], asid: number, loop: string) {
  const tables = new PageTables(0x8040_0000).mapIdentity();
  const entry = tables.map(PAGE, BigInt(ONE), RWX);
  const a = new Assembler(CODE);
  assembleText(
    a,
    `
    la s0, started
    li s9, 1
    li a7, 0x48534d
    li a6, 0
    xori a0, a0, 1
    mv s10, a0
    la a1, second
    ecall
    wait: ld t0, 0(s0)
    beqz t0, wait
    # The other hart may still be on its way into the loop; once round the clock it is in it.
    csrr t0, time
    li t1, 20000
    add t0, t0, t1
    pass: csrr t1, time
    blt t1, t0, pass
    li t0, ${entry}
    li t1, ${leaf(TWO)}
    sd t1, 0(t0)
    li a7, 0x52464e43
    li a6, ${fid}
    sll a0, s9, s10
    li a1, 0
    li a2, ${range[0]}
    li a3, ${range[1]}
    li a4, ${asid}
    ecall
    ended: ld t0, 8(s0)
    beqz t0, ended
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
    stay: j stay
    second:
    la s0, started
    li s9, 1
    li t0, ${tables.satp(ASID)}
    csrw satp, t0
    li s1, ${PAGE}
    li s2, 1
    ld s3, 0(s1)
    sd s9, 0(s0)
    ${loop}
    sd s9, 8(s0)
    park: j park
    .balign 64
    started: .dword 0
    .dword 0`,
  );
  const kernel = writeElf({
    entry: CODE,
    segments: [
      {address: CODE, bytes: a.finish()},
      segmentOf(ONE, '.dword 1'),
      segmentOf(ONE + 8, 'again: addi a0, a0, 1\nj again'),
      tables.segment(),
      segmentOf(TWO, '.dword 2'),
      segmentOf(TWO + 8, 'ret\nret\nret'),
    ],
  });
  await using machine = await Machine.create(
    {
      memoryBytes: 64 * 1024 ** 2,
      hartCount: 2,
      ...testTier(),
      boot: {kind: 'linux', kernel, commandLine: ''},
      devices: standardPlatform(),
    },
    {
      hartWorker: new URL('../../../dist/engine-hart.js', import.meta.url),
      compilerWorker: new URL('../../../dist/compiler.js', import.meta.url),
      models: platformModels,
    },
  );
  machine.start();
  return await machine.exited;
}

const data = 'again: ld t0, 0(s1)\nbeq t0, s2, again';
const code = 'jalr ra, 8(s1)';

describe.each([
  ['loads', data],
  ['fetches', code],
])('a remote fence of translations is seen by the %s of a hart in a loop', (_name, loop) => {
  it.each([
    ['of a page', 1, [PAGE, 4096n], 0],
    ['of three pages', 1, [PAGE - 4096n, 0x3000n], 0],
    ['of bytes that reach into the page', 1, [PAGE - 8n, 16n], 0],
    ['of very many pages', 1, [PAGE - 0x100_0000n, 0x200_0000n], 0],
    ['of everything', 1, [0n, 0n], 0],
    ['of everything, said by the size', 1, [0n, -1n], 0],
    ['of a page of an address space', 2, [PAGE, 4096n], ASID],
    ['of a whole address space', 2, [0n, -1n], ASID],
  ] as const)('%s', async (_what, fid, range, asid) => {
    expect(await run(fid, range, asid, loop)).toEqual({kind: 'poweroff', status: 0});
  });
});
