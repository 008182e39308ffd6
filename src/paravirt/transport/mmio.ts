/**
 * The hart's side of the virtio-mmio transport: every register access of a guest, served from shared state on the hart's
 * own thread. The I/O thread hears of three things through the doorbell: a queue to look at, a driver that is ready, a
 * reset. The register map stands in `mmio-layout.ts`, the I/O thread's side in `virtio-host.ts`.
 *
 *   status:  0 ─▶ ACKNOWLEDGE ─▶ DRIVER ─▶ FEATURES_OK ─▶ DRIVER_OK ─▶ (rings: the host activates the device)
 *            ▲          any ─── host saw a broken rule ──▶ DEVICE_NEEDS_RESET
 *            └── write 0: waits until the host has let go of the queues
 *
 * Source: virtio 1.2 §4.2
 */
import type {AccessBytes, DeviceContext, DeviceModel, MmioRegion} from '../../engine/contract.js';
import {CONFIG_BYTES_MAX, QUEUE_COUNT_MAX, type VirtioDeviceDescription} from '../device.js';
import {QUEUE_SIZE_MAX, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_VERSION_1} from '../virtqueue/layout.js';
import {
  CELL,
  CONFIG_OFFSET,
  HOST_REQUEST,
  MAGIC_VALUE,
  QUEUE_CELL,
  queueCell,
  REGISTER,
  STATE_BYTES,
  STATUS_BIT,
  VENDOR_ID,
} from './mmio-layout.js';

/** How long a hart sleeps between two looks at a request that waits for the disk. */
const REQUEST_POLL_MS = 2;

/** The feature bits a transport offers for a device: the device's own, those of our queues, and VERSION_1. */
export function offeredFeatures(description: VirtioDeviceDescription): readonly [low: number, high: number] {
  let low = 0;
  let high = 0;
  const bits = [...description.features, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1];
  for (const bit of bits) {
    if (bit < 32) low |= 1 << bit;
    else high |= 1 << (bit - 32);
  }
  return [low >>> 0, high >>> 0];
}

/** One device's registers. No access allocates; QueueNotify and InterruptACK are the hot ones. */
export class VirtioMmio implements MmioRegion {
  readonly #context: DeviceContext;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #description: VirtioDeviceDescription;
  readonly #featuresLow: number;
  readonly #featuresHigh: number;
  readonly #configBytes: number;

