/**
 * One hart: its run loop and everything generated code calls into.
 *
 * Run loop:  leave generated code at a poll ─▶ fold counters ─▶ requests ─▶ timers ─▶ interrupt? ─▶ run again
 * Generated code calls the runtime with the run state synced; a runtime function that changes where the hart goes on
 * sets the run state and the generated code reloads it.
 */

import type {MessagePort} from 'node:worker_threads';
import type {AssembledDevice} from '../assembly.js';
import type {HandlerSet} from '../codegen/interpreter.js';
import {ACCESS_CODES, OP_FIELD, SYSTEM_CODES} from '../codegen/interpreter-frame.js';
import {SIDE_SHIFT} from '../codegen/region/abi.js';
import type {MemoryLimits} from '../codegen/wasm/module.js';
import {type Decoder, isLong} from '../isa/decoder.js';
import type {Bus} from '../memory/bus.js';
import {hostNs, type MachineClock} from '../memory/clock.js';
import {ENDED, PARKED, PAUSED, RUN_STATE, RUNNING, SAMPLING} from '../memory/header.js';
import {OP_BYTES, PAGE_BYTES, RAM_BASE} from '../memory/layout.js';
import {Poll} from '../memory/poll.js';
import {FenceBox} from '../mmu/fence-box.js';
import {Mmu} from '../mmu/mmu.js';
import {MAX_ASID} from '../mmu/tlb.js';
import {ACCESS} from '../mmu/walk.js';
import type {RegionSettings} from '../tiers.js';
import {CAUSE} from './causes.js';
import {CodeCache} from './code-cache.js';
import {CsrFile} from './csr-file.js';
import {MENVCFG, MSTATUS, SLOT} from './csr-table.js';
import * as H from './layout.js';
import type {DecodeFunctions} from './op-writer.js';
import {RegionMaker} from './region-maker.js';
import {leaveSample} from './samples.js';
import type {HartState, MemoryFunctions} from './state.js';
import {HartTimer} from './timer.js';
import {type TrapFunction, Traps} from './traps.js';

// As numbers, for what runs often.
const FS = Number(MSTATUS.FS);
const TVM = Number(MSTATUS.TVM);
const TW = Number(MSTATUS.TW);

/** Instructions between two looks at the clock. */
const QUANTUM = 1 << 16;

/** What a machine-mode call of a supervisor is answered by, instead of firmware. */
export interface SupervisorCalls {
  /** Answers the ecall whose registers are in the hart's block. True when the hart goes on behind the ecall. */
  call(hart: Hart): boolean;
}

/** What a hart is made of. */
export interface HartParts {
  readonly state: HartState;
  readonly handlers: HandlerSet;
  readonly bus: Bus;
  readonly clock: MachineClock;
  readonly devices: readonly AssembledDevice[];
  /** Present when the emulator is the firmware of a supervisor. */
  readonly sbi?: SupervisorCalls;
}

/** Present when hot code becomes regions. */
export interface RegionTier {
  readonly settings: RegionSettings;
  readonly limits: MemoryLimits;
  /** To the machine's region compiler; without it the hart compiles for itself. */
  readonly compiler?: MessagePort;
}

/** One hart on its own thread. */
export class Hart {
  readonly state: HartState;
  readonly mmu: Mmu;
  readonly traps: Traps;
  readonly timer: HartTimer;
  readonly csrs: CsrFile;
  readonly code: CodeCache;
  readonly #sbi: SupervisorCalls | undefined;
  readonly #decoder: Decoder;
  #maker: RegionMaker | undefined;
  readonly #entryOp: number;
  readonly #straddled: number;
  readonly #fenceBox: FenceBox;
  readonly #poll = new Poll();
  #straddleBits = 0;
  #run: ((hart: number) => number) | undefined;

