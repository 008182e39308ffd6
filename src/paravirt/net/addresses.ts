/** Who lives on a user network. Each machine has one of its own, so all have the same. */

/** The router's network card. */
export const ROUTER_MAC: Uint8Array = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);

/** IPv4: 10.0.2.0/24, as QEMU's user network has it, so that what people know of that holds here. */
export const IPV4 = {
  gateway: Uint8Array.of(10, 0, 2, 2),
  nameServer: Uint8Array.of(10, 0, 2, 3),
  mask: Uint8Array.of(255, 255, 255, 0),
  broadcast: Uint8Array.of(10, 0, 2, 255),
  /** The first guest's; further leases follow. */
  firstGuest: Uint8Array.of(10, 0, 2, 15),
} as const;

/** IPv6: a private prefix (RFC 4193) of which guests make their own addresses. */
const PREFIX = [0xfd, 0x76, 0x69, 0x76, 0, 2, 0, 0] as const;
const inPrefix = (last: number): Uint8Array => Uint8Array.of(...PREFIX, 0, 0, 0, 0, 0, 0, 0, last);

/** See `PREFIX`. The router's address on the link is what guests send to; the gateway's is one that they can write. */
export const IPV6 = {
  prefix: Uint8Array.from(PREFIX),
  router: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
  gateway: inPrefix(2),
  nameServer: inPrefix(3),
} as const;

/** True for an IPv4 address of the guests' network. */
export const isInSubnet = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 10 && bytes[at + 1] === 0 && bytes[at + 2] === 2;
