/**
 * Page-table walk for Sv39, Sv48 and Sv57 over guest RAM, with hardware updating of A and D (Svadu).
 * Addresses travel as (low, high) 32-bit halves or, when physical, as numbers; nothing here allocates.
 * Source: RISC-V Privileged ISA, chapter "Supervisor-Level", section "Virtual Address Translation Process"
 */
import type {MemoryViews} from '../hart/state.js';
import {type MemoryLayout, PAGE_BYTES, RAM_BASE} from '../memory/layout.js';
import {PAGE_FLAG} from '../memory/ram.js';
import {PMP_NEED, type Pmp} from './pmp.js';
import {PTE, PTE_PPN_SHIFT, PTE_RESERVED_HIGH} from './pte.js';

/** What an access does. */
export const ACCESS = {read: 0, write: 1, execute: 2} as const;
/** One of `ACCESS`. */
export type Access = 0 | 1 | 2;

/** Outcome of a walk. */
export const WALK = {ok: 0, pageFault: 1, accessFault: 2} as const;

const PTE_BYTES = 8;
/** Page tables are read and written as S-mode would. */
const SUPERVISOR = 1;

/** The mode under which a walk is made. */
export interface WalkMode {
  /** satp.MODE: 8 Sv39, 9 Sv48, 10 Sv57. */
  mode: number;
  /** Physical address of the root table. */
  root: number;
  isUser: boolean;
  sum: boolean;
  mxr: boolean;
  /** Set A and D instead of faulting (menvcfg.ADUE). */
  setsAccessed: boolean;
}

/** Walks page tables; the result of the last successful walk stands in its fields. */
export class PageWalker {
  /** Physical address of the page's first byte (4 KiB granularity). */
  page = 0;
  isGlobal = false;
  /** 0 for a 4 KiB page, 1 for 2 MiB, 2 for 1 GiB and so on. */
  level = 0;
  isUserPage = false;
  readonly #i32: Int32Array<SharedArrayBuffer>;
  readonly #ram: number;
  readonly #ramBytes: number;
  readonly #u8: Uint8Array<SharedArrayBuffer>;
  readonly #pageFlags: number;
  readonly #pmp: Pmp;
  readonly #awaitPage: (page: number) => void;

  /** `awaitPage` returns when a page (index) of RAM is there. */
  constructor(
    views: MemoryViews,
    {ram, ramBytes, pageFlags}: MemoryLayout,
    pmp: Pmp,
    awaitPage: (page: number) => void,
  ) {
    this.#awaitPage = awaitPage;
    this.#i32 = views.i32;
    this.#u8 = views.u8;
    this.#pageFlags = pageFlags;
    this.#ram = ram;
    this.#ramBytes = ramBytes;
    this.#pmp = pmp;
  }

  /** Translates the page of a virtual address. Returns one of `WALK`. */
  walk(low: number, high: number, access: Access, mode: WalkMode): number {
    const levels = mode.mode - 5;
    // The bits above the translated ones repeat its top bit.
    const above = high >> (levels === 3 ? 6 : levels === 4 ? 15 : 24);
    if (above !== 0 && above !== -1) return WALK.pageFault;
    let table = mode.root;
    let isGlobal = false;
    for (let level = levels - 1; level >= 0; level--) {
      const vpn = vpnOf(low, high, level);
      const at = table + vpn * 8;
      const offset = at - RAM_BASE;
      if (offset < 0 || offset >= this.#ramBytes) return WALK.accessFault;
      if (!this.#pmp.allows(at, PTE_BYTES, PMP_NEED.read, SUPERVISOR)) return WALK.accessFault;
      this.#awaitPage(Math.floor(offset / PAGE_BYTES));
      const index = (this.#ram + offset) >>> 2;
      for (;;) {
        const pte = Atomics.load(this.#i32, index);
        const pteHigh = this.#i32[index + 1]!;
        // Bits 63..54 are reserved here (no Svnapot, no Svpbmt).
        if ((pte & PTE.V) === 0 || (pte & (PTE.R | PTE.W)) === PTE.W || (pteHigh & PTE_RESERVED_HIGH) !== 0)
          return WALK.pageFault;
        isGlobal ||= (pte & PTE.G) !== 0;
        const ppnLow = pte >>> PTE_PPN_SHIFT;
        const next = (ppnLow + (pteHigh & 0x3fffff) * 0x400000) * 4096;
        if ((pte & (PTE.R | PTE.X)) === 0) {
          if ((pte & (PTE.A | PTE.D | PTE.U)) !== 0) return WALK.pageFault;
          table = next;
          break;
        }
        const fault = this.#check(pte, access, mode);
        if (fault) return WALK.pageFault;
        // A superpage must be aligned: its low PPN bits are zero (at most 36 bits of them, two 18-bit halves).
        const span = 2 ** (9 * level);
        if (level > 0 && (ppnLow + (pteHigh & 0x3fffff) * 0x400000) % span !== 0) return WALK.pageFault;
        const wanted = PTE.A | (access === ACCESS.write ? PTE.D : 0);
        if ((pte & wanted) !== wanted) {
          if (!mode.setsAccessed) return WALK.pageFault;
          if (!this.#pmp.allows(at, PTE_BYTES, PMP_NEED.write, SUPERVISOR)) return WALK.accessFault;
          if (Atomics.compareExchange(this.#i32, index, pte, pte | wanted) !== pte) continue;
          Atomics.or(this.#u8, this.#pageFlags + Math.floor(offset / PAGE_BYTES), PAGE_FLAG.changed);
        }
        this.isGlobal = isGlobal;
        this.level = level;
        this.isUserPage = (pte & PTE.U) !== 0;
        this.page = next + (level === 0 ? 0 : pageWithin(low, high, level) * 4096);
        return WALK.ok;
      }
    }
    return WALK.pageFault;
  }

  #check(pte: number, access: Access, mode: WalkMode): boolean {
    if ((pte & PTE.U) !== 0) {
      if (!mode.isUser && (access === ACCESS.execute || !mode.sum)) return true;
    } else if (mode.isUser) return true;
    switch (access) {
      case ACCESS.read:
        return (pte & PTE.R) === 0 && !(mode.mxr && (pte & PTE.X) !== 0);
      case ACCESS.write:
        return (pte & PTE.W) === 0;
      case ACCESS.execute:
        return (pte & PTE.X) === 0;
    }
  }
}

/** 9 bits of virtual page number for a level. */
function vpnOf(low: number, high: number, level: number): number {
  switch (level) {
    case 0:
      return (low >>> 12) & 511;
    case 1:
      return (low >>> 21) & 511;
    case 2:
      return ((low >>> 30) | (high << 2)) & 511;
    case 3:
      return (high >>> 7) & 511;
    default:
      return (high >>> 16) & 511;
  }
}

/** Which 4 KiB page inside a superpage of a level (≥ 1) an address lies in. */
function pageWithin(low: number, high: number, level: number): number {
  let result = 0;
  for (let i = level - 1; i >= 0; i--) result = result * 512 + vpnOf(low, high, i);
  return result;
}
