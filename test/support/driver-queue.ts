/**
 * The driver's side of a split virtqueue, for tests: what a guest's driver does, and all that a hostile one could do. It
 * shares no code with the device's side, so that both have to agree with the spec and not with each other.
 */
import type {FakeMemory} from './fake-memory.js';

/** A raw descriptor; `flags` bits: 1 NEXT, 2 WRITE, 4 INDIRECT. Addresses above 2^53 may be given as bigint. */
export interface RawDescriptor {
  readonly address: number | bigint;
  readonly length: number;
  readonly flags?: number;
  readonly next?: number;
}

/** One buffer of a well-formed chain. */
export type DriverBuffer = {readonly read: Uint8Array} | {readonly write: number};

/** A chain that was used: its head, the device's length, and what is in its writable buffers now. */
export interface UsedChain {
  readonly head: number;
  readonly length: number;
  readonly written: Uint8Array;
}

export interface DriverQueueOptions {
  readonly size: number;
  /** Where the queue and its buffers lie; 64 KiB from here on are the queue's. */
  readonly address: number;
  /** Where buffers end. */
  readonly endAddress?: number;
  /** Both indices begin here instead of 0, for a device whose cursors do too. */
  readonly startIndex?: number;
}

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

/** A driver's queue. */
export class DriverQueue {
  readonly size: number;
  readonly descriptors: number;
  readonly avail: number;
  readonly used: number;
  readonly #memory: FakeMemory;
  readonly #firstBuffer: number;
  readonly #endAddress: number;
  #nextBuffer: number;
  #freeDescriptors: number[];
  #availIndex: number;
  #seenUsed: number;
  readonly #chains = new Map<number, {descriptors: number[]; writable: {address: number; length: number}[]}>();

  constructor(memory: FakeMemory, {size, address, endAddress, startIndex = 0}: DriverQueueOptions) {
    this.#memory = memory;
    this.size = size;
    this.descriptors = address;
    this.avail = address + 16 * size;
    this.used = Math.ceil((this.avail + 6 + 2 * size) / 4) * 4;
    this.#firstBuffer = Math.ceil((this.used + 6 + 8 * size) / 16) * 16;
    this.#nextBuffer = this.#firstBuffer;
    this.#endAddress = endAddress ?? address + 0x1_0000;
    this.#availIndex = startIndex;
    this.#seenUsed = startIndex;
    this.#u16(this.avail + 2, startIndex);
    this.#u16(this.used + 2, startIndex);
    this.#freeDescriptors = Array.from({length: size}, (_, index) => index);
  }

  get addresses(): {size: number; descriptors: number; avail: number; used: number} {
    return {size: this.size, descriptors: this.descriptors, avail: this.avail, used: this.used};
  }

