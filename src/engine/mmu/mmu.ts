/**
 * A hart's address translation as the runtime does it: what generated code leaves to it (faults, devices, pages with
 * code, accesses across pages), fetches included. A write entry exists only once its page is marked written
 * (`markPageWritten`), so stores through it need no further bookkeeping.
 */
import type {AccessBytes} from '../contract.js';
import {CAUSE} from '../hart/causes.js';
import {MENVCFG, MSTATUS, SLOT} from '../hart/csr-table.js';
import {BANK, DATA_BANK, EXEC_BANK, PRIVILEGE, SCRATCH, WATCHED_PAGE, ZERO_BLOCK_ALLOWED} from '../hart/layout.js';
import type {HartState} from '../hart/state.js';
import {awaitPage} from '../memory/absent-pages.js';
import type {Bus} from '../memory/bus.js';
import {awaitThaw} from '../memory/freezer.js';
import {PAGE_BYTES, RAM_BASE} from '../memory/layout.js';
import {markPageWritten, PAGE_FLAG, WRITE_MARKS} from '../memory/ram.js';
import {PMP_NEED, Pmp} from './pmp.js';
import {Tlb} from './tlb.js';
import {ACCESS, type Access, PageWalker, WALK, type WalkMode} from './walk.js';

// As numbers, for what runs at every trap.
const SUM = Number(MSTATUS.SUM);
const MXR = Number(MSTATUS.MXR);
const MPRV = Number(MSTATUS.MPRV);
const ADUE_HIGH = Number(MENVCFG.ADUE >> 32n);
const needs = [PMP_NEED.read, PMP_NEED.write, PMP_NEED.execute] as const;
const pageFaults = [CAUSE.loadPage, CAUSE.storePage, CAUSE.fetchPage] as const;
const accessFaults = [CAUSE.loadAccess, CAUSE.storeAccess, CAUSE.fetchAccess] as const;
const WRITTEN = WRITE_MARKS | PAGE_FLAG.writable;

/** Called for every store that touches the watched 8 bytes (see `Mmu.watch`). */
export type StoreWatcher = () => void;

/** Address translation and slow accesses of one hart. */
export class Mmu {
  readonly pmp: Pmp;
  readonly tlb: Tlb;
  /** Physical address of the last successful `translate`. */
  physical = 0;
  /** Virtual address and cause of the last failed access. */
  faultLow = 0;
  faultHigh = 0;
  cause = 0;
  readonly #state: HartState;
  readonly #bus: Bus;
  readonly #walker: PageWalker;
  readonly #mode: WalkMode = {mode: 0, root: 0, isUser: false, sum: false, mxr: false, setsAccessed: false};
  #watched = -1;
  #onWatched: StoreWatcher | undefined;

  constructor(state: HartState, bus: Bus) {
    this.#state = state;
    this.#bus = bus;
    this.pmp = new Pmp(state);
    this.tlb = new Tlb(state);
    state.setI32(WATCHED_PAGE, -1);
    const {views, layout, id} = state;
    this.#walker = new PageWalker(views, layout, this.pmp, (page) => awaitPage(views, layout, id, page));
  }

  /** Reports every store to the 8 bytes at a physical address (HTIF's tohost); its page gets no write entries. */
  watch(address: number, watcher: StoreWatcher): void {
    this.#watched = address;
    this.#state.setI32(WATCHED_PAGE, Math.floor((address - RAM_BASE) / PAGE_BYTES));
    this.#onWatched = watcher;
  }

