/**
 * The register map of virtio-mmio version 2 and where each register lives in the device's shared state.
 *
 *   offset  register               r/w    shared cell
 *   0x000   MagicValue "virt"      r
 *   0x004   Version 2              r
 *   0x008   DeviceID               r
 *   0x00c   VendorID               r
 *   0x010   DeviceFeatures         r      half chosen by 0x014 DeviceFeaturesSel (w)
 *   0x020   DriverFeatures         w      half chosen by 0x024 DriverFeaturesSel (w)
 *   0x030   QueueSel               w      QUEUE_SELECT; chooses the queue of the next seven
 *   0x034   QueueNumMax            r      0 = no such queue
 *   0x038   QueueNum               w      QUEUE_SIZE
 *   0x044   QueueReady             r/w    QUEUE_READY
 *   0x050   QueueNotify            w      sets a bit of PENDING_QUEUES, rings the doorbell
 *   0x060   InterruptStatus        r      INTERRUPT_STATUS: bit 0 used ring, bit 1 configuration
 *   0x064   InterruptACK           w      clears bits of it
 *   0x070   Status                 r/w    STATUS; writing 0 resets
 *   0x080   QueueDescLow/High      w      QUEUE_DESCRIPTORS, two cells
 *   0x090   QueueDriverLow/High    w      QUEUE_AVAIL
 *   0x0a0   QueueDeviceLow/High    w      QUEUE_USED
 *   0x0fc   ConfigGeneration       r      CONFIG_GENERATION, odd while the host writes
 *   0x100…  configuration          r      CONFIG_OFFSET
 *
 * Cells are little-endian 32-bit words of `DeviceContext.cells`. Who writes: registers the harts (under the bus's lock);
 * STATUS, INTERRUPT_STATUS, PENDING_QUEUES and HOST_REQUEST both sides, with Atomics; configuration and queue cursors
 * the I/O thread.
 *
 * Source: virtio 1.2 §4.2.2
 */
import {CONFIG_BYTES_MAX, QUEUE_COUNT_MAX} from '../device.js';

/** Byte offsets of the registers in the device's window. */
export const REGISTER = {
  MagicValue: 0x000,
  Version: 0x004,
  DeviceID: 0x008,
  VendorID: 0x00c,
  DeviceFeatures: 0x010,
  DeviceFeaturesSel: 0x014,
  DriverFeatures: 0x020,
  DriverFeaturesSel: 0x024,
  QueueSel: 0x030,
  QueueNumMax: 0x034,
  QueueNum: 0x038,
  QueueReady: 0x044,
  QueueNotify: 0x050,
  InterruptStatus: 0x060,
  InterruptACK: 0x064,
  Status: 0x070,
  QueueDescLow: 0x080,
  QueueDescHigh: 0x084,
  QueueDriverLow: 0x090,
  QueueDriverHigh: 0x094,
  QueueDeviceLow: 0x0a0,
  QueueDeviceHigh: 0x0a4,
  ConfigGeneration: 0x0fc,
  Config: 0x100,
} as const;

/** "virt" in little-endian ASCII. */
export const MAGIC_VALUE = 0x7472_6976;
/** "VIVA": nobody registers virtio-mmio vendors, the driver shows it at most. */
export const VENDOR_ID = 0x4156_4956;

/** Bits of Status. Source: virtio 1.2 §2.1 */
export const STATUS_BIT = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  DEVICE_NEEDS_RESET: 64,
  FAILED: 128,
} as const;

/** Bits of InterruptStatus. */
export const INTERRUPT_BIT = {USED_RING: 1, CONFIG: 2} as const;

/** Cells that exist once. `IS_INITIALISED` is set by the first thread that builds the device. */
export const CELL = {
  STATUS: 0,
  DEVICE_FEATURES_SELECT: 1,
  DRIVER_FEATURES_SELECT: 2,
  DRIVER_FEATURES: 3,
  QUEUE_SELECT: 5,
  INTERRUPT_STATUS: 6,
  CONFIG_GENERATION: 7,
  PENDING_QUEUES: 8,
  HOST_REQUEST: 9,
  IS_INITIALISED: 10,
} as const;

/** Values of `CELL.HOST_REQUEST`: what a hart is waiting for; the I/O thread clears it when it is done. */
export const HOST_REQUEST = {NONE: 0, RESET: 1, CLOSE_QUEUES: 2} as const;

const QUEUE_FIRST_CELL = 16;
const QUEUE_CELLS = 12;

/** Cells of one queue, relative to `queueCell(index)`. The cursor's are `CURSOR_CELLS` many, for `SplitQueue`. */
export const QUEUE_CELL = {SIZE: 0, READY: 1, DESCRIPTORS: 2, AVAIL: 4, USED: 6, CURSOR: 8} as const;

/** The first cell of queue `index`. */
export const queueCell = (index: number): number => QUEUE_FIRST_CELL + index * QUEUE_CELLS;

/** Byte offset of the configuration space in the shared state. */
export const CONFIG_OFFSET = 4 * queueCell(QUEUE_COUNT_MAX);
/** Bytes of shared state one transport needs. */
export const STATE_BYTES = CONFIG_OFFSET + CONFIG_BYTES_MAX;
