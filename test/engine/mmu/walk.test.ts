import {describe, expect, it} from 'vitest';
import {buildGuest, createMachine, type Guest, runGuest} from '../../support/bare-guest.js';
import {PageTables, PTE, RWX, segmentOf} from '../../support/page-tables.js';

const TABLES = 0x8040_0000;
const DATA = 0x8020_0000;
const LOAD_PAGE = 13n;
const STORE_PAGE = 15n;
const FETCH_PAGE = 12n;
const ADUE = 1n << 61n;

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

describe.each([
  ['Sv39', 3, 38n],
  ['Sv48', 4, 47n],
  ['Sv57', 5, 56n],
] as const)('%s', (_name, levels, topBit) => {
  const high = BigInt.asUintN(64, -1n << topBit);
  const low = (1n << topBit) - 0x4000_0000n;

  it('translates 4 KiB, 2 MiB and 1 GiB pages in both halves of the address space', async () => {
    const tables = new PageTables(TABLES, levels).mapIdentity();
    tables.map(high, BigInt(DATA), RWX);
    tables.map(high + 0x1ff000n, BigInt(DATA) + 0x1000n, RWX);
    tables.map(high + 0x20_0000n, 0x8020_0000n, RWX, 1);
    tables.map(low, 0x8000_0000n, RWX, 2);
    const run = await runGuest({
      text: `${enter(tables)}
        ${[high, high + 0x1ff008n, high + 0x20_1008n, low + 0x20_0000n, low + 0x20_1008n]
          .map((address) => `li t0, ${address}\nld s0, 0(t0)\nsave s0`)
          .join('\n')}
        li t0, ${low + 0x20_2000n}
        li t1, 0x77
        sd t1, 0(t0)
        li t0, ${DATA + 0x2000}
        ld s0, 0(t0)
        save s0
        pass`,
      segments: [tables.segment(), segmentOf(DATA, '.dword 0x1111'), segmentOf(DATA + 0x1008, '.dword 0x2222')],
    });
    expect(run.traps).toEqual([]);
    expect(run.values.slice(0, 6)).toEqual([0x1111n, 0x2222n, 0x2222n, 0x1111n, 0x2222n, 0x77n]);
  });

  it('faults on addresses whose upper bits do not repeat the top bit, with the address as value', async () => {
    const tables = new PageTables(TABLES, levels).mapIdentity();
    const bad = [1n << topBit, 1n << (topBit + 1n), 1n << 63n, (1n << 64n) - (1n << (topBit + 1n))];
    const run = await runGuest({
      text: `${enter(tables)}
        ${bad.map((address) => `li t0, ${address}\ntrap: ld s0, 0(t0)\ntrap: sd s0, 8(t0)\ntrap: jalr ra, 0(t0)`).join('\n')}
        pass`,
      segments: [tables.segment()],
    });
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual(
      bad.flatMap((address) => [
        [LOAD_PAGE, address],
        [STORE_PAGE, address + 8n],
        [FETCH_PAGE, address],
      ]),
    );
  });
});

describe('a page table walk', () => {
  it('refuses what the specification reserves', async () => {
    const tables = new PageTables(TABLES).mapIdentity();
    const base = 0x4000_0000n;
    const page = (BigInt(DATA) >> 12n) << 10n;
    const entries: readonly (readonly [string, bigint, number])[] = [
      ['not valid', page | (RWX & ~PTE.V), 0],
      ['writable but not readable', page | (RWX & ~PTE.R), 0],
      ['bit 54', page | RWX | (1n << 54n), 0],
      ['bit 61 (Svpbmt)', page | RWX | (1n << 61n), 0],
      ['bit 63 (Svnapot)', page | RWX | (1n << 63n), 0],
      ['a pointer at the last level', page | PTE.V, 0],
      ['a pointer with A', page | PTE.V | PTE.A, 1],
      ['a pointer with D', page | PTE.V | PTE.D, 1],
      ['a pointer with U', page | PTE.V | PTE.U, 1],
      ['a misaligned 2 MiB page', page + (1n << 10n) + RWX, 1],
      ['a misaligned 1 GiB page', page | RWX, 2],
    ];
    const addresses = entries.map(([, , level], i) => base + BigInt(i) * (level === 2 ? 0x4000_0000n : 0x20_0000n));
    entries.forEach(([, entry, level], i) => {
      tables.put(addresses[i]!, entry, level);
    });
    const run = await runGuest({
      text: `${enter(tables)}
        ${addresses.map((address) => `li t0, ${address}\ntrap: ld s0, 16(t0)`).join('\n')}
        pass`,
      segments: [tables.segment()],
    });
    expect(run.traps.map(({cause, tval}, i) => [entries[i]?.[0], cause, tval])).toEqual(
      entries.map(([name], i) => [name, LOAD_PAGE, addresses[i]! + 16n]),
    );
  });

  it('raises the access fault of the access when a table lies outside RAM', async () => {
    const tables = new PageTables(TABLES).mapIdentity();
    tables.put(0x4000_0000n, (0x10_0000_0000n >> 2n) | PTE.V, 1);
    tables.map(0x4020_0000n, 0x10_0000_0000n, RWX);
    const run = await runGuest({
      text: `${enter(tables)}
        ${['0x40000000', '0x40200000'].map((address) => `li t0, ${address}\ntrap: ld s0, 8(t0)\ntrap: sd s0, 8(t0)\ntrap: jalr ra, 8(t0)`).join('\n')}
        pass`,
      segments: [tables.segment()],
    });
    expect(run.traps.map(({cause, tval}) => [cause, tval])).toEqual(
      [0x4000_0008n, 0x4020_0008n].flatMap((tval) => [5n, 7n, 1n].map((cause) => [cause, tval])),
    );
  });
});