  constructor(parts: HartParts) {
    const {state} = parts;
    this.state = state;
    this.#sbi = parts.sbi;
    this.#decoder = parts.handlers.decoder;
    this.mmu = new Mmu(state, parts.bus);
    this.timer = new HartTimer(state, parts.clock);
    this.csrs = new CsrFile(state, this.mmu.pmp, this.timer);
    this.code = new CodeCache(state, parts.handlers, this.mmu.tlb);
    this.traps = new Traps(state, (low, high) => this.setPc(low, high));
    this.#entryOp = state.layout.straddle[state.id]!;
    this.#straddled = this.#entryOp + OP_BYTES;
    this.#fenceBox = new FenceBox(state.views, state.layout, state.id);
    state.setI32(H.ENTRY_OP, this.#entryOp);
    // The entry op goes to (odd page address) - 1: see `setPc`.
    this.code.writeContinuation(this.#entryOp, -1);
  }

  /** Compiles nothing: links the interpreter module to this hart's runtime. */
  link(module: WebAssembly.Module, memory: WebAssembly.Memory, regions?: RegionTier): void {
    const table = regions && new WebAssembly.Table({initial: 1, element: 'anyfunc'});
    const env = {
      memory,
      decode: () => this.#decode(),
      learn: (bits: number) => this.code.learn(bits),
      fetch: (low: number, high: number) => this.#fetch(low, high),
      straddle: () => this.#straddle(),
      load: (bytes: number, low: number, high: number) => this.#load(bytes, low, high),
      store: (bytes: number, low: number, high: number) => this.#store(bytes, low, high),
      translate: (access: number, bytes: number, low: number, high: number) =>
        this.#translate(access, bytes, low, high),
      csr: (number: number, operation: number, isWrite: number) => this.#csr(number, operation, isWrite),
      time: () => this.#time(),
      system: (code: number) => this.#system(code),
      illegal: () => this.#illegal(),
      floatState: () => this.#floatState(),
      hot: (op: number) => this.#maker?.hot(op),
      ...(table ? {table} : {}),
    };
    const instance = new WebAssembly.Instance(module, {env});
    this.#run = instance.exports['run'] as (hart: number) => number;
    this.traps.link(instance.exports['trap'] as TrapFunction);
    const exports = instance.exports as unknown as MemoryFunctions & DecodeFunctions;
    this.state.link(exports);
    this.code.link(exports);
    if (!table) return;
    const {state} = this;
    const {none} = instance.exports;
    table.set(0, none);
    table.grow(regions.settings.maxRegions, none);
    // SIDE_BASE and HEAT_LIMIT are what the interpreter counts arrivals with.
    state.setI32(H.SIDE_BASE, state.layout.sides[state.id]! - (state.layout.slots[state.id]! >>> SIDE_SHIFT));
    state.setI32(H.HEAT_LIMIT, regions.settings.hotThreshold * 2);
    this.#maker = new RegionMaker({
      state,
      code: this.code,
      decoder: this.#decoder,
      settings: regions.settings,
      memory,
      limits: regions.limits,
      imports: {
        ...instance.exports,
        time: env.time,
      },
      table,
      ...(regions.compiler ? {compiler: regions.compiler} : {}),
    });
  }

