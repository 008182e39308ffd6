/**
 * A virtio disk. Requests run concurrently, each from its chain to its status byte; data goes straight between guest RAM
 * and the backend.
 *
 *   popped ─▶ parsed ─▶ in flight ─▶ status written, chain given back
 *                           │ host disk full or failing
 *                           └─▶ parked ── retryParked ─▶ in flight        (the guest waits and loses nothing)
 *
 * Invariants: at most `IN_FLIGHT_MAX` requests are in flight or parked; chains beyond that stay on the avail ring. A flush
 * answers after the backend's, which covers every write answered before it.
 */
import {type BlockBackend, type BlockFailure, SECTOR_BYTES} from '../block/contract.js';
import type {Pending} from '../block/image-file.js';
import type {ActiveDriver, DeviceHost, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';
import {ParavirtError} from '../error.js';
import type {SplitQueue} from '../virtqueue/split-queue.js';
import {blkConfig, capacityField, FEATURE, SERIAL_BYTES, STATUS} from './blk/layout.js';
import {type BlkOperation, type BlkRequest, type DiskRange, parseRequest} from './blk/request.js';

const QUEUE_SIZE = 256;
/** Requests a device works on at once; the rest waits on the avail ring. Bounds promises and thread-pool jobs. */
export const IN_FLIGHT_MAX = 64;
/** Bytes moved in one turn of the event loop while the backend answers at once: some two milliseconds. */
const TURN_BYTES_MAX = 8 << 20;
/** Answers to so many bytes are not held back for more to come. */
const PUBLISH_BYTES = 256 << 10;

/** What a disk is made of. */
export interface BlkOptions {
  /** Owned by the device from then on. */
  readonly backend: BlockBackend;
  /** At most 20 ASCII characters; shows up in /sys/block/vda/serial. */
  readonly serial?: string;
  /** Request queues, 1 to 16; one unless told. */
  readonly queueCount?: number;
  /** Logical block size the guest sees, 512 unless told. */
  readonly blockBytes?: number;
  /**
   * Called when the host failed a request. After `no-space` and `io` the request is parked: the owner pauses the machine
   * and calls `retryParked` when the disk may work again. A read that fails by `io` once more is the guest's to deal
   * with, and so is everything else, and all of it without a listener: the guest gets an I/O error.
   */
  readonly onHostFailure?: (failure: BlockFailure) => void;
}

/** What a disk did so far, for metrics. Bytes and operations count when they succeed. */
export interface BlkCounters {
  readOperations: number;
  readBytes: number;
  writeOperations: number;
  writtenBytes: number;
  flushOperations: number;
  discardOperations: number;
  failedOperations: number;
}

interface Flight {
  readonly queue: SplitQueue;
  readonly request: BlkRequest;
  hasFailed: boolean;
}

/** The block device. */
export class BlkDevice implements VirtioDevice {
  readonly description: VirtioDeviceDescription;
  readonly counters: BlkCounters = {
    readOperations: 0,
    readBytes: 0,
    writeOperations: 0,
    writtenBytes: 0,
    flushOperations: 0,
    discardOperations: 0,
    failedOperations: 0,
  };
  readonly #backend: BlockBackend;
  readonly #serial: Uint8Array;
  readonly #onHostFailure: ((failure: BlockFailure) => void) | undefined;
  #host: DeviceHost | undefined;
  #driver: ActiveDriver | undefined;
  // Promises of requests that use guest RAM now.
  readonly #inFlight = new Set<Promise<void>>();
  #parked: Flight[] = [];

  constructor(options: BlkOptions) {
    const {backend, queueCount = 1, blockBytes = SECTOR_BYTES} = options;
    this.#backend = backend;
    this.#serial = serialField(options.serial ?? '');
    this.#onHostFailure = options.onHostFailure;
    const features: number[] = [FEATURE.FLUSH, FEATURE.BLK_SIZE, FEATURE.SEG_MAX];
    if (queueCount > 1) features.push(FEATURE.MQ);
    if (backend.isReadOnly) features.push(FEATURE.RO);
    else {
      features.push(FEATURE.WRITE_ZEROES);
      if (backend.canDiscard) features.push(FEATURE.DISCARD);
    }
    this.description = {
      name: 'blk',
      deviceId: 2,
      features,
      queueSizes: Array.from({length: queueCount}, () => QUEUE_SIZE),
      // Two descriptors of a chain are the header and the status.
      config: blkConfig(backend.sizeBytes, QUEUE_SIZE - 2, blockBytes, queueCount),
    };
  }

  /** Requests that wait for the host's disk to work again. */
  get parkedCount(): number {
    return this.#parked.length;
  }

  attach(host: DeviceHost): void {
    this.#host = host;
  }

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
  }

  notified(queueIndex: number): boolean {
    const driver = this.#driver;
    const queue = driver?.queues[queueIndex];
    if (driver === undefined || queue === undefined) return false;
    let [bytes, shownBytes] = [0, 0];
    for (let taken = 0; this.#inFlight.size + this.#parked.length < IN_FLIGHT_MAX; taken++) {
      // A guest that answers as fast as we take must not keep this thread from its other devices.
      if (taken === queue.size || bytes >= TURN_BYTES_MAX) {
        driver.notifyLater(queueIndex);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) break;
      const request = parseRequest(chain, this.#backend);
      if (typeof request === 'string') {
        driver.fail(queueIndex, request);
        return false;
      }
      bytes += this.#launch({queue, request, hasFailed: false});
      // One interrupt for all that was answered at once.
      if (bytes - shownBytes < PUBLISH_BYTES) continue;
      queue.publish();
      shownBytes = bytes;
    }
    queue.publish();
    return this.#inFlight.size === 0;
  }

  reset(): Promise<void> | undefined {
    this.#driver = undefined;
    this.#parked = [];
    return this.drain();
  }

  drain(): Promise<void> | undefined {
    if (this.#inFlight.size === 0) return undefined;
    return Promise.all(this.#inFlight).then(() => {});
  }

  /** Tells the guest that the disk has another size; the backend has it already. */
  sizeChanged(): void {
    this.#host?.writeConfig(0, capacityField(this.#backend.sizeBytes));
  }

  /** Starts every parked request again: the host's disk works again, or the owner wants to see whether it does. */
  retryParked(): void {
    for (const flight of this.#parked.splice(0)) {
      this.#launch(flight);
      flight.queue.publish();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
    await this.#backend[Symbol.asyncDispose]();
  }

  /** Begins a request. What is done at once is answered but not published; the result is how many bytes that moved. */
  #launch(flight: Flight): number {
    const {operation} = flight.request;
    if (operation.kind === 'refused') {
      this.#finish(flight, operation.status);
      return 0;
    }
    const pending = this.#perform(operation);
    if (pending === undefined) {
      this.#count(operation);
      this.#finish(flight, STATUS.OK);
      return operation.kind === 'read' || operation.kind === 'write' ? operation.length : 0;
    }
    const promise = pending.then(
      () => {
        this.#inFlight.delete(promise);
        this.#count(operation);
        this.#finish(flight, STATUS.OK);
        flight.queue.publish();
        this.#refill();
      },
      (error: unknown) => {
        this.#inFlight.delete(promise);
        this.#failed(flight, error);
        flight.queue.publish();
        this.#refill();
      },
    );
    this.#inFlight.add(promise);
    return 0;
  }

  #perform(operation: BlkOperation): Pending {
    switch (operation.kind) {
      case 'read':
        return this.#backend.readv(operation.buffers, operation.offset);
      case 'write':
        return this.#backend.writev(operation.buffers, operation.offset);
      case 'flush':
        return this.#backend.flush();
      case 'discard':
        return inTurn(operation.ranges, ({offset, length}) => this.#backend.discard(offset, length));
      case 'write-zeroes':
        return inTurn(operation.ranges, ({offset, length}) => this.#backend.writeZeroes(offset, length));
      case 'get-id':
        this.#copySerial(operation.buffers);
        return undefined;
      case 'refused':
        return undefined;
    }
  }

  #copySerial(buffers: readonly Uint8Array[]): void {
    let offset = 0;
    for (const buffer of buffers) {
      const part = this.#serial.subarray(offset, offset + buffer.length);
      buffer.set(part);
      offset += part.length;
    }
  }

  #finish({queue, request}: Flight, status: number): void {
    const {chain, operation} = request;
    if (status !== STATUS.OK) this.counters.failedOperations++;
    if (status === STATUS.OK && (operation.kind === 'read' || operation.kind === 'get-id')) {
      for (const buffer of operation.buffers) chain.writer.commit(buffer);
    }
    // After a reset the queue is closed, and this byte is the driver's again.
    if (queue.isBroken) return;
    request.status[0] = status;
    chain.writer.commit(request.status);
    queue.push(chain);
  }

  #failed(flight: Flight, error: unknown): void {
    const failure = blockFailure(flight.request.operation, error);
    const isWorthWaiting =
      failure.error.code === 'no-space' ||
      (failure.error.code === 'io' && !(failure.operation === 'read' && flight.hasFailed));
    const isParked = isWorthWaiting && this.#onHostFailure !== undefined && !flight.queue.isBroken;
    flight.hasFailed = true;
    if (isParked) this.#parked.push(flight);
    else this.#finish(flight, STATUS.IOERR);
    this.#onHostFailure?.({...failure, isParked});
  }

  /** Takes chains that stayed on the avail ring while too many requests were in flight. */
  #refill(): void {
    this.#driver?.queues.forEach((queue, index) => {
      if (queue !== undefined && !queue.isBroken) this.notified(index);
    });
  }

  #count(operation: BlkOperation): void {
    switch (operation.kind) {
      case 'read':
        this.counters.readOperations++;
        this.counters.readBytes += operation.length;
        return;
      case 'write':
        this.counters.writeOperations++;
        this.counters.writtenBytes += operation.length;
        return;
      case 'flush':
        this.counters.flushOperations++;
        return;
      case 'discard':
      case 'write-zeroes':
        this.counters.discardOperations++;
        return;
      case 'get-id':
      case 'refused':
        return;
    }
  }
}

async function inTurn(ranges: readonly DiskRange[], step: (range: DiskRange) => Promise<void>): Promise<void> {
  for (const range of ranges) await step(range);
}

function serialField(serial: string): Uint8Array {
  const field = new Uint8Array(SERIAL_BYTES);
  field.set(new TextEncoder().encode(serial).subarray(0, SERIAL_BYTES));
  return field;
}

function blockFailure(operation: BlkOperation, error: unknown): Omit<BlockFailure, 'isParked'> {
  const kind = operation.kind === 'get-id' || operation.kind === 'refused' ? 'read' : operation.kind;
  if (error instanceof ParavirtError) return {operation: kind, error};
  // A backend that rejects with anything else has a bug; the guest still gets an answer, the owner the cause.
  return {operation: kind, error: new ParavirtError('io', 'The disk failed.', 'See the log of the VM.', error)};
}

/** The disk's row in the registry. */
export const blk: VirtioDeviceKind<BlkOptions, BlkDevice> = {
  name: 'blk',
  deviceId: 2,
  create: (options) => new BlkDevice(options),
};
