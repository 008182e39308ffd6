/** The walks and fills of generated code against those of the runtime, on random page tables. */
import {describe, expect, it} from 'vitest';
import {buildAddressFunctions} from '../../../src/engine/codegen/tlb-fill.js';
import {ModuleBuilder} from '../../../src/engine/codegen/wasm/module.js';
import {CAUSE} from '../../../src/engine/hart/causes.js';
import {MENVCFG, SLOT} from '../../../src/engine/hart/csr-table.js';
import * as H from '../../../src/engine/hart/layout.js';
import {HartState, viewMemory} from '../../../src/engine/hart/state.js';
import {Bus} from '../../../src/engine/memory/bus.js';
import {layoutMemory, PAGE_BYTES, RAM_BASE} from '../../../src/engine/memory/layout.js';
import {PAGE_FLAG} from '../../../src/engine/memory/ram.js';
import {Mmu} from '../../../src/engine/mmu/mmu.js';
import {ACCESS} from '../../../src/engine/mmu/walk.js';
import {SeededRandom} from '../../support/seeded-random.js';

const RAM_PAGES = 1024;
/** Four tables of each level, the lowest first. */
const TABLE_PAGES = 20;
const WASM_PAGE = 65536;
const RAM_PPN = RAM_BASE / PAGE_BYTES;
const layout = layoutMemory(RAM_PAGES * PAGE_BYTES, 2, 0);
/** Everything up to the decoded code, and the page tables. */
const COMPARED = [
  [0, layout.slots[0]!],
  [layout.ram, layout.ram + TABLE_PAGES * PAGE_BYTES],
] as const;

type AddressFunction = (hart: number, vaddr: bigint, bytes: number) => number;

/** A hart's memory, with the generated functions and the runtime's over it. */
function createSide() {
  const pages = Math.ceil(layout.totalBytes / WASM_PAGE);
  const module = new ModuleBuilder({initialPages: pages, maximumPages: pages});
  buildAddressFunctions(module, layout);
  const memory = new WebAssembly.Memory({initial: pages, maximum: pages, shared: true});
  const {exports} = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {env: {memory}});
  const views = viewMemory(memory.buffer);
  const state = new HartState(0, views, layout);
  const mmu = new Mmu(state, new Bus([], views.i32));
  return {
    state,
    mmu,
    read: exports['readAddress'] as AddressFunction,
    write: exports['writeAddress'] as AddressFunction,
    parts: COMPARED.map(([from, to]) => Buffer.from(memory.buffer, from, to - from)),
    tables: new BigUint64Array(memory.buffer, layout.ram, (TABLE_PAGES * PAGE_BYTES) / 8),
  };
}

type Side = ReturnType<typeof createSide>;

function openPmp({state, mmu}: Side): void {
  state.setCsr(SLOT.pmpcfg0, 0x1fn);
  state.setCsr(SLOT.pmpaddr0, (1n << 54n) - 1n);
  mmu.pmp.update();
}

/** What the runtime says of an access: its host address, or -1 for a fault or what is not RAM. */
function byRuntime({mmu}: Side, vaddr: bigint, access: 0 | 1, bytes: number): number {
  const [low, high] = halves(vaddr);
  if (Number(vaddr & 0xfffn) + bytes > PAGE_BYTES || !mmu.translate(low, high, access, bytes)) return -1;
  return mmu.hostAddress(low, high, access);
}

const halves = (vaddr: bigint) => [Number(BigInt.asIntN(32, vaddr)), Number(BigInt.asIntN(32, vaddr >> 32n))] as const;

/** 9-bit numbers that addresses are made of: few, so that they meet entries; 2 of a 512 GiB page is where RAM lies. */
const NUMBERS = [0, 1, 2, 511];