  /** Goes on at a virtual address: through an op of its own, so that generated code finds the page by itself. */
  setPc(low: number, high: number): void {
    const {state} = this;
    // An odd page address never matches a jump within the page; pc = page address - 1.
    state.setI32(H.PAGE_PC, low | 1);
    state.setI32(H.PAGE_PC + 4, high);
    state.setI32(H.PAGE_OPS, this.#entryOp + 8);
    state.setI32(H.OP, this.#entryOp);
  }

  /** Goes on behind the current op, which retires. */
  skip(bytes: number): void {
    this.traps.locate();
    this.traps.leaveOp(true);
    const low = (this.traps.pcLow + bytes) | 0;
    this.setPc(low, this.traps.pcHigh + (low >>> 0 < bytes ? 1 : 0));
  }

  /** Runs until the machine ends. */
  loop(): void {
    const {state} = this;
    const {i32} = state.views;
    this.mmu.tlb.chooseAddressSpace();
    this.mmu.pmp.update();
    this.mmu.updateMode();
    const run = this.#run;
    if (!run) throw new Error('hart runs before it is linked');
    while (Atomics.load(i32, RUN_STATE >> 2) !== ENDED) {
      Atomics.add(i32, state.cell(H.BOUNDARY), 1);
      if (Atomics.load(i32, SAMPLING >> 2) !== 0) this.#sample();
      this.#fold();
      Atomics.store(i32, state.cell(H.LIMIT), QUANTUM);
      this.#serveRequests();
      if (!this.#awaitStart()) continue;
      this.timer.update();
      const cause = this.traps.pendingInterrupt();
      if (cause >= 0) {
        this.traps.interrupt(cause);
        this.#fold();
      }
      run(state.base);
    }
    this.#fold();
  }

  /** Sleeps until an interrupt is pending, a request comes or the machine stops; true when one is pending. */
  sleep(): boolean {
    const {state} = this;
    const {i32} = state.views;
    const began = hostNs();
    state.setF64(H.IDLE_SINCE, began);
    let isWoken: boolean;
    for (;;) {
      const wake = Atomics.load(i32, state.cell(H.WAKE));
      this.timer.update();
      isWoken = this.traps.hasWakeup();
      if (isWoken || this.#isWanted()) break;
      if (!this.#poll.look(i32, state.cell(H.WAKE), wake)) {
        const remaining = this.timer.untilNextNs() / 1e6;
        Atomics.wait(i32, state.cell(H.WAKE), wake, Math.min(Math.max(remaining, 0), 1e9));
      }
      this.#poll.woken();
    }
    state.setF64(H.IDLE_SINCE, 0);
    state.setF64(H.IDLE_NS, state.f64(H.IDLE_NS) + (hostNs() - began));
    return isWoken;
  }

  /** Sets up the registers of a hart that starts in S-mode (HSM start, or the boot hart of a directly booted kernel). */
  startSupervisor(low: number, high: number, a1: bigint): void {
    const {state} = this;
    state.setI32(H.PRIVILEGE, 1);
    state.setCsr(SLOT.satp, 0n);
    state.setCsr(SLOT.mstatus, state.csr(SLOT.mstatus) & ~MSTATUS.SIE);
    state.setX(10, BigInt(state.id));
    state.setX(11, a1);
    this.mmu.tlb.flushAll();
    this.mmu.tlb.chooseAddressSpace();
    this.mmu.updateMode();
    this.setPc(low, high);
  }

  /** Drops decoded code that was written since; the caller then goes on through `setPc` or a redirect. */
  fenceI(): void {
    this.code.fence();
  }

  /** Does the fences other harts asked of this one; for a hart that waits for others to do its own. */
  serveFences(): void {
    const {i32} = this.state.views;
    const cell = this.state.cell(H.REQUESTS);
    this.#fenceAsAsked(Atomics.and(i32, cell, ~H.FENCE_REQUESTS));
  }

  /** Fences with the present op not run yet: its page may be another now, or its decoded form go, so it is entered anew. */
  #fenceAsAsked(requests: number): void {
    if ((requests & H.FENCE_REQUESTS) === 0) return;
    this.traps.locate();
    this.traps.leaveOp(false);
    this.setPc(this.traps.pcLow, this.traps.pcHigh);
    if ((requests & H.HartRequest.flushTlb) !== 0) this.mmu.tlb.flushAll();
    if ((requests & H.HartRequest.fencePages) !== 0) this.#fenceBox.serve(this.mmu.tlb);
    if ((requests & H.HartRequest.fenceI) !== 0) this.fenceI();
  }

  #isWanted(): boolean {
    const {views} = this.state;
    return (
      Atomics.load(views.i32, this.state.cell(H.REQUESTS)) !== 0 || Atomics.load(views.i32, RUN_STATE >> 2) !== RUNNING
    );
  }

  /** Only where the quantum is used up: a hart that leaves early was interrupted there, or goes to sleep. */
  #sample(): void {
    const {state} = this;
    if (state.i32(H.ACC) + state.sequenceOf(state.i32(H.OP)) < QUANTUM) return;
    this.traps.locate();
    leaveSample(state, this.traps.pcLow, this.traps.pcHigh);
  }

  #fold(): void {
    const {state} = this;
    const sequence = state.sequenceOf(state.i32(H.OP));
    state.setF64(H.INSTRET, state.f64(H.INSTRET) + state.i32(H.ACC) + sequence);
    state.setI32(H.ACC, -sequence);
  }

