import {createSocket, type Socket} from 'node:dgram';
import {connect} from 'node:net';
import {describe, expect, it} from 'vitest';
import {LEASES_MAX} from '../../../src/paravirt/net/dhcp.js';
import {QUERIES_MAX} from '../../../src/paravirt/net/dns.js';
import {FORWARDS_MAX} from '../../../src/paravirt/net/port-forwards.js';
import {FLOWS_MAX} from '../../../src/paravirt/net/udp-flows.js';
import {OUTBOX_MAX} from '../../../src/paravirt/net/user-network.js';
import {checksum, GATEWAY, GUEST, GUEST_MAC, NAME_SERVER, NetworkGuest, u16} from '../../support/network-guest.js';
import {ACK, SYN, TcpGuest} from '../../support/tcp-guest.js';

const EVERYBODY = new Uint8Array(6).fill(255);
const PREFIX = [0xfd, 0x76, 0x69, 0x76, 0, 2, 0, 0];
const GATEWAY_6 = [...PREFIX, 0, 0, 0, 0, 0, 0, 0, 2];
const ROUTER_6 = [0xfe, 0x80, ...new Array<number>(13).fill(0), 2];
const GUEST_6 = [0xfe, 0x80, ...new Array<number>(13).fill(0), 0x15];

/** A UDP socket of the host that answers each datagram by what `answer` makes of it. */
async function udpHost(answer: (data: Buffer) => Uint8Array | undefined) {
  const socket: Socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.on('message', (data, from) => {
    const reply = answer(data);
    if (reply !== undefined) socket.send(reply, from.port, from.address);
  });
  return {port: socket.address().port, [Symbol.dispose]: () => void socket.close()};
}

function dhcp(type: number, options: readonly number[] = [], mac: readonly number[] = [...GUEST_MAC]): Uint8Array {
  const message = new Uint8Array(300);
  message.set([1, 1, 6, 0, 0xaa, 0xbb, 0xcc, 0xdd]);
  message.set(mac, 28);
  message.set([99, 130, 83, 99, 53, 1, type, ...options, 255], 236);
  return message;
}

/** Asks, and returns {type, address} of the answer. */
function askDhcp(guest: NetworkGuest, message: Uint8Array) {
  const before = guest.packets.length;
  guest.sendIpv4(17, [255, 255, 255, 255], [0, 68, 0, 67, ...u16(8 + message.length), 0, 0, ...message], {
    source: [0, 0, 0, 0],
  });
  const answer = guest.packets[before]?.payload.subarray(8);
  return answer && {type: answer[242]!, address: [...answer.subarray(16, 20)], options: [...answer.subarray(240)]};
}

function sendIpv6(
  guest: NetworkGuest,
  protocol: number,
  destination: readonly number[],
  payload: number[],
  hops = 255,
) {
  const sum = checksum([...GUEST_6, ...destination, 0, 0, ...u16(payload.length), 0, 0, 0, protocol], payload);
  const at = protocol === 58 ? 2 : 6;
  const whole = [...payload.slice(0, at), ...u16(sum), ...payload.slice(at + 2)];
  const head = [0x60, 0, 0, 0, ...u16(payload.length), protocol, hops, ...GUEST_6, ...destination];
  guest.sendEthernet(0x86dd, [...head, ...whole]);
}