/** What the specification says of one access: its page fault cause, or 0. */
function expected(flags: bigint, access: 0 | 1 | 2, context: Context, hasAdue: boolean): bigint {
  const cause = [LOAD_PAGE, STORE_PAGE, FETCH_PAGE][access]!;
  const has = (bit: bigint) => (flags & bit) !== 0n;
  if (!has(PTE.R) && has(PTE.W)) return cause;
  // Neither R nor X at the last level: a pointer to nowhere.
  if (!has(PTE.R) && !has(PTE.X)) return cause;
  if (context.isUser !== has(PTE.U) && !(has(PTE.U) && context.sum && access !== 2)) return cause;
  const isAllowed = [has(PTE.R) || (context.mxr && has(PTE.X)), has(PTE.W), has(PTE.X)][access];
  if (!isAllowed) return cause;
  const isMarked = has(PTE.A) && (access !== 1 || has(PTE.D));
  return isMarked || hasAdue ? 0n : cause;
}

interface Context {
  readonly name: string;
  readonly isUser: boolean;
  readonly sum: boolean;
  readonly mxr: boolean;
}

const contexts: readonly Context[] = [
  {name: 'S-mode', isUser: false, sum: false, mxr: false},
  {name: 'S-mode with SUM', isUser: false, sum: true, mxr: false},
  {name: 'S-mode with MXR', isUser: false, sum: false, mxr: true},
  {name: 'U-mode', isUser: true, sum: false, mxr: false},
  {name: 'U-mode with SUM and MXR', isUser: true, sum: true, mxr: true},
];

describe.each(contexts)('page permissions in $name', (context) => {
  it.each([false, true])('are those of the specification; hardware sets A and D: %s', async (hasAdue) => {
    const tables = new PageTables(TABLES).mapIdentity(context.isUser ? RWX | PTE.U : RWX);
    const base = 0x4000_0000n;
    // R W X U A D in every combination, a page of its own for each kind of access.
    const combinations = Array.from({length: 64}, (_, i) => {
      const rwxu = BigInt(i & 15) << 1n;
      return PTE.V | rwxu | (i & 16 ? PTE.A : 0n) | (i & 32 ? PTE.D : 0n);
    });
    const entries = combinations.flatMap((flags, i) =>
      [0, 1, 2].map((access) => tables.map(base + BigInt(i * 3 + access) * 0x1000n, BigInt(DATA), flags)),
    );
    const guest: Guest = {
      text: `${openPmp}
        li t0, ${hasAdue ? ADUE : 0n}
        csrw menvcfg, t0
        li t0, ${(context.sum ? 1 << 18 : 0) | (context.mxr ? 1 << 19 : 0)}
        csrs mstatus, t0
        li t0, ${tables.satp()}
        csrw satp, t0
        la t0, count
        csrw mtvec, t0
        li s0, ${base}
        li s1, 64
        li s3, 0x1000
        to ${context.isUser ? 'U' : 'S'}, loop
        loop:
        li s2, 0
        la s11, loaded
        ld t1, 0(s0)
        loaded: sb s2, 0(tp)
        add s0, s0, s3
        li s2, 0
        la s11, stored
        sd t1, 8(s0)
        stored: sb s2, 1(tp)
        add s0, s0, s3
        li s2, 0
        la s11, fetched
        jalr ra, 0(s0)
        fetched: sb s2, 2(tp)
        add s0, s0, s3
        addi tp, tp, 3
        addi s1, s1, -1
        bnez s1, loop
        pass
        .balign 4
        count:
        csrr s2, mcause
        csrw mepc, s11
        mret`,
      segments: [tables.segment(), segmentOf(DATA, 'ret')],
    };
    const {elf} = buildGuest(guest);
    await using machine = await createMachine(guest, elf);
    machine.start();
    expect(await machine.exited).toEqual({kind: 'poweroff', status: 0});
    const {view, baseAddress} = machine.memory;
    const wrong: unknown[] = [];
    combinations.forEach((flags, i) => {
      for (const access of [0, 1, 2] as const) {
        const cause = BigInt(view.getUint8(0x10_4000 + i * 3 + access));
        const want = expected(flags, access, context, hasAdue);
        const entry = view.getBigUint64(entries[i * 3 + access]! - baseAddress, true) & 0xffn;
        const marks = want === 0n ? PTE.A | (access === 1 ? PTE.D : 0n) : 0n;
        if (cause !== want || entry !== (flags | marks)) wrong.push({flags, access, cause, want, entry});
      }
    });
    expect(wrong).toEqual([]);
  });
});
