/**
 * Physical memory protection: 16 regions, by the hart's CSR slots.
 * Source: RISC-V Privileged ISA, chapter "Machine-Level", section "Physical Memory Protection"
 */
import {SLOT} from '../hart/csr-table.js';
import {FREE_PAGES} from '../hart/layout.js';
import type {HartState} from '../hart/state.js';
import {RAM_ABSENT} from '../memory/header.js';
import {PAGE_BYTES, RAM_BASE} from '../memory/layout.js';

/** What an access needs, as bits of a PMP configuration. */
export const PMP_NEED = {read: 1, write: 2, execute: 4} as const;
const EVERYTHING = PMP_NEED.read | PMP_NEED.write | PMP_NEED.execute;

interface Region {
  readonly start: number;
  readonly end: number;
  readonly permissions: number;
  readonly isLocked: boolean;
}

/** Regions of one hart, parsed when their CSRs change. Addresses are bytes as numbers (56 bits: slightly inexact at the very top, where nothing lies). */
export class Pmp {
  readonly #state: HartState;
  #regions: readonly (Region | undefined)[] = [];
  #isActive = false;

  constructor(state: HartState) {
    this.#state = state;
  }

  /** Parses the CSRs again; call after any of them was written. */
  update(): void {
    const regions: (Region | undefined)[] = [];
    let previous = 0;
    for (let i = 0; i < 16; i++) {
      const config = this.#config(i);
      const address = this.#state.csr(SLOT.pmpaddr0 + i);
      const here = Number(address) * 4;
      const mode = (config >> 3) & 3;
      const permissions = config & 7;
      const isLocked = (config & 0x80) !== 0;
      if (mode === 0) regions.push(undefined);
      else if (mode === 1)
        regions.push(previous < here ? {start: previous, end: here, permissions, isLocked} : undefined);
      else if (mode === 2) regions.push({start: here, end: here + 4, permissions, isLocked});
      else {
        const ones = trailingOnes(address);
        const size = 2 ** (ones + 3);
        const start = Number((address >> BigInt(ones)) << BigInt(ones)) * 4;
        regions.push({start, end: start + size, permissions, isLocked});
      }
      previous = here;
    }
    this.#regions = regions;
    this.#isActive = regions.some((region) => region !== undefined);
    this.#publish(FREE_PAGES.supervisor, 1);
    this.#publish(FREE_PAGES.machine, 3);
  }

  /** Tells generated code the longest run of RAM pages in which a privilege may do everything; none while pages are absent. */
  #publish(cells: number, privilege: number): void {
    if (Atomics.load(this.#state.views.i32, RAM_ABSENT >> 2) !== 0) {
      this.#state.setI32(cells + 4, 0);
      return;
    }
    const pages = this.#state.layout.ramBytes / PAGE_BYTES;
    const clip = (page: number) => Math.min(Math.max(page, 0), pages);
    const bounds = this.#regions.flatMap((region) =>
      region ? [region.start, region.end].map((address) => (address - RAM_BASE) / PAGE_BYTES) : [],
    );
    // Between two neighbours of these all pages are alike; those that a bound divides stand alone.
    const cuts = [0, pages, ...bounds.flatMap((page) => [clip(Math.floor(page)), clip(Math.ceil(page))])];
    const sorted = [...new Set(cuts)].sort((a, b) => a - b);
    let best = {first: 0, count: 0};
    let first = 0;
    for (let i = 0; i + 1 < sorted.length; i++) {
      const end = sorted[i + 1]!;
      if (!this.allows(RAM_BASE + sorted[i]! * PAGE_BYTES, PAGE_BYTES, EVERYTHING, privilege)) first = end;
      else if (end - first > best.count) best = {first, count: end - first};
    }
    this.#state.setI32(cells, best.first);
    this.#state.setI32(cells + 4, best.count);
  }

  /** True when a locked region, or a locked top-of-range region behind it, forbids writing pmpaddr. */
  isAddressLocked(index: number): boolean {
    if ((this.#config(index) & 0x80) !== 0) return true;
    return index < 15 && (this.#config(index + 1) & 0x98) === 0x88;
  }

  /** True when an access of `bytes` at `address` in `privilege` may do what `need` says. */
  allows(address: number, bytes: number, need: number, privilege: number): boolean {
    if (!this.#isActive) return privilege === 3;
    const end = address + bytes;
    for (const region of this.#regions) {
      if (!region || end <= region.start || address >= region.end) continue;
      // A partial match fails whatever the permissions.
      if (address < region.start || end > region.end) return false;
      return (privilege === 3 && !region.isLocked) || (region.permissions & need) === need;
    }
    return privilege === 3;
  }

  /** True when the answer is the same for every byte of the page, so that a TLB entry may stand for it. */
  isUniform(page: number, bytes: number): boolean {
    if (!this.#isActive) return true;
    for (const region of this.#regions) {
      if (!region || page + bytes <= region.start || page >= region.end) continue;
      return page >= region.start && page + bytes <= region.end;
    }
    return true;
  }

  #config(index: number): number {
    const slot = index < 8 ? SLOT.pmpcfg0 : SLOT.pmpcfg2;
    return Number((this.#state.csr(slot) >> BigInt((index & 7) * 8)) & 0xffn);
  }
}

function trailingOnes(value: bigint): number {
  let count = 0;
  while (count < 54 && ((value >> BigInt(count)) & 1n) === 1n) count++;
  return count;
}
