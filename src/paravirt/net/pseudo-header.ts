/** The part of TCP, UDP and ICMPv6 checksums that is made of IP's fields. Source: RFC 9293 §3.1, RFC 8200 §8.1 */
import {addBytes, finish} from './checksum.js';
import type {IpPacket} from './ip-packet.js';

/** The sum, not folded; of addresses of 4 bytes or of 16. */
export function pseudoSum(source: Uint8Array, destination: Uint8Array, protocol: number, payloadBytes: number): number {
  const sum = addBytes(addBytes(0, source, 0, source.length), destination, 0, destination.length);
  // Bytes of a payload fit 16 bits, so the 32-bit length of IPv6 adds the same.
  return sum + protocol + payloadBytes;
}

/** True when the checksum in a packet's payload is right. */
export function hasRightChecksum(packet: IpPacket): boolean {
  const {bytes, sourceAt, destinationAt, addressBytes, start, end} = packet;
  let sum = addBytes(packet.protocol + end - start, bytes, sourceAt, sourceAt + addressBytes);
  sum = addBytes(sum, bytes, destinationAt, destinationAt + addressBytes);
  return finish(addBytes(sum, bytes, start, end)) === 0;
}
