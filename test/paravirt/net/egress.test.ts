import {createSocket, type Socket} from 'node:dgram';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {
  ANSWER_MS,
  EgressGate,
  type EgressQuestion,
  NEW_QUESTIONS,
  QUESTION_MS,
  QUESTIONS_MAX,
  WAITING_BYTES_MAX,
  WAITING_MAX,
} from '../../../src/paravirt/net/egress-gate.js';
import {EgressRules} from '../../../src/paravirt/net/egress-rules.js';
import {ADDRESSES_MAX, KnownNames, NAME_LIFE_MS, NAMES_EACH_MAX} from '../../../src/paravirt/net/known-names.js';
import {closed, HostPeer} from '../../support/host-peer.js';
import {GATEWAY, NAME_SERVER, NetworkGuest} from '../../support/network-guest.js';
import {ACK, RST, SYN, TcpGuest} from '../../support/tcp-guest.js';

const OUTSIDE = [192, 0, 2, 99];
const address = (last: number): Uint8Array => Uint8Array.of(192, 0, 2, last);
const ICMP = 1;
const UDP = 17;

afterEach(() => {
  vi.useRealTimers();
});

async function udpHost() {
  const socket: Socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (data, from) =>
    socket.send(Buffer.concat([Buffer.from('got '), data]), from.port, from.address),
  );
  return {port: socket.address().port, [Symbol.dispose]: () => void socket.close()};
}

/** A name server that knows every name, as the gateway. */
async function nameHost() {
  const socket: Socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (data, from) => {
    const answer = Buffer.concat([data, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...GATEWAY])]);
    answer[2] = 0x81;
    answer[7] = 1;
    socket.send(answer, from.port, from.address);
  });
  const server = {address: '127.0.0.1', port: socket.address().port};
  return {nameServers: () => [server], [Symbol.dispose]: () => void socket.close()};
}

const query = (name: string): number[] => [
  ...[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  ...name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]),
  ...[0, 0, 1, 0, 1],
];

async function lookUp(guest: NetworkGuest, name: string): Promise<number> {
  const before = guest.packets.length;
  guest.sendUdp(NAME_SERVER, 5000, 53, query(name));
  const answer = await guest.until(() => guest.packets[before]);
  return answer.payload[8 + 3]! & 15;
}

const refusals = (guest: NetworkGuest) =>
  guest.packets.filter(({protocol}) => protocol === ICMP).map(({payload}) => [payload[0], payload[1]]);

