/**
 * ICMP, for both versions of IP: answers to echo requests, and the news that something cannot be reached.
 *   {type: u8, code: u8, checksum: u16be, rest: u8[4], data…}
 * Source: RFC 792, RFC 4443
 */
import {addBytes, finish} from './checksum.js';
import {type IpPacket, PROTOCOL} from './ip-packet.js';
import {hasRightChecksum, pseudoSum} from './pseudo-header.js';

const HEADER_BYTES = 8;
const V4 = {ECHO_REPLY: 0, UNREACHABLE: 3, ECHO_REQUEST: 8} as const;
const V6 = {UNREACHABLE: 1, ECHO_REQUEST: 128, ECHO_REPLY: 129} as const;
/** Codes of "unreachable": the port is closed, or a policy forbids it. */
const CODES = {port: {v4: 3, v6: 4}, forbidden: {v4: 13, v6: 1}} as const;
/** Of the packet that could not be delivered, this much is quoted behind its IP header; at least 8 bytes name the flow. */
const QUOTED_BYTES = 8;

/** The answer to an echo request that is for us: the payload of an IP packet back to its sender. Undefined for all else. */
export function answerEcho(packet: IpPacket): Uint8Array | undefined {
  const {bytes, start, end, isIpv6} = packet;
  if (end - start < HEADER_BYTES) return undefined;
  const request = isIpv6 ? V6.ECHO_REQUEST : V4.ECHO_REQUEST;
  if (bytes[start] !== request || bytes[start + 1] !== 0) return undefined;
  const isRight = isIpv6 ? hasRightChecksum(packet) : finish(addBytes(0, bytes, start, end)) === 0;
  if (!isRight) return undefined;
  const answer = bytes.slice(start, end);
  answer[0] = isIpv6 ? V6.ECHO_REPLY : V4.ECHO_REPLY;
  return withChecksum(answer, packet.destination, packet.source);
}

/** What tells the sender of `packet` that it was not delivered, from `source`. */
export function unreachable(packet: IpPacket, source: Uint8Array, why: keyof typeof CODES): Uint8Array {
  const {bytes, header, start, end, isIpv6} = packet;
  const quoted = bytes.subarray(header, Math.min(end, start + QUOTED_BYTES));
  const message = new Uint8Array(HEADER_BYTES + quoted.length);
  message[0] = isIpv6 ? V6.UNREACHABLE : V4.UNREACHABLE;
  message[1] = isIpv6 ? CODES[why].v6 : CODES[why].v4;
  message.set(quoted, HEADER_BYTES);
  return withChecksum(message, source, packet.source);
}

/** Fills in the checksum of a message between two addresses of 4 bytes, or of 16. */
export function withChecksum(message: Uint8Array, source: Uint8Array, destination: Uint8Array): Uint8Array {
  message[2] = 0;
  message[3] = 0;
  const pseudo = source.length === 16 ? pseudoSum(source, destination, PROTOCOL.ICMPV6, message.length) : 0;
  const checksum = finish(addBytes(pseudo, message, 0, message.length));
  message[2] = checksum >> 8;
  message[3] = checksum & 0xff;
  return message;
}
