/**
 * A virtio network card with one pair of queues. Frames are copied once each way: out of guest RAM before anything looks at
 * them, since the guest could change them meanwhile, and into it by whoever made them.
 *
 *   transmit: pop ─▶ copy ─▶ give back ─▶ backend.receive             stops while the backend is full
 *   receive:  backend ─▶ send ─▶ pop as many buffers as the frame needs ─▶ fill ─▶ give back; shown by flush
 *
 * Invariants: no chain stays in flight, so there is nothing to wait for before a snapshot; a frame is in the guest's
 * buffers as a whole or not at all.
 *
 * Source: virtio 1.2 §5.1
 */
import type {ActiveDriver, DeviceHost, VirtioDevice, VirtioDeviceDescription, VirtioDeviceKind} from '../device.js';
import {ParavirtError} from '../error.js';
import {
  COMPLETE_FRAME,
  ETHERNET_BYTES,
  FRAME_BYTES_MAX,
  type FrameOffload,
  type FrameTap,
  type NetBackend,
  type NetLink,
} from '../net/contract.js';
import {Pace} from '../net/pace.js';
import type {DescriptorChain} from '../virtqueue/chain.js';
import type {SplitQueue} from '../virtqueue/split-queue.js';
import {
  CONTROL_ANSWER,
  CTRL_MAC,
  CTRL_RX_CLASS,
  CTRL_RX_COMMANDS,
  F_NEEDS_CSUM,
  FEATURE,
  GSO,
  HEADER_BYTES,
  netConfig,
  QUEUE,
} from './net/layout.js';

/** Sizes of the receive, transmit and control queue. A large segment takes some 16 to 44 receive buffers of Linux. */
const QUEUE_SIZES = [512, 256, 16] as const;
/** Frames taken from the guest in one turn, before other devices have theirs. */
export const FRAMES_PER_TURN = 64;
/** Bytes after which a turn ends as well. */
export const TURN_BYTES_MAX = 1 << 20;
/** Frames up to this size are copied into the same place again and again; larger ones are the backend's to keep. */
const SMALL_FRAME_BYTES = 2048;
/** Control requests answered in one turn. */
const CONTROL_REQUESTS_PER_TURN = 16;

const NO_BODY: readonly Uint8Array[] = [];

/** What a card is made of. */
export interface NetOptions {
  readonly backend: NetBackend;
  /** Its address, 6 bytes, not a multicast one. */
  readonly mac: Uint8Array;
  /** Largest IP packet on the wire but for large segments. 1500 unless told. */
  readonly mtu?: number;
  /** What may pass in each direction. Units: bytes of frames a second; as fast as it goes when left out */
  readonly bytesPerSecond?: number | undefined;
}

/** What a card did so far. Units: bytes of Ethernet frames; received and sent as the guest sees it */
export interface NetCounters {
  receivedBytes: number;
  receivedFrames: number;
  sentBytes: number;
  sentFrames: number;
  /** Frames that made no sense, or that no buffer of the guest could hold. */
  droppedFrames: number;
}

/** The network card. */
export class NetDevice implements VirtioDevice, NetLink {
  readonly description: VirtioDeviceDescription;
  readonly counters: NetCounters = {
    ...{receivedBytes: 0, receivedFrames: 0, sentBytes: 0, sentFrames: 0},
    droppedFrames: 0,
  };
  /** Looks at every frame; nobody does while it is undefined, and then nothing is made for it. */
  tap: FrameTap | undefined;
  readonly #backend: NetBackend;
  readonly #mac: Uint8Array;
  readonly #paces: {readonly sent: Pace; readonly received: Pace} | undefined;
  readonly #small = new Uint8Array(HEADER_BYTES + SMALL_FRAME_BYTES);
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #offload: FrameOffload = {checksumStart: 0, checksumOffset: 0, segmentBytes: 0};
  /** Buffers of the frame that is being sent. */
  readonly #taken: DescriptorChain[] = [];
  #driver: ActiveDriver | undefined;

  /** Errors: `bad-option` for an address that is no card's */
  constructor({backend, mac, mtu = 1500, bytesPerSecond}: NetOptions) {
    if (mac.length !== 6 || ((mac[0] ?? 1) & 1) !== 0)
      throw new ParavirtError('bad-option', 'That is no address of a network card.', 'Give 6 bytes, the first even.');
    this.#backend = backend;
    this.#mac = mac.slice();
    if (bytesPerSecond !== undefined)
      this.#paces = {sent: new Pace(bytesPerSecond), received: new Pace(bytesPerSecond)};
    this.description = {
      name: 'net',
      deviceId: 1,
      features: Object.values(FEATURE),
      queueSizes: QUEUE_SIZES,
      config: netConfig(mac, mtu),
    };
    backend.connect(this);
  }

  /** The guest's driver is ready. */
  get isUp(): boolean {
    return this.#driver !== undefined;
  }

