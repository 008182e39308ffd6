/**
 * A user network whose guest has neighbours as well: frames to the router stay here, those to another card go to a private
 * switch, and those to everybody go both ways. The way to the switch is a wire that somebody else owns; without one there are
 * no neighbours.
 *
 * Invariants: nothing waits for the switch: what its wire does not take is dropped. What the guest has no buffers for waits, up
 * to `WAITING_BYTES_MAX`, and is dropped beyond.
 */
import {isAt} from './address.js';
import {ROUTER_MAC} from './addresses.js';
import {completeChecksum} from './complete-checksum.js';
import {COMPLETE_FRAME, type FrameOffload, type NetBackend, type NetLink} from './contract.js';
import {ETHER_TYPE, etherType} from './ethernet.js';
import {packRecord, RECORD_HEAD_BYTES, readOffload, type SwitchWire} from './switch-wire.js';
import type {UserNetwork} from './user-network.js';

/** Bytes of frames from neighbours that may wait for buffers of the guest. */
export const WAITING_BYTES_MAX = 1 << 20;

/** See the module. */
export class SwitchedNetwork implements NetBackend {
  /** Frames that the guest did not take. */
  droppedCount = 0;
  readonly #network: UserNetwork;
  #link: NetLink | undefined;
  #wire: SwitchWire | undefined;
  #isUp = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(network: UserNetwork) {
    this.#network = network;
  }

  get isFull(): boolean {
    return this.#network.isFull;
  }

  /** Frames come and go by this wire from now on, in the place of the one before. */
  plug(wire: SwitchWire): void {
    this.#unplug();
    this.#wire = wire;
    wire.onRecords = (records) => this.#deliver(records);
  }

  connect(link: NetLink): void {
    this.#link = link;
    this.#network.connect(link);
  }

  linkChanged(isUp: boolean): void {
    this.#isUp = isUp;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#network.linkChanged(isUp);
  }

  receive(frame: Uint8Array, isOwned: boolean, offload: Readonly<FrameOffload>): void {
    const isToAll = (frame[0]! & 1) === 1;
    if (!isAt(frame, 0, ROUTER_MAC)) this.#send(frame, offload);
    if (isToAll || isAt(frame, 0, ROUTER_MAC)) this.#network.receive(frame, isOwned, offload);
  }

  turnEnded(): void {
    this.#network.turnEnded();
  }

  roomMade(): void {
    if (this.#waiting.length > 0) this.#deliver([]);
    this.#network.roomMade();
  }

  save(): string {
    return this.#network.save();
  }

  restore(saved: string): void {
    this.#network.restore(saved);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unplug();
    await this.#network[Symbol.asyncDispose]();
  }

  #unplug(): void {
    if (this.#wire !== undefined) this.#wire.onRecords = undefined;
    this.#wire = undefined;
  }

  #send(frame: Uint8Array, offload: Readonly<FrameOffload>): void {
    const type = etherType(frame);
    // The switch carries nothing else.
    if (type === ETHER_TYPE.IPV4 || type === ETHER_TYPE.ARP) this.#wire?.send(packRecord(frame, offload));
  }

  #deliver(records: readonly Uint8Array[]): void {
    const link = this.#link;
    if (link === undefined || !this.#isUp) return;
    for (const record of records) {
      if (this.#waitingBytes + record.length > WAITING_BYTES_MAX || !isFor(link, record)) this.droppedCount++;
      else {
        this.#waiting.push(record);
        this.#waitingBytes += record.length;
      }
    }
    let sent = 0;
    for (; sent < this.#waiting.length && deliver(link, this.#waiting[sent]!); sent++)
      this.#waitingBytes -= this.#waiting[sent]!.length;
    this.#waiting = this.#waiting.slice(sent);
    if (sent > 0) link.flush();
  }
}

/** False for a frame that makes no sense, or not to this guest. */
function isFor(link: NetLink, record: Uint8Array): boolean {
  const offload = readOffload(record);
  // Neighbours speak IPv4 only. A guest that takes no large segments, where its neighbour made one, gets none.
  return offload !== undefined && (offload.segmentBytes === 0 || link.takesLargeSegments(false));
}

/** False when the guest has no buffers. */
function deliver(link: NetLink, record: Uint8Array): boolean {
  const frame = record.subarray(RECORD_HEAD_BYTES);
  const offload = readOffload(record) ?? COMPLETE_FRAME;
  if (offload.checksumStart === 0 || link.takesPartialChecksums) return link.send(frame, frame.length, [], offload);
  return link.send(completeChecksum(frame, offload), frame.length, [], COMPLETE_FRAME);
}
