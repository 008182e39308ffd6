/**
 * The I/O thread's side of a virtio-mmio device: binds the registers that harts write to the device that does the work.
 *
 *   hart: QueueNotify ─▶ PENDING_QUEUES ─▶ doorbell ─▶ takeDoorbell ─▶ device.notified(queue)
 *   hart ◀── irq ◀── INTERRUPT_STATUS ◀── queue.publish ◀── device, now or when its I/O is done
 *
 * Invariants: the device sees `activate` once per DRIVER_OK and `reset` before the next; after a broken rule no queue of
 * the device moves until the driver resets it.
 */
import type {DeviceContext, GuestMemory} from '../../engine/contract.js';
import {type ActiveDriver, CONFIG_BYTES_MAX, type DeviceHost, type VirtioDevice} from '../device.js';
import {FaultLog, type FaultReport, type GuestFault} from '../virtqueue/guest-fault.js';
import {type QueueAddresses, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC} from '../virtqueue/layout.js';
import {CURSOR_CELLS, SplitQueue} from '../virtqueue/split-queue.js';
import {CELL, CONFIG_OFFSET, HOST_REQUEST, INTERRUPT_BIT, QUEUE_CELL, queueCell, STATUS_BIT} from './mmio-layout.js';

/** What happened on one device, for metrics. */
export interface VirtioHostCounters {
  notifications: number;
  interrupts: number;
  guestFaults: number;
}

/** What a host needs beside the device. */
export interface VirtioHostOptions {
  readonly memory: GuestMemory;
  /** The I/O thread's own context of the transport this device sits on. */
  readonly context: DeviceContext;
  readonly device: VirtioDevice;
  /** Called at most once a second with what the guest did wrong. */
  readonly onGuestFault?: (report: FaultReport) => void;
}

/** Runs one device. Give `takeDoorbell` to the machine as the device's doorbell listener. */
export class VirtioHost implements DeviceHost {
  readonly memory: GuestMemory;
  readonly counters: VirtioHostCounters = {notifications: 0, interrupts: 0, guestFaults: 0};
  readonly #context: DeviceContext;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #device: VirtioDevice;
  readonly #faults: FaultLog;
  // Queues of the driver that is active; undefined while none is.
  #queues: (SplitQueue | undefined)[] | undefined;
  #isServing = false;
  #isHeld = false;
  readonly #immediates = new Set<NodeJS.Immediate>();

  constructor(options: VirtioHostOptions) {
    this.memory = options.memory;
    this.#context = options.context;
    this.#cells = options.context.cells;
    this.#device = options.device;
    this.#faults = new FaultLog(options.onGuestFault ?? (() => {}), () => performance.now());
    this.#device.attach(this);
    // A restored machine may have a ready driver already.
    this.takeDoorbell();
  }

  /** A driver is using the device. */
  get isActive(): boolean {
    return this.#queues !== undefined;
  }

