/** Addresses as bytes: 6 of a network card, 4 of IPv4, 16 of IPv6. */
import {BlockList, isIPv4, isIPv6} from 'node:net';

/** Every card hears it. */
export const BROADCAST_MAC: Uint8Array = new Uint8Array(6).fill(0xff);

/** True when `bytes` holds `address` at `offset`. */
export function isAt(bytes: Uint8Array, offset: number, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) if (bytes[offset + i] !== address[i]) return false;
  return true;
}

/** True when both are the same address. */
export const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && isAt(one, 0, other);

/** `10.0.2.15`, `fd00:0:0:0:0:0:0:2`: 4 or 16 bytes as text that Node takes. */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((address[i]! << 8) | address[i + 1]!).toString(16));
  return groups.join(':');
}

/** 4 or 16 bytes of what `formatAddress` and Node write, without a zone; undefined for anything else. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const embedded = tail?.[2]?.split('.').map(Number);
  const hex = (high = 0, low = 0): string => ((high << 8) | low).toString(16);
  const plain = embedded ? `${tail![1]}${hex(embedded[0], embedded[1])}:${hex(embedded[2], embedded[3])}` : text;
  const [front = '', back] = plain.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(front);
  const after = back === undefined ? [] : groups(back);
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  const all = [...before, ...zeros, ...after];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

/**
 * Addresses that a guest must not reach through the host: the host itself, its links (where clouds keep their credentials),
 * and other ways to write those.
 */
const own4 = new BlockList();
own4.addSubnet('0.0.0.0', 8, 'ipv4');
own4.addSubnet('127.0.0.0', 8, 'ipv4');
own4.addSubnet('169.254.0.0', 16, 'ipv4');
own4.addSubnet('224.0.0.0', 3, 'ipv4');
// A list of its own: in one with rules of both versions, every IPv4 address is looked up as ::ffff:1.2.3.4 as well.
const own6 = new BlockList();
// Among them ::, ::1 and IPv4 addresses in the forms ::1.2.3.4 and ::ffff:1.2.3.4.
own6.addSubnet('::', 80, 'ipv6');
own6.addSubnet('fe80::', 10, 'ipv6');
own6.addSubnet('ff00::', 8, 'ipv6');

/** True for an address that means the host, a link of it, or more than one machine. */
export const isHostOnly = (address: string): boolean =>
  isIPv4(address) ? own4.check(address, 'ipv4') : own6.check(address, 'ipv6');
