/**
 * UDP.
 *   {source: u16be, destination: u16be, length: u16be, checksum: u16be, data…}
 * Source: RFC 768
 */
import {addBytes, finish} from './checksum.js';
import {type IpPacket, PROTOCOL} from './ip-packet.js';
import {hasRightChecksum, pseudoSum} from './pseudo-header.js';

/** Bytes of the header. */
export const UDP_BYTES = 8;

/** Ports and data of a datagram. */
export interface Datagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly data: Uint8Array;
}

/** Reads the datagram in a packet; `data` is a view. Undefined for a broken one; `isChecked` when its checksum need not be looked at. */
export function readUdp(packet: IpPacket, isChecked: boolean): Datagram | undefined {
  const {bytes, start, end} = packet;
  if (end - start < UDP_BYTES) return undefined;
  const u16 = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  const length = u16(start + 4);
  if (length < UDP_BYTES || length > end - start) return undefined;
  const hasChecksum = u16(start + 6) !== 0;
  // Only IPv4 may go without.
  if (!isChecked && (hasChecksum ? length !== end - start || !hasRightChecksum(packet) : packet.isIpv6))
    return undefined;
  return {
    sourcePort: u16(start),
    destinationPort: u16(start + 2),
    data: bytes.subarray(start + UDP_BYTES, start + length),
  };
}

/** A datagram with its checksum, as the payload of an IP packet. `data` has at most 65507 bytes. */
export function createUdp(source: Uint8Array, destination: Uint8Array, datagram: Datagram): Uint8Array {
  const {sourcePort, destinationPort, data} = datagram;
  const bytes = new Uint8Array(UDP_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint16(4, bytes.length);
  bytes.set(data, UDP_BYTES);
  const sum = pseudoSum(source, destination, PROTOCOL.UDP, bytes.length);
  // 0 would mean that there is none.
  view.setUint16(6, finish(addBytes(sum, bytes, 0, bytes.length)) || 0xffff);
  return bytes;
}