  get takesPartialChecksums(): boolean {
    return this.#driver?.hasFeature(FEATURE.GUEST_CSUM) ?? false;
  }

  takesLargeSegments(isIpv6: boolean): boolean {
    const driver = this.#driver;
    // A large segment's checksum is always left to do.
    if (driver === undefined || !driver.hasFeature(FEATURE.GUEST_CSUM)) return false;
    return driver.hasFeature(isIpv6 ? FEATURE.GUEST_TSO6 : FEATURE.GUEST_TSO4);
  }

  attach(host: DeviceHost): void {
    // A restored machine may be a copy of another: whoever asks from now on sees the address of this one.
    host.writeConfig(0, this.#mac);
  }

  activate(driver: ActiveDriver): void {
    this.#driver = driver;
    this.#backend.linkChanged(true);
  }

  notified(queueIndex: number): boolean {
    if (queueIndex === QUEUE.TRANSMIT) return this.#transmit();
    if (queueIndex === QUEUE.RECEIVE) this.#backend.roomMade();
    else this.#control();
    return true;
  }

  send(head: Uint8Array, headBytes: number, body: readonly Uint8Array[], offload: Readonly<FrameOffload>): boolean {
    const queue = this.#driver?.queues[QUEUE.RECEIVE];
    if (queue === undefined) return false;
    const pace = this.#paces?.received;
    if (pace?.isSpent) {
      pace.whenReady(() => this.#backend.roomMade());
      return false;
    }
    let frameBytes = headBytes;
    for (const bytes of body) frameBytes += bytes.length;
    const taken = this.#takeBuffers(queue, HEADER_BYTES + frameBytes);
    if (taken !== 'enough') {
      if (taken === 'never') this.counters.droppedFrames++;
      return taken === 'never';
    }
    this.#fillHeader(offload, head, headBytes);
    let place = 0;
    // At most HEADER_BYTES + FRAME_BYTES_MAX bytes in all, over buffers that were found to be enough.
    const put = (bytes: Uint8Array): void => {
      for (let done = 0; done < bytes.length; ) {
        const {writer} = this.#taken[place]!;
        if (writer.remainingBytes === 0) place++;
        else done += writer.write(done === 0 ? bytes : bytes.subarray(done));
      }
    };
    put(this.#header);
    put(headBytes === head.length ? head : head.subarray(0, headBytes));
    for (const bytes of body) put(bytes);
    for (const chain of this.#taken) queue.push(chain);
    this.#taken.length = 0;
    this.counters.receivedBytes += frameBytes;
    this.counters.receivedFrames++;
    pace?.spend(frameBytes);
    this.tap?.frame('received', head, headBytes, body, offload);
    return true;
  }

  flush(): void {
    this.#driver?.queues[QUEUE.RECEIVE]?.publish();
  }

  resume(): void {
    this.#transmit();
  }

  reset(): undefined {
    if (this.#driver !== undefined) this.#backend.linkChanged(false);
    this.#driver = undefined;
    return undefined;
  }

  drain(): undefined {
    return undefined;
  }

  save(): string {
    return this.#backend.save();
  }

  restore(saved: string): void {
    this.#backend.restore(saved);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    this.#paces?.sent[Symbol.dispose]();
    this.#paces?.received[Symbol.dispose]();
    await this.#backend[Symbol.asyncDispose]();
  }

  /** True when all that the guest has to send was taken. */
  #transmit(): boolean {
    const driver = this.#driver;
    const queue = driver?.queues[QUEUE.TRANSMIT];
    if (driver === undefined || queue === undefined) return false;
    const pace = this.#paces?.sent;
    let isAll = false;
    let bytes = 0;
    for (let count = 0; !this.#backend.isFull; count++) {
      if (count === FRAMES_PER_TURN || bytes >= TURN_BYTES_MAX) {
        driver.notifyLater(QUEUE.TRANSMIT);
        break;
      }
      if (pace?.isSpent) {
        pace.whenReady(() => this.#transmit());
        break;
      }
      const chain = queue.pop();
      isAll = chain === undefined;
      if (chain === undefined) break;
      const {totalBytes} = chain.reader;
      if (totalBytes < HEADER_BYTES || totalBytes > HEADER_BYTES + FRAME_BYTES_MAX) {
        driver.fail(QUEUE.TRANSMIT, totalBytes < HEADER_BYTES ? 'request-malformed' : 'request-too-large');
        return false;
      }
      const isOwned = totalBytes > this.#small.length;
      const all = isOwned ? new Uint8Array(totalBytes) : this.#small.subarray(0, totalBytes);
      chain.reader.copyTo(all);
      queue.push(chain);
      bytes += totalBytes;
      pace?.spend(totalBytes - HEADER_BYTES);
      this.#hand(all, isOwned);
    }
    queue.publish();
    this.#backend.turnEnded();
    return isAll;
  }

  #hand(all: Uint8Array, isOwned: boolean): void {
    const frame = all.subarray(HEADER_BYTES);
    this.counters.sentBytes += frame.length;
    this.counters.sentFrames++;
    const isSound = frame.length >= ETHERNET_BYTES && this.#readHeader(all);
    this.tap?.frame('sent', frame, frame.length, NO_BODY, isSound ? this.#offload : COMPLETE_FRAME);
    if (isSound) this.#backend.receive(frame, isOwned, this.#offload);
    else this.counters.droppedFrames++;
  }

  /** False for a header that contradicts its frame. */
  #readHeader(all: Uint8Array): boolean {
    const u16 = (offset: number): number => all[offset]! | (all[offset + 1]! << 8);
    const frameBytes = all.length - HEADER_BYTES;
    const offload = this.#offload;
    const hasChecksum = (all[0]! & F_NEEDS_CSUM) !== 0;
    offload.checksumStart = hasChecksum ? u16(6) : 0;
    offload.checksumOffset = hasChecksum ? u16(8) : 0;
    const gsoType = all[1]!;
    offload.segmentBytes = gsoType === GSO.NONE ? 0 : u16(4);
    if (
      hasChecksum &&
      (offload.checksumStart < ETHERNET_BYTES || offload.checksumStart + offload.checksumOffset + 2 > frameBytes)
    )
      return false;
    if (gsoType === GSO.NONE) return true;
    return (gsoType === GSO.TCPV4 || gsoType === GSO.TCPV6) && hasChecksum && offload.segmentBytes > 0;
  }

  #fillHeader(offload: Readonly<FrameOffload>, head: Uint8Array, headBytes: number): void {
    const header = this.#header;
    // Receive frames are Ethernet without tags, so the version of IP stands behind the Ethernet header.
    const isIpv6 = head[ETHERNET_BYTES]! >> 4 === 6;
    const u16 = (offset: number, value: number): void => {
      header[offset] = value;
      header[offset + 1] = value >> 8;
    };
    header[0] = offload.checksumStart > 0 ? F_NEEDS_CSUM : 0;
    header[1] = offload.segmentBytes === 0 ? GSO.NONE : isIpv6 ? GSO.TCPV6 : GSO.TCPV4;
    u16(2, offload.segmentBytes === 0 ? 0 : headBytes);
    u16(4, offload.segmentBytes);
    u16(6, offload.checksumStart);
    u16(8, offload.checksumOffset);
    u16(10, this.#taken.length);
  }

  /**
   * Takes buffers for that many bytes into `#taken`: several with mergeable buffers, else one. `later` puts all of them
   * back; so does `never`, for a frame that is larger than the one buffer it may have, or than all there can be.
   */
  #takeBuffers(queue: SplitQueue, bytes: number): 'enough' | 'later' | 'never' {
    const isMergeable = this.#driver?.hasFeature(FEATURE.MRG_RXBUF) ?? false;
    let room = 0;
    while (room < bytes) {
      const chain = queue.pop();
      if (chain === undefined) {
        const isWhole = this.#taken.length === queue.size;
        this.#putBack(queue);
        return isWhole ? 'never' : 'later';
      }
      room += chain.writer.totalBytes;
      this.#taken.push(chain);
      if (isMergeable || room >= bytes) continue;
      this.#putBack(queue);
      return 'never';
    }
    return 'enough';
  }

  #putBack(queue: SplitQueue): void {
    queue.putBack(this.#taken.length);
    this.#taken.length = 0;
  }

  /** Receive modes and filters are granted as they are asked for: behind the card there is nobody whose frames would be filtered. */
  #control(): void {
    const driver = this.#driver;
    const queue = driver?.queues[QUEUE.CONTROL];
    if (driver === undefined || queue === undefined) return;
    for (let count = 0; ; count++) {
      if (count === CONTROL_REQUESTS_PER_TURN) {
        driver.notifyLater(QUEUE.CONTROL);
        break;
      }
      const chain = queue.pop();
      if (chain === undefined) break;
      const request = chain.reader.copy(3);
      if (request.length < 2 || chain.writer.totalBytes < 1) {
        driver.fail(QUEUE.CONTROL, 'request-malformed');
        return;
      }
      const isMode = request[0] === CTRL_RX_CLASS && request[1]! < CTRL_RX_COMMANDS && request.length === 3;
      const isKnown = isMode || (request[0] === CTRL_MAC.CLASS && request[1] === CTRL_MAC.TABLE_SET);
      chain.writer.write(Uint8Array.of(isKnown ? CONTROL_ANSWER.OK : CONTROL_ANSWER.ERROR));
      queue.push(chain);
    }
    queue.publish();
  }
}

/** The card's row in the registry. */
export const net: VirtioDeviceKind<NetOptions, NetDevice> = {
  name: 'net',
  deviceId: 1,
  create: (options) => new NetDevice(options),
};
