/**
 * Neighbour discovery of IPv6: who has an address, and the router that guests take a prefix from (SLAAC).
 *   solicitation   {135, 0, checksum, 0: u8[4], target: u8[16], options…}
 *   advertisement  {136, 0, checksum, flags: u8[4], target: u8[16], 2, 1, mac: u8[6]}
 *   router         {134, 0, checksum, hopLimit, flags, lifetime: u16be, reachable: u32, retrans: u32, options…}
 * Source: RFC 4861, RFC 8106 (name servers)
 */
import {withChecksum} from './icmp.js';
import type {IpPacket} from './ip-packet.js';
import {hasRightChecksum} from './pseudo-header.js';

const TYPE = {ROUTER_SOLICITATION: 133, ROUTER_ADVERTISEMENT: 134, SOLICITATION: 135, ADVERTISEMENT: 136} as const;
const OPTION = {SOURCE_MAC: 1, TARGET_MAC: 2, PREFIX: 3, NAME_SERVER: 25} as const;
/** A router, asked for, and the sender's word counts. */
const ADVERTISEMENT_FLAGS = 0xe0;
const ROUTER_LIFETIME_S = 1800;
const PREFIX_LIFETIME_S = 86_400;
/** Hop limit of all these messages: they cannot have come from elsewhere. */
export const NDP_HOP_LIMIT = 255;

/** What guests are told of their network. */
export interface Ipv6Network {
  readonly mac: Uint8Array;
  /** The router's own address on the link, fe80::…. */
  readonly router: Uint8Array;
  /** The first 8 of 16 bytes. */
  readonly prefix: Uint8Array;
  readonly nameServer: Uint8Array;
}

/** What a solicitation is to be answered with, and from where; undefined for all else. */
export function answerNdp(
  packet: IpPacket,
  network: Ipv6Network,
  owns: (address: Uint8Array) => boolean,
): {readonly message: Uint8Array; readonly source: Uint8Array} | undefined {
  const {bytes, start, end, header} = packet;
  if (end - start < 8 || bytes[header + 7] !== NDP_HOP_LIMIT || !hasRightChecksum(packet)) return undefined;
  // Somebody who looks whether an address is free has none of his own yet; ours are not to be had, and he will not ask for them.
  if (packet.source.every((byte) => byte === 0)) return undefined;
  if (bytes[start] === TYPE.ROUTER_SOLICITATION)
    return {message: routerMessage(packet, network), source: network.router};
  if (bytes[start] !== TYPE.SOLICITATION || end - start < 24) return undefined;
  const target = bytes.slice(start + 8, start + 24);
  if (!owns(target)) return undefined;
  const message = new Uint8Array(32);
  message[0] = TYPE.ADVERTISEMENT;
  message[4] = ADVERTISEMENT_FLAGS;
  message.set(target, 8);
  message.set([OPTION.TARGET_MAC, 1], 24);
  message.set(network.mac, 26);
  return {message: withChecksum(message, target, packet.source), source: target};
}

function routerMessage(packet: IpPacket, {mac, router, prefix, nameServer}: Ipv6Network): Uint8Array {
  const message = new Uint8Array(16 + 8 + 32 + 24);
  const view = new DataView(message.buffer);
  message[0] = TYPE.ROUTER_ADVERTISEMENT;
  message[4] = 64;
  view.setUint16(6, ROUTER_LIFETIME_S);
  message.set([OPTION.SOURCE_MAC, 1], 16);
  message.set(mac, 18);
  // On this link, and good for making an address of.
  message.set([OPTION.PREFIX, 4, 64, 0xc0], 24);
  view.setUint32(28, PREFIX_LIFETIME_S);
  view.setUint32(32, PREFIX_LIFETIME_S);
  message.set(prefix.subarray(0, 8), 40);
  message.set([OPTION.NAME_SERVER, 3], 56);
  view.setUint32(60, ROUTER_LIFETIME_S);
  message.set(nameServer, 64);
  return withChecksum(message, router, packet.source);
}
