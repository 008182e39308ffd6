/**
 * Decoded code of one hart: a slot of ops per guest page, filled run by run as code is reached.
 *
 * Within a page the ops of instructions that fall through to each other carry consecutive sequence numbers, so the
 * number of instructions between entering a run and leaving it is a difference of two of them. A run that meets ops
 * decoded earlier is numbered backwards from there.
 *
 * Staleness: a page's generation counts up when it is written through a write-TLB entry or by DMA made after its code
 * was decoded. Only `fence.i` (and remote ones) compare generations and drop what is stale, as the architecture allows.
 * With several harts, one of them may be just making a store to the page through an entry it looked up before a slot
 * was taken; until each other hart has come to a boundary (or sleeps) the slot is *unsettled*, and `fence.i` drops it.
 */

import {CSR_NUMBER_BITS} from '../codegen/csr-path.js';
import {HANDLER, type HandlerSet, opImmediate} from '../codegen/interpreter.js';
import {OP_FIELD} from '../codegen/interpreter-lowering.js';
import type {OperandFiles} from '../isa/instruction.js';
import {CODE_WRITES} from '../memory/header.js';
import {CODE_SLOTS, PAGE_BYTES, SIDE_BYTES, SLOT_BYTES} from '../memory/layout.js';
import {PAGE_FLAG} from '../memory/ram.js';
import {pathOf} from './csr-file.js';
import {BOUNDARY, F, hartBlock, IDLE_SINCE, SINK, X} from './layout.js';
import type {DecodedPages} from './regions.js';
import type {HartState} from './state.js';

/** Where the ops of a page are, and what happened to find a place for them. */
export interface CodeSlot {
  readonly ops: number;
  /** The page whose slot was taken, -1 when none: its fetch translations must be forgotten. */
  readonly evicted: number;
  /** Write translations of the page may exist and must be forgotten; `wasCode`: it had code before. */
  readonly isWritable: boolean;
  readonly wasCode: boolean;
}

/** Told what happens to decoded pages (guest page indices): ops were decoded, or a page was dropped. */
export interface PageListener {
  decoded(page: number): void;
  forget(page: number, isStale: boolean): void;
}

/** Decoded pages of one hart. */
export class CodeCache implements DecodedPages {
  /** Pages decoded since the start, and pages dropped because they were written. */
  decodedPages = 0;
  droppedPages = 0;
  readonly #state: HartState;
  readonly #set: HandlerSet;
  /** Slot + 1 of a guest page, 0 when it has none. */
  readonly #slotOf: Int32Array;
  readonly #pageOf = new Int32Array(CODE_SLOTS).fill(-1);
  readonly #generationOf = new Int32Array(CODE_SLOTS);
  readonly #slots: number;
  /** Ops of the run being decoded, and their handlers before fusing. */
  readonly #run = new Int32Array(PAGE_BYTES / 2 + 1);
  readonly #single = new Int32Array(PAGE_BYTES / 2 + 1);
  #next = 0;
  #seenWrites = 0;
  #listener: PageListener | undefined;
  /** Boundaries of the other harts when a slot was taken, by slot. */
  readonly #unsettled = new Map<number, readonly number[]>();

  constructor(state: HartState, set: HandlerSet) {
    this.#state = state;
    this.#set = set;
    this.#slots = state.layout.slots[state.id]!;
    this.#slotOf = new Int32Array(state.layout.ramBytes / PAGE_BYTES);
  }

  /** Names who is told about decoded and dropped pages. */
  listen(listener: PageListener): void {
    this.#listener = listener;
  }

  opsOf(page: number): number {
    const slot = this.#slotOf[page]!;
    return slot === 0 ? 0 : this.#opsOf(slot - 1);
  }

  generationOf(page: number): number {
    return this.#generationOf[this.#slotOf[page]! - 1] ?? -1;
  }

