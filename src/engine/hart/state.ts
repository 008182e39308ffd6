/**
 * One hart's block in shared memory, as named accessors over typed arrays. Owned by the hart's thread except for the
 * cells that `layout.ts` calls atomic.
 */
import type {MemoryLayout} from '../memory/layout.js';
import {CSR_SLOT_BYTES, CSRS, hartBlock, OP_SEQUENCE} from './layout.js';

/** Views of a machine's whole shared memory; every index is an absolute byte address divided by the element size. */
export interface MemoryViews {
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array<SharedArrayBuffer>;
  readonly u16: Uint16Array<SharedArrayBuffer>;
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly u64: BigUint64Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;
}

/** Views over a memory's buffer. */
export function viewMemory(buffer: SharedArrayBuffer): MemoryViews {
  return {
    buffer,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u64: new BigUint64Array(buffer),
    f64: new Float64Array(buffer),
  };
}

/** What generated code does to memory for the runtime (see `codegen/memory-functions.ts`). */
export interface MemoryFunctions {
  readonly fill: (address: number, byte: number, length: number) => void;
  readonly copy: (to: number, from: number, length: number) => void;
  readonly differs: (a: number, b: number, from: number, to: number) => number;
}

/** Run state and registers of one hart. Hot accessors allocate nothing. */
export class HartState {
  readonly id: number;
  readonly base: number;
  readonly views: MemoryViews;
  readonly layout: MemoryLayout;
  #functions: MemoryFunctions | undefined;

  constructor(id: number, views: MemoryViews, layout: MemoryLayout) {
    this.id = id;
    this.base = hartBlock(id);
    this.views = views;
    this.layout = layout;
  }

  /** Fills bytes of the machine's memory. */
  fill(address: number, byte: number, length: number): void {
    if (this.#functions) this.#functions.fill(address, byte, length);
    else this.views.u8.fill(byte, address, address + length);
  }

  /** Copies bytes of the machine's memory. */
  copy(to: number, from: number, length: number): void {
    if (this.#functions) this.#functions.copy(to, from, length);
    else this.views.u8.copyWithin(to, from, from + length);
  }

  /** Offset of the first chunk in [from, to) in which `a` and `b` differ, or `to`; the first one until hearing from generated code. */
  differs(a: number, b: number, from: number, to: number): number {
    return this.#functions ? this.#functions.differs(a, b, from, to) : from;
  }

  /** Has generated code do what it does best. */
  link(functions: MemoryFunctions): void {
    this.#functions = functions;
  }

  i32(offset: number): number {
    return this.views.i32[(this.base + offset) >> 2]!;
  }

  setI32(offset: number, value: number): void {
    this.views.i32[(this.base + offset) >> 2] = value;
  }

  f64(offset: number): number {
    return this.views.f64[(this.base + offset) >> 3]!;
  }

  setF64(offset: number, value: number): void {
    this.views.f64[(this.base + offset) >> 3] = value;
  }

  u64(offset: number): bigint {
    return this.views.u64[(this.base + offset) >> 3]!;
  }

  setU64(offset: number, value: bigint): void {
    this.views.u64[(this.base + offset) >> 3] = value;
  }

  /** Index of an atomic cell in `views.i32`. */
  cell(offset: number): number {
    return (this.base + offset) >> 2;
  }

  /** Sequence number of an op inside its run: the signed 16 bits behind its immediate (see `OP_FIELD`). */
  sequenceOf(op: number): number {
    return (this.views.u16[(op + OP_SEQUENCE) >> 1]! << 16) >> 16;
  }

  x(register: number): bigint {
    return this.u64(register * 8);
  }

  setX(register: number, value: bigint): void {
    if (register !== 0) this.setU64(register * 8, BigInt.asUintN(64, value));
  }

  csr(slot: number): bigint {
    return this.u64(CSRS + slot * CSR_SLOT_BYTES);
  }

  setCsr(slot: number, value: bigint): void {
    this.setU64(CSRS + slot * CSR_SLOT_BYTES, value);
  }

  /** Sets the bits that a write by generated code changes. */
  setCsrMask(slot: number, mask: bigint): void {
    this.setU64(CSRS + slot * CSR_SLOT_BYTES + 8, mask);
  }

  /** Low and high 32 bits of a CSR slot, without a bigint. */
  csrLow(slot: number): number {
    return this.i32(CSRS + slot * CSR_SLOT_BYTES);
  }

  csrHigh(slot: number): number {
    return this.i32(CSRS + slot * CSR_SLOT_BYTES + 4);
  }

  setCsrHalves(slot: number, low: number, high: number): void {
    this.setI32(CSRS + slot * CSR_SLOT_BYTES, low);
    this.setI32(CSRS + slot * CSR_SLOT_BYTES + 4, high);
  }
}