  /** Brings the banks in force up to date with privilege and mstatus, and permissions with the environment configuration. */
  updateMode(): void {
    const state = this.#state;
    state.setI32(DATA_BANK, state.i32(this.#bankCell(this.#dataPrivilege(), this.#hasSum())));
    state.setI32(EXEC_BANK, state.i32(this.#bankCell(state.i32(PRIVILEGE), false)));
    const machine = (state.csrLow(SLOT.menvcfg) >> 7) & 1;
    const supervisor = machine & (state.csrLow(SLOT.senvcfg) >> 7);
    state.setI32(ZERO_BLOCK_ALLOWED, 8 | (machine << 1) | (supervisor & 1));
  }

  /**
   * Translates one address for an access of `bytes` that stays in its page; the result is in `physical`.
   * False when it faults: then `cause`, `faultLow` and `faultHigh` say how.
   */
  translate(low: number, high: number, access: Access, bytes: number): boolean {
    const privilege = access === ACCESS.execute ? this.#state.i32(PRIVILEGE) : this.#dataPrivilege();
    const offset = low & (PAGE_BYTES - 1);
    const mode = this.#modeFor(privilege);
    if (mode.mode === 0) {
      this.physical = (low >>> 0) + (high >>> 0) * 2 ** 32;
      this.#walker.isGlobal = false;
      this.#walker.level = 0;
    } else {
      const outcome = this.#walker.walk(low, high, access, mode);
      if (outcome !== WALK.ok)
        return this.#fault(outcome === WALK.pageFault ? pageFaults[access] : accessFaults[access], low, high);
      this.physical = this.#walker.page + offset;
    }
    if (!this.pmp.allows(this.physical, bytes, needs[access], privilege))
      return this.#fault(accessFaults[access], low, high);
    this.#awaitRam();
    return true;
  }

  /** The page at `physical` is there when this returns, if it is RAM. */
  #awaitRam(): void {
    const {views, layout, id} = this.#state;
    const offset = this.physical - RAM_BASE;
    if (offset >= 0 && offset < layout.ramBytes) awaitPage(views, layout, id, Math.floor(offset / PAGE_BYTES));
  }

  /**
   * Host address of a RAM access that stays in its page, filling the TLB; -1 when the page is not RAM (then
   * `physical` holds the address). The caller has translated it just before.
   */
  hostAddress(low: number, high: number, access: Access): number {
    const offset = this.physical - RAM_BASE;
    const {layout, views} = this.#state;
    if (offset < 0 || offset >= layout.ramBytes) return -1;
    const page = Math.floor(offset / PAGE_BYTES);
    const host = layout.ram + page * PAGE_BYTES;
    const pageAddress = RAM_BASE + page * PAGE_BYTES;
    if (access === ACCESS.write && (views.u8[layout.pageFlags + page]! & PAGE_FLAG.frozen) !== 0)
      awaitThaw(views, layout, this.#state.id, page);
    const isWatched = access === ACCESS.write && this.#state.i32(WATCHED_PAGE) === page;
    let entry = -1;
    if (!isWatched && this.pmp.isUniform(pageAddress, PAGE_BYTES))
      entry = this.tlb.fill(access, low, high, host - (low & -PAGE_BYTES), page, this.#walker);
    // Behind the fill: a hart that takes the page as code at this moment either sees the entry or gets the mark.
    if (access === ACCESS.write && markPageWritten(views, layout, page, WRITTEN) && entry !== -1)
      this.tlb.noteCodeWrite(page, entry);
    return host + (offset & (PAGE_BYTES - 1));
  }

  /** Makes a fetch entry: the ops of the guest page (index) that was translated just before. */
  fillFetch(low: number, high: number, ops: number, page: number): void {
    this.tlb.fill(ACCESS.execute, low, high, ops, page, this.#walker);
  }

  /** True when PMP lets every instruction of the page that was translated just before be fetched like its first. */
  isWholePageFetchable(): boolean {
    return this.pmp.isUniform(Math.floor(this.physical / PAGE_BYTES) * PAGE_BYTES, PAGE_BYTES);
  }

  /** A load the TLB could not serve: host address of the bytes (maybe the scratch area), or -1 after a fault. */
  load(bytes: number, low: number, high: number): number {
    if ((low & (PAGE_BYTES - 1)) + bytes > PAGE_BYTES) return this.#loadAcross(bytes, low, high);
    if (!this.translate(low, high, ACCESS.read, bytes)) return -1;
    const host = this.hostAddress(low, high, ACCESS.read);
    if (host !== -1) return host;
    return this.#loadDevice(bytes, low, high) ? this.#state.base + SCRATCH : -1;
  }

  /** A store the TLB could not serve; its value lies in the scratch area. False after a fault. */
  store(bytes: number, low: number, high: number): boolean {
    const {views, base} = this.#state;
    if ((low & (PAGE_BYTES - 1)) + bytes > PAGE_BYTES) return this.#storeAcross(bytes, low, high);
    if (!this.translate(low, high, ACCESS.write, bytes)) return false;
    const address = this.physical;
    const host = this.hostAddress(low, high, ACCESS.write);
    if (host === -1) return this.#storeDevice(bytes, low, high);
    const from = base + SCRATCH;
    // Aligned stores are one access each, so that other harts never see half of one.
    if ((host & (bytes - 1)) !== 0) views.u8.copyWithin(host, from, from + bytes);
    else if (bytes === 8) views.u64[host >>> 3] = views.u64[from >>> 3]!;
    else if (bytes === 4) views.i32[host >>> 2] = views.i32[from >>> 2]!;
    else if (bytes === 2) views.u16[host >>> 1] = views.u16[from >>> 1]!;
    else views.u8[host] = views.u8[from]!;
    if (address < this.#watched + 8 && address + bytes > this.#watched) this.#onWatched?.();
    return true;
  }

  /** Host address for an atomic access of aligned RAM, or -1 after a fault. */
  atomicAddress(bytes: number, low: number, high: number, isRead: boolean): number {
    const access = isRead ? ACCESS.read : ACCESS.write;
    if ((low & (bytes - 1)) !== 0) {
      this.#fault(isRead ? CAUSE.loadMisaligned : CAUSE.storeMisaligned, low, high);
      return -1;
    }
    if (!this.translate(low, high, access, bytes)) return -1;
    const host = this.hostAddress(low, high, access);
    if (host === -1) this.#fault(accessFaults[access], low, high);
    return host;
  }

  #loadDevice(bytes: number, low: number, high: number): boolean {
    const address = this.physical;
    const device = (address & (bytes - 1)) === 0 ? this.#bus.find(address, bytes) : undefined;
    if (!device) return this.#fault(CAUSE.loadAccess, low, high);
    const {views, base} = this.#state;
    const at = (base + SCRATCH) >> 2;
    if (bytes === 8) {
      views.i32[at] = this.#bus.read(device, address, 4);
      views.i32[at + 1] = this.#bus.read(device, address + 4, 4);
    } else views.i32[at] = this.#bus.read(device, address, bytes as AccessBytes);
    return true;
  }

  #storeDevice(bytes: number, low: number, high: number): boolean {
    const address = this.physical;
    const device = (address & (bytes - 1)) === 0 ? this.#bus.find(address, bytes) : undefined;
    if (!device) return this.#fault(CAUSE.storeAccess, low, high);
    const {views, base} = this.#state;
    const value = views.i32[(base + SCRATCH) >> 2]!;
    if (bytes === 8) {
      const upper = views.i32[(base + SCRATCH + 4) >> 2]!;
      this.#bus.write(device, address, 4, value);
      this.#bus.write(device, address + 4, 4, upper);
    } else {
      const mask = bytes === 4 ? -1 : (1 << (bytes * 8)) - 1;
      this.#bus.write(device, address, bytes as AccessBytes, value & mask);
    }
    return true;
  }

  /** A load over a page boundary: both pages are translated before a byte is read. */
  #loadAcross(bytes: number, low: number, high: number): number {
    const hosts = this.#across(bytes, low, high, ACCESS.read);
    if (!hosts) return -1;
    const {views, base} = this.#state;
    for (let i = 0; i < bytes; i++)
      views.u8[base + SCRATCH + i] = views.u8[i < hosts.split ? hosts.first + i : hosts.second + i - hosts.split]!;
    return base + SCRATCH;
  }

  #storeAcross(bytes: number, low: number, high: number): boolean {
    const hosts = this.#across(bytes, low, high, ACCESS.write);
    if (!hosts) return false;
    const {views, base} = this.#state;
    for (let i = 0; i < bytes; i++)
      views.u8[i < hosts.split ? hosts.first + i : hosts.second + i - hosts.split] = views.u8[base + SCRATCH + i]!;
    return true;
  }

  #across(
    bytes: number,
    low: number,
    high: number,
    access: Access,
  ): {readonly first: number; readonly second: number; readonly split: number} | undefined {
    const split = PAGE_BYTES - (low & (PAGE_BYTES - 1));
    const first = this.#piece(low, high, access, split);
    if (first === -1) return undefined;
    const nextLow = (low + split) | 0;
    const nextHigh = nextLow === 0 ? (high + 1) | 0 : high;
    const second = this.#piece(nextLow, nextHigh, access, bytes - split);
    return second === -1 ? undefined : {first, second, split};
  }

  #piece(low: number, high: number, access: Access, bytes: number): number {
    if (!this.translate(low, high, access, bytes)) return -1;
    const host = this.hostAddress(low, high, access);
    if (host === -1) this.#fault(accessFaults[access], low, high);
    return host;
  }

  #fault(cause: number, low: number, high: number): false {
    this.cause = cause;
    this.faultLow = low;
    this.faultHigh = high;
    return false;
  }