/** A valid leaf, pointer or nonsense for a level. */
function randomEntry(random: SeededRandom, level: number): bigint {
  if (random.chance(5)) return random.u64();
  if (level > 0 && random.chance(80)) {
    const flags = random.chance(3) ? BigInt(random.below(256)) : BigInt(random.chance(20) ? 0x21 : 1);
    const table = random.chance(95) ? 4 * (level - 1) + random.below(4) : random.below(3 * RAM_PAGES);
    return (BigInt(RAM_PPN + table) << 10n) | flags;
  }
  const span = 2 ** (9 * level);
  const page = RAM_PPN + (random.chance(10) ? random.below(2 * RAM_PAGES) : random.below(RAM_PAGES));
  const aligned = random.chance(5) ? page : page - (page % span);
  const flags = random.chance(40)
    ? BigInt(random.below(256))
    : BigInt(random.pick([0xcf, 0xdf, 0xef, 0x0f, 0x1f, 0x43, 0xcb]));
  const reserved = random.chance(4) ? 1n << BigInt(54 + random.below(10)) : 0n;
  return reserved | (BigInt(aligned) << 10n) | flags;
}

function fillTables(random: SeededRandom, sides: readonly Side[]): void {
  for (let table = 0; table < TABLE_PAGES; table++)
    for (const number of NUMBERS) {
      const entry = randomEntry(random, table >> 2);
      for (const {tables} of sides) tables[table * 512 + number] = entry;
    }
}

function randomAddress(random: SeededRandom, levels: number): bigint {
  let address = 0n;
  for (let i = 0; i < levels; i++) address = (address << 9n) | BigInt(random.pick(NUMBERS));
  const bits = BigInt(9 * levels + 12);
  address = BigInt.asIntN(Number(bits), address << 12n);
  if (random.chance(4)) address ^= 1n << (bits + BigInt(random.below(64 - Number(bits))));
  const offset = random.chance(20) ? PAGE_BYTES - random.below(9) : random.below(PAGE_BYTES);
  return BigInt.asUintN(64, address + BigInt(offset));
}

const differs = (one: Side, two: Side) => one.parts.findIndex((part, i) => part.compare(two.parts[i]!) !== 0);

