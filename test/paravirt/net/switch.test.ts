import {describe, expect, it} from 'vitest';
import {COMPLETE_FRAME, FRAME_BYTES_MAX} from '../../../src/paravirt/net/contract.js';
import {answerSibling} from '../../../src/paravirt/net/sibling-names.js';
import {FLOOD_FRAMES, NetworkSwitch, PORT_BYTES, PORTS_MAX, type SwitchPort} from '../../../src/paravirt/net/switch.js';
import {packRecord, RECORD_HEAD_BYTES, RecordSplitter, readOffload} from '../../../src/paravirt/net/switch-wire.js';
import {u16} from '../../support/network-guest.js';

const EVERYBODY = [255, 255, 255, 255, 255, 255];

/** A machine on a switch that keeps what it gets. */
class Neighbour implements SwitchPort {
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
  readonly got: Uint8Array[] = [];

  constructor(number: number) {
    this.mac = Uint8Array.of(0x52, 0x54, 0, 0, 0, number);
    this.address = Uint8Array.of(10, 0, 2, number);
  }

  send(record: Uint8Array): void {
    this.got.push(record.subarray(RECORD_HEAD_BYTES));
  }
}

function open(numbers: readonly number[]) {
  let now = 0;
  const lan = new NetworkSwitch(() => now);
  const ports = numbers.map((number) => new Neighbour(number));
  for (const port of ports) lan.plug(port);
  const take = (from: SwitchPort, bytes: readonly number[]) =>
    lan.take(from, packRecord(Uint8Array.from(bytes), COMPLETE_FRAME));
  const wait = (ms: number) => {
    now += ms;
  };
  return {lan, ports, take, wait};
}

type End = Pick<SwitchPort, 'mac' | 'address'>;
const ethernet = (to: ArrayLike<number>, from: ArrayLike<number>, type: number, payload: readonly number[]) => [
  ...[...Array.from(to), ...Array.from(from), ...u16(type)],
  ...payload,
];
function udp(from: End, to: ArrayLike<number>, port: number, {source = from.address}: {source?: Uint8Array} = {}) {
  const ip = [0x45, 0, ...u16(32), 0, 0, 0, 0, 64, 17, 0, 0, ...source, 10, 0, 2, 99];
  return ethernet(to, from.mac, 0x800, [...ip, ...u16(5000), ...u16(port), ...u16(12), 0, 0, 1, 2, 3, 4]);
}
const arp = (from: End, sender: End) =>
  ethernet(EVERYBODY, from.mac, 0x806, [
    ...[0, 1, 8, 0, 6, 4, 0, 1, ...sender.mac, ...sender.address],
    ...[0, 0, 0, 0, 0, 0, 10, 0, 2, 2],
  ]);

describe('a switch', () => {
  it('gives a frame to the port of its card only, and one to everybody to all others', () => {
    const {ports, take} = open([15, 16, 17]);
    const [one, two, three] = ports as [Neighbour, Neighbour, Neighbour];
    take(one, udp(one, two.mac, 80));
    expect(ports.map(({got}) => got.length)).toEqual([0, 1, 0]);
    expect([...two.got[0]!]).toEqual(udp(one, two.mac, 80));
    take(three, arp(three, three));
    expect(ports.map(({got}) => got.length)).toEqual([1, 2, 0]);
    take(one, udp(one, [2, 2, 2, 2, 2, 2], 80));
    expect(ports.map(({got}) => got.length)).toEqual([1, 2, 0]);
  });

  it.each<[string, (one: Neighbour, two: Neighbour) => number[]]>([
    ['a frame from the card of another', (one, two) => udp({...one, mac: two.mac}, two.mac, 80)],
    ['a packet from the address of another', (one, two) => udp(one, two.mac, 80, {source: two.address})],
    ['a packet from the gateway', (one, two) => udp(one, two.mac, 80, {source: Uint8Array.of(10, 0, 2, 2)})],
    ['ARP for the address of another', (one, two) => arp(one, {mac: one.mac, address: two.address})],
    ['ARP for the gateway', (one) => arp(one, {mac: one.mac, address: Uint8Array.of(10, 0, 2, 2)})],
    ['ARP that names the card of another', (one, two) => arp(one, {mac: two.mac, address: one.address})],
    ['DHCP offers', (one) => udp(one, EVERYBODY, 68)],
    ['DHCP questions', (one) => udp(one, EVERYBODY, 67)],
    ['IPv6', (one, two) => ethernet(two.mac, one.mac, 0x86dd, new Array<number>(60).fill(0))],
    ['frames of a virtual network', (one, two) => ethernet(two.mac, one.mac, 0x8100, [0, 1, 8, 0, 0x45, 0, 0, 0])],
    ['ARP that ends too early', (one) => arp(one, one).slice(0, 40)],
    ['a packet that ends in its header', (one, two) => udp(one, two.mac, 80).slice(0, 36)],
    ['a packet with a header of nothing', (one, two) => udp(one, two.mac, 80).with(14, 0x40)],
  ])('lets no one through %s', (_, make) => {
    const {lan, ports, take} = open([15, 16, 17]);
    const [one, two] = ports as [Neighbour, Neighbour];
    take(one, make(one, two));
    expect([ports.flatMap(({got}) => got).length, lan.droppedCount]).toEqual([0, 1]);
  });

  it('lets a port call everybody as often as the limit says, and again later', () => {
    const {ports, take, wait} = open([15, 16, 17]);
    const [one, two, three] = ports as [Neighbour, Neighbour, Neighbour];
    for (let i = 0; i <= FLOOD_FRAMES.burst; i++) take(one, arp(one, one));
    expect(two.got.length).toBe(FLOOD_FRAMES.burst);
    take(three, arp(three, three));
    expect(two.got.length).toBe(FLOOD_FRAMES.burst + 1);
    wait(1000);
    for (let i = 0; i <= FLOOD_FRAMES.perSecond; i++) take(one, arp(one, one));
    expect(two.got.length).toBe(FLOOD_FRAMES.burst + 1 + FLOOD_FRAMES.perSecond);
  });

  it('carries as many bytes of a port at once as the limit says', () => {
    const {ports, take} = open([15, 16]);
    const [one, two] = ports as [Neighbour, Neighbour];
    const large = [...udp(one, two.mac, 80), ...new Array<number>(65_000).fill(0)];
    const fitting = Math.floor(PORT_BYTES.burst / (large.length + RECORD_HEAD_BYTES));
    for (let i = 0; i <= fitting; i++) take(one, large);
    expect(two.got.length).toBe(fitting);
  });

  it('has as many ports as the limit says, each with an address of its own', () => {
    const {lan} = open([]);
    for (let number = 1; number <= PORTS_MAX; number++) expect(lan.plug(new Neighbour(number))).toBe(true);
    expect(lan.plug(new Neighbour(200))).toBe(false);
    const again = new Neighbour(1);
    expect(lan.plug(again)).toBe(true);
    const {lan: other} = open([15]);
    expect(other.plug(Object.assign(new Neighbour(16), {address: Uint8Array.of(10, 0, 2, 15)}))).toBe(false);
  });

  it('hears nothing from a port that was pulled out', () => {
    const {lan, ports, take} = open([15, 16]);
    const [one, two] = ports as [Neighbour, Neighbour];
    const replaced = new Neighbour(15);
    lan.plug(replaced);
    // It has another's place by now, and takes nothing with it.
    lan.unplug(one);
    take(replaced, udp(one, two.mac, 80));
    lan.unplug(replaced);
    take(replaced, udp(one, two.mac, 80));
    expect([two.got.length, lan.size]).toEqual([1, 1]);
  });
});

