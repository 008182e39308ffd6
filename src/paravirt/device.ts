/**
 * What a virtio device is, apart from any transport: a description the guest's driver sees, and the host side that works
 * on its queues. A device knows virtqueues and a backend contract; it never knows how the guest reaches it.
 *
 *        created ──attach──▶ idle ──activate (DRIVER_OK)──▶ active ──┐
 *                             ▲                                     │ reset: driver wrote 0 to status,
 *                             └─────────────────────────────────────┘ or the machine ends
 *
 * Everything here runs on the I/O thread.
 */
import type {GuestMemory} from '../engine/contract.js';
import type {GuestFault} from './virtqueue/guest-fault.js';
import type {SplitQueue} from './virtqueue/split-queue.js';

/** The most queues one device has; a console with multiport needs 2 + 2 × ports of them. */
export const QUEUE_COUNT_MAX = 16;
/** Bytes of device configuration a transport keeps. */
export const CONFIG_BYTES_MAX = 256;

/**
 * What the driver may learn before it does anything. Structured-cloneable: it is the transport's `options` on every thread.
 * Shape: features = bit numbers of the device's own bits; ring and transport bits are the transport's to add
 */
export interface VirtioDeviceDescription {
  /** For logs and the device tree's reader, e.g. `blk`. */
  readonly name: string;
  /** Source: virtio 1.2 §5 */
  readonly deviceId: number;
  readonly features: readonly number[];
  /** Largest size of each queue in descriptors, powers of two; its length is the number of queues. */
  readonly queueSizes: readonly number[];
  /** The configuration space at power-on. */
  readonly config: Uint8Array;
}

/** What a device has from the machine, from `attach` to the end. */
export interface DeviceHost {
  readonly memory: GuestMemory;
  /** Changes the configuration space and tells an active driver. */
  writeConfig(offset: number, bytes: Uint8Array): void;
}

/** What a device has while a driver is using it, from `activate` to `reset`. */
export interface ActiveDriver {
  /** By index; undefined where the driver set none up. */
  readonly queues: readonly (SplitQueue | undefined)[];
  hasFeature(bit: number): boolean;
  /** The request makes no sense: DEVICE_NEEDS_RESET, and all queues stop. */
  fail(queueIndex: number, fault: GuestFault): void;
  /** Calls `notified` again after other work had its turn; for a device that reached its bound on chains per turn. */
  notifyLater(queueIndex: number): void;
}

/** The host side of one device. */
export interface VirtioDevice extends AsyncDisposable {
  readonly description: VirtioDeviceDescription;
  /** Called once, before anything else. */
  attach(host: DeviceHost): void;
  /** The driver is ready. Every queue may hold chains already; `notified` follows for each. */
  activate(driver: ActiveDriver): void;
  /**
   * The driver put chains on this queue, or took the last ones back. May be called for nothing. True when all of them were
   * answered at once, as the next ones may be.
   */
  notified(queueIndex: number): unknown;
  /**
   * Forgets driver and queues. Until it is done (the promise, if it returns one) requests in flight may still touch guest
   * RAM, so the driver waits for it. Called without a driver too.
   */
  reset(): Promise<void> | undefined;
  /** Waits (the promise, if it returns one) for the requests that are in flight now: before a snapshot, or a queue's end. */
  drain(): Promise<void> | undefined;
  /** JSON of what a snapshot must hold of the device beside its registers and guest RAM; asked for after `drain`. */
  save?(): string;
  /** Takes back what `save` gave, before `attach`. Errors: ParavirtError `corrupt` */
  restore?(saved: string): void;
}

/** One row of `devices/registry.ts`: how a machine's definition names a device and what it makes of it. */
export interface VirtioDeviceKind<Options, Device extends VirtioDevice> {
  readonly name: string;
  readonly deviceId: number;
  create(options: Options): Device;
}