describe('readAddress and writeAddress', () => {
  it.each([0, 3, 4, 5])('do as the runtime does on random tables of %i levels', (levels) => {
    const random = new SeededRandom(levels + 1);
    const [generated, runtime] = [createSide(), createSide()];
    const sides = [generated, runtime];
    for (const side of sides) openPmp(side);
    let found = 0;
    let faults = 0;
    for (let round = 0; round < 3000; round++) {
      if (round % 50 === 0) fillTables(random, sides);
      const root = levels === 0 ? 0n : BigInt(RAM_PPN + 4 * (levels - 1) + random.below(4));
      const satp = levels === 0 ? 0n : (BigInt(levels + 5) << 60n) | (random.chance(98) ? root : random.u64() >> 20n);
      const privilege = random.pick([0, 1, 1, 3]);
      const status = BigInt((random.below(4) << 18) | (random.below(2) << 17) | (random.pick([0, 1, 3]) << 11));
      const adue = random.chance(60) ? MENVCFG.ADUE : 0n;
      for (const {state, mmu} of sides) {
        state.setCsr(SLOT.satp, satp);
        state.setI32(H.PRIVILEGE, privilege);
        state.setCsr(SLOT.mstatus, status);
        state.setCsr(SLOT.menvcfg, adue);
        mmu.tlb.chooseAddressSpace();
        mmu.updateMode();
      }
      const inRam = BigInt(RAM_BASE + random.below((RAM_PAGES + 1) * PAGE_BYTES));
      const vaddr = levels === 0 ? (random.chance(90) ? inRam : random.u64()) : randomAddress(random, levels);
      const access = random.pick([ACCESS.read, ACCESS.write]);
      const bytes = random.pick([1, 2, 4, 8]);
      // A hit needs no walk, and its permissions were those of another state.
      for (const {mmu} of sides) mmu.tlb.flushAll();
      const got = (access === ACCESS.read ? generated.read : generated.write)(generated.state.base, vaddr, bytes);
      const isFault = got === -1 && generated.state.i32(H.PAGE_FAULT) !== 0;
      generated.state.setI32(H.PAGE_FAULT, 0);
      if (got === -1) expect(differs(generated, runtime)).toBe(-1);
      runtime.mmu.cause = 0;
      const want = byRuntime(runtime, vaddr, access, bytes);
      expect({round, got}).toEqual({round, got: want});
      const pageFault = access === ACCESS.read ? CAUSE.loadPage : CAUSE.storePage;
      if (isFault) {
        expect({round, cause: runtime.mmu.cause}).toEqual({round, cause: pageFault});
        faults++;
      }
      if (want === -1) {
        // What the runtime changed before it found the fault is its own affair: A and D ahead of an access fault.
        for (const [i, part] of runtime.parts.entries()) part.copy(generated.parts[i]!);
        continue;
      }
      found++;
      expect({round, differs: differs(generated, runtime)}).toEqual({round, differs: -1});
      // The entry serves the rest of the page, misaligned or not, without a walk.
      generated.tables.fill(0n);
      const again = vaddr & ~0xfffn;
      expect((access === ACCESS.read ? generated.read : generated.write)(generated.state.base, again + 1n, 8)).toBe(
        got - Number(vaddr & 0xfffn) + 1,
      );
      generated.tables.set(runtime.tables);
    }
    expect(found).toBeGreaterThan(200);
    if (levels > 0) expect(faults).toBeGreaterThan(200);
  });

  it('leave pages with code, and the watched page, to the runtime as far as stores go', () => {
    const {state, mmu, read, write} = createSide();
    state.setI32(H.PRIVILEGE, 3);
    mmu.watch(RAM_BASE + 5 * PAGE_BYTES + 64, () => {});
    mmu.pmp.update();
    mmu.tlb.chooseAddressSpace();
    mmu.updateMode();
    state.views.u8[layout.pageFlags + 4] = PAGE_FLAG.code;
    for (const page of [4, 5]) {
      const at = BigInt(RAM_BASE + page * PAGE_BYTES);
      expect(write(state.base, at, 8)).toBe(-1);
      expect(read(state.base, at, 8)).toBe(layout.ram + page * PAGE_BYTES);
    }
    expect(state.views.u8[layout.pageFlags + 5]).toBe(0);
  });

  it('answer only for RAM that PMP leaves alone', () => {
    const side = createSide();
    const {state, mmu, read, write} = side;
    const napot = (page: number, pages: number) => BigInt((RAM_PPN + page) * 1024 + pages * 512 - 1);
    // Pages 8…15 are read-only, half of page 32 is closed, the rest is open to all.
    state.setCsr(SLOT.pmpaddr0, napot(8, 8));
    state.setCsr(SLOT.pmpaddr0 + 1, napot(32, 0.5));
    state.setCsr(SLOT.pmpaddr0 + 2, (1n << 54n) - 1n);
    state.setCsr(SLOT.pmpcfg0, 0x1f_18_19n);
    mmu.pmp.update();
    mmu.tlb.chooseAddressSpace();
    for (const privilege of [1, 3]) {
      state.setI32(H.PRIVILEGE, privilege);
      mmu.updateMode();
      for (const access of [ACCESS.read, ACCESS.write]) {
        for (const page of [0, 7, 8, 15, 16, 31, 32, 33, 1023]) {
          const at = BigInt(RAM_BASE + page * PAGE_BYTES + 8);
          mmu.tlb.flushAll();
          const got = (access === ACCESS.read ? read : write)(state.base, at, 8);
          // The longest run of open pages; M-mode may use the others too, by way of the runtime.
          const isOpen = page >= 33;
          expect({privilege, page, got}).toEqual({privilege, page, got: isOpen ? byRuntime(side, at, access, 8) : -1});
        }
      }
    }
  });
});