describe('a connection that somebody is asked about', () => {
  it('waits without a word, however often the guest asks, and is opened by the answer', async () => {
    await using guest = new NetworkGuest({egress: 'ask'});
    await using peer = await HostPeer.start();
    const tcp = new TcpGuest(guest, GATEWAY, peer.port);
    tcp.send(SYN, {ack: 0, options: [2, 4, 5, 0xb4, 1, 3, 3, 7]});
    tcp.send(SYN, {ack: 0, sequence: (tcp.next - 1) >>> 0, options: [2, 4, 5, 0xb4, 1, 3, 3, 7]});
    expect([tcp.arrived, guest.network.tcp.size]).toEqual([[], 0]);
    const [question, ...others] = guest.network.gate.questions;
    expect(others).toEqual([]);
    expect(question).toMatchObject({protocol: 'tcp', address: '10.0.2.2', port: peer.port});
    expect(guest.network.gate.answer(question!.id, 'allow')).toBe(true);
    expect(guest.network.tcp.size).toBe(1);
    const answer = await tcp.until(({flags}) => (flags & SYN) !== 0);
    expect(answer.ack).toBe(tcp.next);
    tcp.seen = (answer.sequence + 1) >>> 0;
    tcp.send(ACK, {data: [1, 2, 3]});
    const socket = await peer.accept();
    expect(await new Promise((resolve) => socket.once('data', resolve))).toEqual(Buffer.from([1, 2, 3]));
    expect([guest.network.gate.questions, guest.network.gate.answer(question!.id, 'deny')]).toEqual([[], false]);
    socket.destroy();
  });

  it('is reset by a no, at once and for a minute', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'performance']});
    await using guest = new NetworkGuest({egress: 'ask'});
    const tcp = new TcpGuest(guest, OUTSIDE, 443);
    tcp.send(SYN, {ack: 0});
    guest.network.gate.answer(guest.network.gate.questions[0]!.id, 'deny');
    expect(tcp.arrived.map(({flags, ack}) => [flags, ack])).toEqual([[RST | ACK, tcp.next]]);
    const again = new TcpGuest(guest, OUTSIDE, 443, 40_001);
    again.send(SYN, {ack: 0});
    expect([again.arrived.length, guest.network.gate.questions.length]).toEqual([1, 0]);
    vi.advanceTimersByTime(ANSWER_MS + 1);
    new TcpGuest(guest, OUTSIDE, 443, 40_002).send(SYN, {ack: 0});
    expect(guest.network.gate.questions.length).toBe(1);
  });

  it('is reset when nobody answers, and asked about again', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
    await using guest = new NetworkGuest({egress: 'ask'});
    const tcp = new TcpGuest(guest, OUTSIDE, 443);
    tcp.send(SYN, {ack: 0});
    vi.advanceTimersByTime(QUESTION_MS - 1);
    expect(tcp.arrived).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(tcp.arrived.map(({flags}) => flags)).toEqual([RST | ACK]);
    expect(guest.network.gate.questions).toEqual([]);
    new TcpGuest(guest, OUTSIDE, 443, 40_001).send(SYN, {ack: 0});
    expect(guest.network.gate.questions.length).toBe(1);
  });

  it('has its own time, whatever became of the question before', () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
    using gate = new EgressGate('ask', []);
    const ask = () => gate.hold({protocol: 'tcp', address: address(1), port: 80}, {bytes: 0}, () => undefined);
    ask();
    gate.answer(gate.questions[0]!.id, 'deny');
    gate.change('ask', []);
    vi.advanceTimersByTime(QUESTION_MS - 1);
    ask();
    vi.advanceTimersByTime(QUESTION_MS - 1);
    expect(gate.questions.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(gate.questions).toEqual([]);
  });

  it('is settled by a rule that comes meanwhile; one that denies what is open ends it', async () => {
    await using guest = new NetworkGuest({egress: 'ask'});
    await using peer = await HostPeer.start();
    const tcp = new TcpGuest(guest, GATEWAY, peer.port);
    tcp.send(SYN, {ack: 0});
    guest.network.changeEgress('ask', [{verdict: 'allow', destination: '10.0.2.0/24', port: peer.port}]);
    const answer = await tcp.until(({flags}) => (flags & SYN) !== 0);
    tcp.seen = (answer.sequence + 1) >>> 0;
    tcp.send(ACK);
    const socket = await peer.accept();
    guest.network.changeEgress('ask', []);
    expect(guest.network.tcp.size).toBe(1);
    socket.resume();
    guest.network.changeEgress('ask', [{verdict: 'deny', destination: '10.0.2.2'}]);
    await tcp.until(({flags}) => (flags & RST) !== 0);
    await closed(socket);
    expect(guest.network.tcp.size).toBe(0);
  });

  it('never opens what only the host reaches, whatever the rules', async () => {
    const rules = [{verdict: 'allow', destination: '*'}] as const;
    await using guest = new NetworkGuest({egress: 'allow', rules, allowsHostLoopback: false});
    for (const [index, forbidden] of [[127, 0, 0, 1], [169, 254, 169, 254], [10, 0, 2, 77], GATEWAY].entries()) {
      const tcp = new TcpGuest(guest, forbidden, 80, 40_000 + index);
      tcp.send(SYN, {ack: 0});
      expect(tcp.arrived.map(({flags}) => flags)).toEqual([RST | ACK]);
    }
  });

  it('goes with the guest', async () => {
    await using guest = new NetworkGuest({egress: 'ask'});
    const told: number[] = [];
    guest.network.gate.onQuestions = (questions) => told.push(questions.length);
    new TcpGuest(guest, OUTSIDE, 443).send(SYN, {ack: 0});
    guest.network.linkChanged(false);
    expect(told).toEqual([1, 0]);
    expect(guest.packets).toEqual([]);
  });
});

