import {mkdtempDisposable} from 'node:fs/promises';
import {connect, createServer, Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {Opening} from '../../../src/paravirt/net/tcp/connection.js';
import {CONNECTIONS_MAX} from '../../../src/paravirt/net/tcp/limits.js';
import {closed, readAll} from '../../support/host-peer.js';
import {GATEWAY, NetworkGuest} from '../../support/network-guest.js';
import {ACK, FIN, RST, SYN, TcpGuest} from '../../support/tcp-guest.js';

describe('a stream of the host that is joined to a port of the guest', () => {
  /** A unix socket, as the daemon's streams are, and the SYN that came of it. */
  async function joined(guest: NetworkGuest) {
    const folder = await mkdtempDisposable(join(tmpdir(), 'viv-join-'));
    const server = createServer({allowHalfOpen: true});
    await new Promise<void>((resolve) => server.listen(join(folder.path, 'socket'), resolve));
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const socket = connect({path: join(folder.path, 'socket')});
    const inner = (await accepted).pause();
    server.close();
    await folder[Symbol.asyncDispose]();
    const opening = Promise.withResolvers<Opening>();
    guest.network.join(inner, 80, opening.resolve);
    const syn = guest.packets.find(({protocol}) => protocol === 6);
    const view = new DataView(syn?.payload.buffer ?? new ArrayBuffer(8), syn?.payload.byteOffset ?? 0);
    const tcp = new TcpGuest(guest, GATEWAY, view.getUint16(0), 80);
    tcp.seen = (view.getUint32(4) + 1) >>> 0;
    return {tcp, socket, opening: opening.promise};
  }

  it('opens when the guest answers, and carries bytes both ways', async () => {
    await using guest = new NetworkGuest();
    const {tcp, socket, opening} = await joined(guest);
    tcp.send(SYN | ACK, {options: [2, 4, 5, 0xb4]});
    expect(await opening).toBe('open');
    socket.write('hello');
    expect(Buffer.from(await tcp.read(5)).toString()).toBe('hello');
    tcp.send(ACK | FIN, {data: Buffer.from('world')});
    expect(Buffer.from(await readAll(socket)).toString()).toBe('world');
    socket.destroy();
  });

  it('is cut when the guest refuses, and when it ends what is open', async () => {
    await using guest = new NetworkGuest();
    const first = await joined(guest);
    first.tcp.send(RST | ACK);
    expect(await first.opening).toBe('refused');
    await closed(first.socket.resume());
    guest.frames.length = 0;
    const second = await joined(guest);
    second.tcp.send(SYN | ACK, {options: [2, 4, 5, 0xb4]});
    expect(await second.opening).toBe('open');
    second.tcp.send(RST | ACK);
    await closed(second.socket.resume());
    expect(guest.network.tcp.size).toBe(0);
  });

  it('is cut when the guest says nothing before its driver goes', async () => {
    await using guest = new NetworkGuest();
    const {socket, opening} = await joined(guest);
    guest.network.linkChanged(false);
    expect(await opening).toBe('silent');
    await closed(socket.resume());
  });

  it('is refused when there are as many connections as there may be', async () => {
    await using guest = new NetworkGuest();
    const sockets = Array.from({length: CONNECTIONS_MAX}, () => new Socket());
    for (const socket of sockets) guest.network.join(socket, 80);
    const {opening} = await joined(guest);
    expect(await opening).toBe('too-many');
  });
});
