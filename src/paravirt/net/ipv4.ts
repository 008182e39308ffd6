/**
 * IPv4: the guest's packets out of frames, and headers for ours.
 *   {version 4, ihl: u4, tos: u8, length: u16be, id: u16be, flags: u3, fragmentOffset: u13 (× 8), ttl: u8, protocol: u8,
 *    checksum: u16be, source: u8[4], destination: u8[4], options up to 4 × ihl}
 * Source: RFC 791
 */
import {addBytes, finish} from './checksum.js';
import {ETHERNET_BYTES} from './contract.js';
import type {Reassembler} from './fragments.js';
import type {IpPacket} from './ip-packet.js';

/** Bytes of a header without options; ours have none. */
export const IPV4_BYTES = 20;
const MORE_FRAGMENTS = 0x2000;
const TTL = 64;

/** Reads the packet in a frame, put together if it came in pieces; false when there is none, or none yet. */
export function readIpv4(frame: Uint8Array, packet: IpPacket, reassembler: Reassembler): boolean {
  const at = ETHERNET_BYTES;
  if (frame.length < at + IPV4_BYTES || frame[at]! >> 4 !== 4) return false;
  const headerBytes = (frame[at]! & 15) * 4;
  const length = (frame[at + 2]! << 8) | frame[at + 3]!;
  // What a frame has behind the packet is padding.
  if (headerBytes < IPV4_BYTES || length < headerBytes || at + length > frame.length) return false;
  if (finish(addBytes(0, frame, at, at + headerBytes)) !== 0) return false;
  packet.bytes = frame;
  packet.isIpv6 = false;
  packet.protocol = frame[at + 9]!;
  packet.header = at;
  packet.start = at + headerBytes;
  packet.end = at + length;
  packet.sourceAt = at + 12;
  packet.destinationAt = at + 16;
  const place = (frame[at + 6]! << 8) | frame[at + 7]!;
  if ((place & (MORE_FRAGMENTS | 0x1fff)) === 0) return true;
  const payload = reassembler.add({
    key: `${frame[at + 4]},${frame[at + 5]},${packet.protocol},${packet.source.join()},${packet.destination.join()}`,
    offset: (place & 0x1fff) * 8,
    hasMore: (place & MORE_FRAGMENTS) !== 0,
    bytes: frame.subarray(packet.start, packet.end),
  });
  if (payload === undefined) return false;
  const whole = new Uint8Array(packet.start + payload.length);
  whole.set(frame.subarray(0, packet.start));
  whole.set(payload, packet.start);
  packet.bytes = whole;
  packet.end = whole.length;
  return true;
}

/** What the header of one of our packets says. */
export interface Ipv4Header {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  readonly payloadBytes: number;
  /** Of a packet in pieces: the same for all, and where this one belongs. Units: bytes, a multiple of 8 */
  readonly fragment?: {readonly id: number; readonly offset: number; readonly hasMore: boolean};
}

/** Writes a header at `at`. */
export function putIpv4(bytes: Uint8Array, at: number, header: Ipv4Header): void {
  const {fragment} = header;
  putIpv4Fields(bytes, at, header.source, header.destination, header.protocol, header.payloadBytes);
  if (fragment === undefined) return;
  bytes[at + 4] = fragment.id >> 8;
  bytes[at + 5] = fragment.id & 0xff;
  const place = (fragment.hasMore ? MORE_FRAGMENTS : 0) | (fragment.offset / 8);
  bytes[at + 6] = place >> 8;
  bytes[at + 7] = place & 0xff;
  putChecksum(bytes, at);
}

/** The same for a whole packet, without an object: TCP writes one for each segment. */
export function putIpv4Fields(
  bytes: Uint8Array,
  at: number,
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payloadBytes: number,
): void {
  const length = IPV4_BYTES + payloadBytes;
  bytes.fill(0, at, at + IPV4_BYTES);
  bytes[at] = 0x45;
  bytes[at + 2] = length >> 8;
  bytes[at + 3] = length & 0xff;
  // Do not fragment: nothing on this wire would.
  bytes[at + 6] = 0x40;
  bytes[at + 8] = TTL;
  bytes[at + 9] = protocol;
  bytes.set(source, at + 12);
  bytes.set(destination, at + 16);
  putChecksum(bytes, at);
}

function putChecksum(bytes: Uint8Array, at: number): void {
  bytes[at + 10] = 0;
  bytes[at + 11] = 0;
  const checksum = finish(addBytes(0, bytes, at, at + IPV4_BYTES));
  bytes[at + 10] = checksum >> 8;
  bytes[at + 11] = checksum & 0xff;
}