  /** Room for a buffer; never given back before `rewind`. */
  allocate(length: number): number {
    const address = this.#nextBuffer;
    this.#nextBuffer += Math.ceil(length / 16) * 16;
    if (this.#nextBuffer > this.#endAddress) throw new Error('test queue is out of buffer memory');
    return address;
  }

  /** Forgets all buffers: nothing may be in flight. */
  rewind(): void {
    this.#nextBuffer = this.#firstBuffer;
  }

  /** Lays out a chain and publishes it; returns its head. */
  add(...buffers: DriverBuffer[]): number {
    const head = this.#layOut(buffers);
    this.publish(head);
    return head;
  }

  /** The same through an indirect table. */
  addIndirect(...buffers: DriverBuffer[]): number {
    const writable: {address: number; length: number}[] = [];
    const table = this.allocate(16 * buffers.length);
    for (const [index, buffer] of buffers.entries()) {
      const raw = this.#place(buffer, writable);
      const isLast = index === buffers.length - 1;
      this.writeDescriptor(table, index, {...raw, flags: raw.flags | (isLast ? 0 : NEXT), next: index + 1});
    }
    const head = this.#takeDescriptor();
    this.writeDescriptor(this.descriptors, head, {address: table, length: 16 * buffers.length, flags: INDIRECT});
    this.#chains.set(head, {descriptors: [head], writable});
    this.publish(head);
    return head;
  }

  /** Writes any descriptor into any table. */
  writeDescriptor(table: number, index: number, {address, length, flags = 0, next = 0}: RawDescriptor): void {
    const at = table - this.#memory.baseAddress + 16 * index;
    this.#memory.view.setBigUint64(at, BigInt(address), true);
    this.#memory.view.setUint32(at + 8, length, true);
    this.#memory.view.setUint16(at + 12, flags, true);
    this.#memory.view.setUint16(at + 14, next, true);
  }

  /** Puts a head on the avail ring, whatever it is. */
  publish(head: number): void {
    this.#u16(this.avail + 4 + 2 * (this.#availIndex % this.size), head);
    this.jumpAvail(1);
  }

  /** Moves the avail index without putting anything there. */
  jumpAvail(by: number): void {
    this.#availIndex = (this.#availIndex + by) & 0xffff;
    this.#u16(this.avail + 2, this.#availIndex);
  }

  /** Sets avail.flags; 1 = no interrupts, please. */
  setAvailFlags(flags: number): void {
    this.#u16(this.avail, flags);
  }

  /** Asks for an interrupt when the used index passes this one (EVENT_IDX). */
  setUsedEvent(index: number): void {
    this.#u16(this.avail + 4 + 2 * this.size, index);
  }

  /** The avail index of which the device wants to be notified (EVENT_IDX). */
  get availEvent(): number {
    return this.#memory.view.getUint16(this.used + 4 + 8 * this.size - this.#memory.baseAddress, true);
  }

  get usedIndex(): number {
    return this.#memory.view.getUint16(this.used + 2 - this.#memory.baseAddress, true);
  }

  /** Takes the next used chain, or undefined. */
  takeUsed(): UsedChain | undefined {
    if (this.usedIndex === this.#seenUsed) return undefined;
    const at = this.used + 4 + 8 * (this.#seenUsed % this.size) - this.#memory.baseAddress;
    this.#seenUsed = (this.#seenUsed + 1) & 0xffff;
    const head = this.#memory.view.getUint32(at, true);
    const length = this.#memory.view.getUint32(at + 4, true);
    const chain = this.#chains.get(head);
    this.#chains.delete(head);
    this.#freeDescriptors.push(...(chain?.descriptors ?? []));
    const parts = (chain?.writable ?? []).map((buffer) => this.#memory.bytes(buffer.address, buffer.length)!);
    return {head, length, written: new Uint8Array(Buffer.concat(parts))};
  }

  /** Takes all used chains. */
  takeAllUsed(): UsedChain[] {
    const all: UsedChain[] = [];
    for (let used = this.takeUsed(); used !== undefined; used = this.takeUsed()) all.push(used);
    return all;
  }

  #layOut(buffers: readonly DriverBuffer[]): number {
    const writable: {address: number; length: number}[] = [];
    const descriptors = buffers.map(() => this.#takeDescriptor());
    for (const [index, buffer] of buffers.entries()) {
      const raw = this.#place(buffer, writable);
      const next = descriptors[index + 1];
      const link = next === undefined ? {} : {next};
      this.writeDescriptor(this.descriptors, descriptors[index]!, {
        ...raw,
        ...link,
        flags: raw.flags | (next === undefined ? 0 : NEXT),
      });
    }
    const head = descriptors[0]!;
    this.#chains.set(head, {descriptors, writable});
    return head;
  }

  #place(buffer: DriverBuffer, writable: {address: number; length: number}[]) {
    if ('read' in buffer) {
      const address = this.allocate(buffer.read.length);
      this.#memory.bytes(address, buffer.read.length)?.set(buffer.read);
      return {address, length: buffer.read.length, flags: 0};
    }
    const address = this.allocate(buffer.write);
    writable.push({address, length: buffer.write});
    return {address, length: buffer.write, flags: WRITE};
  }

  #takeDescriptor(): number {
    const index = this.#freeDescriptors.shift();
    if (index === undefined) throw new Error('test queue is full');
    return index;
  }

  #u16(address: number, value: number): void {
    Atomics.store(this.#memory.u16, (address - this.#memory.baseAddress) / 2, value);
  }
}
