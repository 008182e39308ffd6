/**
 * Decoded code of one hart: a slot of ops per guest page, filled run by run as code is reached.
 *
 * Within a page the ops of instructions that fall through to each other carry consecutive sequence numbers, so the
 * number of instructions between entering a run and leaving it is a difference of two of them. A run that meets ops
 * decoded earlier is numbered backwards from there.
 *
 * Staleness: only `fence.i` (and remote ones) looks for it, as the architecture allows; `PageWatch` then says which bytes
 * of which pages have changed. Ops of instructions in those bytes go, and with them those that fall through to them:
 * what is decoded there anew must be numbered, and fused, with what stays behind it. All else stays where it is.
 */

import {HANDLER, type HandlerSet} from '../codegen/interpreter.js';
import {OP_FIELD} from '../codegen/interpreter-frame.js';
import {CHUNK_BYTES} from '../codegen/memory-functions.js';
import {PAGE_BYTES, SIDE_BYTES, SLOT_BYTES} from '../memory/layout.js';
import {type DecodeFunctions, OpWriter} from './op-writer.js';
import {PageWatch} from './page-watch.js';
import type {DecodedPages} from './regions.js';
import type {HartState} from './state.js';

/** Told what happens to decoded pages (guest page indices): ops were decoded, or a page was dropped. */
export interface PageListener {
  decoded(page: number): void;
  forget(page: number, isStale: boolean): void;
  /** True while something made of the page's code is kept. */
  holds(page: number): boolean;
}

/** The part of the MMU that has to do with decoded code. */
export interface TranslationFlushes {
  flushWritesTo(page: number, wasCode: boolean): void;
  flushFetchesOf(page: number): void;
}

/** Decoded pages of one hart. */
export class CodeCache implements DecodedPages {
  readonly #state: HartState;
  readonly #flushes: TranslationFlushes;
  readonly #writer: OpWriter;
  readonly #watch: PageWatch;
  /** Slot + 1 of a guest page, 0 when it has none. */
  readonly #slotOf: Int32Array;
  readonly #pageOf: Int32Array;
  readonly #slots: number;
  #next = 0;
  /** Offsets in a page whose ops are to be dropped. */
  readonly #doomed: number[] = [];
  #listener: PageListener | undefined;