  constructor(context: DeviceContext, description: VirtioDeviceDescription) {
    checkDescription(description);
    this.#context = context;
    this.#cells = context.cells;
    this.#description = description;
    [this.#featuresLow, this.#featuresHigh] = offeredFeatures(description);
    this.#configBytes = description.config.length;
    // The I/O thread builds its instance before harts start, so nobody reads a half-filled configuration.
    if (Atomics.compareExchange(this.#cells, CELL.IS_INITIALISED, 0, 1) === 0) {
      description.config.forEach((byte, index) => {
        context.state.setUint8(CONFIG_OFFSET + index, byte);
      });
    }
  }

  read(offset: number, size: AccessBytes): number {
    if (offset >= REGISTER.Config) return this.#readConfig(offset - REGISTER.Config, size);
    if (size !== 4) return 0;
    switch (offset) {
      case REGISTER.MagicValue:
        return MAGIC_VALUE;
      case REGISTER.Version:
        return 2;
      case REGISTER.DeviceID:
        return this.#description.deviceId;
      case REGISTER.VendorID:
        return VENDOR_ID;
      case REGISTER.DeviceFeatures: {
        const half = this.#cells[CELL.DEVICE_FEATURES_SELECT];
        return half === 0 ? this.#featuresLow : half === 1 ? this.#featuresHigh : 0;
      }
      case REGISTER.QueueNumMax:
        return this.#description.queueSizes[this.#cells[CELL.QUEUE_SELECT]! >>> 0] ?? 0;
      case REGISTER.QueueReady: {
        const queue = this.#selectedQueue();
        return queue < 0 ? 0 : this.#cells[queue + QUEUE_CELL.READY]!;
      }
      case REGISTER.InterruptStatus:
        return Atomics.load(this.#cells, CELL.INTERRUPT_STATUS);
      case REGISTER.Status:
        return Atomics.load(this.#cells, CELL.STATUS);
      case REGISTER.ConfigGeneration:
        return this.#readGeneration();
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessBytes, value: number): void {
    // Configuration fields that drivers may write belong to features we do not offer.
    if (size !== 4 || offset >= REGISTER.Config) return;
    switch (offset) {
      case REGISTER.QueueNotify:
        if (value >= this.#description.queueSizes.length) return;
        // One ring for any number of notifications the I/O thread has not seen yet.
        if ((Atomics.or(this.#cells, CELL.PENDING_QUEUES, 1 << value) & (1 << value)) === 0) {
          this.#context.doorbell.ring();
        }
        return;
      case REGISTER.InterruptACK:
        this.#acknowledge(value);
        return;
      case REGISTER.Status:
        this.#writeStatus(value & 0xff);
        return;
      case REGISTER.DeviceFeaturesSel:
        this.#cells[CELL.DEVICE_FEATURES_SELECT] = value;
        return;
      case REGISTER.DriverFeaturesSel:
        this.#cells[CELL.DRIVER_FEATURES_SELECT] = value;
        return;
      case REGISTER.DriverFeatures: {
        const half = this.#cells[CELL.DRIVER_FEATURES_SELECT]! >>> 0;
        if (half < 2 && !this.#hasStatus(STATUS_BIT.FEATURES_OK)) this.#cells[CELL.DRIVER_FEATURES + half] = value;
        return;
      }
      case REGISTER.QueueSel:
        this.#cells[CELL.QUEUE_SELECT] = value;
        return;
      default:
        this.#writeQueue(offset, value);
    }
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.#selectedQueue();
    if (queue < 0) return;
    if (offset === REGISTER.QueueReady) {
      const wasReady = Atomics.exchange(this.#cells, queue + QUEUE_CELL.READY, value & 1) === 1;
      // The queue's memory is the driver's again after this write, so the host must have let go of it.
      if (wasReady && (value & 1) === 0 && this.#hasStatus(STATUS_BIT.DRIVER_OK))
        this.#askHost(HOST_REQUEST.CLOSE_QUEUES);
      return;
    }
    // A queue that is in use keeps its addresses, whatever the guest writes.
    if (this.#cells[queue + QUEUE_CELL.READY] === 1) return;
    switch (offset) {
      case REGISTER.QueueNum:
        this.#cells[queue + QUEUE_CELL.SIZE] = value;
        return;
      case REGISTER.QueueDescLow:
      case REGISTER.QueueDescHigh:
        this.#cells[queue + QUEUE_CELL.DESCRIPTORS + ((offset >> 2) & 1)] = value;
        return;
      case REGISTER.QueueDriverLow:
      case REGISTER.QueueDriverHigh:
        this.#cells[queue + QUEUE_CELL.AVAIL + ((offset >> 2) & 1)] = value;
        return;
      case REGISTER.QueueDeviceLow:
      case REGISTER.QueueDeviceHigh:
        this.#cells[queue + QUEUE_CELL.USED + ((offset >> 2) & 1)] = value;
        return;
    }
  }

  /** First cell of the selected queue, or -1 when the device has none of that number. */
  #selectedQueue(): number {
    const index = this.#cells[CELL.QUEUE_SELECT]! >>> 0;
    return index < this.#description.queueSizes.length ? queueCell(index) : -1;
  }

  #hasStatus(bit: number): boolean {
    return (Atomics.load(this.#cells, CELL.STATUS) & bit) !== 0;
  }

  #acknowledge(bits: number): void {
    const left = Atomics.and(this.#cells, CELL.INTERRUPT_STATUS, ~bits) & ~bits;
    this.#context.irq.set(left !== 0);
    // The host may have set a bit and raised the line between both steps; without this look the line would stay low.
    if (left === 0 && Atomics.load(this.#cells, CELL.INTERRUPT_STATUS) !== 0) this.#context.irq.set(true);
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.#reset();
      return;
    }
    let next = value & ~STATUS_BIT.DEVICE_NEEDS_RESET;
    const isNew = (bit: number): boolean => (next & bit) !== 0 && !this.#hasStatus(bit);
    if (isNew(STATUS_BIT.FEATURES_OK) && !this.#areFeaturesAcceptable()) next &= ~STATUS_BIT.FEATURES_OK;
    // Without agreed features there is nothing a driver could be ready for.
    if ((next & STATUS_BIT.FEATURES_OK) === 0) next &= ~STATUS_BIT.DRIVER_OK;
    const becameReady = isNew(STATUS_BIT.DRIVER_OK);
    let seen = Atomics.load(this.#cells, CELL.STATUS);
    for (;;) {
      // Only a reset takes bits back (§2.1.1), and the host may set DEVICE_NEEDS_RESET at any time.
      const wanted = next | seen;
      const before = Atomics.compareExchange(this.#cells, CELL.STATUS, seen, wanted);
      if (before === seen) break;
      seen = before;
    }
    if (becameReady) this.#context.doorbell.ring();
  }

  #areFeaturesAcceptable(): boolean {
    const low = this.#cells[CELL.DRIVER_FEATURES]!;
    const high = this.#cells[CELL.DRIVER_FEATURES + 1]!;
    const isSubset = (low & ~this.#featuresLow) === 0 && (high & ~this.#featuresHigh) === 0;
    return isSubset && (high & (1 << (VIRTIO_F_VERSION_1 - 32))) !== 0;
  }

  #reset(): void {
    // Status 0 means that the last reset went through: the host holds nothing.
    if (Atomics.load(this.#cells, CELL.STATUS) !== 0) this.#askHost(HOST_REQUEST.RESET);
    Atomics.store(this.#cells, CELL.PENDING_QUEUES, 0);
    Atomics.store(this.#cells, CELL.INTERRUPT_STATUS, 0);
    this.#cells.fill(0, CELL.DEVICE_FEATURES_SELECT, CELL.INTERRUPT_STATUS);
    this.#cells.fill(0, queueCell(0), queueCell(QUEUE_COUNT_MAX));
    Atomics.store(this.#cells, CELL.STATUS, 0);
    this.#context.irq.set(false);
  }

  /** Blocks this hart until the host has let go of guest RAM that the driver is taking back. */
  #askHost(request: number): void {
    Atomics.store(this.#cells, CELL.HOST_REQUEST, request);
    this.#context.doorbell.ringAndWait();
    // Disk requests in flight may still write guest RAM; the host clears the cell when the last one is done.
    while (Atomics.load(this.#cells, CELL.HOST_REQUEST) !== HOST_REQUEST.NONE) {
      Atomics.wait(this.#cells, CELL.HOST_REQUEST, request, REQUEST_POLL_MS);
    }
  }

  #readGeneration(): number {
    // Odd means that the host is in the middle of a change: at most 256 stores, so this ends within microseconds.
    let generation = Atomics.load(this.#cells, CELL.CONFIG_GENERATION);
    while ((generation & 1) !== 0) generation = Atomics.load(this.#cells, CELL.CONFIG_GENERATION);
    return generation >>> 0;
  }

  #readConfig(offset: number, size: AccessBytes): number {
    if (offset + size > this.#configBytes) return this.#readConfigTail(offset, size);
    const at = CONFIG_OFFSET + offset;
    if (size === 4) return this.#context.state.getUint32(at, true);
    return size === 2 ? this.#context.state.getUint16(at, true) : this.#context.state.getUint8(at);
  }

  /** Bytes beyond the configuration read 0, also when an access is half inside. */
  #readConfigTail(offset: number, size: AccessBytes): number {
    let value = 0;
    for (let index = 0; index < size && offset + index < this.#configBytes; index++) {
      value += this.#context.state.getUint8(CONFIG_OFFSET + offset + index) * 2 ** (8 * index);
    }
    return value;
  }
}

/** Throws when a device of ours describes itself in a way no transport can carry: a bug, not a guest's doing. */
function checkDescription({name, queueSizes, config}: VirtioDeviceDescription): void {
  const isSizeBad = queueSizes.some((size) => size < 1 || size > QUEUE_SIZE_MAX || (size & (size - 1)) !== 0);
  if (isSizeBad || queueSizes.length > QUEUE_COUNT_MAX || config.length > CONFIG_BYTES_MAX) {
    throw new RangeError(`virtio device ${name} has impossible queues or configuration`);
  }
}

/** The device model every hart thread is started with; `options` of its plans are device descriptions. */
export const virtioMmio: DeviceModel<VirtioDeviceDescription, VirtioMmio> = {
  kind: 'virtio-mmio',
  sizeBytes: 0x1000,
  stateBytes: STATE_BYTES,
  create: (context, options) => new VirtioMmio(context, options),
  nodes: (placement) => [
    {
      name: `virtio_mmio@${placement.address.toString(16)}`,
      properties: {
        compatible: {strings: ['virtio,mmio']},
        reg: {cells: [0, placement.address, 0, placement.sizeBytes]},
        interrupts: {cells: [placement.irq]},
        'interrupt-parent': {cells: [placement.interruptParent]},
      },
    },
  ],
};