describe('the user network', () => {
  it('answers ARP for the gateway and the name server, and for nobody else', async () => {
    await using guest = new NetworkGuest();
    const ask = (target: readonly number[]) =>
      guest.sendEthernet(
        0x806,
        [0, 1, 8, 0, 6, 4, 0, 1, ...GUEST_MAC, ...GUEST, ...new Array(6).fill(0), ...target],
        EVERYBODY,
      );
    for (const target of [GATEWAY, NAME_SERVER, GUEST, [10, 0, 2, 9]]) ask(target);
    const answers = guest.frames.map(({bytes}) => bytes);
    expect(answers.map((bytes) => [...bytes.subarray(28, 32)])).toEqual([[...GATEWAY], [...NAME_SERVER]]);
    expect([...answers[0]!.subarray(0, 6)]).toEqual([...GUEST_MAC]);
    expect(answers[0]![21]).toBe(2);
  });

  it('leases an address by DHCP, the same again, with router and name server', async () => {
    await using guest = new NetworkGuest();
    const offer = askDhcp(guest, dhcp(1))!;
    expect([offer.type, offer.address]).toEqual([2, [...GUEST]]);
    const ack = askDhcp(guest, dhcp(3, [50, 4, ...GUEST]))!;
    expect([ack.type, ack.address]).toEqual([5, [...GUEST]]);
    expect(Buffer.from(ack.options).includes(Buffer.from([3, 4, ...GATEWAY]))).toBe(true);
    expect(Buffer.from(ack.options).includes(Buffer.from([6, 4, ...NAME_SERVER]))).toBe(true);
    expect(askDhcp(guest, dhcp(3, [50, 4, 192, 168, 1, 7]))!.type).toBe(6);
  });

  it('has as many leases as the limit says, and then gives the oldest to another card', async () => {
    await using guest = new NetworkGuest();
    const cards = Array.from({length: LEASES_MAX + 1}, (_, i) => [2, 0, 0, 0, 0, i]);
    const addresses = cards.map((card) => askDhcp(guest, dhcp(1, [], card))!.address.join('.'));
    expect(new Set(addresses).size).toBe(LEASES_MAX);
    expect(addresses.at(-1)).toBe(addresses[0]);
    expect(guest.network.leases.size).toBe(LEASES_MAX);
  });

  it('keeps leases in a saved state, and refuses one that makes no sense', async () => {
    await using guest = new NetworkGuest();
    const addresses = [1, 2, 3].map((card) => askDhcp(guest, dhcp(1, [], [2, 0, 0, 0, 0, card]))!.address);
    await using later = new NetworkGuest();
    later.network.restore(guest.network.save());
    expect(askDhcp(later, dhcp(1, [], [2, 0, 0, 0, 0, 3]))!.address).toEqual(addresses[2]);
    for (const broken of [
      '',
      '{}',
      '{"guest":{"mac":[1,2,3,4,5,6],"address":"10.0.2.15"},"leases":[[1,2]],"connections":[]}',
      '{"guest":{"mac":[1,2,3,4,5,6],"address":"10.0.2.15"},"leases":[],"connections":[{}]}',
      '{"guest":{"mac":[1],"address":"10.0.2.15"},"leases":[],"connections":[]}',
    ])
      expect(() => later.network.restore(broken)).toThrow(expect.objectContaining({code: 'corrupt'}));
  });

  it('answers echo requests to the gateway, and says that others go nowhere', async () => {
    await using guest = new NetworkGuest();
    const echo = [8, 0, 0, 0, 1, 2, 3, 4, 5];
    const request = [8, 0, ...u16(checksum(echo)), ...echo.slice(4)];
    guest.sendIpv4(1, GATEWAY, request);
    guest.sendIpv4(1, [192, 0, 2, 1], request);
    guest.sendIpv4(1, GATEWAY, [...request.slice(0, 8), 6]);
    const [reply, refusal, ...rest] = guest.packets;
    expect([...reply!.payload.subarray(4)]).toEqual(echo.slice(4));
    expect([reply!.payload[0], checksum(reply!.payload)]).toEqual([0, 0]);
    expect([refusal!.payload[0], refusal!.payload[1], checksum(refusal!.payload)]).toEqual([3, 13, 0]);
    expect(rest).toEqual([]);
  });

  it('carries datagrams to the host and answers back, also those in pieces', async () => {
    await using guest = new NetworkGuest();
    using host = await udpHost((data) => data);
    guest.sendUdp(GATEWAY, 5000, host.port, [1, 2, 3]);
    const [first] = await guest.until(() => guest.packets.length > 0 && guest.packets);
    expect([...first!.payload.subarray(8)]).toEqual([1, 2, 3]);
    expect([...first!.source]).toEqual([...GATEWAY]);
    expect(guest.network.udp.reports).toMatchObject([
      {protocol: 'udp', guestPort: 5000, sentBytes: 3, receivedBytes: 3},
    ]);
    guest.frames.length = 0;
    const data = Array.from({length: 4000}, (_, i) => (i * 7) & 0xff);
    const sum = [...u16(5000), ...u16(host.port), ...u16(4008)];
    const udp = [...sum, ...u16(checksum([...GUEST, ...GATEWAY, 0, 17, ...u16(4008), ...sum, 0, 0], data)), ...data];
    guest.sendIpv4(17, GATEWAY, udp.slice(2000), {place: 250});
    guest.sendIpv4(17, GATEWAY, udp.slice(0, 2000), {place: 0x2000});
    const pieces = await guest.until(() => guest.packets.length === 3 && guest.packets);
    expect(pieces.map(({place}) => place)).toEqual([0x2000, 0x2000 | 185, 370]);
    expect([...Buffer.concat(pieces.map(({payload}) => payload)).subarray(8)]).toEqual(data);
  });

  it('has as many UDP sockets as the limit says', async () => {
    await using guest = new NetworkGuest();
    using host = await udpHost(() => undefined);
    for (let port = 1; port <= FLOWS_MAX + 1; port++) guest.sendUdp(GATEWAY, port, host.port, [1]);
    expect(guest.network.udp.size).toBe(FLOWS_MAX);
  });

  it('forwards questions to the host’s name servers, the next where one does not answer', async () => {
    using dead = await udpHost(() => undefined);
    using alive = await udpHost((query) => {
      const answer = Buffer.from(query);
      answer[2] = 0x81;
      return Buffer.concat([answer, Buffer.from('answer')]);
    });
    const servers = [dead, alive].map(({port}) => ({address: '127.0.0.1', port}));
    await using guest = new NetworkGuest({nameServers: () => servers});
    const query = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1];
    guest.sendUdp(NAME_SERVER, 5000, 53, query);
    const [answer] = await guest.until(() => guest.packets.length > 0 && guest.packets);
    expect([...answer!.source]).toEqual([...NAME_SERVER]);
    expect([...answer!.payload.subarray(8, 10)]).toEqual([0x12, 0x34]);
    expect(Buffer.from(answer!.payload.subarray(-6)).toString()).toBe('answer');
  });

  it('refuses questions of a guest that may not leave, and fails those beyond the limit', async () => {
    await using denied = new NetworkGuest({egress: 'deny'});
    const query = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1];
    denied.sendUdp(NAME_SERVER, 5000, 53, query);
    expect(denied.packets[0]!.payload[8 + 3]! & 15).toBe(5);
    using silent = await udpHost(() => undefined);
    await using guest = new NetworkGuest({nameServers: () => [{address: '127.0.0.1', port: silent.port}]});
    for (let count = 0; count < QUERIES_MAX; count++) guest.sendUdp(NAME_SERVER, 5000 + count, 53, query);
    expect(guest.packets).toEqual([]);
    guest.sendUdp(NAME_SERVER, 4999, 53, query);
    expect(guest.packets.map(({payload}) => payload[8 + 3]! & 15)).toEqual([2]);
  });

  it('takes no more frames while a guest without buffers has many answers to come', async () => {
    await using guest = new NetworkGuest();
    guest.room = 0;
    const echo = [8, 0, 0, 0, 1, 2, 3, 4];
    const request = [8, 0, ...u16(checksum(echo)), ...echo.slice(4)];
    for (let count = 0; count < OUTBOX_MAX; count++) {
      expect(guest.network.isFull).toBe(false);
      guest.sendIpv4(1, GATEWAY, request);
    }
    expect(guest.network.isFull).toBe(true);
    guest.offer();
    expect([guest.frames.length, guest.resumed, guest.network.isFull]).toEqual([OUTBOX_MAX, 1, false]);
  });

  it('gives a prefix and a router over IPv6, and answers for its own addresses', async () => {
    await using guest = new NetworkGuest();
    sendIpv6(guest, 58, [0xff, 2, ...new Array<number>(13).fill(0), 2], [133, 0, 0, 0, 0, 0, 0, 0]);
    const [router] = guest.frames.map(({bytes}) => bytes.subarray(54));
    expect([router![0], [...router!.subarray(40, 48)]]).toEqual([134, PREFIX]);
    guest.frames.length = 0;
    for (const target of [GATEWAY_6, ROUTER_6, GUEST_6])
      sendIpv6(guest, 58, target, [135, 0, 0, 0, 0, 0, 0, 0, ...target]);
    const answers = guest.frames.map(({bytes}) => [...bytes.subarray(62, 78)]);
    expect(answers).toEqual([GATEWAY_6, ROUTER_6]);
    guest.frames.length = 0;
    sendIpv6(guest, 58, GATEWAY_6, [128, 0, 0, 0, 1, 2, 3, 4], 64);
    expect(guest.frames[0]!.bytes[54]).toBe(129);
    // From another link: somebody could not be a neighbour.
    guest.frames.length = 0;
    sendIpv6(guest, 58, GATEWAY_6, [135, 0, 0, 0, 0, 0, 0, 0, ...GATEWAY_6], 64);
    expect(guest.frames).toEqual([]);
  });
});

