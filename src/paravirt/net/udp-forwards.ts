/**
 * UDP ports of the host that lead into the guest: one socket each. Whoever writes to one has a port of the gateway's in the
 * guest's eyes, and what the guest sends there goes back to him.
 *
 * Invariants: at most `CLIENTS_MAX` of those at a time; the one that was longest idle goes for a new one, and each after a minute.
 */
import {createSocket, type Socket} from 'node:dgram';
import {isIPv6} from 'node:net';
import {ParavirtError} from '../error.js';
import {explainPort, FORWARDS_MAX, type PortForward} from './port-forwards.js';
import {QUEUED_BYTES_MAX} from './udp-flows.js';

/** Senders on the host's side that are remembered, of all forwards together. */
export const CLIENTS_MAX = 256;
const IDLE_MS = 60_000;
const FIRST_PEER_PORT = 49_152;

/** Somebody who wrote to a forwarded port; `peerPort` of the gateway stands for him. */
interface Client {
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
  readonly guestPort: number;
  readonly peerPort: number;
  usedMs: number;
}

/** See the module. */
export class UdpForwards implements Disposable {
  readonly #deliver: (guestPort: number, peerPort: number, data: Uint8Array) => void;
  readonly #sockets = new Map<string, Socket>();
  /** By who writes where, the longest idle first; and by the port that the guest knows. */
  readonly #clients = new Map<string, Client>();
  readonly #byPeerPort = new Map<number, Client>();
  #nextPort = FIRST_PEER_PORT;

  /** `deliver` gives a datagram to the guest, as from the gateway. */
  constructor(deliver: (guestPort: number, peerPort: number, data: Uint8Array) => void) {
    this.#deliver = deliver;
  }

  /** Senders that are remembered. */
  get size(): number {
    return this.#clients.size;
  }

  /** Listens from now on. Errors: in-use, no-permission, bad-option, io */
  async add(forward: PortForward): Promise<PortForward> {
    if (this.#sockets.size >= FORWARDS_MAX)
      throw new ParavirtError('bad-option', `A machine has at most ${FORWARDS_MAX} UDP forwards.`, 'Remove one first.');
    const {address, hostPort, guestPort} = forward;
    const socket = createSocket(isIPv6(address) ? {type: 'udp6', ipv6Only: true} : {type: 'udp4'});
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(explainPort(forward, error));
      });
      socket.bind({address, port: hostPort}, resolve);
    });
    socket.removeAllListeners('error');
    // A datagram could not be sent or received; further ones may.
    socket.on('error', () => undefined);
    socket.on('message', (data, from) => this.#receive(socket, guestPort, from, data));
    const real = {...forward, hostPort: socket.address().port};
    this.#sockets.set(keyOf(real), socket);
    return real;
  }

  /** Listens no more. False when it did not. */
  remove(forward: Pick<PortForward, 'address' | 'hostPort'>): boolean {
    const socket = this.#sockets.get(keyOf(forward));
    if (socket === undefined) return false;
    this.#sockets.delete(keyOf(forward));
    for (const [key, client] of this.#clients) if (client.socket === socket) this.#forget(key, client);
    socket.close();
    return true;
  }

  /** What the guest sends to a port of the gateway; false where nobody is behind it. The data may be changed afterwards. */
  reply(guestPort: number, peerPort: number, data: Uint8Array): boolean {
    const client = this.#byPeerPort.get(peerPort);
    if (client === undefined || client.guestPort !== guestPort) return false;
    client.usedMs = performance.now();
    const {socket, port, address} = client;
    if (socket.getSendQueueSize() + data.length > QUEUED_BYTES_MAX) return true;
    socket.send(data.slice(), port, address, () => undefined);
    return true;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    this.#clients.clear();
    this.#byPeerPort.clear();
  }

  #receive(socket: Socket, guestPort: number, {address, port}: {address: string; port: number}, data: Buffer): void {
    const key = `${guestPort} ${socket.address().port} ${address} ${port}`;
    const known = this.#clients.get(key);
    const now = performance.now();
    // To the end of the order: the first is always the one that was idle longest.
    if (known !== undefined) this.#clients.delete(key);
    const client = known ?? {socket, address, port, guestPort, peerPort: this.#freePort(), usedMs: now};
    client.usedMs = now;
    for (const [oldKey, old] of this.#clients) {
      if (this.#clients.size < CLIENTS_MAX && now - old.usedMs < IDLE_MS) break;
      this.#forget(oldKey, old);
    }
    this.#clients.set(key, client);
    this.#byPeerPort.set(client.peerPort, client);
    this.#deliver(guestPort, client.peerPort, data);
  }

  #forget(key: string, client: Client): void {
    this.#clients.delete(key);
    this.#byPeerPort.delete(client.peerPort);
  }

  /** There are more ports than senders are remembered, so one is found. */
  #freePort(): number {
    for (;;) {
      const port = this.#nextPort;
      this.#nextPort = port === 0xffff ? FIRST_PEER_PORT : port + 1;
      if (!this.#byPeerPort.has(port)) return port;
    }
  }
}

const keyOf = ({address, hostPort}: Pick<PortForward, 'address' | 'hostPort'>): string => `${address} ${hostPort}`;
