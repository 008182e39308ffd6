/**
 * One hart's TLBs: which banks are in force, entries made and forgotten. Generated code looks entries up and makes some
 * by itself (`codegen/tlb-fill.ts`); the layout is in `memory/layout.ts`.
 *
 * Banks: entries are kept apart by what the access may see (bare M, S, S with SUM, U), so that a change of privilege or
 * of SUM switches a bank instead of flushing. S-mode's own pages are global in the kernels that matter, so one bank
 * serves all address spaces; the first page in it that is not is remembered, and then the bank goes with its space.
 * The other two banks exist once for each of the last satp values: switching back to one of those forgets nothing.
 * An address space is known by its whole satp, so that ASIDs used again for other tables need no care here.
 *
 * Generated code takes an entry when tag XOR address leaves less than a page, so an empty entry's tag must lie in a page
 * that never looks there: the neighbour of the one it held. The low 12 bits of such a tag are ones. In memory never used
 * all tags are those of page 0, which looks in the first entry only.
 */
import {SLOT} from '../hart/csr-table.js';
import {BANK, DATA_BANK, EXEC_BANK, TLB_FLAGS, TlbFlag} from '../hart/layout.js';
import type {HartState} from '../hart/state.js';
import {
  ADDRESS_SPACES,
  BANK_BYTES,
  BANKS,
  PAGE_BYTES,
  SPACE_BYTES,
  SPACES_OFFSET,
  TLB_BYTES,
  TLB_EMPTYING,
  TLB_ENTRIES,
  TLB_ENTRY_BYTES,
  TLB_GROUP,
  TLB_USE,
  TLB_USE_BYTES,
} from '../memory/layout.js';
import {SuperpageFilter} from './superpages.js';
import {ACCESS, type Access} from './walk.js';

/** ASIDs have 16 bits. */
export const MAX_ASID = 0xffff;

const MACHINE = 0;
const SUPERVISOR = 1;
const SPACES = 2;
const KINDS = 3;
const ENTRY_WORDS = TLB_ENTRY_BYTES / 4;
const GROUP_WORDS = TLB_GROUP * ENTRY_WORDS;
/** Words of the group bits of one TLB, and entries that one stands for. */
const USE_WORDS = TLB_USE_BYTES / 4;
const WORD_ENTRIES = 32 * TLB_GROUP;

/** What a walk says of the page table entry that a translation comes from. */
export interface TranslationSource {
  readonly isGlobal: boolean;
  /** 0 for 4 KiB. */
  readonly level: number;
}

/** The TLBs of one hart. */
export class Tlb {
  readonly #state: HartState;
  readonly #banks: number;
  readonly #spaces: number;
  /** Index in `views.i32` of the count of choices made. */
  readonly #clock: number;
  readonly #superpages: SuperpageFilter;
  /** Where in `views.i32` write entries of pages with code were made, by page. */
  readonly #codeWrites = new Map<number, Set<number>>();

