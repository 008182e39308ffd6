/**
 * Walks a descriptor chain into buffers. It ends by construction: a walk takes at most `queueSize` steps, an indirect
 * table is entered once and never left, and every address and length is checked against guest RAM before use.
 *
 *   table --NEXT--> table --NEXT--> … --> INDIRECT (ends the direct part) --> its table, in the same way, no second level
 *
 * Source: virtio 1.2 §2.7.4, §2.7.5
 */
import type {GuestMemory} from '../../engine/contract.js';
import {ChainReader, ChainWriter, type GuestBytes} from './buffers.js';
import {Descriptor} from './descriptor.js';
import type {GuestFault} from './guest-fault.js';
import {DESCRIPTOR_BYTES, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE} from './layout.js';

/** Bytes in all buffers of one chain; the used ring's u32 length could not say more. */
export const CHAIN_BYTES_MAX = 0xffff_ffff;

/** What a walk needs to know of its queue. */
export interface ChainLimits {
  /** Descriptors in the queue's table, and the bound on descriptors in a chain or an indirect table. */
  readonly queueSize: number;
  readonly hasIndirect: boolean;
}

/**
 * Iterates over the buffers of one chain without allocating: call `advance` until it returns false, then look at `fault`.
 * Errors: `fault` is set and the walk is over when the guest broke a rule; buffers seen before that must not be used
 */
export class ChainWalk {
  /** The buffer's guest-physical address; it is RAM as a whole. */
  address = 0;
  length = 0;
  isWritable = false;
  /** Why the walk ended before the chain did. */
  fault: GuestFault | undefined;
  readonly #memory: GuestMemory;
  readonly #limits: ChainLimits;
  readonly #descriptor = new Descriptor();
  #table: number;
  #tableSize: number;
  #index: number;
  #isIndirect = false;
  #isDone = false;
  // Descriptors left before the chain counts as endless. At most queueSize ≤ 1024 steps for any content of RAM.
  #stepsLeft: number;
  #totalBytes = 0;

  constructor(memory: GuestMemory, table: number, head: number, limits: ChainLimits) {
    this.#memory = memory;
    this.#limits = limits;
    this.#table = table;
    this.#tableSize = limits.queueSize;
    this.#index = head;
    this.#stepsLeft = limits.queueSize;
  }

  /** Moves to the next buffer; false at the end of the chain or when a rule was broken. */
  advance(): boolean {
    if (this.#isDone) return false;
    if (!this.#loadNext()) return false;
    const descriptor = this.#descriptor;
    if ((descriptor.flags & VIRTQ_DESC_F_INDIRECT) !== 0) {
      if (!this.#enterTable()) return false;
      if (!this.#loadNext()) return false;
      if ((descriptor.flags & VIRTQ_DESC_F_INDIRECT) !== 0) return this.#end('indirect-nested');
    }
    const isWritable = (descriptor.flags & VIRTQ_DESC_F_WRITE) !== 0;
    if (this.isWritable && !isWritable) return this.#end('write-before-read');
    if (!this.#memory.contains(descriptor.address, descriptor.length)) return this.#end('buffer-outside-ram');
    this.#totalBytes += descriptor.length;
    if (this.#totalBytes > CHAIN_BYTES_MAX) return this.#end('chain-too-large');
    this.address = descriptor.address;
    this.length = descriptor.length;
    this.isWritable = isWritable;
    if ((descriptor.flags & VIRTQ_DESC_F_NEXT) === 0) this.#isDone = true;
    else this.#index = descriptor.next;
    return true;
  }

  #loadNext(): boolean {
    if (this.#stepsLeft === 0) return this.#end('chain-too-long');
    if (this.#index >= this.#tableSize) return this.#end('descriptor-index');
    this.#stepsLeft--;
    this.#descriptor.load(this.#memory, this.#table, this.#index);
    return true;
  }

  #enterTable(): boolean {
    const {address, length, flags} = this.#descriptor;
    if (!this.#limits.hasIndirect) return this.#end('indirect-not-negotiated');
    if (this.#isIndirect) return this.#end('indirect-nested');
    if ((flags & VIRTQ_DESC_F_NEXT) !== 0) return this.#end('indirect-with-next');
    const entries = length / DESCRIPTOR_BYTES;
    // A table longer than the queue could only hold a chain longer than the queue.
    if (!Number.isInteger(entries) || entries === 0 || entries > this.#limits.queueSize) {
      return this.#end('indirect-table-size');
    }
    if (!this.#memory.contains(address, length)) return this.#end('indirect-outside-ram');
    this.#isIndirect = true;
    this.#table = address;
    this.#tableSize = entries;
    this.#index = 0;
    // The descriptor that names the table is not a buffer: a table may fill the chain up to the queue size by itself.
    this.#stepsLeft = Math.min(this.#limits.queueSize, this.#stepsLeft + 1);
    return true;
  }

  #end(fault: GuestFault): false {
    this.fault = fault;
    this.#isDone = true;
    return false;
  }
}

/** A chain the driver handed over: bytes to read, then room to write, and the head that gives it back. */
export interface DescriptorChain {
  readonly head: number;
  readonly reader: ChainReader;
  readonly writer: ChainWriter;
}

/** Collects a whole chain, or says what is wrong with it. */
export function collectChain(
  memory: GuestMemory,
  table: number,
  head: number,
  limits: ChainLimits,
): DescriptorChain | GuestFault {
  const readable: GuestBytes[] = [];
  const writable: GuestBytes[] = [];
  const walk = new ChainWalk(memory, table, head, limits);
  while (walk.advance()) {
    if (walk.length === 0) continue;
    const bytes = memory.bytes(walk.address, walk.length);
    if (bytes === undefined) return 'buffer-outside-ram';
    if (walk.isWritable) memory.prepareWrite(walk.address, walk.length);
    (walk.isWritable ? writable : readable).push(bytes);
  }
  return walk.fault ?? {head, reader: new ChainReader(readable), writer: new ChainWriter(writable, memory)};
}
