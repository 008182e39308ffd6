import * as fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {describePacket} from '../../../src/tui/packets/describe-packet.js';
import {u16, u32} from '../../support/network-guest.js';

const MAC = [0x52, 0x54, 0, 1, 2, 3];
const A4 = [10, 0, 2, 15];
const B4 = [10, 0, 2, 3];
const A6 = [0xfe, 0x80, ...new Array<number>(13).fill(0), 0x15];
const B6 = [0xfd, 0x76, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 2];

const frame = (type: number, payload: readonly number[]) => Uint8Array.from([...MAC, ...MAC, ...u16(type), ...payload]);
function ipv4(protocol: number, payload: readonly number[], place = 0): Uint8Array {
  const head = [0x45, 0, ...u16(20 + payload.length), 0, 1, ...u16(place), 64, protocol, 0, 0];
  return frame(0x800, [...head, ...A4, ...B4, ...payload]);
}
function ipv6(protocol: number, payload: readonly number[], extensions: readonly number[] = []): Uint8Array {
  const next = extensions.length > 0 ? 60 : protocol;
  const head = [0x60, 0, 0, 0, ...u16(extensions.length + payload.length), next, 64];
  return frame(0x86dd, [...head, ...A6, ...B6, ...extensions, ...payload]);
}
const udp = (from: number, to: number, data: readonly number[]) => [
  ...u16(from),
  ...u16(to),
  ...u16(8 + data.length),
  0,
  0,
  ...data,
];
const tcp = (flags: number, data: readonly number[] = []) => [
  ...[...u16(59452), ...u16(80), ...u32(4_000_000_000), ...u32(7), 0x50, flags, ...u16(64240), 0, 0, 0, 0],
  ...data,
];
const label = (text: string) => [text.length, ...Buffer.from(text, 'latin1')];
const NAME = [...label('example'), ...label('org'), 0];
const question = [...NAME, 0, 1, 0, 1];
const dns = (flags: number, answers: readonly number[][], asked: readonly number[] = question) => [
  ...[0xb8, 0x49, ...u16(flags), 0, 1, ...u16(answers.length), 0, 0, 0, 0],
  ...asked,
  ...answers.flat(),
];
const answer = (type: number, data: readonly number[]) => [
  0xc0,
  12,
  ...u16(type),
  0,
  1,
  0,
  0,
  0,
  9,
  ...u16(data.length),
  ...data,
];
function dhcp(op: number, type: number, options: readonly number[] = []): number[] {
  const message = new Array<number>(240).fill(0);
  message.splice(0, 3, op, 1, 6);
  if (op === 2) message.splice(16, 4, ...A4);
  message.splice(28, 6, ...MAC);
  return [...message, 53, 1, type, ...options, 255];
}