describe('port forwards', () => {
  it('join a connection of the host to the guest’s port, changed while all runs', async () => {
    await using guest = new NetworkGuest();
    const {forwards} = guest.network;
    const {hostPort} = await forwards.add({address: '127.0.0.1', hostPort: 0, guestPort: 80});
    const socket = connect({host: '127.0.0.1', port: hostPort});
    const syn = await guest.until(() => guest.packets.find(({protocol}) => protocol === 6));
    const view = new DataView(syn.payload.buffer, syn.payload.byteOffset);
    expect([view.getUint16(2), syn.payload[13]]).toEqual([80, SYN]);
    const tcp = new TcpGuest(guest, GATEWAY, view.getUint16(0), 80);
    tcp.seen = (view.getUint32(4) + 1) >>> 0;
    tcp.send(SYN | ACK, {options: [2, 4, 5, 0xb4]});
    socket.write('hello');
    expect(Buffer.from(await tcp.read(5)).toString()).toBe('hello');
    tcp.send(ACK, {data: Buffer.from('world')});
    const [answer] = await new Promise<Buffer[]>((resolve) =>
      socket.once('data', (bytes) => resolve([bytes as Buffer])),
    );
    expect(answer!.toString()).toBe('world');
    expect(await forwards.remove({address: '127.0.0.1', hostPort})).toBe(true);
    expect(await forwards.remove({address: '127.0.0.1', hostPort})).toBe(false);
    socket.destroy();
  });

  it('lead to the card that a copied guest goes on with', async () => {
    await using guest = new NetworkGuest();
    guest.sendUdp(GATEWAY, 5000, 9, [1]);
    await using copy = new NetworkGuest({mac: Uint8Array.of(0x52, 0x54, 0, 9, 9, 9)});
    copy.network.restore(guest.network.save());
    const {hostPort} = await copy.network.forwards.add({address: '127.0.0.1', hostPort: 0, guestPort: 80});
    const socket = connect({host: '127.0.0.1', port: hostPort});
    await copy.until(() => copy.packets.length > 0);
    expect([...copy.frames[0]!.bytes.subarray(0, 6)]).toEqual([...GUEST_MAC]);
    socket.on('error', () => undefined);
    socket.destroy();
  });

  it('say which port is in use, and are as many as the limit says', async () => {
    await using guest = new NetworkGuest();
    const {forwards} = guest.network;
    const forward = {address: '127.0.0.1', hostPort: 0, guestPort: 80};
    const {hostPort} = await forwards.add(forward);
    await expect(forwards.add({...forward, hostPort})).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringContaining(String(hostPort)),
    });
    await expect(forwards.add({...forward, address: '192.0.2.213'})).rejects.toMatchObject({code: 'bad-option'});
    for (let count = 1; count < FORWARDS_MAX; count++) await forwards.add(forward);
    await expect(forwards.add(forward)).rejects.toMatchObject({code: 'bad-option'});
  });
});