describe('datagrams that somebody is asked about', () => {
  it('wait and are all sent by a yes; what the socket sends there later is no question', async () => {
    using host = await udpHost();
    await using guest = new NetworkGuest({egress: 'ask'});
    guest.sendUdp(GATEWAY, 5000, host.port, [...Buffer.from('one')]);
    guest.sendUdp(GATEWAY, 5000, host.port, [...Buffer.from('two')]);
    expect([guest.network.gate.questions.length, guest.packets.length]).toEqual([1, 0]);
    guest.network.gate.answer(guest.network.gate.questions[0]!.id, 'allow');
    await guest.until(() => guest.packets.length === 2);
    // Forgets the answer, not the socket.
    guest.network.changeEgress('ask', []);
    guest.sendUdp(GATEWAY, 5000, host.port, [...Buffer.from('three')]);
    await guest.until(() => guest.packets.length === 3);
    const texts = guest.packets.map(({payload}) => Buffer.from(payload.subarray(8)).toString()).sort();
    expect([texts, guest.network.gate.questions]).toEqual([['got one', 'got three', 'got two'], []]);
  });

  it('are answered as forbidden by a no, and by nobody', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
    await using guest = new NetworkGuest({egress: 'ask'});
    guest.sendUdp(OUTSIDE, 5000, 123, [1]);
    guest.network.gate.answer(guest.network.gate.questions[0]!.id, 'deny');
    guest.sendUdp(OUTSIDE, 5000, 124, [1]);
    vi.advanceTimersByTime(QUESTION_MS);
    expect(refusals(guest)).toEqual([
      [3, 13],
      [3, 13],
    ]);
    expect(guest.packets.filter(({protocol}) => protocol === UDP)).toEqual([]);
  });
});

describe('names', () => {
  it('stand in the question, and rules for them hold for the addresses that were looked up', async () => {
    using names = await nameHost();
    await using guest = new NetworkGuest({egress: 'ask', nameServers: names.nameServers});
    await using peer = await HostPeer.start();
    expect(await lookUp(guest, 'Mirror.Example.org')).toBe(0);
    const tcp = new TcpGuest(guest, GATEWAY, peer.port);
    tcp.send(SYN, {ack: 0});
    expect(guest.network.gate.questions).toMatchObject([{name: 'mirror.example.org', address: '10.0.2.2'}]);
    guest.network.changeEgress('ask', [{verdict: 'deny', destination: 'mirror.example.org', port: 1}]);
    expect(guest.network.gate.questions.length).toBe(1);
    guest.network.changeEgress('ask', [{verdict: 'allow', destination: 'mirror.example.org', port: peer.port}]);
    await tcp.until(({flags}) => (flags & SYN) !== 0);
    (await peer.accept()).destroy();
  });

  it.each([
    ['with control characters', 'a\x1b[2Jb.org'],
    ['that hide dots in a label', 'www.bank.com'.replaceAll('.', '\x00')],
    ['with letters that only look like others', 'b\xe4nk.org'],
    ['that begin with a dash', '-rf.org'],
  ])('%s are looked up and not told', async (_, name) => {
    using names = await nameHost();
    await using guest = new NetworkGuest({egress: 'ask', nameServers: names.nameServers});
    await lookUp(guest, name);
    new TcpGuest(guest, GATEWAY, 80).send(SYN, {ack: 0});
    expect(guest.network.gate.questions.map((question) => question.name)).toEqual([undefined]);
  });

  it('are looked up where they may be reached, and only there where the guest may not leave', async () => {
    using names = await nameHost();
    const rules = [
      {verdict: 'deny', destination: 'ads.example.org'},
      {verdict: 'allow', destination: 'example.org', port: 443},
    ] as const;
    await using asking = new NetworkGuest({egress: 'ask', rules, nameServers: names.nameServers});
    expect([await lookUp(asking, 'ads.example.org'), await lookUp(asking, 'other.org')]).toEqual([5, 0]);
    await using denying = new NetworkGuest({egress: 'deny', rules, nameServers: names.nameServers});
    expect([await lookUp(denying, 'example.org'), await lookUp(denying, 'other.org')]).toEqual([0, 5]);
  });

  it('are kept within bounds, and for an hour', () => {
    let now = 0;
    const names = new KnownNames(() => now);
    for (let count = 0; count <= NAMES_EACH_MAX; count++) names.learn(`n${count}.org`, [address(1)]);
    expect(names.of(address(1))).toEqual(['n4.org', 'n3.org', 'n2.org', 'n1.org']);
    for (let count = 0; count < ADDRESSES_MAX; count++) names.learn('x.org', [Uint8Array.of(1, 2, count >> 8, count)]);
    expect([names.of(address(1)), names.of(Uint8Array.of(1, 2, 0, 0))]).toEqual([[], ['x.org']]);
    now = NAME_LIFE_MS + 1;
    expect(names.of(Uint8Array.of(1, 2, 0, 0))).toEqual([]);
  });

  it('of an answer that makes no sense are none', async () => {
    const socket: Socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const tails = [[0xc0], [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 16, 1], new Array<number>(500).fill(63)];
    let count = 0;
    socket.on('message', (data, from) => {
      const answer = Buffer.concat([data, Buffer.from(tails[count++ % tails.length]!)]);
      answer.set([0x81, 0x80, 0, 1, 0xff, 0xff], 2);
      socket.send(answer, from.port, from.address);
    });
    const server = {address: '127.0.0.1', port: socket.address().port};
    await using guest = new NetworkGuest({egress: 'ask', nameServers: () => [server]});
    for (const name of ['a.org', 'b.org', 'c.org']) await lookUp(guest, name);
    new TcpGuest(guest, GATEWAY, 80).send(SYN, {ack: 0});
    expect(guest.network.gate.questions[0]!.name).toBeUndefined();
    socket.close();
  });
});

