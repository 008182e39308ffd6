/**
 * A captured frame as one line, as tcpdump has them:
 *   ARP who has 10.0.2.2? tell 10.0.2.15           TCP 10.0.2.15:59452 > 10.0.2.2:80 [S] seq 7 win 64240 len 0
 *   ICMP 10.0.2.15 > 10.0.2.2 echo request id 1 seq 0        DNS 10.0.2.15:39000 > 10.0.2.3:53 0xb849 A? example.org
 * It holds printable ASCII only, whatever the frame holds; one that ends too early ends in `[cut short]`.
 */
import {describeDhcp} from './describe-dhcp.js';
import {describeDns} from './describe-dns.js';
import {describeIcmp} from './describe-icmp.js';
import {CutShort, formatEnd, formatIp, formatMac, PacketReader} from './packet-reader.js';

const ETHER = {IPV4: 0x0800, ARP: 0x0806, IPV6: 0x86dd} as const;
const PROTOCOL = {ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58} as const;
/** Headers between an IPv6 header and its payload: hop-by-hop, routing, destination options. */
const SKIPPED_HEADERS: ReadonlySet<number> = new Set([0, 43, 60]);
const FRAGMENT_HEADER = 44;
/** Of them one behind the other; a real packet has one or two. */
const HEADERS_MAX = 8;
const PORT = {DNS: 53, DHCP_SERVER: 67, DHCP_CLIENT: 68, MDNS: 5353} as const;
const FLAGS = [
  [2, 'S'],
  [1, 'F'],
  [4, 'R'],
  [8, 'P'],
  [16, '.'],
  [32, 'U'],
] as const;

/** See the module. `bytes` are the frame's, from its beginning. */
export function describePacket(bytes: Uint8Array): string {
  const line = new Line(bytes);
  try {
    line.ethernet();
  } catch (thrown) {
    if (!(thrown instanceof CutShort)) throw thrown;
    line.words.push('[cut short]');
  }
  return line.words.join(' ');
}

/** The words that were found until the frame ended. */
class Line {
  readonly words: string[] = [];
  readonly #reader: PacketReader;

  constructor(bytes: Uint8Array) {
    this.#reader = new PacketReader(bytes);
  }

  ethernet(): void {
    const reader = this.#reader;
    const to = formatMac(reader.take(6));
    const from = formatMac(reader.take(6));
    const type = reader.u16();
    if (type === ETHER.ARP) this.#arp();
    else if (type === ETHER.IPV4) this.#ipv4();
    else if (type === ETHER.IPV6) this.#ipv6();
    else this.words.push(`0x${type.toString(16).padStart(4, '0')}`, from, '>', to, `len ${reader.left}`);
  }

  #arp(): void {
    const reader = this.#reader;
    this.words.push('ARP');
    reader.skip(6);
    const isRequest = reader.u16() === 1;
    const card = formatMac(reader.take(6));
    const sender = formatIp(reader.take(4));
    reader.skip(6);
    const target = formatIp(reader.take(4));
    this.words.push(isRequest ? `who has ${target}? tell ${sender}` : `${sender} is at ${card}`);
  }

  #ipv4(): void {
    const reader = this.#reader;
    const start = reader.at;
    const headerBytes = (reader.u8() & 15) * 4;
    reader.skip(1);
    const totalBytes = reader.u16();
    reader.skip(2);
    const place = reader.u16() & 0x3fff;
    reader.skip(1);
    const protocol = reader.u8();
    reader.skip(2);
    const ends = [formatIp(reader.take(4)), formatIp(reader.take(4))] as const;
    if (headerBytes < 20) {
      this.words.push('IP', ends[0], '>', ends[1], 'bad header');
      return;
    }
    reader.skip(start + headerBytes - reader.at);
    this.#payload(protocol, ends, Math.max(0, totalBytes - headerBytes), place);
  }

  #ipv6(): void {
    const reader = this.#reader;
    reader.skip(4);
    const payloadBytes = reader.u16();
    let protocol = reader.u8();
    reader.skip(1);
    const ends = [formatIp(reader.take(16)), formatIp(reader.take(16))] as const;
    const start = reader.at;
    let place = 0;
    for (let count = 0; count < HEADERS_MAX; count++) {
      if (SKIPPED_HEADERS.has(protocol)) {
        protocol = reader.u8();
        reader.skip(reader.u8() * 8 + 6);
      } else if (protocol === FRAGMENT_HEADER) {
        protocol = reader.u8();
        reader.skip(1);
        place = reader.u16();
        place = (place >> 3) | ((place & 1) << 13);
        reader.skip(4);
      } else break;
    }
    this.#payload(protocol, ends, Math.max(0, payloadBytes - (reader.at - start)), place);
  }

  /** `place`: the offset of a fragment in units of 8 bytes, with bit 13 for those that more follow. */
  #payload(protocol: number, ends: readonly [string, string], length: number, place: number): void {
    const name = {[PROTOCOL.TCP]: 'TCP', [PROTOCOL.UDP]: 'UDP', [PROTOCOL.ICMP]: 'ICMP', [PROTOCOL.ICMPV6]: 'ICMP6'}[
      protocol
    ];
    const offset = (place & 0x1fff) * 8;
    if (offset > 0 || name === undefined) {
      this.words.push(name ?? `IP protocol ${protocol}`, ends[0], '>', ends[1]);
      if (offset > 0) this.words.push(`fragment at ${offset}`);
      this.words.push(`len ${length}`);
    } else if (protocol === PROTOCOL.TCP) this.#tcp(ends, length);
    else if (protocol === PROTOCOL.UDP) this.#udp(ends, length);
    else {
      this.words.push(name, ends[0], '>', ends[1]);
      this.words.push(describeIcmp(this.#reader, protocol === PROTOCOL.ICMPV6));
    }
  }

  #tcp(ends: readonly [string, string], length: number): void {
    const reader = this.#reader;
    const [from, to] = [reader.u16(), reader.u16()];
    this.words.push('TCP', formatEnd(ends[0], from), '>', formatEnd(ends[1], to));
    const [sequence, ack] = [reader.u32(), reader.u32()];
    const headerBytes = (reader.u8() >> 4) * 4;
    const flags = reader.u8();
    const window = reader.u16();
    const letters = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter);
    this.words.push(`[${letters.join('')}]`, `seq ${sequence}`);
    if ((flags & 16) !== 0) this.words.push(`ack ${ack}`);
    this.words.push(`win ${window}`, `len ${Math.max(0, length - headerBytes)}`);
  }

  #udp(ends: readonly [string, string], length: number): void {
    const reader = this.#reader;
    const ports = [reader.u16(), reader.u16()] as const;
    reader.skip(4);
    const isAt = (port: number): boolean => ports.includes(port);
    const isDns = isAt(PORT.DNS) || isAt(PORT.MDNS);
    const isDhcp = isAt(PORT.DHCP_SERVER) && isAt(PORT.DHCP_CLIENT);
    const name = isDns ? 'DNS' : isDhcp ? 'DHCP' : 'UDP';
    this.words.push(name);
    if (!isDhcp) this.words.push(formatEnd(ends[0], ports[0]), '>', formatEnd(ends[1], ports[1]));
    if (isDns) this.words.push(describeDns(reader));
    else if (isDhcp) this.words.push(describeDhcp(reader));
    else this.words.push(`len ${Math.max(0, length - 8)}`);
  }
}