  #hasSum(): boolean {
    return (this.#state.csrLow(SLOT.mstatus) & SUM) !== 0;
  }

  /** The privilege of loads and stores. */
  #dataPrivilege(): number {
    const privilege = this.#state.i32(PRIVILEGE);
    const status = this.#state.csrLow(SLOT.mstatus);
    return privilege === 3 && (status & MPRV) !== 0 ? (status >> 11) & 3 : privilege;
  }

  #bankCell(privilege: number, sum: boolean): number {
    if (privilege === 3) return BANK.machine;
    if (privilege === 0) return BANK.user;
    return sum ? BANK.supervisorWithUser : BANK.supervisor;
  }

  /** How a walk for this privilege goes, from the CSRs as they are now: generated code changes some of them by itself. */
  #modeFor(privilege: number): WalkMode {
    const state = this.#state;
    const mode = this.#mode;
    mode.mode = privilege === 3 ? 0 : state.csrHigh(SLOT.satp) >>> 28;
    mode.root = ((state.csrLow(SLOT.satp) >>> 0) + (state.csrHigh(SLOT.satp) & 0xfff) * 2 ** 32) * PAGE_BYTES;
    mode.isUser = privilege === 0;
    mode.sum = this.#hasSum();
    mode.mxr = (state.csrLow(SLOT.mstatus) & MXR) !== 0;
    mode.setsAccessed = (state.csrHigh(SLOT.menvcfg) & ADUE_HIGH) !== 0;
    return mode;
  }
}
