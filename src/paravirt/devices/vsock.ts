/**
 * A virtio socket device: streams between the guest and sockets of the host, without a network. The guest is context 3, the
 * host 2. Who asks for a port of the host is joined to what `connect` gives for it; who has a socket may join it to a port
 * of the guest.
 *
 *   transmit: pop ─▶ copy ─▶ give back ─▶ stream.take              receive: stream.next ─▶ pop ─▶ fill ─▶ give back
 *
 * Streams end with this process: a guest that goes on elsewhere is told so by an event, and begins anew.
 *
 * Source: virtio 1.2 §5.10
 */
import type {Socket} from 'node:net';
import type {ActiveDriver, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';
import {corruptSaved, parseSaved} from '../saved-json.js';
import type {SplitQueue} from '../virtqueue/split-queue.js';
import {
  GUEST_CID,
  HEADER_BYTES,
  HOST_CID,
  OP,
  PAYLOAD_BYTES_MAX,
  readHeader,
  TYPE_STREAM,
  type VsockHeader,
  writeHeader,
} from '../vsock/packet.js';
import {BUFFER_BYTES, type StreamPacket, VsockStream} from '../vsock/stream.js';

const QUEUE = {RECEIVE: 0, TRANSMIT: 1, EVENT: 2} as const;
/** Feature: streams, in so many words; those who know no other feature have them too. */
const F_STREAM = 0;
/** Event: all streams are over, and the guest's context may be another. */
const TRANSPORT_RESET = 0;
/** Packets taken from the guest, or sent to it, in one turn. */
export const PACKETS_PER_TURN = 64;
/** Streams of a machine. */
export const STREAMS_MAX = 128;
/** Answers to packets of no stream that wait for room; more are not given. */
const STRAY_MAX = 64;
/** Ports of the host's ends, beyond those that a service would have. */
const FIRST_HOST_PORT = 0x4000_0000;

/** What a device is made of. */
export interface VsockOptions {
  /** A socket that is connecting to what listens at a port of the host; undefined where nothing does. */
  readonly connect: (port: number) => Socket | undefined;
}

/** How the host's wish for a stream ended. */
export type VsockAnswer = 'open' | 'refused' | 'too-many' | 'no-driver';

/** See the module. */
export class VsockDevice implements VirtioDevice {
  readonly description: VirtioDeviceDescription = {
    name: 'vsock',
    deviceId: 19,
    features: [F_STREAM],
    queueSizes: [128, 128, 8],
    config: Uint8Array.of(GUEST_CID, 0, 0, 0, 0, 0, 0, 0),
  };
  readonly #connect: VsockOptions['connect'];
  readonly #streams = new Map<string, VsockStream>();
  /** Those that want to send, in turn. */
  readonly #wanting = new Set<VsockStream>();
  readonly #stray: VsockHeader[] = [];
  #driver: ActiveDriver | undefined;
  #hasMoved = false;
  #nextPort = FIRST_HOST_PORT;
  #isScheduled = false;

  constructor({connect}: VsockOptions) {
    this.#connect = connect;
  }

  /** Streams that are not over. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Joins a socket, not read yet, to a port of the guest. `onAnswer` says once how that went, before any byte. */
  join(socket: Socket, port: number, onAnswer: (answer: VsockAnswer) => void): void {
    const answer =
      this.#driver === undefined ? 'no-driver' : this.#streams.size >= STREAMS_MAX ? 'too-many' : undefined;
    if (answer !== undefined) {
      onAnswer(answer);
      socket.destroy();
      return;
    }
    this.#nextPort = this.#nextPort === 0xffff_fffe ? FIRST_HOST_PORT : this.#nextPort + 1;
    this.#add(new VsockStream(this.#host, {guestPort: port, hostPort: this.#nextPort}, socket, onAnswer));
  }

  attach(): void {}

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
  }

  notified(queueIndex: number): void {
    if (queueIndex === QUEUE.TRANSMIT) this.#transmit();
    if (queueIndex === QUEUE.EVENT) this.#tellMoved();
    this.#pump();
  }

  reset(): undefined {
    this.#driver = undefined;
    for (const stream of [...this.#streams.values()]) stream.destroy();
    this.#stray.length = 0;
    return undefined;
  }

  drain(): undefined {
    return undefined;
  }

  save(): string {
    return JSON.stringify({version: 1});
  }

  restore(saved: string): void {
    const state = parseSaved(saved, 'a socket device');
    if (typeof state !== 'object' || state === null || !('version' in state) || state.version !== 1)
      throw corruptSaved('a socket device');
    this.#hasMoved = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
  }

  readonly #host = {
    wants: (stream: VsockStream): void => {
      this.#wanting.add(stream);
      if (this.#isScheduled) return;
      // Once for all that a turn of the event loop brings.
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#pump();
      });
    },
    ended: (stream: VsockStream): void => {
      this.#wanting.delete(stream);
      this.#streams.delete(keyOf(stream.guestPort, stream.hostPort));
    },
  };

  #add(stream: VsockStream): void {
    this.#streams.set(keyOf(stream.guestPort, stream.hostPort), stream);
  }

  #tellMoved(): void {
    const queue = this.#driver?.queues[QUEUE.EVENT];
    const chain = this.#hasMoved ? queue?.pop() : undefined;
    if (queue === undefined || chain === undefined) return;
    this.#hasMoved = false;
    chain.writer.write(Uint8Array.of(TRANSPORT_RESET, 0, 0, 0));
    queue.complete(chain);
  }

  #transmit(): void {
    const driver = this.#driver;
    const queue = driver?.queues[QUEUE.TRANSMIT];
    if (driver === undefined || queue === undefined) return;
    for (let count = 0; ; count++) {
      if (count === PACKETS_PER_TURN) {
        driver.notifyLater(QUEUE.TRANSMIT);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) break;
      const {reader} = chain;
      if (reader.totalBytes < HEADER_BYTES || reader.totalBytes > HEADER_BYTES + PAYLOAD_BYTES_MAX) {
        driver.fail(QUEUE.TRANSMIT, reader.totalBytes < HEADER_BYTES ? 'request-malformed' : 'request-too-large');
        return;
      }
      const header = readHeader(reader.copy(HEADER_BYTES));
      if (header.length > reader.remainingBytes) {
        driver.fail(QUEUE.TRANSMIT, 'request-malformed');
        return;
      }
      const payload = reader.copy(header.length);
      queue.push(chain);
      this.#take(header, payload);
    }
    queue.publish();
  }

  #take(header: VsockHeader, payload: Uint8Array): void {
    const {srcCid, dstCid, srcPort, dstPort, type, op} = header;
    const isOurs = srcCid === GUEST_CID && dstCid === HOST_CID && type === TYPE_STREAM;
    const stream = isOurs ? this.#streams.get(keyOf(srcPort, dstPort)) : undefined;
    if (stream !== undefined) stream.take(header, payload);
    else if (isOurs && op === OP.REQUEST) this.#open(header);
    else this.#refuse(header);
  }

  /** The guest asks for a port of the host. */
  #open(header: VsockHeader): void {
    const {srcPort: guestPort, dstPort: hostPort} = header;
    const socket = this.#streams.size < STREAMS_MAX ? this.#connect(hostPort) : undefined;
    if (socket === undefined) {
      this.#refuse(header);
      return;
    }
    const stream = new VsockStream(this.#host, {guestPort, hostPort}, socket);
    stream.noteRoom(header);
    this.#add(stream);
  }

  /** Nobody answers an answer that nobody is there. */
  #refuse({srcCid, dstCid, srcPort, dstPort, type, op}: VsockHeader): void {
    if (op === OP.RST || this.#stray.length >= STRAY_MAX) return;
    const turned = {srcCid: dstCid < 0 ? HOST_CID : dstCid, dstCid: srcCid < 0 ? GUEST_CID : srcCid};
    this.#stray.push({
      ...{...turned, srcPort: dstPort, dstPort: srcPort, length: 0, type, op: OP.RST, flags: 0},
      ...{bufAlloc: 0, fwdCnt: 0},
    });
  }

  /** Sends what there is, as far as the guest has buffers. */
  #pump(): void {
    const driver = this.#driver;
    const queue = driver?.queues[QUEUE.RECEIVE];
    if (driver === undefined || queue === undefined) return;
    let count = 0;
    while (this.#stray.length > 0 && count < PACKETS_PER_TURN && this.#put(queue, this.#stray[0]!, [])) {
      this.#stray.shift();
      count++;
    }
    for (const stream of this.#wanting) {
      if (count >= PACKETS_PER_TURN) break;
      const sent = this.#sendOf(queue, stream);
      if (sent === 'no-room') break;
      // To the end of the row, if it has more.
      this.#wanting.delete(stream);
      if (sent === 'sent') this.#wanting.add(stream);
      count++;
    }
    queue.publish();
    if (count >= PACKETS_PER_TURN) driver.notifyLater(QUEUE.RECEIVE);
  }

  #sendOf(queue: SplitQueue, stream: VsockStream): 'sent' | 'nothing' | 'no-room' {
    const chain = queue.pop();
    if (chain === undefined) return 'no-room';
    const {guestPort, hostPort} = stream;
    const packet = stream.next(Math.max(0, chain.writer.totalBytes - HEADER_BYTES));
    if (packet === undefined) {
      queue.putBack(1);
      return 'nothing';
    }
    const length = lengthOf(packet);
    const header: VsockHeader = {
      ...{srcCid: HOST_CID, dstCid: GUEST_CID, srcPort: hostPort, dstPort: guestPort, length, type: TYPE_STREAM},
      ...{op: packet.op, flags: packet.flags, bufAlloc: BUFFER_BYTES, fwdCnt: stream.forwarded},
    };
    write(chain.writer, header, packet.body);
    queue.push(chain);
    return 'sent';
  }

  #put(queue: SplitQueue, header: VsockHeader, body: readonly Uint8Array[]): boolean {
    const chain = queue.pop();
    if (chain === undefined) return false;
    write(chain.writer, header, body);
    queue.push(chain);
    return true;
  }
}

function write(writer: {write(bytes: Uint8Array): number}, header: VsockHeader, body: readonly Uint8Array[]): void {
  const bytes = new Uint8Array(HEADER_BYTES);
  writeHeader(bytes, header);
  writer.write(bytes);
  for (const part of body) writer.write(part);
}

const lengthOf = ({body}: StreamPacket) => body.reduce((sum, bytes) => sum + bytes.length, 0);

const keyOf = (guestPort: number, hostPort: number) => `${guestPort}:${hostPort}`;

/** The device's row in the registry. */
export const vsock: VirtioDeviceKind<VsockOptions, VsockDevice> = {
  name: 'vsock',
  deviceId: 19,
  create: (options) => new VsockDevice(options),
};
