import {createSocket, type Socket} from 'node:dgram';
import {once} from 'node:events';
import {describe, expect, it} from 'vitest';
import {FORWARDS_MAX} from '../../../src/paravirt/net/port-forwards.js';
import {CLIENTS_MAX, UdpForwards} from '../../../src/paravirt/net/udp-forwards.js';
import {GATEWAY, GUEST, NetworkGuest} from '../../support/network-guest.js';

const FORWARD = {address: '127.0.0.1', hostPort: 0, guestPort: 53, protocol: 'udp'} as const;

async function hostSocket(): Promise<Socket & AsyncDisposable> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}
const portsOf = (datagram: Uint8Array) => [(datagram[0]! << 8) | datagram[1]!, (datagram[2]! << 8) | datagram[3]!];

describe('a forward of UDP', () => {
  it('brings datagrams to the guest as from the gateway, and its answers to who asked', async () => {
    await using guest = new NetworkGuest({egress: 'deny', allowsHostLoopback: false});
    const {hostPort} = await guest.network.udpForwards.add(FORWARD);
    await using one = await hostSocket();
    await using two = await hostSocket();
    one.send('from one', hostPort, '127.0.0.1');
    const [first] = await guest.until(() => guest.packets.length === 1 && guest.packets);
    two.send('from two', hostPort, '127.0.0.1');
    const [, second] = await guest.until(() => guest.packets.length === 2 && guest.packets);
    expect([first!.source, first!.destination]).toEqual([[...GATEWAY], [...GUEST]]);
    expect(Buffer.from(first!.payload.subarray(8)).toString()).toBe('from one');
    const [[onePort = 0, to] = [], [twoPort = 0] = []] = [first!, second!].map(({payload}) => portsOf(payload));
    expect(to).toBe(53);
    expect(onePort).not.toBe(twoPort);
    guest.sendUdp(GATEWAY, 53, onePort, Buffer.from('to one'));
    guest.sendUdp(GATEWAY, 53, twoPort, Buffer.from('to two'));
    expect(String((await once(one, 'message'))[0])).toBe('to one');
    expect(String((await once(two, 'message'))[0])).toBe('to two');
  });

  it('leads nowhere from another port of the guest, and from none once it was taken back', async () => {
    await using guest = new NetworkGuest({egress: 'deny', allowsHostLoopback: false});
    const {udpForwards} = guest.network;
    const {hostPort} = await udpForwards.add(FORWARD);
    await using one = await hostSocket();
    one.send('x', hostPort, '127.0.0.1');
    const [first] = await guest.until(() => guest.packets.length === 1 && guest.packets);
    const [peerPort = 0] = portsOf(first!.payload);
    expect(udpForwards.reply(54, peerPort, Uint8Array.of(1))).toBe(false);
    expect(udpForwards.reply(53, peerPort, Uint8Array.of(1))).toBe(true);
    expect(udpForwards.remove({address: '127.0.0.1', hostPort})).toBe(true);
    expect(udpForwards.remove({address: '127.0.0.1', hostPort})).toBe(false);
    expect([udpForwards.reply(53, peerPort, Uint8Array.of(1)), udpForwards.size]).toEqual([false, 0]);
  });

  it('remembers as many senders as the limit says: the one that was longest idle goes', async () => {
    let count = 0;
    const peers: number[] = [];
    const arrived = Promise.withResolvers<void>();
    using forwards = new UdpForwards((_guestPort, peerPort) => {
      peers.push(peerPort);
      if (++count === CLIENTS_MAX + 1) arrived.resolve();
    });
    const {hostPort} = await forwards.add(FORWARD);
    await using stack = new AsyncDisposableStack();
    for (let i = 0; i <= CLIENTS_MAX; i++) {
      const socket = stack.use(await hostSocket());
      const before = count;
      socket.send('x', hostPort, '127.0.0.1');
      // One after the other, so that the order is known.
      while (count === before) await new Promise(setImmediate);
    }
    await arrived.promise;
    expect(forwards.size).toBe(CLIENTS_MAX);
    expect(forwards.reply(53, peers[0]!, Uint8Array.of(1))).toBe(false);
    expect(forwards.reply(53, peers[1]!, Uint8Array.of(1))).toBe(true);
  });

  it('says when its port is in use, and there are as many as the limit says', async () => {
    using forwards = new UdpForwards(() => undefined);
    const {hostPort} = await forwards.add(FORWARD);
    await expect(forwards.add({...FORWARD, hostPort})).rejects.toMatchObject({code: 'in-use'});
    for (let i = 1; i < FORWARDS_MAX; i++) await forwards.add(FORWARD);
    await expect(forwards.add(FORWARD)).rejects.toMatchObject({code: 'bad-option'});
  });
});