describe('records of frames', () => {
  const offload = {checksumStart: 34, checksumOffset: 6, segmentBytes: 1448};
  const frames = [60, 14, 3000].map((length) => Uint8Array.from({length}, (_, i) => i & 0xff));

  it.each([1, 7, 5000])('are found in pieces of %i bytes', (size) => {
    const splitter = new RecordSplitter();
    const stream = Buffer.concat(frames.map((frame) => packRecord(frame, offload)));
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) found.push(...splitter.push(stream.subarray(at, at + size))!);
    expect(found.map((record) => [...record.subarray(RECORD_HEAD_BYTES)])).toEqual(frames.map((frame) => [...frame]));
    expect(readOffload(found[0]!)).toEqual(offload);
    expect(readOffload(found[1]!)).toBeUndefined();
  });

  it.each([13, FRAME_BYTES_MAX + 1])('are of no frame of %i bytes', (length) => {
    expect(new RecordSplitter().push(packRecord(new Uint8Array(length), COMPLETE_FRAME))).toBeUndefined();
  });
});

describe('names of neighbours', () => {
  const names = new Map([['otter', Uint8Array.of(10, 0, 2, 16)]]);
  const query = (name: string, type = 1, flags = 0x100) =>
    Uint8Array.from([
      ...[1, 2, ...u16(flags), 0, 1, 0, 0, 0, 0, 0, 0],
      ...name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]),
      ...[0, ...u16(type), 0, 1],
    ]);

  it.each(['otter', 'otter.vm', 'OTTER.Vm'])('are answered: %s', (name) => {
    const answer = answerSibling(query(name), names)!;
    expect([...answer.subarray(0, 12)]).toEqual([1, 2, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    expect([...answer.subarray(-4)]).toEqual([10, 0, 2, 16]);
  });

  it('have no address of IPv6, and do not exist in the domain of machines where there is no such machine', () => {
    expect([...answerSibling(query('otter', 28), names)!.subarray(2, 8)]).toEqual([0x85, 0x80, 0, 1, 0, 0]);
    expect([...answerSibling(query('heron.vm'), names)!.subarray(2, 8)]).toEqual([0x85, 0x83, 0, 1, 0, 0]);
  });

  it.each<[string, Uint8Array]>([
    ['another name', query('example.org')],
    ['a machine that is not there', query('heron')],
    ['an answer', query('otter', 1, 0x8180)],
    ['half a question', query('otter').subarray(0, 20)],
    ['a name that never ends', Uint8Array.from([...query('otter').subarray(0, 12), 63, 1, 2])],
    ['a pointer for a name', Uint8Array.from([...query('otter').subarray(0, 12), 0xc0, 12, 0, 1, 0, 1])],
    ['nothing', new Uint8Array(0)],
  ])('leave %s to others', (_, message) => {
    expect(answerSibling(message, names)).toBeUndefined();
  });
});
