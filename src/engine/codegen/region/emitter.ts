/**
 * The state of one region's function under construction: its parameters, guest registers in locals, and every way of
 * leaving it. Which registers an exit writes back is the block's knowledge (`enterBlock`) plus what was written since.
 */
import * as H from '../../hart/layout.js';
import type {LoadKind} from '../../isa/lowering.js';
import {TLB_BYTES} from '../../memory/layout.js';
import type {Concurrency} from '../atomics.js';
import type {ExactFunctions} from '../exact-functions.js';
import {LocalPool} from '../local-pool.js';
import {entryOffset} from '../tlb-fill.js';
import {type F32, type F64, get, type I32, type I64, i32, i64, type Local} from '../wasm/expression.js';
import type {FunctionBuilder, FunctionRef, Label} from '../wasm/function.js';
import {SIDE_PER_CODE_BYTE, SIDE_REGION, SIDE_SHIFT} from './abi.js';
import {RegionFloats} from './floats.js';
import {RegionIntegers} from './integers.js';
import {isWithin, type RegisterSet, without} from './registers.js';

/** What a region's module gives it. */
export interface RegionModule {
  readonly regionType: number;
  readonly readAddress: FunctionRef;
  readonly writeAddress: FunctionRef;
  readonly time: FunctionRef;
  readonly exactFunctions: ExactFunctions;
  /** The host multiplies and adds with one rounding. */
  readonly hasFusion: boolean;
  readonly concurrency: Concurrency;
}

/** Builds the body of one region. Offsets named `delta` are relative to the entry's page. */
export class RegionEmitter {
  readonly f: FunctionBuilder;
  readonly module: RegionModule;
  readonly pool: LocalPool;
  readonly hart: Local<'i32'>;
  readonly acc: Local<'i32'>;
  readonly pc: Local<'i64'>;
  readonly depth: Local<'i32'>;
  readonly side: Local<'i32'>;
  /** The data TLB bank in force. */
  readonly bank: Local<'i32'>;
  readonly integers: RegionIntegers;
  readonly floats: RegionFloats;
  /** Where the region goes on when it leaves. */
  readonly next: Local<'i64'>;
  readonly #entry: number;
  readonly #hasFloat: boolean;
  /** Registers whose locals may differ from the hart's block. */
  dirty: RegisterSet = {x: 0, f: 0};
  #exits: {readonly set: RegisterSet; readonly label: Label}[] = [];
  /** Instructions that have retired on the one way here but are not in `acc` yet. */
  retired = 0;

  constructor(f: FunctionBuilder, module: RegionModule, entry: number, hasFloat: boolean) {
    this.f = f;
    this.module = module;
    this.pool = new LocalPool(f);
    this.hart = f.param(0, 'i32');
    this.acc = f.param(1, 'i32');
    this.pc = f.param(2, 'i64');
    this.depth = f.param(3, 'i32');
    this.side = f.param(4, 'i32');
    this.bank = f.local('i32');
    this.integers = new RegionIntegers(f, this.hart);
    this.floats = new RegionFloats(f, this.hart, this.pool);
    this.next = f.local('i64');
    this.#entry = entry;
    this.#hasFloat = hasFloat;
  }

  /** The virtual address of a delta (plus 1 to say that the interpreter must run the op there). */
  address(delta: number, extra: 0 | 1 = 0): I64 {
    const offset = delta - this.#entry + extra;
    return offset === 0 ? get(this.pc) : i64.add(get(this.pc), i64.const(offset));
  }

  x(register: number): I64 {
    return this.integers.x(register);
  }

  setX(register: number, value: I64): void {
    if (register === 0) {
      this.f.drop(value);
      return;
    }
    this.integers.set(register, value);
    this.dirty.x |= 1 << register;
  }

  /** Sets a register to a sign-extended word; see `RegionIntegers.set32`. */
  setX32(register: number, value: I32, isNatural = false): void {
    if (register === 0) {
      this.f.drop(value);
      return;
    }
    this.integers.set32(register, value, isNatural);
    this.dirty.x |= 1 << register;
  }

  setFloat(register: number, value: F32 | F64): void {
    this.floats.set(register, value);
    this.dirty.f |= 1 << register;
  }

