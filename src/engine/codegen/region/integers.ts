/**
 * The x registers of a region.
 *
 * A register is in one of two forms, known at every point of the region:
 *   long  its i64 local holds it
 *   word  it is a sign-extended word, and only its i32 local holds it
 * Results of 32-bit operations are words where a block says so; elsewhere every register is long. A word is extended where
 * it leaves the region, is used in 64 bits, or meets the other form where paths join.
 */
import * as H from '../../hart/layout.js';
import {get, type I32, type I64, i32, i64, type Local} from '../wasm/expression.js';
import type {FunctionBuilder} from '../wasm/function.js';
import {members} from './registers.js';

/** Emits everything about x registers of one region. */
export class RegionIntegers {
  /** The registers that are words at this point, as a bit mask. x0 is none. */
  words = 0;
  /** True where results of 32-bit operations become words. */
  keepsWords = false;
  readonly #f: FunctionBuilder;
  readonly #hart: Local<'i32'>;
  readonly #longs: (Local<'i64'> | undefined)[] = [];
  readonly #shorts: (Local<'i32'> | undefined)[] = [];
  /** Words known not to be negative. */
  #naturals = 0;

  constructor(f: FunctionBuilder, hart: Local<'i32'>) {
    this.#f = f;
    this.#hart = hart;
  }

  /** Begins a block with some registers as words. */
  begin(words: number, keepsWords: boolean): void {
    this.words = words;
    this.keepsWords = keepsWords;
    this.#naturals = 0;
  }

  /** True for a register whose low half is all there is to know. */
  isWord(register: number): boolean {
    return register === 0 || (this.words & (1 << register)) !== 0;
  }

  x(register: number): I64 {
    if (register === 0) return i64.const(0);
    if (!this.isWord(register)) return get(this.#long(register));
    const word = get(this.#short(register));
    return (this.#naturals & (1 << register)) !== 0 ? i64.extendU(word) : i64.extendS(word);
  }

  x32(register: number): I32 {
    if (register === 0) return i32.const(0);
    return this.isWord(register) ? get(this.#short(register)) : i32.wrap(get(this.#long(register)));
  }

  set(register: number, value: I64): void {
    this.#f.set(this.#long(register), value);
    this.words &= ~(1 << register);
  }

  /** Sets a register to a sign-extended word, `isNatural` when that is not negative. */
  set32(register: number, value: I32, isNatural = false): void {
    if (!this.keepsWords) {
      this.set(register, isNatural ? i64.extendU(value) : i64.extendS(value));
      return;
    }
    const bit = 1 << register;
    this.#f.set(this.#short(register), value);
    this.words |= bit;
    this.#naturals = isNatural ? this.#naturals | bit : this.#naturals & ~bit;
  }

  /** Brings registers from the hart's block. */
  load(registers: number): void {
    for (const register of members(registers)) this.set(register, i64.load(get(this.#hart), H.X + register * 8));
  }

  /** Writes registers to the hart's block. */
  writeBack(registers: number): void {
    for (const register of members(registers)) this.#f.store(8, get(this.#hart), this.x(register), H.X + register * 8);
  }

  /** Makes registers long where they are words, for code that several ways share; the current forms are left as they are. */
  makeLong(registers: number): void {
    for (const register of members(registers & this.words)) this.#f.set(this.#long(register), this.x(register));
  }

  /** Writes registers that are long to the hart's block. */
  writeBackLong(registers: number): void {
    for (const register of members(registers))
      this.#f.store(8, get(this.#hart), get(this.#long(register)), H.X + register * 8);
  }

  /** Brings registers into the forms that a block starts with; the current forms are left as they are. */
  convert(words: number): void {
    this.makeLong(~words);
    for (const register of members(words & ~this.words)) this.#f.set(this.#short(register), this.x32(register));
  }

  #long(register: number): Local<'i64'> {
    let local = this.#longs[register];
    if (!local) {
      local = this.#f.local('i64');
      this.#longs[register] = local;
    }
    return local;
  }

  #short(register: number): Local<'i32'> {
    let local = this.#shorts[register];
    if (!local) {
      local = this.#f.local('i32');
      this.#shorts[register] = local;
    }
    return local;
  }
}
