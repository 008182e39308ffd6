/**
 * The device's side of one split virtqueue: takes chains off the avail ring, gives them back on the used ring and knows
 * whether the driver wants an interrupt for that. Runs on the I/O thread only; the driver's half is in guest RAM and may
 * change, or lie, at any moment.
 *
 * Invariants: `inFlight` ≤ size; nothing outside guest RAM is ever touched; after the first broken rule the queue is
 * broken and stays empty until a reset. The cursors live in the device's shared state, so that a snapshot holds them.
 *
 * Source: virtio 1.2 §2.7.6 – §2.7.14
 */
import type {GuestMemory} from '../../engine/contract.js';
import {collectChain, type DescriptorChain} from './chain.js';
import type {GuestFault} from './guest-fault.js';
import {
  ALIGNMENT,
  availRingBytes,
  DESCRIPTOR_BYTES,
  needsEvent,
  type QueueAddresses,
  USED_ELEMENT_BYTES,
  usedRingBytes,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
} from './layout.js';

/** Cells of `QueueEnvironment.cursor`: next avail index, next used index, used index when the driver's wish was last looked at + 1 (0 = never). */
export const CURSOR_CELLS = 3;
const NEXT_AVAIL = 0;
const NEXT_USED = 1;
const SIGNALLED = 2;

/** Around a queue: its memory, its saved place, what was negotiated, and where events go. */
export interface QueueEnvironment {
  readonly memory: GuestMemory;
  /** `CURSOR_CELLS` cells that outlive this object; all 0 after a reset. */
  readonly cursor: Int32Array;
  readonly hasIndirect: boolean;
  readonly hasEventIndex: boolean;
  /** While true nothing is popped: a snapshot is being taken. */
  isHeld(): boolean;
  /** The driver wants to hear of used chains. */
  interrupt(): void;
  /** The guest broke a rule; the queue is out of use. */
  faulted(fault: GuestFault): void;
}

/** One split virtqueue seen from the device. */
export class SplitQueue {
  readonly size: number;
  readonly #memory: GuestMemory;
  readonly #addresses: QueueAddresses;
  readonly #environment: QueueEnvironment;
  readonly #cursor: Int32Array;
  // Indices into memory.u16 of both rings' first cell (flags), then idx, then entries.
  readonly #availCell: number;
  readonly #usedCell: number;
  #inFlight = 0;
  #unpublished = 0;
  #isBroken = false;

  /** Use `SplitQueue.create`, which checks the addresses first. */
  private constructor(addresses: QueueAddresses, environment: QueueEnvironment) {
    this.size = addresses.size;
    this.#memory = environment.memory;
    this.#addresses = addresses;
    this.#environment = environment;
    this.#cursor = environment.cursor;
    this.#availCell = (addresses.avail - this.#memory.baseAddress) / 2;
    this.#usedCell = (addresses.used - this.#memory.baseAddress) / 2;
    // Restored from a snapshot: chains between both cursors cannot exist, whoever saves drains first.
  }

  /** A queue at the driver's addresses, or what is wrong with them. */
  static create(addresses: QueueAddresses, sizeMax: number, environment: QueueEnvironment): SplitQueue | GuestFault {
    const {size, descriptors, avail, used} = addresses;
    if (size < 1 || size > sizeMax || (size & (size - 1)) !== 0) return 'queue-size';
    if (descriptors % ALIGNMENT.descriptors !== 0 || avail % ALIGNMENT.avail !== 0 || used % ALIGNMENT.used !== 0) {
      return 'queue-alignment';
    }
    const {memory} = environment;
    const isInRam =
      memory.contains(descriptors, DESCRIPTOR_BYTES * size) &&
      memory.contains(avail, availRingBytes(size)) &&
      memory.contains(used, usedRingBytes(size));
    return isInRam ? new SplitQueue(addresses, environment) : 'queue-outside-ram';
  }