  /** Brings registers from the hart's block into their locals; the f registers of `singles` will be read as such. */
  load(registers: RegisterSet, singles: number): void {
    this.integers.load(registers.x);
    this.floats.load(registers.f, singles);
  }

  /** Takes from the hart's block what it holds besides registers; at entry and after whatever may have changed it. */
  loadModes(): void {
    this.f.set(this.bank, i32.load(get(this.hart), H.DATA_BANK));
    if (this.#hasFloat) this.floats.loadModes();
  }

  /** Writes the dirty registers to the hart's block; they stay dirty (this is one of several paths). */
  writeBack(): void {
    this.integers.writeBack(this.dirty.x);
    this.floats.writeBack(this.dirty.f);
  }

  /** Writes some registers, of which none is a word or a boxed single, to the hart's block. */
  store(registers: RegisterSet): void {
    this.integers.writeBackLong(registers.x);
    this.floats.writeBackRaw(registers.f);
  }

  /** Leaves; the op at a delta then runs in the interpreter. */
  interpret(delta: number): void {
    this.#exit(this.address(delta, 1));
  }

  /** Leaves to wherever `target` says, without looking for a region there. */
  leave(target: I64): void {
    this.writeBack();
    this.f.return(target, this.#count());
  }

  /**
   * Emits `body` with shared ways out: an exit writes back what the next smaller of `steps` does not cover and goes on in
   * the code of that step, which is written once. `steps` grow, each holding the one before; `last` is where the smallest
   * one's registers are written back and the region is left.
   */
  withExits(steps: readonly RegisterSet[], last: Label, body: () => void): void {
    const [smallest, ...rest] = steps;
    if (!smallest) throw new Error('exits need at least one step');
    const outer = this.#exits;
    this.#exits = [{set: smallest, label: last}];
    this.#nestExits(smallest, rest, last, body);
    this.#exits = outer;
  }

  #nestExits(below: RegisterSet, steps: readonly RegisterSet[], next: Label, body: () => void): void {
    const [step, ...rest] = steps;
    if (!step) {
      body();
      return;
    }
    this.f.block((label) => {
      this.#exits.push({set: step, label});
      this.#nestExits(step, rest, label, body);
    });
    this.store(without(step, below));
    this.f.br(next);
  }

  #exit(target: I64): void {
    const exit = this.#exits.findLast(({set}) => isWithin(set, this.dirty));
    if (!exit) throw new Error('an exit outside of every block');
    this.integers.makeLong(this.dirty.x);
    this.floats.makeRaw(this.dirty.f);
    this.store(without(this.dirty, exit.set));
    this.f.set(this.next, target);
    if (this.retired > 0) this.f.set(this.acc, this.#count());
    this.f.br(exit.label);
  }

  /** Goes on at a delta outside the region, through its region when it has one. */
  goTo(delta: number): void {
    this.writeBack();
    this.f.set(this.acc, this.#count());
    const pageStart = Math.floor(delta / 4096) * 4096;
    if (pageStart === 0) {
      const cell = get(this.side);
      const index = i32.load16u(cell, delta * SIDE_PER_CODE_BYTE + SIDE_REGION);
      this.f.tailCallIndirect(this.module.regionType, index, ...this.#arguments(this.address(delta), cell, 0));
      return;
    }
    this.f.set(this.next, this.address(delta));
    this.#goToNext();
  }

  /** Goes on at an address computed by the guest, through its region when it has one. */
  goToAddress(target: I64): void {
    this.writeBack();
    this.f.set(this.acc, this.#count());
    this.f.set(this.next, target);
    this.#goToNext();
  }

  /**
   * A guest call of `next` that comes back here when it returns to `back` (a delta), else leaves with where it went.
   * `target` is a delta or an address. Registers must be loaded anew behind it.
   */
  call(target: number | I64, back: number): void {
    const {f} = this;
    this.writeBack();
    f.set(this.acc, this.#count());
    const isNear = typeof target === 'number' && target >= 0 && target < 4096;
    const to = typeof target === 'number' ? this.address(target) : target;
    f.set(this.next, to);
    f.if(i32.eqz(get(this.depth)), () => f.return(get(this.next), get(this.acc)), undefined, 'unlikely');
    let side: I32 = get(this.side);
    let index: I32;
    if (isNear) index = i32.load16u(side, target * SIDE_PER_CODE_BYTE + SIDE_REGION);
    else {
      const cells = this.#cells();
      side = cells.side;
      index = cells.index;
    }
    f.callIndirectInto(
      [this.next, this.acc],
      this.module.regionType,
      index,
      ...this.#arguments(get(this.next), side, 1),
    );
    const isElsewhere = i64.ne(get(this.next), this.address(back));
    f.if(isElsewhere, () => f.return(get(this.next), get(this.acc)), undefined, 'unlikely');
    this.retired = 0;
    this.dirty = {x: 0, f: 0};
  }

  /** Adds what has retired to `acc`. */
  settle(): void {
    if (this.retired === 0) return;
    this.f.set(this.acc, this.#count());
    this.retired = 0;
  }

  /** Leaves when something wants the hart's attention, with the op at a delta still to run. */
  poll(delta: number): void {
    const isDue = i32.geS(this.#count(), i32.load(get(this.hart), H.LIMIT));
    this.f.if(isDue, () => this.#exit(this.address(delta)), undefined, 'unlikely');
  }

  /**
   * Checks that the page `pages` after the entry's is the guest page (index from RAM's start) the region was made from;
   * else the interpreter goes on.
   */
  checkPage(pages: number, guestPage: number): void {
    const {f} = this;
    f.set(this.next, i64.and(i64.add(get(this.pc), i64.const(pages * 4096)), i64.const(-4096n)));
    const entry = this.pool.take('i32');
    f.set(entry, this.#fetchEntry());
    const isOther = i32.or(
      i64.ne(i64.load(get(entry), 2 * TLB_BYTES), get(this.next)),
      i32.ne(i32.load(get(entry), 2 * TLB_BYTES + 12), i32.const(guestPage)),
    );
    f.if(isOther, () => f.return(i64.or(get(this.pc), i64.const(1)), get(this.acc)), undefined, 'unlikely');
  }

  /** A value of a kind, read from a host address. */
  read(kind: LoadKind, address: I32, offset: number): I64 {
    switch (kind) {
      case 's8':
        return i64.load8s(address, offset);
      case 'u8':
        return i64.load8u(address, offset);
      case 's16':
        return i64.load16s(address, offset);
      case 'u16':
        return i64.load16u(address, offset);
      case 's32':
        return i64.load32s(address, offset);
      case 'u32':
        return i64.load32u(address, offset);
      case 'u64':
        return i64.load(address, offset);
    }
  }

  #count(): I32 {
    return this.retired === 0 ? get(this.acc) : i32.add(get(this.acc), i32.const(this.retired));
  }

  #arguments(target: I64, side: I32, nested: 0 | 1): [I32, I32, I64, I32, I32] {
    const depth = nested === 1 ? i32.sub(get(this.depth), i32.const(1)) : get(this.depth);
    return [get(this.hart), get(this.acc), target, depth, side];
  }

  #goToNext(): void {
    const {side, index} = this.#cells();
    this.f.tailCallIndirect(this.module.regionType, index, ...this.#arguments(get(this.next), side, 0));
  }

  /** Finds the side cells of the page of `next`, and the region there; leaves when the page is not at hand. */
  #cells(): {readonly side: I32; readonly index: I32} {
    const {f} = this;
    const entry = this.pool.take('i32');
    f.set(entry, this.#fetchEntry());
    const page = i64.and(get(this.next), i64.const(-4096n));
    f.if(
      i64.ne(i64.load(get(entry), 2 * TLB_BYTES), page),
      () => f.return(get(this.next), get(this.acc)),
      undefined,
      'unlikely',
    );
    const side = this.pool.take('i32');
    const ops = i32.load(get(entry), 2 * TLB_BYTES + 8);
    f.set(side, i32.add(i32.shrU(ops, i32.const(SIDE_SHIFT)), i32.load(get(this.hart), H.SIDE_BASE)));
    const offset = i32.and(i32.wrap(get(this.next)), i32.const(0xffe));
    const cell = i32.add(get(side), i32.shl(offset, i32.const(1)));
    return {side: get(side), index: i32.load16u(cell, SIDE_REGION)};
  }

  /** The execute-TLB entry of `next`, less 2·TLB_BYTES. */
  #fetchEntry(): I32 {
    return i32.add(i32.load(get(this.hart), H.EXEC_BANK), entryOffset(get(this.next)));
  }
}
