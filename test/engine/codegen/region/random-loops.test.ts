/**
 * Random loops that walk through memory, run by the interpreter and as regions: every register, trap, count of
 * instructions, page table entry and byte must come out the same, wherever in the loop an access faults.
 */
import {describe, expect, it} from 'vitest';
import {type Guest, runGuest} from '../../../support/bare-guest.js';
import {PageTables, PTE} from '../../../support/page-tables.js';
import {SeededRandom} from '../../../support/seeded-random.js';
import {REGIONS} from '../../../support/tier.js';

const TABLES = 0x8040_0000;
const DATA = 0x8020_0000;
const PAGE = 0x4000_0000;
const RAM_END = 0x8100_0000;
const LOOPS = 24;
/** Frames apart in memory, and in another order, so that nothing goes on behind a page's end by accident. */
const frames = [5, 1, 6, 0, 3, 2, 7].map((frame) => DATA + frame * 0x2000);
const READ = PTE.V | PTE.R;
const WRITE = PTE.V | PTE.R | PTE.W;
const USER = PTE.V | PTE.R | PTE.W | PTE.U;
/** Rights of neighbouring pages; 0n: not mapped. A and D are set by the hart. */
const rights = [WRITE, WRITE, READ, WRITE, 0n, WRITE, USER];

const pointers = ['s1', 's2', 's3', 's4'];
const values = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'];
const strides = [1, 2, 4, 8, 8, 8, 16, 24, -1, -4, -8, -8, 136, 768, -2048];
const loads = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu', 'ld', 'ld', 'ld'];
const stores = ['sb', 'sh', 'sw', 'sd', 'sd'];

/** One loop's text, with all that it may touch saved behind it. */
function randomLoop(random: SeededRandom, id: number, start: () => number, isSupervisor: boolean): string {
  const lines: string[] = [];
  const moved = pointers.filter(() => random.chance(60));
  const access = () => {
    const pointer = random.pick(pointers);
    const offset = random.chance(70) ? 8 * (random.below(8) - 3) : random.below(200) - 100;
    return random.chance(60)
      ? `${random.pick(loads)} ${random.pick(values)}, ${offset}(${pointer})`
      : `${random.pick(stores)} ${random.pick(values)}, ${offset}(${pointer})`;
  };
  const arithmetic = () =>
    `${random.pick(['add', 'xor', 'addw', 'sub', 'mul'])} ${random.pick(values)}, ${random.pick(values)}, ${random.pick(values)}`;
  const step = () => {
    const pointer = random.pick(moved.length > 0 ? moved : pointers);
    return `addi ${pointer}, ${pointer}, ${random.pick(strides)}`;
  };
  const count = 1 + random.below(8);
  for (let i = 0; i < count; i++) {
    const kind = random.below(20);
    if (kind < 10) lines.push(access());
    else if (kind < 13) lines.push(arithmetic());
    else if (kind < 15) lines.push(step());
    else if (kind === 15) lines.push(`mv ${random.pick(pointers)}, ${random.pick(pointers)}`);
    else if (kind === 16) lines.push(`beqz ${random.pick(values)}, end${id}`);
    else if (kind === 17 && isSupervisor) lines.push(`csr${random.pick(['s', 'c'])} sstatus, s9`, access());
    else if (kind === 18)
      lines.push(`amoadd.d ${random.pick(values)}, ${random.pick(values)}, (${random.pick(pointers)})`);
    else {
      const label = `skip${id}_${i}`;
      lines.push(
        `${random.pick(['blt', 'bne', 'bgeu'])} ${random.pick(values)}, ${random.pick(values)}, ${label}`,
        access(),
        step(),
        `${label}: nop`,
      );
    }
  }
  for (const pointer of moved) lines.push(`addi ${pointer}, ${pointer}, ${random.pick(strides)}`);
  return `
    ${pointers.map((pointer) => `li ${pointer}, ${start()}`).join('\n')}
    li s5, ${1 + random.below(random.chance(20) ? 700 : 30)}
    la s11, end${id}
    loop${id}:
    ${lines.join('\n')}
    addi s5, s5, -1
    bnez s5, loop${id}
    end${id}:
    ${[...pointers, ...values, 's5'].map((register) => `save ${register}`).join('\n')}
    csrr t0, instret
    save t0`;
}

/** Sums every byte of an area into the log. */
const checksum = (id: string, from: number, to: number) => `
  li t0, ${from}
  li t1, ${to}
  li t2, 0
  sum${id}: ld t3, 0(t0)
  slli t4, t2, 5
  add t2, t2, t4
  add t2, t2, t3
  addi t0, t0, 8
  bne t0, t1, sum${id}
  save t2`;

function translated(seed: number): Guest {
  const random = new SeededRandom(seed);
  const tables = new PageTables(TABLES).mapIdentity();
  const entries = rights.map((flags, i) =>
    flags === 0n ? 0 : tables.map(BigInt(PAGE + i * 0x1000), BigInt(frames[i]!), flags),
  );
  // Near a page's end or start more often than not.
  const start = () =>
    PAGE +
    random.below(rights.length + 1) * 0x1000 +
    (random.chance(60) ? random.below(128) - 64 : random.below(0x1000));
  return {
    text: `
      li t0, -1
      csrw pmpaddr0, t0
      csrw mcounteren, t0
      li t0, 0x1f
      csrw pmpcfg0, t0
      li t0, ${1n << 61n}
      csrw menvcfg, t0
      li t0, ${tables.satp()}
      csrw satp, t0
      li s9, 0x40000
      to S, supervisor
      supervisor:
      ${Array.from({length: LOOPS}, (_, id) => randomLoop(random, id, start, true)).join('\n')}
      la s11, sums
      sums:
      ${frames.map((frame, i) => checksum(`${i}`, frame, frame + 0x1000)).join('\n')}
      ${entries.map((entry) => (entry === 0 ? '' : `li t0, ${entry}\nld t1, 0(t0)\nsave t1`)).join('\n')}
      pass`,
    segments: [tables.segment()],
  };
}

function bare(seed: number): Guest {
  const random = new SeededRandom(seed);
  // Around both ends of RAM; loops must not write the program, so the lower one is only met from below.
  const start = () => (random.chance(70) ? RAM_END - 0x400 + random.below(0x480) : 0x7fff_f000 + random.below(0xf00));
  return {
    text: `
      ${Array.from({length: LOOPS}, (_, id) => randomLoop(random, id, start, false)).join('\n')}
      la s11, sums
      sums:
      ${checksum('', RAM_END - 0x2000, RAM_END)}
      pass`,
  };
}

describe.each([
  ['with translation', translated],
  ['at the ends of RAM', bare],
])('random loops %s', (_name, guest) => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('do as regions what they do in the interpreter (seed %i)', async (seed) => {
    const [plain, regions] = await Promise.all([
      runGuest({...guest(seed), tier: {...REGIONS, tier: 'interpreter'}}),
      runGuest({...guest(seed), tier: REGIONS}),
    ]);
    expect(plain.exit).toEqual({kind: 'poweroff', status: 0});
    expect(regions.traps).toEqual(plain.traps);
    expect(regions.values).toEqual(plain.values);
    expect(regions.exit).toEqual(plain.exit);
    expect(plain.traps.length).toBeGreaterThan(4);
  });
});