describe('a packet as a line', () => {
  it.each<[string, Uint8Array]>([
    [
      'ARP who has 10.0.2.3? tell 10.0.2.15',
      frame(0x806, [0, 1, 8, 0, 6, 4, 0, 1, ...MAC, ...A4, 0, 0, 0, 0, 0, 0, ...B4]),
    ],
    ['ARP 10.0.2.15 is at 52:54:00:01:02:03', frame(0x806, [0, 1, 8, 0, 6, 4, 0, 2, ...MAC, ...A4, ...MAC, ...B4])],
    ['TCP 10.0.2.15:59452 > 10.0.2.3:80 [S] seq 4000000000 win 64240 len 0', ipv4(6, tcp(2))],
    ['TCP 10.0.2.15:59452 > 10.0.2.3:80 [FP.] seq 4000000000 ack 7 win 64240 len 3', ipv4(6, tcp(25, [1, 2, 3]))],
    ['TCP [fe80::15]:59452 > [fd76:1::5:0:0:2]:80 [R.] seq 4000000000 ack 7 win 64240 len 0', ipv6(6, tcp(20))],
    [
      'TCP [fe80::15]:59452 > [fd76:1::5:0:0:2]:80 [.] seq 4000000000 ack 7 win 64240 len 1',
      ipv6(6, tcp(16, [1]), [6, 0, 1, 4, 0, 0, 0, 0]),
    ],
    ['UDP 10.0.2.15:1000 > 10.0.2.3:2000 len 5', ipv4(17, udp(1000, 2000, [1, 2, 3, 4, 5]))],
    ['UDP 10.0.2.15 > 10.0.2.3 fragment at 1480 len 4', ipv4(17, [1, 2, 3, 4], 185)],
    ['ICMP 10.0.2.15 > 10.0.2.3 echo request id 201 seq 1', ipv4(1, [8, 0, 0, 0, 0, 201, 0, 1])],
    ['ICMP 10.0.2.15 > 10.0.2.3 port unreachable', ipv4(1, [3, 3, 0, 0, 0, 0, 0, 0])],
    ['ICMP6 fe80::15 > fd76:1::5:0:0:2 who has fd76:1::5:0:0:2', ipv6(58, [135, 0, 0, 0, 0, 0, 0, 0, ...B6])],
    ['ICMP6 fe80::15 > fd76:1::5:0:0:2 router solicitation', ipv6(58, [133, 0, 0, 0, 0, 0, 0, 0])],
    ['DNS 10.0.2.15:39000 > 10.0.2.3:53 0xb849 A? example.org', ipv4(17, udp(39000, 53, dns(0x100, [])))],
    ['DNS 10.0.2.15:39000 > 10.0.2.3:53 0xb849 NXDOMAIN A? example.org', ipv4(17, udp(39000, 53, dns(0x8183, [])))],
    [
      'DNS 10.0.2.15:53 > 10.0.2.3:39000 0xb849 CNAME, A 10.0.2.3',
      ipv4(17, udp(53, 39000, dns(0x8180, [answer(5, [0]), answer(1, B4)]))),
    ],
    [
      'DNS 10.0.2.15:53 > 10.0.2.3:39000 0xb849 AAAA fe80::15, AAAA fe80::15, AAAA fe80::15 +1',
      ipv4(
        17,
        udp(
          53,
          39000,
          dns(
            0x8180,
            [1, 2, 3, 4].map(() => answer(28, A6)),
          ),
        ),
      ),
    ],
    ['DHCP discover from 52:54:00:01:02:03', ipv4(17, udp(68, 67, dhcp(1, 1)))],
    ['DHCP request 10.0.2.15 from 52:54:00:01:02:03', ipv4(17, udp(68, 67, dhcp(1, 3, [0, 50, 4, ...A4])))],
    ['DHCP ack 10.0.2.15 to 52:54:00:01:02:03', ipv4(17, udp(67, 68, dhcp(2, 5)))],
    ['IP protocol 132 10.0.2.15 > 10.0.2.3 len 4', ipv4(132, [1, 2, 3, 4])],
    ['0x88cc 52:54:00:01:02:03 > 52:54:00:01:02:03 len 3', frame(0x88cc, [1, 2, 3])],
    ['TCP 10.0.2.15:59452 > 10.0.2.3:80 [cut short]', ipv4(6, tcp(2)).subarray(0, 40)],
    ['[cut short]', Uint8Array.of(1, 2, 3)],
  ])('is %s', (line, bytes) => {
    expect(describePacket(bytes)).toBe(line);
  });

  it('holds no byte of a name that a terminal would obey, and follows no pointers for ever', () => {
    const evil = [...label('\x1b]0;x\x07\x9b'), 0xc0, 12];
    const line = describePacket(ipv4(17, udp(1, 53, dns(0, [], [...evil, 0, 1, 0, 1]))));
    expect(line).toMatch(/^DNS .* A\? (\?]0;x\?\?\.)+/);
  });

  it('is one line of printable ASCII for whatever bytes', () => {
    const starts = [
      ipv4(6, tcp(2)),
      ipv4(17, udp(1, 53, [])),
      ipv4(17, udp(67, 68, [])),
      ipv6(58, []),
      ipv6(17, [], [17, 9]),
      frame(0x806, []),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.nat(60), fc.uint8Array({maxLength: 400}), (start, keep, tail) => {
        const line = describePacket(Uint8Array.from([...start.subarray(0, keep), ...tail]));
        return /^[\x20-\x7e]+$/.test(line) && line.length < 2000;
      }),
      {numRuns: 2000},
    );
  });
});