  /** All empty; `chooseAddressSpace` comes before the first use. */
  constructor(state: HartState) {
    this.#state = state;
    this.#banks = state.layout.banks[state.id]!;
    this.#spaces = (this.#banks + SPACES_OFFSET) >> 2;
    this.#clock = this.#spaces + (ADDRESS_SPACES * SPACE_BYTES) / 4;
    this.#superpages = new SuperpageFilter(state);
    this.#superpages.clear();
    const {i32} = state.views;
    for (let bank = 0; bank < BANKS; bank++) this.#flushBank(bank);
    for (const bank of [MACHINE, SUPERVISOR]) this.#initialize(bank);
    i32.fill(-1, this.#spaces, this.#clock);
    i32[this.#clock] = 0;
    state.setI32(BANK.machine, this.#bankAt(MACHINE));
    state.setI32(BANK.supervisor, this.#bankAt(SUPERVISOR));
    state.setI32(TLB_FLAGS, 0);
  }

  /** Chooses the banks of satp as it is now; `Mmu.updateMode` then puts them in force. Nothing else is forgotten. */
  chooseAddressSpace(): void {
    const {i32} = this.#state.views;
    const low = this.#state.csrLow(SLOT.satp);
    const high = this.#state.csrHigh(SLOT.satp);
    let oldest = 0;
    let chosen = -1;
    for (let space = 0; space < ADDRESS_SPACES; space++) {
      const at = this.#spaceAt(space);
      if (i32[at] === low && i32[at + 1] === high) chosen = space;
      if (i32[at + 2]! < i32[this.#spaceAt(oldest) + 2]!) oldest = space;
    }
    if (chosen === -1) {
      chosen = oldest;
      this.#evict(chosen);
      i32[this.#spaceAt(chosen)] = low;
      i32[this.#spaceAt(chosen) + 1] = high;
    }
    i32[this.#spaceAt(chosen) + 2] = ++i32[this.#clock]!;
    const bank = this.#bankAt(SPACES + 2 * chosen);
    if (this.#state.i32(BANK.supervisorWithUser) === bank) return;
    this.#state.setI32(BANK.supervisorWithUser, bank);
    this.#state.setI32(BANK.user, bank + BANK_BYTES);
    if (this.#hasLocalSupervisor()) this.#flushSupervisor();
  }

  /** Makes an entry for a guest page (index) in the bank in force; returns the entry's index in `views.i32`. */
  fill(
    access: Access,
    low: number,
    high: number,
    addend: number,
    page: number,
    {isGlobal, level}: TranslationSource,
  ): number {
    const state = this.#state;
    const {i32} = state.views;
    const bank = state.i32(access === ACCESS.execute ? EXEC_BANK : DATA_BANK);
    const index = (low >>> 12) & (TLB_ENTRIES - 1);
    const at = (bank + access * TLB_BYTES + index * TLB_ENTRY_BYTES) >> 2;
    const group = Math.floor(index / TLB_GROUP);
    state.views.u8[bank + TLB_USE + access * TLB_USE_BYTES + (group >> 3)]! |= 1 << (group & 7);
    i32[at] = low & -PAGE_BYTES;
    i32[at + 1] = high;
    i32[at + 2] = addend;
    i32[at + 3] = page;
    if (level > 0) this.#superpages.add(low, high, level);
    if (bank === state.i32(BANK.supervisor) && !isGlobal)
      state.setI32(TLB_FLAGS, state.i32(TLB_FLAGS) | TlbFlag.localSupervisor);
    return at;
  }

  /** Forgets every translation. */
  flushAll(): void {
    this.#flushBank(MACHINE);
    this.#flushSupervisor();
    for (let bank = SPACES; bank < BANKS; bank++) this.#flushBank(bank);
    this.#superpages.clear();
  }

  /** Forgets what belongs to the address spaces with an ASID, global pages aside. */
  flushAddressSpace(asid: number): void {
    for (let space = 0; space < ADDRESS_SPACES; space++) {
      if (!this.#isKnown(space) || this.#asidOf(space) !== asid) continue;
      this.#flushBank(SPACES + 2 * space);
      this.#flushBank(SPACES + 2 * space + 1);
    }
    if (this.#hasLocalSupervisor()) this.#flushSupervisor();
  }

  /** Forgets one page in the address spaces with an ASID (global pages may stay), or everywhere with -1. */
  flushPage(low: number, high: number, asid: number): void {
    // A superpage is many entries here; one fence address stands for all of them.
    if (this.#superpages.mayHold(low, high)) {
      this.flushAll();
      return;
    }
    // The machine bank knows no translation.
    if (asid === -1 || this.#hasLocalSupervisor()) this.#flushEntries(SUPERVISOR, low);
    for (let space = 0; space < ADDRESS_SPACES; space++) {
      if (!this.#isKnown(space) || (asid !== -1 && this.#asidOf(space) !== asid)) continue;
      this.#flushEntries(SPACES + 2 * space, low);
      this.#flushEntries(SPACES + 2 * space + 1, low);
    }
  }

  /** Forgets all fetch translations (decoded pages moved). */
  flushFetches(): void {
    for (let bank = 0; bank < BANKS; bank++) this.#flushKind(bank, ACCESS.execute);
  }

  /** Forgets the fetch translations of a guest page (index). */
  flushFetchesOf(page: number): void {
    this.#forget(this.#banks, ACCESS.execute, page);
  }

  /** Remembers a write entry, by its index in `views.i32`, of a page with code. */
  noteCodeWrite(page: number, entry: number): void {
    const known = this.#codeWrites.get(page);
    if (known) known.add(entry);
    else this.#codeWrites.set(page, new Set([entry]));
  }

  /**
   * Forgets write translations of a guest page (index), so that the next store to it is noticed: those of every hart,
   * in their banks directly. A store they are in the midst of is not covered (see `CodeCache`). `wasCode` says that the
   * page had code before: this hart then knows where its own entries are.
   */
  flushWritesTo(page: number, wasCode: boolean): void {
    const {i32} = this.#state.views;
    for (const banks of this.#state.layout.banks) {
      if (banks !== this.#banks || !wasCode) this.#forget(banks, ACCESS.write, page);
      else for (const at of this.#codeWrites.get(page) ?? []) if (i32[at + 3] === page) this.#empty(at);
    }
    this.#codeWrites.get(page)?.clear();
  }

  /**
   * Empties the entries of one kind for a guest page in a hart's banks. Writes their lower halves only: enough to never
   * match, and an entry that its hart makes at this moment cannot end up as half of each.
   */
  #forget(banks: number, kind: Access, page: number): void {
    for (let bank = 0; bank < BANKS; bank++) this.#forgetIn(banks + bank * BANK_BYTES, kind, page);
  }

  #forgetIn(bank: number, kind: Access, page: number): void {
    const {i32} = this.#state.views;
    const groups = groupsAt(bank, kind);
    let start = (bank + kind * TLB_BYTES) >> 2;
    for (let word = groups; word < groups + USE_WORDS; word++, start += WORD_ENTRIES * ENTRY_WORDS) {
      for (let use = i32[word]!; use !== 0; use &= use - 1) {
        const from = start + lowestBit(use) * GROUP_WORDS;
        for (let at = from; at < from + GROUP_WORDS; at += ENTRY_WORDS) if (i32[at + 3] === page) this.#empty(at);
      }
    }
  }

  /** Empties the entry at an index of `views.i32`. */
  #empty(at: number): void {
    const {i32} = this.#state.views;
    if ((i32[at]! & (PAGE_BYTES - 1)) === 0) i32[at]! ^= TLB_EMPTYING;
  }

  #flushSupervisor(): void {
    this.#flushBank(SUPERVISOR);
    this.#state.setI32(TLB_FLAGS, this.#state.i32(TLB_FLAGS) & ~TlbFlag.localSupervisor);
  }

  #flushBank(bank: number): void {
    for (let kind = 0; kind < KINDS; kind++) this.#flushKind(bank, kind as Access);
  }

  #flushKind(bank: number, kind: Access): void {
    const {i32} = this.#state.views;
    const groups = groupsAt(this.#bankAt(bank), kind);
    let start = (this.#bankAt(bank) + kind * TLB_BYTES) >> 2;
    for (let word = groups; word < groups + USE_WORDS; word++, start += WORD_ENTRIES * ENTRY_WORDS) {
      for (let use = i32[word]!; use !== 0; use &= use - 1) {
        const from = start + lowestBit(use) * GROUP_WORDS;
        for (let at = from; at < from + GROUP_WORDS; at += ENTRY_WORDS) this.#empty(at);
      }
      i32[word] = 0;
    }
  }

  /** Empties a bank's entries for one page, whatever the upper half of its address. */
  #flushEntries(bank: number, low: number): void {
    const {i32} = this.#state.views;
    const index = (low >>> 12) & (TLB_ENTRIES - 1);
    let at = (this.#bankAt(bank) + index * TLB_ENTRY_BYTES) >> 2;
    for (let kind = 0; kind < KINDS; kind++, at += TLB_BYTES / 4) if (i32[at] === (low & -PAGE_BYTES)) this.#empty(at);
  }

  /** Empties the banks of an address space that gives way to another. */
  #evict(space: number): void {
    for (const bank of [SPACES + 2 * space, SPACES + 2 * space + 1]) {
      if (this.#isKnown(space)) this.#flushBank(bank);
      else this.#initialize(bank);
    }
  }

  /**
   * Makes memory that was never used a bank: empties the entry where page 0 looks, and that of page 1, which `#empty`
   * would make of its zeros. What is not filled takes no memory.
   */
  #initialize(bank: number): void {
    const {i32} = this.#state.views;
    for (let kind = 0; kind < KINDS; kind++) {
      const first = (this.#bankAt(bank) + kind * TLB_BYTES) >> 2;
      i32[first] = TLB_EMPTYING;
      i32[first + ENTRY_WORDS] = PAGE_BYTES - 1;
    }
  }

  #hasLocalSupervisor(): boolean {
    return (this.#state.i32(TLB_FLAGS) & TlbFlag.localSupervisor) !== 0;
  }

  /** No satp is all ones: that mode does not exist. */
  #isKnown(space: number): boolean {
    return this.#state.views.i32[this.#spaceAt(space) + 1] !== -1;
  }

  #asidOf(space: number): number {
    return (this.#state.views.i32[this.#spaceAt(space) + 1]! >>> 12) & MAX_ASID;
  }

  #bankAt(bank: number): number {
    return this.#banks + bank * BANK_BYTES;
  }

  /** Index in `views.i32` of the record of an address space. */
  #spaceAt(space: number): number {
    return this.#spaces + (space * SPACE_BYTES) / 4;
  }
}

/** Index in `views.i32` of the group bits of a TLB. */
function groupsAt(bank: number, kind: Access): number {
  return (bank + TLB_USE + kind * TLB_USE_BYTES) >> 2;
}

/** Number of the lowest set bit. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
