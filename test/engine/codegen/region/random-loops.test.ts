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

/** Arithmetic in 32 and 64 bits, mixed, with constants and pairs of shifts. */
function randomArithmetic(random: SeededRandom): string {
  const [target, one, two] = [random.pick(values), random.pick(values), random.pick([...values, 'zero'])];
  switch (random.below(6)) {
    case 0:
      return `${random.pick(['add', 'xor', 'sub', 'mul', 'and', 'or', 'slt', 'sltu', 'mulhu', 'mulh'])} ${target}, ${one}, ${two}`;
    case 1:
      return `${random.pick(['addw', 'subw', 'sllw', 'srlw', 'sraw', 'mulw', 'divuw', 'remw'])} ${target}, ${one}, ${two}`;
    case 2:
      return `${random.pick(['addi', 'andi', 'ori', 'xori', 'slti', 'addiw'])} ${target}, ${one}, ${random.pick([0, 0, 1, 255, -1, -2048])}`;
    case 3:
      return `${random.pick(['slliw', 'srliw', 'sraiw'])} ${target}, ${one}, ${random.below(32)}`;
    case 4:
      return random.chance(50)
        ? `lui ${target}, ${random.below(1 << 20)}`
        : `li ${target}, ${random.pick([0, -1, 77])}`;
    default: {
      const left = random.pick([32, 32, 48, 56, 40]);
      const right = random.chance(60) ? left : 1 + random.below(63);
      return `slli ${target}, ${one}, ${left}\n${random.pick(['srli', 'srli', 'srai'])} ${target}, ${target}, ${right}`;
    }
  }
}

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
  const arithmetic = () => randomArithmetic(random);
  const step = () => {
    const pointer = random.pick(moved.length > 0 ? moved : pointers);
    return `addi ${pointer}, ${pointer}, ${random.pick(strides)}`;
  };
  const isQuiet = random.chance(50);
  const count = 1 + random.below(isQuiet ? 20 : 8);
  for (let i = 0; i < count; i++) {
    const kind = random.below(20);
    if (kind < (isQuiet ? 1 : 8)) lines.push(access());
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

/** Loops of arithmetic on registers, some of it read from memory, left by any of some branches. */
function arithmetic(seed: number): Guest {
  const random = new SeededRandom(seed);
  const branch = (to: string) =>
    `${random.pick(['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'])} ${random.pick(values)}, ${random.pick([...values, 'zero'])}, ${to}`;
  const loop = (id: number) => {
    const lines = Array.from({length: 3 + random.below(20)}, (_, i) => {
      if (random.chance(8)) return `${random.pick(loads)} ${random.pick(values)}, ${random.below(64)}(s1)`;
      if (random.chance(5)) return `${random.pick(stores)} ${random.pick(values)}, ${random.below(64)}(s1)`;
      if (random.chance(5)) return branch(`end${id}`);
      if (random.chance(8)) return `${branch(`skip${id}_${i}`)}\n${randomArithmetic(random)}\nskip${id}_${i}: nop`;
      return randomArithmetic(random);
    });
    return `
      li s1, ${DATA}
      li s5, ${2 + random.below(12)}
      ${values.map((value) => `li ${value}, ${random.chance(50) ? random.u64() : BigInt.asIntN(32, random.u64())}`).join('\n')}
      loop${id}:
      ${lines.join('\n')}
      addi s1, s1, ${random.pick([0, 8, 4])}
      addi s5, s5, -1
      bnez s5, loop${id}
      end${id}:
      ${[...values, 's5'].map((register) => `save ${register}`).join('\n')}
      csrr t0, instret
      save t0`;
  };
  return {text: `${Array.from({length: 60}, (_, id) => loop(id)).join('\n')}\npass`};
}

describe.each([
  ['with translation', translated, 4],
  ['at the ends of RAM', bare, 4],
  ['of arithmetic', arithmetic, -1],
])('random loops %s', (_name, guest, fewestTraps) => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('do as regions what they do in the interpreter (seed %i)', async (seed) => {
    const [plain, regions] = await Promise.all([
      runGuest({...guest(seed), tier: {...REGIONS, tier: 'interpreter'}}),
      runGuest({...guest(seed), tier: REGIONS}),
    ]);
    expect(plain.exit).toEqual({kind: 'poweroff', status: 0});
    expect(regions.traps).toEqual(plain.traps);
    expect(regions.values).toEqual(plain.values);
    expect(regions.exit).toEqual(plain.exit);
    expect(plain.traps.length).toBeGreaterThan(fewestTraps);
  });
});