  /** Chains taken and not yet given back; at most `size`. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The guest broke a rule on this queue, or it was closed. It stays empty from then on. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * Pops the next available descriptor chain, or `undefined` when the avail ring is empty, the queue is broken or held.
   * When it is empty the driver has been told to notify us of the next one.
   * Errors: a broken rule goes to `environment.faulted`, breaks the queue and pops nothing
   * Source: virtio 1.2 §2.7.14
   */
  pop(): DescriptorChain | undefined {
    if (this.#isBroken || this.#environment.isHeld()) return undefined;
    const next = this.#cursor[NEXT_AVAIL]!;
    let count = this.#availableFrom(next);
    if (count === 0 && this.#environment.hasEventIndex) {
      this.#storeAvailEvent(next);
      // The driver may have published between the look and the store, and not have notified.
      count = this.#availableFrom(next);
    }
    if (count === 0) return undefined;
    if (count > this.size) return this.fail('avail-index-jump');
    if (this.#inFlight === this.size) return this.fail('too-many-in-flight');
    // Atomics.load above orders this read after the index that covers it.
    const head = this.#memory.u16[this.#availCell + 2 + (next & (this.size - 1))]!;
    if (head >= this.size) return this.fail('descriptor-index');
    const chain = collectChain(this.#memory, this.#addresses.descriptors, head, {
      queueSize: this.size,
      hasIndirect: this.#environment.hasIndirect,
    });
    if (typeof chain === 'string') return this.fail(chain);
    this.#cursor[NEXT_AVAIL] = (next + 1) & 0xffff;
    this.#inFlight++;
    return chain;
  }

  /** Takes back the last `count` pops, of chains that were not used and will be popped again. Nothing was popped or pushed since. */
  putBack(count: number): void {
    if (this.#isBroken) return;
    this.#cursor[NEXT_AVAIL] = (this.#cursor[NEXT_AVAIL]! - count) & 0xffff;
    this.#inFlight -= count;
  }

  /** Gives a chain back with what its writer wrote. The driver sees it after the next `publish`. */
  push(chain: DescriptorChain): void {
    if (this.#isBroken) return;
    const index = (this.#cursor[NEXT_USED]! + this.#unpublished) & 0xffff;
    const address = this.#addresses.used + 4 + (index & (this.size - 1)) * USED_ELEMENT_BYTES;
    const offset = address - this.#memory.baseAddress;
    this.#memory.prepareWrite(address, USED_ELEMENT_BYTES);
    this.#memory.view.setUint32(offset, chain.head, true);
    this.#memory.view.setUint32(offset + 4, chain.writer.writtenBytes, true);
    this.#memory.markWritten(address, USED_ELEMENT_BYTES);
    this.#inFlight--;
    this.#unpublished++;
  }

  /** Shows all pushed chains to the driver at once and interrupts it if it asked for that. */
  publish(): void {
    if (this.#unpublished === 0 || this.#isBroken) return;
    const before = this.#cursor[NEXT_USED]!;
    const after = (before + this.#unpublished) & 0xffff;
    this.#unpublished = 0;
    this.#cursor[NEXT_USED] = after;
    this.#memory.prepareWrite(this.#addresses.used + 2, 2);
    Atomics.store(this.#memory.u16, this.#usedCell + 1, after);
    this.#memory.markWritten(this.#addresses.used + 2, 2);
    if (this.#wantsInterrupt(after)) this.#environment.interrupt();
  }

  /** `push` and `publish` in one, for a device that answers one chain at a time. */
  complete(chain: DescriptorChain): void {
    this.push(chain);
    this.publish();
  }

  /** Takes the queue out of use: the guest broke a rule, in the ring or in a request. Always returns undefined. */
  fail(fault: GuestFault): undefined {
    if (this.#isBroken) return undefined;
    this.#isBroken = true;
    this.#environment.faulted(fault);
    return undefined;
  }

  /** Takes the queue out of use without a fault: the driver reset the device. Chains in flight go nowhere. */
  close(): void {
    this.#isBroken = true;
  }

  #availableFrom(next: number): number {
    return (Atomics.load(this.#memory.u16, this.#availCell + 1) - next) & 0xffff;
  }

  #storeAvailEvent(index: number): void {
    this.#memory.prepareWrite(this.#addresses.used + 4 + USED_ELEMENT_BYTES * this.size, 2);
    // Behind the last used element: cell 2 (elements begin) + 4 cells each.
    Atomics.store(this.#memory.u16, this.#usedCell + 2 + 4 * this.size, index);
    this.#memory.markWritten(this.#addresses.used + 4 + USED_ELEMENT_BYTES * this.size, 2);
  }

  #wantsInterrupt(after: number): boolean {
    if (!this.#environment.hasEventIndex) {
      return (Atomics.load(this.#memory.u16, this.#availCell) & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0;
    }
    const signalled = this.#cursor[SIGNALLED]!;
    // Moves with every look, not with every interrupt: a driver that polls through 2^16 chains must not wrap it.
    this.#cursor[SIGNALLED] = after + 1;
    if (signalled === 0) return true;
    const event = Atomics.load(this.#memory.u16, this.#availCell + 2 + this.size);
    return needsEvent(event, after, signalled - 1);
  }
}