  /** `flushes`: who forgets translations when ops move or their page is written. */
  constructor(state: HartState, set: HandlerSet, flushes: TranslationFlushes) {
    this.#state = state;
    this.#flushes = flushes;
    this.#writer = new OpWriter(state, set);
    this.#slots = state.layout.slots[state.id]!;
    this.#pageOf = new Int32Array(state.layout.codeSlots).fill(-1);
    this.#slotOf = new Int32Array(state.layout.ramBytes / PAGE_BYTES);
    this.#watch = new PageWatch(state, {
      flushWrites: (page, wasCode) => flushes.flushWritesTo(page, wasCode),
      written: (page) => this.#listener?.forget(page, true),
      changed: (slot, from) => this.#dropChanged(slot, from),
    });
  }

  /** Has generated code decode. */
  link(functions: DecodeFunctions): void {
    this.#writer.link(functions);
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
    const slot = this.#slotOf[page]! - 1;
    return slot < 0 ? this.#watch.generationNow(page) : this.#watch.generationOf(slot);
  }

  keep(page: number): boolean {
    return this.#slotOf[page] !== 0 || this.#watch.keep(page);
  }

  pageAt(op: number): number {
    const slot = Math.floor((op - this.#slots) / SLOT_BYTES);
    return slot >= 0 && slot < this.#pageOf.length ? this.#pageOf[slot]! : -1;
  }

  /** Address of the ops of a guest page; a place is found for them, for which the oldest page may have to go. */
  slotFor(page: number): number {
    const known = this.#slotOf[page]!;
    if (known !== 0) return this.#opsOf(known - 1);
    const slot = this.#next;
    this.#next = (slot + 1) % this.#pageOf.length;
    if (this.#pageOf[slot] !== -1) this.#evict(slot);
    this.#slotOf[page] = slot + 1;
    this.#pageOf[slot] = page;
    this.#watch.take(slot, page);
    return this.#opsOf(slot);
  }

  /** Makes visible what was written into code; the caller then goes on anew, also where it stands. */
  fence(): void {
    this.#watch.fence();
  }

  /** Decodes the run that starts at an op; returns its sequence number. */
  decode(op: number): number {
    const {layout} = this.#state;
    const slot = Math.floor((op - this.#slots) / SLOT_BYTES);
    const ops = this.#opsOf(slot);
    const page = this.#pageOf[slot]!;
    const source = layout.ram + page * PAGE_BYTES;
    const run = this.#writer.decodeRun(op, ops, source, this.#watch.copyOf(slot));
    this.#watch.decoded(slot, (op - ops) >> 3, run & 0xffff);
    this.#listener?.decoded(page);
    return run >> 16;
  }

  /** Has an instruction known to the decoder of runs. */
  learn(bits: number): void {
    this.#writer.learn(bits);
  }

  /** Writes the op of an instruction that is decoded alone: see `OpWriter.write`. */
  write(at: number, bits: number, pageOffset: number, bias: 0 | 1): void {
    this.#writer.write(at, bits, pageOffset, bias);
  }

  /** Writes the op that goes on at page address + `offset`. */
  writeContinuation(at: number, offset: number): void {
    this.#state.views.i32[(at + OP_FIELD.imm) >> 2] = offset;
    this.#state.views.u16[at >> 1] = HANDLER.pageEnd;
  }

  /** The bits that were decoded at an op of a page (of a straddling instruction, the first half). */
  bitsAt(op: number): number {
    const {u16} = this.#state.views;
    const slot = Math.floor((op - this.#slots) / SLOT_BYTES);
    const offset = (op - this.#opsOf(slot)) >> 3;
    const copy = (this.#watch.copyOf(slot) + offset) >>> 1;
    const half = u16[copy]!;
    if ((half & 3) !== 3) return half;
    return (half | (offset === PAGE_BYTES - 2 ? 0 : u16[copy + 1]! << 16)) >>> 0;
  }

  /** Drops the ops of instructions that reach into a chunk of a page, and all that fall through to them. */
  #dropChanged(slot: number, from: number): void {
    const doomed = this.#doomed;
    // An instruction of four bytes may begin two bytes before.
    for (let offset = Math.max(from - 2, 0); offset < from + CHUNK_BYTES; offset += 2)
      if (offset >= from || this.#lengthAt(slot, offset) === 4) doomed.push(offset);
    for (let offset = doomed.pop(); offset !== undefined; offset = doomed.pop()) this.#dropOp(slot, offset);
  }

  #dropOp(slot: number, offset: number): void {
    const {views, layout, id} = this.#state;
    const {u16} = views;
    const at = (this.#opsOf(slot) + offset * 8) >>> 1;
    if (u16[at] === HANDLER.decode) return;
    const sequence = u16[at + OP_FIELD.sequence / 2]!;
    u16[at] = HANDLER.decode;
    u16[at + OP_FIELD.sequence / 2] = 0;
    if (this.#listener) views.i32[(layout.sides[id]! + slot * SIDE_BYTES + offset * 2) >>> 2] = 0;
    for (let length = 2; length <= Math.min(4, offset); length += 2) {
      const before = at - length * 4;
      // Numbers in sequence: those of one run, or by chance of two; then more goes than must.
      if (u16[before] === HANDLER.decode || ((u16[before + OP_FIELD.sequence / 2]! + 1) & 0xffff) !== sequence)
        continue;
      if (this.#lengthAt(slot, offset - length) === length) this.#doomed.push(offset - length);
    }
  }

  #opsOf(slot: number): number {
    return this.#slots + slot * SLOT_BYTES;
  }

  /** Length of the instruction that was decoded at an offset. */
  #lengthAt(slot: number, offset: number): 2 | 4 {
    return (this.#state.views.u16[(this.#watch.copyOf(slot) + offset) >>> 1]! & 3) === 3 ? 4 : 2;
  }

  #evict(slot: number): void {
    const page = this.#pageOf[slot]!;
    this.#listener?.forget(page, false);
    this.#slotOf[page] = 0;
    this.#pageOf[slot] = -1;
    this.#flushes.flushFetchesOf(page);
    this.#watch.release(slot, this.#listener?.holds(page) ?? false);
    this.#state.fill(this.#opsOf(slot), 0, SLOT_BYTES);
    if (this.#listener) this.#state.fill(this.#state.layout.sides[this.#state.id]! + slot * SIDE_BYTES, 0, SIDE_BYTES);
  }
}
