/**
 * A guest's driver for virtio-mmio, for tests: probes, negotiates, sets up queues, notifies and acknowledges, through
 * nothing but register accesses, as Linux does. Register offsets are written out here again, from the spec.
 */
import type {DeviceContext} from '../../src/engine/contract.js';
import type {VirtioDevice} from '../../src/paravirt/device.js';
import {VirtioMmio, virtioMmio} from '../../src/paravirt/transport/mmio.js';
import {VirtioHost} from '../../src/paravirt/transport/virtio-host.js';
import type {FaultReport} from '../../src/paravirt/virtqueue/guest-fault.js';
import {DriverQueue} from './driver-queue.js';
import {FakeMemory} from './fake-memory.js';

/** Feature bits of the ring and the transport, by number. */
export const RING_FEATURE = {INDIRECT_DESC: 28, EVENT_IDX: 29, VERSION_1: 32} as const;

/** A device context without a machine: doorbells ring at once, in the same thread. */
export class FakeContext implements DeviceContext {
  readonly state: DataView<SharedArrayBuffer>;
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly irq: {number: number; isAsserted: boolean; set: (isAsserted: boolean) => void};
  readonly clock = {nowNs: () => 0};
  readonly doorbell = {ring: () => this.onDoorbell(), ringAndWait: () => this.onDoorbell()};
  onDoorbell: () => void = () => {};

  constructor(stateBytes: number) {
    const buffer = new SharedArrayBuffer(stateBytes);
    this.state = new DataView(buffer);
    this.cells = new Int32Array(buffer);
    const irq = {
      number: 1,
      isAsserted: false,
      set: (isAsserted: boolean) => {
        irq.isAsserted = isAsserted;
      },
    };
    this.irq = irq;
  }
}

const WINDOW_BYTES = 0x1_0000;

/** A whole device under test: registers, host and device, and a driver that uses them. */
export class MmioDriver implements AsyncDisposable {
  readonly memory: FakeMemory;
  readonly context: FakeContext;
  readonly registers: VirtioMmio;
  readonly host: VirtioHost;
  readonly queues: DriverQueue[] = [];
  readonly faults: FaultReport[] = [];

  constructor(device: VirtioDevice, memory = new FakeMemory(4 << 20)) {
    this.memory = memory;
    this.context = new FakeContext(virtioMmio.stateBytes);
    this.registers = new VirtioMmio(this.context, device.description);
    this.host = new VirtioHost({
      memory,
      context: this.context,
      device,
      onGuestFault: (report) => this.faults.push(report),
    });
    this.context.onDoorbell = () => this.host.takeDoorbell();
  }

  read(offset: number): number {
    return this.registers.read(offset, 4);
  }

  write(offset: number, value: number): void {
    this.registers.write(offset, 4, value >>> 0);
  }

  get status(): number {
    return this.read(0x070);
  }

  get needsReset(): boolean {
    return (this.status & 64) !== 0;
  }

  get configGeneration(): number {
    return this.read(0x0fc);
  }

  config(offset: number, size: 1 | 2 | 4): number {
    return this.registers.read(0x100 + offset, size);
  }

  /** Feature bits the device offers, by number. */
  get offered(): number[] {
    const bits: number[] = [];
    for (const half of [0, 1]) {
      this.write(0x014, half);
      const word = this.read(0x010);
      for (let bit = 0; bit < 32; bit++) if ((word & (1 << bit)) !== 0) bits.push(32 * half + bit);
    }
    return bits;
  }

  /** Everything up to DRIVER_OK, with all offered features or only some of them. */
  start(features: readonly number[] = this.offered, queueSize = 16): this {
    this.reset();
    this.write(0x070, 1);
    this.write(0x070, 3);
    this.negotiate(features);
    this.write(0x070, 11);
    if ((this.status & 8) === 0) throw new Error('the device refused the features');
    for (let index = 0; ; index++) {
      this.write(0x030, index);
      const sizeMax = this.read(0x034);
      if (sizeMax === 0) break;
      this.setUpQueue(index, Math.min(queueSize, sizeMax));
    }
    this.write(0x070, 15);
    return this;
  }

  reset(): void {
    this.write(0x070, 0);
    this.queues.length = 0;
  }

  negotiate(features: readonly number[]): void {
    for (const half of [0, 1]) {
      let word = 0;
      for (const bit of features) if (bit >> 5 === half) word |= 1 << (bit & 31);
      this.write(0x024, half);
      this.write(0x020, word);
    }
  }

  setUpQueue(index: number, size: number): DriverQueue {
    const address = this.memory.baseAddress + WINDOW_BYTES * (index + 1);
    const queue = new DriverQueue(this.memory, {size, address, endAddress: address + WINDOW_BYTES});
    this.queues[index] = queue;
    this.write(0x030, index);
    this.writeQueueRegisters(queue.addresses);
    this.write(0x044, 1);
    return queue;
  }

  /** Writes the selected queue's registers, whatever the values. */
  writeQueueRegisters(addresses: {size: number; descriptors: number; avail: number; used: number}): void {
    this.write(0x038, addresses.size);
    for (const [low, address] of [
      [0x080, addresses.descriptors],
      [0x090, addresses.avail],
      [0x0a0, addresses.used],
    ] as const) {
      this.write(low, address % 2 ** 32);
      this.write(low + 4, Math.floor(address / 2 ** 32));
    }
  }

  notify(index: number): void {
    this.write(0x050, index);
  }

  /** Serves the interrupt as a driver does; returns which kinds there were (1 used ring, 2 configuration). */
  takeInterrupt(): number {
    const kinds = this.read(0x060);
    this.write(0x064, kinds);
    return kinds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}