  /**
   * Looks at everything harts may have asked for since the last call. Cheap when there is nothing. True when it was
   * notifications, all of them answered at once.
   */
  takeDoorbell(): boolean {
    const request = Atomics.load(this.#cells, CELL.HOST_REQUEST);
    if (request !== HOST_REQUEST.NONE) {
      this.#serve(request);
      return false;
    }
    const status = Atomics.load(this.#cells, CELL.STATUS);
    if ((status & STATUS_BIT.DEVICE_NEEDS_RESET) !== 0) return false;
    if (this.#queues === undefined) {
      if ((status & STATUS_BIT.DRIVER_OK) === 0) return false;
      this.#activate();
    }
    let pending = Atomics.exchange(this.#cells, CELL.PENDING_QUEUES, 0);
    let isAnswered = pending !== 0;
    while (pending !== 0 && this.#queues !== undefined) {
      const index = 31 - Math.clz32(pending & -pending);
      pending &= pending - 1;
      this.counters.notifications++;
      if (this.#queues[index] === undefined || this.#device.notified(index) !== true) isAnswered = false;
    }
    return isAnswered;
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > CONFIG_BYTES_MAX) throw new RangeError('beyond the configuration space');
    // Odd while it changes: a driver that reads the generation waits, one that read it before will read again.
    Atomics.add(this.#cells, CELL.CONFIG_GENERATION, 1);
    bytes.forEach((byte, index) => {
      this.#context.state.setUint8(CONFIG_OFFSET + offset + index, byte);
    });
    Atomics.add(this.#cells, CELL.CONFIG_GENERATION, 1);
    if (this.#queues !== undefined) this.#interrupt(INTERRUPT_BIT.CONFIG);
  }

  /**
   * Resolves when the device has nothing under way; until `release` it starts nothing, so that guest RAM and registers
   * stay as they are. Call it with the harts paused.
   */
  async hold(): Promise<void> {
    this.#isHeld = true;
    await this.#device.drain();
  }

  /** Goes on where `hold` stopped. */
  release(): void {
    this.#isHeld = false;
    const queues = this.#queues;
    queues?.forEach((queue, index) => {
      if (queue !== undefined && this.#queues === queues) this.#device.notified(index);
    });
    this.takeDoorbell();
  }

  /** Lets go of the guest and ends the device with its backend. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeQueues();
    await this.#device.reset();
    await this.#device[Symbol.asyncDispose]();
  }

  #activate(): void {
    const {queueSizes} = this.#device.description;
    // Taken once: registers stay writable for a hostile driver.
    const features = [this.#cells[CELL.DRIVER_FEATURES]!, this.#cells[CELL.DRIVER_FEATURES + 1]!] as const;
    const hasFeature = (bit: number): boolean => (features[bit < 32 ? 0 : 1] & (1 << (bit & 31))) !== 0;
    const queues: (SplitQueue | undefined)[] = [];
    this.#queues = queues;
    for (const [index, sizeMax] of queueSizes.entries()) {
      const first = queueCell(index);
      if (this.#cells[first + QUEUE_CELL.READY] !== 1) {
        queues.push(undefined);
        continue;
      }
      const cursor = this.#cells.subarray(first + QUEUE_CELL.CURSOR, first + QUEUE_CELL.CURSOR + CURSOR_CELLS);
      const queue = SplitQueue.create(this.#queueAddresses(first), sizeMax, {
        memory: this.memory,
        cursor,
        hasIndirect: hasFeature(VIRTIO_F_INDIRECT_DESC),
        hasEventIndex: hasFeature(VIRTIO_F_EVENT_IDX),
        isHeld: () => this.#isHeld,
        interrupt: () => this.#interrupt(INTERRUPT_BIT.USED_RING),
        faulted: (fault) => this.#fail(index, fault),
      });
      if (typeof queue === 'string') {
        this.#fail(index, queue);
        this.#queues = undefined;
        return;
      }
      queues.push(queue);
    }
    const driver: ActiveDriver = {
      queues,
      hasFeature,
      fail: (index, fault) => (queues[index] === undefined ? this.#fail(index, fault) : queues[index].fail(fault)),
      notifyLater: (index) => this.#notifyLater(index),
    };
    this.#device.activate(driver);
    // The driver may have filled queues before it said DRIVER_OK and not notify again.
    for (const [index, queue] of queues.entries()) {
      if (queue !== undefined && this.#queues === queues) this.#device.notified(index);
    }
  }

  #queueAddresses(first: number): QueueAddresses {
    // Two 32-bit halves; beyond 2^53 the sum is inexact, and outside RAM all the same.
    const address = (cell: number): number =>
      (this.#cells[first + cell + 1]! >>> 0) * 0x1_0000_0000 + (this.#cells[first + cell]! >>> 0);
    return {
      size: this.#cells[first + QUEUE_CELL.SIZE]! >>> 0,
      descriptors: address(QUEUE_CELL.DESCRIPTORS),
      avail: address(QUEUE_CELL.AVAIL),
      used: address(QUEUE_CELL.USED),
    };
  }

  #closeUnreadyQueues(): void {
    this.#queues?.forEach((queue, index) => {
      if (queue !== undefined && Atomics.load(this.#cells, queueCell(index) + QUEUE_CELL.READY) === 0) queue.close();
    });
  }

  #notifyLater(index: number): void {
    const queues = this.#queues;
    const immediate = setImmediate(() => {
      this.#immediates.delete(immediate);
      if (queues !== undefined && this.#queues === queues) this.#device.notified(index);
    });
    this.#immediates.add(immediate);
  }

  #interrupt(bit: number): void {
    this.counters.interrupts++;
    Atomics.or(this.#cells, CELL.INTERRUPT_STATUS, bit);
    this.#context.irq.set(true);
  }

  #fail(index: number, fault: GuestFault): void {
    this.counters.guestFaults++;
    this.#faults.add(fault, index);
    this.#queues?.forEach((queue) => {
      queue?.close();
    });
    const before = Atomics.or(this.#cells, CELL.STATUS, STATUS_BIT.DEVICE_NEEDS_RESET);
    // The spec asks for a configuration interrupt, once, if the driver was ready (§2.1.2).
    if ((before & STATUS_BIT.DEVICE_NEEDS_RESET) === 0) this.#interrupt(INTERRUPT_BIT.CONFIG);
  }

  #closeQueues(): void {
    this.#queues?.forEach((queue) => {
      queue?.close();
    });
    this.#queues = undefined;
    for (const immediate of this.#immediates) clearImmediate(immediate);
    this.#immediates.clear();
  }

  /** Does what a hart is blocked for, once, and wakes it when nothing of the device touches guest RAM any more. */
  #serve(request: number): void {
    if (this.#isServing) return;
    let pending: Promise<void> | undefined;
    if (request === HOST_REQUEST.RESET) {
      this.#closeQueues();
      pending = this.#device.reset();
    } else {
      this.#closeUnreadyQueues();
      pending = this.#device.drain();
    }
    const finish = (): void => {
      this.#isServing = false;
      // Before the hart goes on: a late doorbell must not find DRIVER_OK and start the device again.
      if (request === HOST_REQUEST.RESET) Atomics.store(this.#cells, CELL.STATUS, 0);
      Atomics.store(this.#cells, CELL.HOST_REQUEST, HOST_REQUEST.NONE);
      Atomics.notify(this.#cells, CELL.HOST_REQUEST);
      // Notifications of other queues may have come in meanwhile.
      this.takeDoorbell();
    };
    if (pending === undefined) {
      finish();
      return;
    }
    this.#isServing = true;
    void pending.then(finish);
  }
}