  pageAt(op: number): number {
    const slot = Math.floor((op - this.#slots) / SLOT_BYTES);
    return slot >= 0 && slot < CODE_SLOTS ? this.#pageOf[slot]! : -1;
  }

  /** Where the ops of a guest page are, and what finding a place for them asks of the TLBs. */
  slotFor(page: number): CodeSlot {
    const known = this.#slotOf[page]!;
    if (known !== 0) return {ops: this.#opsOf(known - 1), evicted: -1, isWritable: false, wasCode: true};
    const slot = this.#next;
    this.#next = (slot + 1) % CODE_SLOTS;
    const evicted = this.#pageOf[slot]!;
    if (evicted !== -1) this.#drop(slot, false);
    const {views, layout} = this.#state;
    this.#slotOf[page] = slot + 1;
    this.#pageOf[slot] = page;
    const flags = Atomics.or(views.u8, layout.pageFlags + page, PAGE_FLAG.code);
    const isWritable = (flags & PAGE_FLAG.writable) !== 0;
    // Whoever makes an entry from here on sees the code and does not keep it, or makes it known to the runtime.
    if (isWritable) Atomics.and(views.u8, layout.pageFlags + page, ~PAGE_FLAG.writable);
    this.#generationOf[slot] = Atomics.load(views.i32, (layout.generations >> 2) + page);
    this.decodedPages++;
    if (layout.hartCount > 1) this.#unsettled.set(slot, this.#boundaries());
    return {ops: this.#opsOf(slot), evicted, isWritable, wasCode: (flags & PAGE_FLAG.code) !== 0};
  }

  /** Drops the pages written since they were decoded; true when there were any. */
  dropStale(): boolean {
    const {views, layout} = this.#state;
    const writes = Atomics.load(views.i32, CODE_WRITES >> 2);
    let isAny = this.#dropUnsettled();
    if (writes === this.#seenWrites) return isAny;
    this.#seenWrites = writes;
    const generations = layout.generations >> 2;
    for (let slot = 0; slot < CODE_SLOTS; slot++) {
      const page = this.#pageOf[slot]!;
      if (page === -1 || Atomics.load(views.i32, generations + page) === this.#generationOf[slot]) continue;
      this.#drop(slot, true);
      this.droppedPages++;
      isAny = true;
    }
    return isAny;
  }

  #opsOf(slot: number): number {
    return this.#slots + slot * SLOT_BYTES;
  }

  #boundaries(): readonly number[] {
    const {views, layout} = this.#state;
    return Array.from({length: layout.hartCount}, (_, hart) =>
      Atomics.load(views.i32, (hartBlock(hart) + BOUNDARY) >> 2),
    );
  }

  #dropUnsettled(): boolean {
    if (this.#unsettled.size === 0) return false;
    const {views, id} = this.#state;
    const now = this.#boundaries();
    const isAsleep = now.map((_, hart) => views.f64[(hartBlock(hart) + IDLE_SINCE) >> 3] !== 0);
    let isAny = false;
    for (const [slot, then] of this.#unsettled) {
      if (now.every((count, hart) => hart === id || isAsleep[hart] || count !== then[hart])) continue;
      this.#drop(slot, true);
      this.droppedPages++;
      isAny = true;
    }
    this.#unsettled.clear();
    return isAny;
  }

  /** Decodes the run that starts at an op; returns its sequence number. */
  decode(op: number): number {
    const {views, layout} = this.#state;
    const slot = Math.floor((op - this.#slots) / SLOT_BYTES);
    const ops = this.#slots + slot * SLOT_BYTES;
    const source = layout.ram + this.#pageOf[slot]! * PAGE_BYTES;
    let count = 0;
    let offset = (op - ops) >> 3;
    let first = 0;
    for (;;) {
      const at = ops + offset * 8;
      const handler = views.u16[at >> 1]!;
      if (handler !== HANDLER.decode) {
        first = this.#state.sequenceOf(at) - count;
        break;
      }
      this.#run[count++] = at;
      if (offset >= PAGE_BYTES) {
        this.writeContinuation(at, PAGE_BYTES);
        break;
      }
      const half = views.u16[(source + offset) >>> 1]!;
      const isLong = (half & 3) === 3;
      if (isLong && offset === PAGE_BYTES - 2) {
        views.u16[at >> 1] = HANDLER.straddle;
        break;
      }
      const bits = isLong ? half | (views.u16[(source + offset + 2) >>> 1]! << 16) : half;
      if (this.write(at, bits, offset, 0)) break;
      offset += isLong ? 4 : 2;
    }
    for (let i = 0; i < count; i++) views.u16[(this.#run[i]! + OP_FIELD.sequence) >> 1] = first + i;
    this.#fuse(count);
    this.#listener?.decoded(this.#pageOf[slot]!);
    return first;
  }

  /**
   * Writes the op of an instruction at `pageOffset`; true when nothing falls through it. A straddling instruction
   * passes `bias` 1: its page address is odd.
   */
  write(at: number, bits: number, pageOffset: number, bias: 0 | 1): boolean {
    const {views} = this.#state;
    const length = (bits & 3) === 3 ? 4 : 2;
    const long = length === 4 ? bits : this.#set.decoder.expand(bits);
    const index = long === 0 ? -1 : this.#set.decoder.find(long);
    const record = index < 0 ? undefined : this.#set.decoder.instructions[index]!;
    const rounding = (long >>> 12) & 7;
    if (!record || (record.hasRounding && (rounding === 5 || rounding === 6))) {
      views.u16[at >> 1] = HANDLER.illegal;
      return true;
    }
    const {format} = record;
    let value = opImmediate(record, long, pageOffset);
    let isFar = false;
    if (format === 'B' || format === 'J') {
      isFar = bias === 1 || value < 0 || value >= PAGE_BYTES;
      value = isFar ? value - bias : (value - pageOffset) * 8;
    } else if (record.name === 'auipc') value -= bias;
    views.u16[(at + OP_FIELD.rd) >> 1] = this.#register(record.files.rd, (long >>> 7) & 31, true);
    views.u16[(at + OP_FIELD.rs1) >> 1] =
      format === 'csri' ? (long >>> 15) & 31 : this.#register(record.files.rs1, (long >>> 15) & 31, false);
    views.u16[(at + OP_FIELD.rs2) >> 1] = this.#register(record.files.rs2, (long >>> 20) & 31, false);
    if (format === 'R4') value = this.#register('f', (long >>> 27) & 31, false);
    views.i32[(at + OP_FIELD.imm) >> 2] = value;
    views.u16[(at + OP_FIELD.extra) >> 1] = record.hasRounding ? rounding : pageOffset + length - bias;
    if (format === 'csr' || format === 'csri') {
      const {path, detail} = pathOf(value, this.#state.base);
      views.i32[(at + OP_FIELD.imm) >> 2] = value | (detail << CSR_NUMBER_BITS);
      views.u16[at >> 1] = this.#set.single(index, length, false, path);
    } else views.u16[at >> 1] = this.#set.single(index, length, isFar);
    return record.endsBlock;
  }

  /** Writes the op that goes on at page address + `offset`. */
  writeContinuation(at: number, offset: number): void {
    this.#state.views.i32[(at + OP_FIELD.imm) >> 2] = offset;
    this.#state.views.u16[at >> 1] = HANDLER.pageEnd;
  }

  /** The bits of the instruction at an op of a decoded page (not of a straddling one). */
  bitsAt(op: number): number {
    const {views, layout} = this.#state;
    const slot = Math.floor((op - this.#slots) / SLOT_BYTES);
    const offset = (op - this.#slots - slot * SLOT_BYTES) >> 3;
    const source = layout.ram + this.#pageOf[slot]! * PAGE_BYTES + offset;
    const half = views.u16[source >>> 1]!;
    if ((half & 3) !== 3) return half;
    return (half | (offset === PAGE_BYTES - 2 ? 0 : views.u16[(source + 2) >>> 1]! << 16)) >>> 0;
  }

  /** Replaces handlers of neighbouring ops by fused ones, as long as there are any. */
  #fuse(count: number): void {
    const {u16} = this.#state.views;
    for (let i = 0; i < count; i++) this.#single[i] = u16[this.#run[i]! >> 1]!;
    for (let i = 0; i < count - 1; i++) {
      let handler = this.#single[i]!;
      for (let j = i + 1; j < count; j++) {
        const fused = this.#set.fuse(handler, this.#single[j]!);
        if (fused === 0) break;
        handler = fused;
      }
      u16[this.#run[i]! >> 1] = handler;
    }
  }

  #register(file: OperandFiles['rd'], number: number, isTarget: boolean): number {
    if (file === 'f') return this.#state.base + F + number * 8;
    return this.#state.base + (isTarget && number === 0 ? SINK : X + number * 8);
  }

  #drop(slot: number, isStale: boolean): void {
    this.#listener?.forget(this.#pageOf[slot]!, isStale);
    this.#slotOf[this.#pageOf[slot]!] = 0;
    this.#pageOf[slot] = -1;
    this.#unsettled.delete(slot);
    this.#state.fill(this.#slots + slot * SLOT_BYTES, 0, SLOT_BYTES);
    if (this.#listener) this.#state.fill(this.#state.layout.sides[this.#state.id]! + slot * SIDE_BYTES, 0, SIDE_BYTES);
  }
}