  #serveRequests(): void {
    const {state} = this;
    const {i32} = state.views;
    const requests = Atomics.exchange(i32, state.cell(H.REQUESTS), 0);
    this.#fenceAsAsked(requests);
    if ((requests & H.HartRequest.presence) !== 0) this.mmu.pmp.update();
    if ((requests & H.HartRequest.regions) !== 0) this.#maker?.receive();
    if (Atomics.load(i32, RUN_STATE >> 2) !== PAUSED) return;
    const began = hostNs();
    state.setF64(H.IDLE_SINCE, began);
    // Whoever pauses again before this hart is off the count must find it standing still.
    do {
      Atomics.add(i32, PARKED >> 2, 1);
      Atomics.notify(i32, PARKED >> 2);
      while (Atomics.load(i32, RUN_STATE >> 2) === PAUSED) Atomics.wait(i32, RUN_STATE >> 2, PAUSED);
      Atomics.sub(i32, PARKED >> 2, 1);
    } while (Atomics.load(i32, RUN_STATE >> 2) === PAUSED);
    state.setF64(H.IDLE_SINCE, 0);
    state.setF64(H.IDLE_NS, state.f64(H.IDLE_NS) + (hostNs() - began));
    // What was asked for while it stood still comes before the next instruction: a snapshot counts on that.
    if (Atomics.load(i32, state.cell(H.REQUESTS)) !== 0) this.#serveRequests();
  }

  /** For a hart that HSM holds stopped: waits for its start. False when something else must be looked at first. */
  #awaitStart(): boolean {
    const {state} = this;
    const {i32} = state.views;
    const cell = state.cell(H.HSM_STATE);
    const hsm = Atomics.load(i32, cell);
    if (hsm === 0) return true;
    if (hsm === 2) {
      const address = state.u64(H.START_ADDRESS);
      this.startSupervisor(
        Number(BigInt.asIntN(32, address)),
        Number(BigInt.asIntN(32, address >> 32n)),
        state.u64(H.START_OPAQUE),
      );
      Atomics.store(i32, cell, 0);
      return true;
    }
    const began = hostNs();
    state.setF64(H.IDLE_SINCE, began);
    const wake = Atomics.load(i32, state.cell(H.WAKE));
    if (Atomics.load(i32, cell) === hsm && !this.#isWanted()) Atomics.wait(i32, state.cell(H.WAKE), wake);
    state.setF64(H.IDLE_SINCE, 0);
    state.setF64(H.IDLE_NS, state.f64(H.IDLE_NS) + (hostNs() - began));
    return false;
  }

  // ---- what generated code calls ----

  #decode(): void {
    const {state} = this;
    const sequence = this.code.decode(state.i32(H.OP));
    // The run was entered when its first op had no number yet.
    state.setI32(H.ACC, state.i32(H.ACC) - sequence);
  }

  #fetch(low: number, high: number): void {
    const {state, mmu} = this;
    if (!mmu.translate(low, high, ACCESS.execute, 2)) {
      this.traps.enter(mmu.cause, false, low, high, low, high);
      return;
    }
    const offset = mmu.physical - RAM_BASE;
    if (offset < 0 || offset >= state.layout.ramBytes) {
      this.traps.enter(CAUSE.fetchAccess, false, low, high, low, high);
      return;
    }
    if (!mmu.isWholePageFetchable()) {
      this.#fetchAlone(low, high, offset);
      return;
    }
    const page = Math.floor(offset / PAGE_BYTES);
    const ops = this.code.slotFor(page);
    mmu.fillFetch(low, high, ops, page);
    const op = ops + (low & 0xffe) * 8;
    state.setI32(H.PAGE_PC, low & -PAGE_BYTES);
    state.setI32(H.PAGE_PC + 4, high);
    state.setI32(H.PAGE_OPS, ops);
    state.setI32(H.OP, op);
    const sequence = state.sequenceOf(op);
    state.setI32(H.ACC, state.i32(H.ACC) - sequence);
  }

  /** An instruction whose halves lie in two pages: decoded into ops of its own each time it is reached. */
  #straddle(): void {
    const {traps} = this;
    const firstHalf = this.code.bitsAt(this.state.i32(H.OP)) & 0xffff;
    traps.locate();
    traps.leaveOp(false);
    this.#placeAlone(traps.pcLow, traps.pcHigh, firstHalf);
  }

  /** An instruction of a page whose parts PMP treats differently: decoded alone, so that each fetch is checked. */
  #fetchAlone(low: number, high: number, offset: number): void {
    const {views, layout} = this.state;
    this.#placeAlone(low, high, views.u16[(layout.ram + offset) >>> 1]!);
  }

  /**
   * Goes on at an instruction decoded into the ops of its own, whose first half is known. They stand at an odd page
   * address, so that every jump out of them looks for its page.
   */
  #placeAlone(low: number, high: number, firstHalf: number): void {
    const {state, mmu} = this;
    const {u16} = state.views;
    let bits = firstHalf;
    if (isLong(firstHalf)) {
      const nextLow = (low + 2) | 0;
      const nextHigh = (high + (nextLow === 0 ? 1 : 0)) | 0;
      const isMapped = mmu.translate(nextLow, nextHigh, ACCESS.execute, 2);
      const offset = mmu.physical - RAM_BASE;
      if (!isMapped || offset < 0 || offset >= state.layout.ramBytes) {
        this.traps.enter(isMapped ? CAUSE.fetchAccess : mmu.cause, false, nextLow, nextHigh, low, high);
        return;
      }
      bits |= u16[(state.layout.ram + offset) >>> 1]! << 16;
    }
    const own = this.#straddled;
    const next = own + (isLong(firstHalf) ? 2 : 1) * OP_BYTES;
    const pageOffset = low & (PAGE_BYTES - 1);
    this.#straddleBits = bits >>> 0;
    this.code.write(own, bits, pageOffset, 1);
    this.code.writeContinuation(next, pageOffset + (isLong(firstHalf) ? 3 : 1));
    u16[(next + OP_FIELD.sequence) >> 1] = 1;
    state.setI32(H.PAGE_PC, (low & -PAGE_BYTES) | 1);
    state.setI32(H.PAGE_PC + 4, high);
    // The page address is one too high, so the op's offset in it is one too low.
    state.setI32(H.PAGE_OPS, own - (pageOffset - 1) * 8);
    state.setI32(H.OP, own);
  }

  #load(bytes: number, low: number, high: number): number {
    const host = this.mmu.load(bytes, low, high);
    if (host === -1) this.#raiseAccess();
    return host;
  }

  #store(bytes: number, low: number, high: number): number {
    if (this.mmu.store(bytes, low, high)) return 0;
    this.#raiseAccess();
    return -1;
  }

  #translate(access: number, bytes: number, low: number, high: number): number {
    const isRead = access === ACCESS_CODES.loadReserved;
    const host = this.mmu.atomicAddress(bytes, low, high, isRead);
    if (host === -1) this.#raiseAccess();
    return host;
  }

  #raiseAccess(): void {
    this.traps.raise(this.mmu.cause, this.mmu.faultLow, this.mmu.faultHigh);
  }

  #illegal(): void {
    const op = this.state.i32(H.OP);
    const bits = op === this.#straddled ? this.#straddleBits : this.code.bitsAt(op);
    this.traps.raise(CAUSE.illegal, bits | 0, 0);
  }

  #floatState(): number {
    const {state} = this;
    const status = state.csrLow(SLOT.mstatus);
    if ((status & FS) === 0) {
      this.#illegal();
      return 0;
    }
    state.setCsrHalves(SLOT.mstatus, status | FS, state.csrHigh(SLOT.mstatus));
    return 1;
  }

  #csr(number: number, operation: number, isWrite: number): number {
    const {state} = this;
    const outcome = this.csrs.access(number, operation, state.u64(H.SCRATCH), isWrite !== 0);
    if (outcome === 'illegal') {
      this.#illegal();
      return 0;
    }
    state.setU64(H.SCRATCH, BigInt.asUintN(64, this.csrs.value));
    switch (outcome) {
      case 'none':
        return 1;
      case 'access':
        this.mmu.updateMode();
        return this.#noticeInterrupts() ? 2 : 1;
      case 'interrupts':
        return this.#noticeInterrupts() ? 2 : 1;
      case 'addressSpace':
        this.mmu.tlb.chooseAddressSpace();
        this.mmu.updateMode();
        return 2;
      case 'translation':
        this.timer.isStimecmpOn = this.#sbi !== undefined || (state.csr(SLOT.menvcfg) & MENVCFG.STCE) !== 0n;
        this.timer.update();
        this.mmu.pmp.update();
        this.mmu.tlb.flushAll();
        this.mmu.tlb.chooseAddressSpace();
        this.mmu.updateMode();
        return 2;
    }
  }

  #time(): void {
    const ticks = this.timer.now();
    this.state.setI32(H.SCRATCH, ticks);
    this.state.setI32(H.SCRATCH + 4, ticks / 2 ** 32);
  }

  /** Makes the hart poll at its next control transfer when an interrupt can be taken now; tells whether one can. */
  #noticeInterrupts(): boolean {
    if (this.traps.pendingInterrupt() < 0) return false;
    this.state.setI32(H.LIMIT, -0x80000000);
    return true;
  }

  #system(code: number): void {
    switch (code) {
      case SYSTEM_CODES.ecall:
        this.#ecall();
        return;
      case SYSTEM_CODES.wfi:
        if (this.state.i32(H.PRIVILEGE) === 0 || this.#isTrapped(TW)) this.#illegal();
        else this.#wfi();
        return;
      case SYSTEM_CODES['sfence.vma']:
        if (this.#isTrapped(TVM)) this.#illegal();
        else this.#sfence();
        return;
      case SYSTEM_CODES['fence.i']:
        this.skip(4);
        this.fenceI();
        return;
    }
  }

  /** True when the present mode may not execute an instruction: user mode, or S-mode with this mstatus bit set. */
  #isTrapped(bit: number): boolean {
    const privilege = this.state.i32(H.PRIVILEGE);
    return privilege === 0 || (privilege === 1 && (this.state.csrLow(SLOT.mstatus) & bit) !== 0);
  }

  /** An environment call of S-mode; all others trap in generated code. */
  #ecall(): void {
    if (this.#sbi?.call(this)) this.skip(4);
  }

  /** A sleep that ends for another reason than an interrupt leaves the hart at its WFI. */
  #wfi(): void {
    if (this.sleep()) this.skip(4);
    this.state.setI32(H.LIMIT, -0x80000000);
  }

  #sfence(): void {
    const {state} = this;
    const {u16, i32} = state.views;
    const op = state.i32(H.OP);
    const address = u16[(op + OP_FIELD.rs1) >> 1]!;
    const hasAddress = address !== state.base + H.X;
    const space = u16[(op + OP_FIELD.rs2) >> 1]!;
    const asid = space === state.base + H.X ? -1 : i32[space >> 2]! & MAX_ASID;
    if (hasAddress) this.mmu.tlb.flushPage(i32[address >> 2]!, i32[(address >> 2) + 1]!, asid);
    else if (asid === -1) this.mmu.tlb.flushAll();
    else this.mmu.tlb.flushAddressSpace(asid);
    this.skip(4);
  }
}
