/**
 * Ethernet II.
 *   {destination: u8[6], source: u8[6], type: u16be, payload…}
 */
import {ETHERNET_BYTES} from './contract.js';

/** What the payload is. */
export const ETHER_TYPE = {IPV4: 0x0800, ARP: 0x0806, IPV6: 0x86dd} as const;

/** The type of a frame, which has at least a header. */
export const etherType = (frame: Uint8Array): number => (frame[12]! << 8) | frame[13]!;

/** Writes a header in front of `frame`. */
export function putEthernet(frame: Uint8Array, destination: Uint8Array, source: Uint8Array, type: number): void {
  frame.set(destination, 0);
  frame.set(source, 6);
  frame[12] = type >> 8;
  frame[13] = type & 0xff;
}

/** A frame with room for `payloadBytes` behind its header. */
export function createFrame(
  destination: Uint8Array,
  source: Uint8Array,
  type: number,
  payloadBytes: number,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ETHERNET_BYTES + payloadBytes);
  putEthernet(frame, destination, source, type);
  return frame;
}
