/**
 * What a device may know of the machine it sits in. The engine implements these, `paravirt` and `platform` consume
 * them; nothing else of the engine is visible to a device.
 *
 * Threads: every hart is a worker thread; the I/O thread is the main thread of the process that owns the machine.
 * All share one `SharedArrayBuffer`. A device's registers live in its slice of that buffer (`DeviceContext.state`), so
 * the same device object is built once on every thread: harts call `read`/`write` on theirs, the I/O thread calls the
 * host-side methods of its own. A snapshot of the machine therefore holds every register of every device.
 */

/** Size in bytes of one access a hart makes to a device register. 8-byte accesses arrive as two of 4, low first. */
export type AccessBytes = 1 | 2 | 4;

/**
 * Guest RAM as devices see it.
 * Units:  addresses are guest-physical bytes as numbers (exact below 2^53; anything above is outside RAM anyway)
 * Errors: nothing here throws for a bad address; `contains` is false and `bytes` is undefined
 */
export interface GuestMemory {
  readonly baseAddress: number;
  readonly sizeBytes: number;
  /** Little-endian view of all RAM; offset = address - baseAddress. Check with `contains` first. */
  readonly view: DataView<SharedArrayBuffer>;
  /** RAM as 16-bit cells, for Atomics on ring indices; index = (address - baseAddress) / 2. */
  readonly u16: Uint16Array<SharedArrayBuffer>;
  /**
   * True when every byte of [address, address + length) is RAM; it is there to be read then, also in a guest that is being
   * restored. Length 0 is contained at any address inside RAM.
   */
  contains(address: number, length: number): boolean;
  /** The bytes themselves, not a copy, or undefined when any of them is outside RAM. */
  bytes(address: number, length: number): Uint8Array<SharedArrayBuffer> | undefined;
  /** Must precede every host write into RAM (DMA): a snapshot under way first takes what is there. */
  prepareWrite(address: number, length: number): void;
  /** Must follow every host write into RAM (DMA): marks pages dirty and their decoded code stale. */
  markWritten(address: number, length: number): void;
  /** The guest has no use for what is there, until it writes anew: whole pages of it that were ever written read as zeros. */
  discard(address: number, length: number): void;
}

/** A level-triggered interrupt input of the platform's interrupt controller. Callable from any thread. */
export interface IrqLine {
  readonly number: number;
  set(isAsserted: boolean): void;
}

/** Guest-visible time. Stands still while the machine is paused. */
export interface Clock {
  /** Nanoseconds since the machine was first started. */
  nowNs(): number;
}

/**
 * Wakes the I/O thread from a hart. `ring` is one atomic store and one notify; it never blocks.
 * `ringAndWait` blocks the calling hart until the I/O thread has run the device's `onDoorbell` once after the call
 * (for rare register writes that must take effect before the next instruction, such as a device reset).
 */
export interface Doorbell {
  ring(): void;
  ringAndWait(): void;
}

/** What a device is built from, the same on every thread. */
export interface DeviceContext {
  /** The device's registers: a zero-filled slice of shared memory of the size its model asks for, 8-byte aligned. */
  readonly state: DataView<SharedArrayBuffer>;
  /** The same slice as 32-bit cells, for Atomics. */
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly irq: IrqLine;
  readonly clock: Clock;
  readonly doorbell: Doorbell;
}

/**
 * A device's register window. `offset` is within the window and naturally aligned to `size`; values are unsigned.
 * A register that does not exist reads 0 and ignores writes. Calls on one device never overlap: the bus holds the
 * device's lock around each, so read-modify-write on `state` is safe against other harts (host-side methods that
 * touch the same cells must use Atomics or `withLock`).
 */
export interface MmioRegion {
  read(offset: number, size: AccessBytes): number;
  write(offset: number, size: AccessBytes, value: number): void;
}

/** A device-tree property value: cells (u32), strings, raw bytes, a reference to another node's phandle, or a flag. */
export type FdtValue =
  | {readonly cells: readonly number[]}
  | {readonly strings: readonly string[]}
  | {readonly bytes: Uint8Array}
  | {readonly flag: true};

/** One device-tree node. `name` includes the unit address (`serial@10000000`). */
export interface FdtNode {
  readonly name: string;
  readonly properties: Readonly<Record<string, FdtValue>>;
  readonly children?: readonly FdtNode[];
}

/** Where the platform placed a device. */
export interface Placement {
  readonly address: number;
  readonly sizeBytes: number;
  /** Interrupt source number at the PLIC, 0 when the device has none. */
  readonly irq: number;
  /** phandle of the interrupt controller, for `interrupt-parent`. */
  readonly interruptParent: number;
  /** Hands out phandles for nodes that others refer to. */
  phandle(label: string): number;
}

/**
 * One kind of memory-mapped device. Stands in a `registry.ts`; every thread that runs harts is started with the same
 * list of models, so `create` gets structured-cloneable options only.
 */
export interface DeviceModel<Options = unknown, Device extends MmioRegion = MmioRegion> {
  /** Registry key, e.g. `uart16550` or `virtio-mmio`. */
  readonly kind: string;
  readonly sizeBytes: number;
  readonly stateBytes: number;
  create(context: DeviceContext, options: Options): Device;
  /** The device's own device-tree nodes (most print one; top-level nodes without `reg` stand directly under `/`). */
  nodes(placement: Placement, options: Options): readonly FdtNode[];
}

/** A device in a machine's specification. `address` and `irq` default to the platform map's next free slot. */
export interface DevicePlan<Options = unknown> {
  readonly kind: string;
  readonly address: number;
  readonly irq: number;
  readonly options: Options;
}

/** Anything whose state a snapshot must hold and that is not in the machine's shared memory. */
export interface Snapshotable {
  readonly snapshotKey: string;
  save(): Uint8Array;
  restore(bytes: Uint8Array): void;
}
