/**
 * ARP for IPv4 over Ethernet: who has an address.
 *   {htype: u16be 1, ptype: u16be 0x0800, hlen: u8 6, plen: u8 4, op: u16be, sender mac, sender ip, target mac, target ip}
 * Source: RFC 826
 */
import {isAt} from './address.js';
import {ETHERNET_BYTES} from './contract.js';
import {createFrame, ETHER_TYPE} from './ethernet.js';

const PACKET_BYTES = 28;
const OP = {REQUEST: 1, REPLY: 2} as const;
const FIXED = Uint8Array.of(0, 1, 8, 0, 6, 4, 0);

/** The answer to a request for an address that `owns` says is ours, or undefined. */
export function answerArp(
  frame: Uint8Array,
  mac: Uint8Array,
  owns: (address: Uint8Array) => boolean,
): Uint8Array | undefined {
  const at = ETHERNET_BYTES;
  if (frame.length < at + PACKET_BYTES || !isAt(frame, at, FIXED) || frame[at + 7] !== OP.REQUEST) return undefined;
  const sender = frame.subarray(at + 8, at + 14);
  const target = frame.slice(at + 24, at + 28);
  if (!owns(target)) return undefined;
  const answer = createFrame(sender, mac, ETHER_TYPE.ARP, PACKET_BYTES);
  answer.set(FIXED, at);
  answer[at + 7] = OP.REPLY;
  answer.set(mac, at + 8);
  answer.set(target, at + 14);
  // The asker's hardware and protocol address as they stood in the request.
  answer.set(frame.subarray(at + 8, at + 18), at + 18);
  return answer;
}
