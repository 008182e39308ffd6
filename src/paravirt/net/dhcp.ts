/**
 * A DHCP server for the cards of one guest: an address for each, the router, the name server.
 *   {op: u8, htype: u8 1, hlen: u8 6, hops: u8, xid: u8[4], secs: u16, flags: u16, ciaddr, yiaddr, siaddr, giaddr: u8[4] each,
 *    chaddr: u8[16], sname: u8[64], file: u8[128], cookie: u8[4], options {code: u8, length: u8, data…}… 255}
 *
 *   discover ─▶ offer        request ─▶ ack | nak        inform ─▶ ack        release, decline ─▶ (nothing)
 *
 * Source: RFC 2131, RFC 2132
 */
import {isAt, isSame} from './address.js';
import {IPV4} from './addresses.js';

/** Cards that have a lease; a guest that invents more takes the lease that was longest not asked for. */
export const LEASES_MAX = 64;
const LEASE_S = 86_400;
const FIXED_BYTES = 240;
const COOKIE = Uint8Array.of(99, 130, 83, 99);
const OPTION = {
  MASK: 1,
  ROUTER: 3,
  NAME_SERVER: 6,
  BROADCAST: 28,
  REQUESTED: 50,
  LEASE: 51,
  TYPE: 53,
  SERVER: 54,
} as const;
const TYPE = {DISCOVER: 1, OFFER: 2, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7, INFORM: 8} as const;

/** A card that is the only one to have an address, by its last byte: those of neighbours are not given away here. */
export interface OnlyLease {
  readonly mac: Uint8Array;
  readonly last: number;
}

/** Which card has which address. */
export class LeaseTable {
  /** Card (as text) to the last byte of its address; the longest not asked for comes first. */
  readonly #leases = new Map<string, number>();
  readonly #only: OnlyLease | undefined;

  constructor(only?: OnlyLease) {
    this.#only = only;
  }

  /** Cards with a lease. */
  get size(): number {
    return this.#leases.size;
  }

  /** Where the first guest is. */
  get first(): Uint8Array {
    return withLast(this.#only?.last ?? IPV4.firstGuest[3]!);
  }

  /** The card's address: the one it has, else the one it wants if that is free, else any. Undefined for a card that gets none. */
  lease(mac: Uint8Array, wanted?: Uint8Array): Uint8Array | undefined {
    const key = mac.join();
    if (this.#only !== undefined) {
      if (!isSame(mac, this.#only.mac)) return undefined;
      this.#leases.clear();
      this.#leases.set(key, this.#only.last);
      return withLast(this.#only.last);
    }
    const known = this.#leases.get(key);
    const taken = new Set(this.#leases.values());
    let last = known ?? IPV4.firstGuest[3]!;
    if (known === undefined) {
      const isWanted = wanted !== undefined && isAt(wanted, 0, IPV4.firstGuest.subarray(0, 3));
      const wish = isWanted ? wanted[3]! - IPV4.firstGuest[3]! : -1;
      if (wish >= 0 && wish < LEASES_MAX && !taken.has(wanted![3]!)) last = wanted![3]!;
      else if (this.#leases.size < LEASES_MAX) while (taken.has(last)) last++;
      else last = this.#evict();
    }
    // Asked for just now: to the end of the order.
    this.#leases.delete(key);
    this.#leases.set(key, last);
    return withLast(last);
  }

  /** Addresses that are leased, the one asked for last first. */
  get addresses(): Uint8Array[] {
    return [...this.#leases.values()].reverse().map(withLast);
  }

  /** The card does without. */
  release(mac: Uint8Array): void {
    this.#leases.delete(mac.join());
  }

  /** As JSON values. */
  save(): [string, number][] {
    return [...this.#leases];
  }

  /** Takes back what `save` gave, as far as it makes sense. */
  restore(leases: readonly (readonly [string, number])[]): void {
    this.#leases.clear();
    for (const [card, last] of leases.slice(0, LEASES_MAX)) this.#leases.set(card, last);
  }

  #evict(): number {
    for (const [card, last] of this.#leases) {
      this.#leases.delete(card);
      return last;
    }
    throw new Error('an empty table is not full');
  }
}

function withLast(last: number): Uint8Array {
  const address = IPV4.firstGuest.slice();
  address[3] = last;
  return address;
}

/** Answers a message; undefined where there is nothing to say. `data` is the datagram's. */
export function answerDhcp(data: Uint8Array, leases: LeaseTable): Uint8Array | undefined {
  if (data.length < FIXED_BYTES || data[0] !== 1 || data[1] !== 1 || data[2] !== 6) return undefined;
  if (!isAt(data, 236, COOKIE)) return undefined;
  const options = readOptions(data);
  const mac = data.subarray(28, 34);
  const server = options.get(OPTION.SERVER);
  const isForOther = server !== undefined && !isSame(server, IPV4.gateway);
  const type = options.get(OPTION.TYPE)?.[0];
  if (isForOther) return undefined;
  const requested = options.get(OPTION.REQUESTED);
  const wanted = requested?.length === 4 ? requested : undefined;
  switch (type) {
    case TYPE.DISCOVER: {
      const address = leases.lease(mac, wanted);
      return address && createAnswer(data, TYPE.OFFER, address);
    }
    case TYPE.REQUEST: {
      // A card that renews says its address in ciaddr, one that asks in an option.
      const claimed = wanted ?? data.slice(12, 16);
      const address = leases.lease(mac, claimed);
      if (address === undefined) return undefined;
      return isSame(address, claimed) ? createAnswer(data, TYPE.ACK, address) : createAnswer(data, TYPE.NAK, undefined);
    }
    case TYPE.INFORM:
      return createAnswer(data, TYPE.ACK, undefined);
    case TYPE.RELEASE:
    case TYPE.DECLINE:
      leases.release(mac);
      return undefined;
    default:
      return undefined;
  }
}

/** The first of each code; ends at the end of the data whatever lengths say. */
function readOptions(data: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = FIXED_BYTES; at < data.length && data[at] !== 255; ) {
    const code = data[at]!;
    if (code === 0) {
      at++;
      continue;
    }
    const length = data[at + 1];
    if (length === undefined || at + 2 + length > data.length) break;
    if (!options.has(code)) options.set(code, data.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

function createAnswer(request: Uint8Array, type: number, address: Uint8Array | undefined): Uint8Array {
  const u32 = (value: number): number[] => [value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
  const options = [OPTION.TYPE, 1, type, OPTION.SERVER, 4, ...IPV4.gateway];
  if (address !== undefined) options.push(OPTION.LEASE, 4, ...u32(LEASE_S));
  if (type !== TYPE.NAK) {
    options.push(OPTION.MASK, 4, ...IPV4.mask, OPTION.BROADCAST, 4, ...IPV4.broadcast);
    options.push(OPTION.ROUTER, 4, ...IPV4.gateway, OPTION.NAME_SERVER, 4, ...IPV4.nameServer);
  }
  options.push(255);
  // Some clients drop answers shorter than BOOTP's 300 bytes.
  const answer = new Uint8Array(Math.max(300, FIXED_BYTES + options.length));
  answer.set([2, 1, 6]);
  answer.set(request.subarray(4, 8), 4);
  answer.set(request.subarray(10, 12), 10);
  if (type === TYPE.ACK) answer.set(request.subarray(12, 16), 12);
  if (address !== undefined) answer.set(address, 16);
  answer.set(IPV4.gateway, 20);
  answer.set(request.subarray(28, 44), 28);
  answer.set(COOKIE, 236);
  answer.set(options, FIXED_BYTES);
  return answer;
}
