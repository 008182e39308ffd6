/** ICMP of both versions in a few words. Source: RFC 792, RFC 4443, RFC 4861 */
import {formatIp, type PacketReader} from './packet-reader.js';

const V4: Readonly<Record<number, string>> = {
  ...{0: 'echo reply', 3: 'unreachable', 5: 'redirect', 8: 'echo request', 11: 'time exceeded'},
};
const V6: Readonly<Record<number, string>> = {
  ...{1: 'unreachable', 2: 'packet too big', 3: 'time exceeded', 128: 'echo request', 129: 'echo reply'},
  ...{133: 'router solicitation', 134: 'router advertisement', 135: 'who has', 136: 'is here', 143: 'multicast report'},
};
const UNREACHABLE_V4: Readonly<Record<number, string>> = {
  ...{0: 'net', 1: 'host', 2: 'protocol', 3: 'port', 4: 'needs fragments', 13: 'forbidden'},
};
const UNREACHABLE_V6: Readonly<Record<number, string>> = {...{0: 'no route', 1: 'forbidden', 3: 'address', 4: 'port'}};
const NEIGHBOR_FIRST = 135;
const NEIGHBOR_LAST = 136;

/** `echo request id 201 seq 1`, `port unreachable`, `who has fe80::2`. Errors: CutShort */
export function describeIcmp(reader: PacketReader, isIpv6: boolean): string {
  const [type, code] = [reader.u8(), reader.u8()];
  reader.skip(2);
  const name = (isIpv6 ? V6 : V4)[type] ?? `type ${type} code ${code}`;
  if (name.startsWith('echo')) return `${name} id ${reader.u16()} seq ${reader.u16()}`;
  if (name === 'unreachable') return `${(isIpv6 ? UNREACHABLE_V6 : UNREACHABLE_V4)[code] ?? `code ${code}`} ${name}`;
  if (!isIpv6 || type < NEIGHBOR_FIRST || type > NEIGHBOR_LAST) return name;
  reader.skip(4);
  const target = formatIp(reader.take(16));
  return type === NEIGHBOR_FIRST ? `${name} ${target}` : `${target} ${name}`;
}