describe('rules', () => {
  it.each([
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['192.0.2.0/29', true],
    ['192.0.2.8/29', false],
    ['192.0.2.0/30', false],
    ['0.0.0.0/0', true],
    ['::/0', false],
    ['*', true],
    ['example.org', true],
    ['www.example.org', false],
  ])('for %s cover 192.0.2.7, which is example.org: %s', (destination, isCovered) => {
    const rules = new EgressRules([{verdict: 'deny', destination}]);
    expect(rules.verdictOf(address(7), 80, ['example.org']) === 'deny').toBe(isCovered);
    const withPort = new EgressRules([{verdict: 'deny', destination, port: 81}]);
    expect(withPort.verdictOf(address(7), 80, ['example.org'])).toBeUndefined();
  });

  it('cover networks of IPv6', () => {
    const rules = new EgressRules([{verdict: 'allow', destination: '2001:db8::/33'}]);
    const at = (third: number) => Uint8Array.of(0x20, 1, 0xd, 0xb8, third, ...new Array<number>(11).fill(1));
    expect([rules.verdictOf(at(0x7f), 1, []), rules.verdictOf(at(0x80), 1, [])]).toEqual(['allow', undefined]);
  });

  it('count in their order', () => {
    const rules = new EgressRules([
      {verdict: 'allow', destination: '192.0.2.7'},
      {verdict: 'deny', destination: '*'},
    ]);
    expect([rules.verdictOf(address(7), 1, []), rules.verdictOf(address(8), 1, [])]).toEqual(['allow', 'deny']);
  });
});

describe('a guest that floods the person who is asked', () => {
  const open = (gate: EgressGate, last: number, settled: (isAllowed: boolean) => void = () => undefined): boolean =>
    gate.hold({protocol: 'tcp', address: address(last), port: 80}, {key: `${last}`, bytes: 0}, settled);

  it('has a number of questions at a time, and of new ones a minute', () => {
    let now = 0;
    using gate = new EgressGate('ask', [], () => now);
    const told: (readonly EgressQuestion[])[] = [];
    gate.onQuestions = (questions) => told.push(questions);
    const asked = Array.from({length: 100}, (_, last) => open(gate, last));
    expect(asked.filter(Boolean).length).toBe(QUESTIONS_MAX);
    let count = QUESTIONS_MAX;
    for (let last = 100; last < 200; last++) {
      const [oldest] = gate.questions;
      if (oldest !== undefined) gate.answer(oldest.id, 'deny');
      if (open(gate, last)) count++;
    }
    expect(count).toBe(NEW_QUESTIONS.burst);
    now += 60_000;
    for (let last = 200; last < 250; last++) {
      const [oldest] = gate.questions;
      if (oldest !== undefined) gate.answer(oldest.id, 'deny');
      if (open(gate, last)) count++;
    }
    expect(count).toBe(NEW_QUESTIONS.burst + NEW_QUESTIONS.perMinute);
    expect(told.length).toBeLessThan(3 * (NEW_QUESTIONS.burst + NEW_QUESTIONS.perMinute));
  });

  it('has so much wait, and what is beyond is refused at once', () => {
    using gate = new EgressGate('ask', []);
    const destination = {protocol: 'udp', address: address(1), port: 53} as const;
    const settled: boolean[] = [];
    const hold = (bytes: number): boolean => gate.hold(destination, {bytes}, (isAllowed) => settled.push(isAllowed));
    expect([hold(WAITING_BYTES_MAX), hold(1), hold(0)]).toEqual([true, false, true]);
    for (let count = 2; count < WAITING_MAX; count++) expect(hold(0)).toBe(true);
    expect([hold(0), open(gate, 2)]).toEqual([false, false]);
    gate.answer(gate.questions[0]!.id, 'allow');
    expect(settled).toEqual(new Array(WAITING_MAX).fill(true));
    expect(hold(WAITING_BYTES_MAX)).toBe(true);
  });
});
