/**
 * UDP between the guest and the world: one host socket for each of the guest's sockets, through which everybody whom the
 * guest wrote to may answer.
 *
 * Invariants: at most `FLOWS_MAX` sockets; the one that was longest idle goes for a new one, and each after a minute.
 */
import {createSocket, type Socket} from 'node:dgram';
import {formatAddress, isSame, parseAddress} from './address.js';
import type {FlowReport} from './flow-report.js';

/** Host sockets at a time. */
export const FLOWS_MAX = 256;
/** Peers of one socket that may answer. */
export const PEERS_MAX = 64;
/** Bytes that a host socket may have on their way out; datagrams beyond are dropped, as networks do. */
export const QUEUED_BYTES_MAX = 1 << 20;
const IDLE_MS = 60_000;
const SWEEP_MS = 10_000;

/** A datagram for the guest, from `peer` as the guest knows it. */
export interface Answer {
  readonly guest: GuestEnd;
  readonly peer: UdpEnd;
  readonly data: Uint8Array;
}

/** An address of 4 or 16 bytes, and a port. */
export interface UdpEnd {
  readonly address: Uint8Array;
  readonly port: number;
}

/** A socket of the guest, and the card that it is reached by. */
export interface GuestEnd extends UdpEnd {
  readonly mac: Uint8Array;
}

/** Units: bytes of payload as the guest sees it */
interface Peer extends UdpEnd {
  receivedBytes: number;
  sentBytes: number;
}

interface Flow {
  readonly guest: GuestEnd;
  readonly socket: Socket;
  /** Real end (as text) to the end as the guest wrote it. */
  readonly peers: Map<string, Peer>;
  usedMs: number;
}

/** See the module. */
export class UdpFlows implements Disposable {
  readonly #answered: (answer: Answer) => void;
  readonly #flows = new Map<string, Flow>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(answered: (answer: Answer) => void) {
    this.#answered = answered;
  }

  /** Host sockets that are open. */
  get size(): number {
    return this.#flows.size;
  }

  /** Every peer of every socket, the longest idle sockets first. */
  get reports(): FlowReport[] {
    return [...this.#flows.values()].flatMap(({guest, peers}) =>
      [...peers.values()].map(({address, port, receivedBytes, sentBytes}) => ({
        ...({protocol: 'udp', state: 'open', receivedBytes, sentBytes} as const),
        ...{guestAddress: guest.address, guestPort: guest.port, peerAddress: address, peerPort: port},
      })),
    );
  }

  /** Sends what the guest wrote to `peer` on to the address `host`. The data may be changed afterwards. */
  send(guest: GuestEnd, peer: UdpEnd, host: string, data: Uint8Array): void {
    const flow = this.#find(guest);
    flow.usedMs = performance.now();
    const parsed = parseAddress(host);
    if (parsed === undefined) return;
    const key = `${formatAddress(parsed)} ${peer.port}`;
    let known = flow.peers.get(key);
    if (known === undefined) {
      const [oldest] = flow.peers.keys();
      if (flow.peers.size >= PEERS_MAX && oldest !== undefined) flow.peers.delete(oldest);
      known = {address: peer.address.slice(), port: peer.port, receivedBytes: 0, sentBytes: 0};
      flow.peers.set(key, known);
    }
    known.sentBytes += data.length;
    if (flow.socket.getSendQueueSize() + data.length > QUEUED_BYTES_MAX) return;
    // A datagram that the host cannot send is lost; the callback keeps it from being an error of the socket.
    flow.socket.send(data.slice(), peer.port, host, () => undefined);
  }

  /** Whether this socket of the guest wrote to `peer` a short while ago. */
  has(guest: UdpEnd, peer: UdpEnd): boolean {
    const flow = this.#flows.get(`${formatAddress(guest.address)} ${guest.port}`);
    const known = [...(flow?.peers.values() ?? [])];
    return known.some(({address, port}) => port === peer.port && isSame(address, peer.address));
  }

  /** Ends what the guest has with certain places. */
  endWhere(isMeant: (address: Uint8Array, port: number) => boolean): void {
    for (const {peers} of this.#flows.values())
      for (const [key, {address, port}] of [...peers]) if (isMeant(address, port)) peers.delete(key);
  }

  /** Closes all: the guest is gone. */
  clear(): void {
    for (const key of [...this.#flows.keys()]) this.#close(key);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #find(guest: GuestEnd): Flow {
    const key = `${formatAddress(guest.address)} ${guest.port}`;
    const known = this.#flows.get(key);
    if (known !== undefined) {
      // To the end of the order: the first is always the one that was idle longest.
      this.#flows.delete(key);
      this.#flows.set(key, known);
      return known;
    }
    const [oldest] = this.#flows.keys();
    if (this.#flows.size >= FLOWS_MAX && oldest !== undefined) this.#close(oldest);
    const isIpv4 = guest.address.length === 4;
    const socket = createSocket(isIpv4 ? {type: 'udp4'} : {type: 'udp6', ipv6Only: true});
    const end = {address: guest.address.slice(), port: guest.port, mac: guest.mac.slice()};
    const flow: Flow = {guest: end, socket, peers: new Map(), usedMs: performance.now()};
    socket.on('error', () => {
      if (this.#flows.get(key) === flow) this.#close(key);
    });
    socket.on('message', (data, from) => {
      const address = parseAddress(from.address);
      const peer = address && flow.peers.get(`${formatAddress(address)} ${from.port}`);
      if (peer === undefined) return;
      flow.usedMs = performance.now();
      peer.receivedBytes += data.length;
      this.#answered({guest: flow.guest, peer, data});
    });
    this.#flows.set(key, flow);
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return flow;
  }

  #sweep(): void {
    const now = performance.now();
    for (const [key, {usedMs}] of this.#flows) if (now - usedMs > IDLE_MS) this.#close(key);
  }

  #close(key: string): void {
    const flow = this.#flows.get(key);
    this.#flows.delete(key);
    flow?.socket.close();
    if (this.#flows.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
