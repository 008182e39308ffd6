/** A guest's end of a socket device, for tests: headers are written out here again, from the spec. */

import type {VsockOptions} from '../../src/paravirt/devices/vsock.js';
import {type VsockDevice, vsock} from '../../src/paravirt/devices/vsock.js';
import {MmioDriver} from './driver-mmio.js';
import {FakeMemory} from './fake-memory.js';

const HEADER = 44;
const RECEIVE_BYTES = HEADER + 4096;
/** Beyond the queues. */
const BUFFER_OFFSET = 1 << 20;
const RAW_OFFSET = 2 << 20;

/** A packet as the guest sees it, or sends it; what is left out of one to send is usual. */
export interface Packet {
  readonly op: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags?: number;
  readonly data?: Uint8Array;
  readonly bufAlloc?: number;
  readonly fwdCnt?: number;
  readonly srcCid?: number;
  readonly dstCid?: number;
  readonly type?: number;
  /** Instead of the length of `data`. */
  readonly length?: number;
}

/** See the module. */
export class VsockGuest implements AsyncDisposable {
  readonly device: VsockDevice;
  readonly driver: MmioDriver;
  /** What came and nobody has taken yet. */
  readonly arrived: Required<Omit<Packet, 'length'>>[] = [];
  readonly #buffers: number;
  readonly #memory = new FakeMemory(8 << 20);

  constructor(connect: VsockOptions['connect'] = () => undefined, buffers = 8, saved?: string) {
    this.device = vsock.create({connect});
    if (saved !== undefined) this.device.restore(saved);
    this.driver = new MmioDriver(this.device, this.#memory);
    this.driver.start();
    this.#buffers = buffers;
    for (let buffer = 0; buffer < buffers; buffer++) this.#offer(buffer);
    this.driver.notify(0);
  }

  /** Sends bytes that are no packet. */
  sendRaw(bytes: Uint8Array): void {
    const queue = this.driver.queues[1]!;
    const address = this.#memory.baseAddress + RAW_OFFSET;
    this.#memory.bytes(address, bytes.length)!.set(bytes);
    queue.writeDescriptor(queue.descriptors, 0, {address, length: bytes.length});
    queue.publish(0);
    this.driver.notify(1);
    queue.takeAllUsed();
  }

  send({op, srcPort, dstPort, data = new Uint8Array(), ...more}: Packet): void {
    const bytes = new Uint8Array(HEADER + data.length);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(more.srcCid ?? 3), true);
    view.setBigUint64(8, BigInt(more.dstCid ?? 2), true);
    view.setUint32(16, srcPort, true);
    view.setUint32(20, dstPort, true);
    view.setUint32(24, more.length ?? data.length, true);
    view.setUint16(28, more.type ?? 1, true);
    view.setUint16(30, op, true);
    view.setUint32(32, more.flags ?? 0, true);
    view.setUint32(36, more.bufAlloc ?? 262_144, true);
    view.setUint32(40, more.fwdCnt ?? 0, true);
    bytes.set(data, HEADER);
    this.sendRaw(bytes);
  }

  /** Takes what came, and gives the buffers back. */
  look(): void {
    const used = this.driver.queues[0]!.takeAllUsed();
    for (const {head, length} of used) {
      this.arrived.push(readPacket(new Uint8Array(this.#memory.bytes(this.#bufferAt(head), length)!)));
      this.#offer(head);
    }
    if (used.length > 0) this.driver.notify(0);
  }

  /** The same buffers are given again and again, as drivers do it. */
  #offer(buffer: number): void {
    const queue = this.driver.queues[0]!;
    const [length, flags] = [RECEIVE_BYTES, 2];
    queue.writeDescriptor(queue.descriptors, buffer, {address: this.#bufferAt(buffer), length, flags});
    queue.publish(buffer);
  }

  #bufferAt(buffer: number): number {
    if (buffer >= this.#buffers) throw new Error(`there is no buffer ${buffer}`);
    return this.#memory.baseAddress + BUFFER_OFFSET + buffer * RECEIVE_BYTES;
  }

  /** The next packet of that operation; others before it are dropped. */
  async until(op: number): Promise<Required<Omit<Packet, 'length'>>> {
    for (;;) {
      this.look();
      for (let packet = this.arrived.shift(); packet !== undefined; packet = this.arrived.shift())
        if (packet.op === op) return packet;
      await new Promise(setImmediate);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver[Symbol.asyncDispose]();
  }
}

function readPacket(bytes: Uint8Array): Required<Omit<Packet, 'length'>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (offset: number) => view.getUint32(offset, true);
  return {
    ...{srcCid: Number(view.getBigUint64(0, true)), dstCid: Number(view.getBigUint64(8, true))},
    ...{srcPort: u32(16), dstPort: u32(20), type: view.getUint16(28, true), op: view.getUint16(30, true)},
    ...{flags: u32(32), bufAlloc: u32(36), fwdCnt: u32(40), data: bytes.slice(HEADER, HEADER + u32(24))},
  };
}
