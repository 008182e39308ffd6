/**
 * A private switch: Ethernet between the cards of some machines, each on a port of its own. It knows which card and which
 * address a port has, so there is nothing to learn and nothing to spoof:
 *
 *   a frame from another card than the port's, of anything but IPv4 and ARP       is dropped
 *   ARP or IPv4 that speaks for another address than the port's                   is dropped
 *   DHCP, which each machine's own network answers                                is dropped
 *   to everybody: to all other ports, as often as `FLOOD_FRAMES`                  else to the port that has the card
 *
 * A port sends no more than `PORT_BYTES` a second. What a port cannot take at once is lost for it, and nobody waits.
 * IPv6 stays within each machine's own network: its neighbours would have to believe each other.
 */
import {isAt, isSame} from './address.js';
import {ETHERNET_BYTES} from './contract.js';
import {ETHER_TYPE, etherType} from './ethernet.js';
import {PROTOCOL} from './ip-packet.js';
import {RECORD_HEAD_BYTES} from './switch-wire.js';
import {TokenBucket} from './token-bucket.js';

/** Ports of one switch. */
export const PORTS_MAX = 64;
/** What one port may send. Units: bytes a second, bytes at once */
export const PORT_BYTES = {perSecond: 128 << 20, burst: 16 << 20} as const;
/** Frames to everybody of one port. Units: frames a second, frames at once */
export const FLOOD_FRAMES = {perSecond: 200, burst: 400} as const;

const ARP_BYTES = 28;
const DHCP_PORTS: ReadonlySet<number> = new Set([67, 68]);
const NO_ADDRESS = new Uint8Array(4);

/** A machine on a switch. */
export interface SwitchPort {
  readonly mac: Uint8Array;
  /** Its IPv4 address, 4 bytes. */
  readonly address: Uint8Array;
  /** Takes a record of `switch-wire.ts`, or drops it. */
  send(record: Uint8Array): void;
}

interface Plugged {
  readonly port: SwitchPort;
  readonly bytes: TokenBucket;
  readonly floods: TokenBucket;
}

/** See the module. */
export class NetworkSwitch {
  /** Frames that were not let through. */
  droppedCount = 0;
  readonly #ports = new Map<number, Plugged>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Ports that are in use. */
  get size(): number {
    return this.#ports.size;
  }

  /** Plugs a machine in, in the place of one with the same card; false when all ports are in use, or its address is. */
  plug(port: SwitchPort): boolean {
    const key = keyOf(port.mac);
    for (const [other, {port: taken}] of this.#ports)
      if (other !== key && isSame(taken.address, port.address)) return false;
    if (this.#ports.size >= PORTS_MAX && !this.#ports.has(key)) return false;
    const bytes = new TokenBucket(PORT_BYTES.perSecond, PORT_BYTES.burst, this.#now);
    const floods = new TokenBucket(FLOOD_FRAMES.perSecond, FLOOD_FRAMES.burst, this.#now);
    this.#ports.set(key, {port, bytes, floods});
    return true;
  }

  /** Pulls it out again, unless another one has its place. */
  unplug(port: SwitchPort): void {
    const key = keyOf(port.mac);
    if (this.#ports.get(key)?.port === port) this.#ports.delete(key);
  }

  /** A record from a port, at least as long as an Ethernet header. */
  take(from: SwitchPort, record: Uint8Array): void {
    const frame = record.subarray(RECORD_HEAD_BYTES);
    const plugged = this.#ports.get(keyOf(from.mac));
    if (plugged?.port !== from || !plugged.bytes.take(record.length) || !isSound(from, frame)) {
      this.droppedCount++;
      return;
    }
    if ((frame[0]! & 1) === 0) {
      const to = this.#ports.get(keyOf(frame));
      if (to !== undefined && to.port !== from) to.port.send(record);
      return;
    }
    if (!plugged.floods.take(1)) {
      this.droppedCount++;
      return;
    }
    for (const {port} of this.#ports.values()) if (port !== from) port.send(record);
  }
}

function isSound({mac, address}: SwitchPort, frame: Uint8Array): boolean {
  if (!isAt(frame, 6, mac)) return false;
  const at = ETHERNET_BYTES;
  const isOwn = (place: number): boolean => isAt(frame, place, address) || isAt(frame, place, NO_ADDRESS);
  switch (etherType(frame)) {
    case ETHER_TYPE.ARP:
      return frame.length >= at + ARP_BYTES && isAt(frame, at + 8, mac) && isOwn(at + 14);
    case ETHER_TYPE.IPV4: {
      const headerBytes = (frame[at]! & 15) * 4;
      if (frame.length < at + headerBytes + 4 || headerBytes < 20 || !isOwn(at + 12)) return false;
      const isFirstPiece = (((frame[at + 6]! & 0x1f) << 8) | frame[at + 7]!) === 0;
      const ports = at + headerBytes;
      const port = (frame[ports + 2]! << 8) | frame[ports + 3]!;
      return !(frame[at + 9] === PROTOCOL.UDP && isFirstPiece && DHCP_PORTS.has(port));
    }
    default:
      return false;
  }
}

/** The first six bytes as a number. Exact: below 2^48 */
function keyOf(bytes: Uint8Array): number {
  let key = 0;
  for (let i = 0; i < 6; i++) key = key * 256 + bytes[i]!;
  return key;
}
