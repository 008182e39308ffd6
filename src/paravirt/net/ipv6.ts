/**
 * IPv6: the guest's packets out of frames, and headers for ours.
 *   {version 6: u4, class: u8, flow: u20, payloadLength: u16be, nextHeader: u8, hopLimit: u8, source: u8[16],
 *    destination: u8[16]}, then extension headers {next: u8, length: u8 (× 8, less the first 8), …}
 * Source: RFC 8200
 */
import {ETHERNET_BYTES} from './contract.js';
import type {Reassembler} from './fragments.js';
import type {IpPacket} from './ip-packet.js';

/** Bytes of the header before extensions; ours have none. */
export const IPV6_BYTES = 40;
/** Extension headers of one packet that are looked through. */
export const EXTENSIONS_MAX = 8;
const EXTENSION = {HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, DESTINATION: 60} as const;

/** Reads the packet in a frame, put together if it came in pieces; false when there is none, or none yet. */
export function readIpv6(frame: Uint8Array, packet: IpPacket, reassembler: Reassembler): boolean {
  const at = ETHERNET_BYTES;
  if (frame.length < at + IPV6_BYTES || frame[at]! >> 4 !== 6) return false;
  const length = (frame[at + 4]! << 8) | frame[at + 5]!;
  if (at + IPV6_BYTES + length > frame.length) return false;
  packet.bytes = frame;
  packet.isIpv6 = true;
  packet.header = at;
  packet.protocol = frame[at + 6]!;
  packet.start = at + IPV6_BYTES;
  packet.end = packet.start + length;
  packet.sourceAt = at + 8;
  packet.destinationAt = at + 24;
  let hasFragments = false;
  for (let count = 0; ; count++) {
    if (!isExtension(packet.protocol)) return true;
    if (count === EXTENSIONS_MAX || packet.end - packet.start < 8) return false;
    const next = packet.bytes[packet.start]!;
    if (packet.protocol === EXTENSION.FRAGMENT) {
      // A packet that was put together and is a piece again would go on without end.
      if (hasFragments || !addPiece(packet, next, reassembler)) return false;
      hasFragments = true;
    } else {
      // A route that is not at its end would lead through us.
      if (packet.protocol === EXTENSION.ROUTING && packet.bytes[packet.start + 3] !== 0) return false;
      packet.start += 8 + 8 * packet.bytes[packet.start + 1]!;
      if (packet.start > packet.end) return false;
    }
    packet.protocol = next;
  }
}

const isExtension = (protocol: number): boolean =>
  protocol === EXTENSION.HOP_BY_HOP ||
  protocol === EXTENSION.ROUTING ||
  protocol === EXTENSION.FRAGMENT ||
  protocol === EXTENSION.DESTINATION;

/** {next: u8, 0: u8, offset: u13 (× 8), 0: u2, more: u1, id: u32be}, then the piece. */
function addPiece(packet: IpPacket, next: number, reassembler: Reassembler): boolean {
  const {bytes, start, end} = packet;
  const place = (bytes[start + 2]! << 8) | bytes[start + 3]!;
  if ((place & 0xfff9) === 0) {
    // The only piece of its packet (RFC 6946).
    packet.start += 8;
    return true;
  }
  const payload = reassembler.add({
    key: `${bytes.subarray(start + 4, start + 8).join()},${next},${packet.source.join()},${packet.destination.join()}`,
    offset: place & 0xfff8,
    hasMore: (place & 1) !== 0,
    bytes: bytes.subarray(start + 8, end),
  });
  if (payload === undefined) return false;
  const headBytes = ETHERNET_BYTES + IPV6_BYTES;
  const whole = new Uint8Array(headBytes + payload.length);
  whole.set(bytes.subarray(0, headBytes));
  whole.set(payload, headBytes);
  packet.bytes = whole;
  packet.start = headBytes;
  packet.end = whole.length;
  return true;
}

/** Writes a header at `at`. */
export function putIpv6(
  bytes: Uint8Array,
  at: number,
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payloadBytes: number,
  hopLimit = 64,
): void {
  bytes.fill(0, at, at + 4);
  bytes[at] = 0x60;
  bytes[at + 4] = payloadBytes >> 8;
  bytes[at + 5] = payloadBytes & 0xff;
  bytes[at + 6] = protocol;
  bytes[at + 7] = hopLimit;
  bytes.set(source, at + 8);
  bytes.set(destination, at + 24);
}
