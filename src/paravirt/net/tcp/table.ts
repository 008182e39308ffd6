/**
 * All TCP connections of a guest: finds the one a segment belongs to, opens and refuses, lets them send in turn, and keeps
 * their one timer, which runs only while somebody waits.
 */
import {randomBytes} from 'node:crypto';
import {connect, type Socket} from 'node:net';
import {isSame} from '../address.js';
import type {FlowReport} from '../flow-report.js';
import type {IpPacket} from '../ip-packet.js';
import {type ConnectionHost, cutSocket, type Opening, TcpConnection} from './connection.js';
import type {TcpFlow} from './flow.js';
import {BUFFERED_BYTES_MAX, Budget, CONNECTING_MAX, CONNECTIONS_MAX} from './limits.js';
import {FLAG, type Segment, type SegmentHeader, type Syn} from './segment.js';

const TICK_MS = 250;
const FIRST_EPHEMERAL_PORT = 49_152;

/** What the table needs of the network around it. */
export interface TcpOutlet {
  /** Sends a segment to the guest; false when it has no buffers. */
  emit(flow: TcpFlow, header: SegmentHeader, body: readonly Uint8Array[], guestSegmentBytes: number): boolean;
  /** The largest piece of data one segment may carry. */
  largestSegment(isIpv6: boolean, guestSegmentBytes: number): number;
  /** The largest segment we ask guests for. */
  segmentBytes(isIpv6: boolean): number;
  /** Where on the host's networks that leads; undefined where the guest may not go, `ask` where somebody has to be asked. */
  route(address: Uint8Array, port: number): Route;
  /** Has somebody asked, who says once and later whether it may be opened; a flow that waits already goes on waiting. False: refuse it. */
  hold(flow: TcpFlow, settle: (isAllowed: boolean) => void): boolean;
  /** Connections want to send, outside of a turn of the guest. */
  wantsTurn(): void;
}

/** See `TcpOutlet.route`. */
export type Route = {readonly host: string; readonly port: number} | 'ask' | undefined;

/** A connection that a restored guest still believes in. */
export interface LostConnection {
  readonly flow: TcpFlow;
  readonly next: number;
  readonly receiveNext: number;
}

/** See the module. */
export class TcpTable implements ConnectionHost, Disposable {
  readonly budget: Budget;
  readonly #outlet: TcpOutlet;
  /** By both ports; connections with the same ports and other addresses share an entry. */
  readonly #byPorts = new Map<number, TcpConnection[]>();
  readonly #all = new Set<TcpConnection>();
  readonly #wanting = new Set<TcpConnection>();
  #wasExhausted = false;
  #timer: NodeJS.Timeout | undefined;
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(outlet: TcpOutlet, bufferedBytesMax = BUFFERED_BYTES_MAX) {
    this.#outlet = outlet;
    this.budget = new Budget(bufferedBytesMax);
  }

  /** Connections in any state. */
  get size(): number {
    return this.#all.size;
  }

  /** All connections, the oldest first. */
  get reports(): FlowReport[] {
    return [...this.#all].map(({report}) => report);
  }

  /** Connections as a snapshot keeps them. */
  get lost(): LostConnection[] {
    const known = [...this.#all].filter(({state}) => state === 'open' || state === 'syn-received');
    return known.map((connection) => ({flow: connection.flow, ...connection.place}));
  }

  /** A segment of the guest. */
  take(packet: IpPacket, segment: Segment, guestMac: Uint8Array): void {
    const connection = this.#find(packet, segment);
    if (connection !== undefined) {
      connection.take(segment);
      return;
    }
    if (segment.has(FLAG.RST)) return;
    const flow: TcpFlow = {
      isIpv6: packet.isIpv6,
      guestMac: guestMac.slice(),
      guestAddress: packet.source.slice(),
      guestPort: segment.sourcePort,
      peerAddress: packet.destination.slice(),
      peerPort: segment.destinationPort,
    };
    const isOpening = segment.has(FLAG.SYN) && !segment.has(FLAG.ACK);
    if (!isOpening || !this.#open(flow, segment)) this.#reset(flow, segment);
  }

  /** Joins a socket of the host, not read yet, to a port of the guest; `onOpening` says once how that went. */
  accept(socket: Socket, flow: Omit<TcpFlow, 'peerPort'>, onOpening?: (opening: Opening) => void): void {
    const peerPort = this.#all.size < CONNECTIONS_MAX ? this.#freePort(flow) : undefined;
    if (peerPort === undefined) {
      socket.on('error', () => undefined);
      onOpening?.('too-many');
      cutSocket(socket);
      return;
    }
    this.#add({...flow, peerPort}, socket, 'syn-sent', onOpening);
  }

  /** Lets connections send that have something to send, until the guest has no buffers. */
  service(): void {
    for (const connection of this.#wanting) {
      this.#wanting.delete(connection);
      if (connection.service()) continue;
      this.#wanting.add(connection);
      break;
    }
    if (this.budget.leftBytes === 0) this.#wasExhausted = true;
    else if (this.#wasExhausted && this.budget.leftBytes > this.budget.maxBytes / 8) {
      this.#wasExhausted = false;
      for (const connection of this.#all) connection.budgetFreed();
    }
  }

  /** Ends connections that the guest has opened to certain places. */
  endWhere(isMeant: (address: Uint8Array, port: number) => boolean): void {
    for (const connection of [...this.#all]) {
      const {isOfGuest, flow} = connection;
      if (isOfGuest && isMeant(flow.peerAddress, flow.peerPort)) connection.abort();
    }
  }

  /** The guest is gone: all ends on the host's side. */
  clear(): void {
    for (const connection of [...this.#all]) connection.drop();
  }

  largestSegment({flow, guestSegmentBytes}: TcpConnection): number {
    return this.#outlet.largestSegment(flow.isIpv6, guestSegmentBytes);
  }

  emit({flow, guestSegmentBytes}: TcpConnection, header: SegmentHeader, body: readonly Uint8Array[]): boolean {
    return this.#outlet.emit(flow, header, body, guestSegmentBytes);
  }

  wants(connection: TcpConnection): void {
    this.#wanting.add(connection);
    this.#outlet.wantsTurn();
  }

  timed(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  ended(connection: TcpConnection): void {
    this.#all.delete(connection);
    this.#wanting.delete(connection);
    const key = portsKey(connection.flow.guestPort, connection.flow.peerPort);
    const others = this.#byPorts.get(key)?.filter((other) => other !== connection) ?? [];
    if (others.length > 0) this.#byPorts.set(key, others);
    else this.#byPorts.delete(key);
  }

  [Symbol.dispose](): void {
    this.clear();
    clearInterval(this.#timer);
  }

  #find(packet: IpPacket, segment: Segment): TcpConnection | undefined {
    const sharing = this.#byPorts.get(portsKey(segment.sourcePort, segment.destinationPort));
    if (sharing === undefined) return undefined;
    const {source, destination} = packet;
    return sharing.find(({flow}) => isSame(flow.guestAddress, source) && isSame(flow.peerAddress, destination));
  }

  /** False where it may not be opened. */
  #open(flow: TcpFlow, syn: Syn): boolean {
    if (this.#all.size >= CONNECTIONS_MAX) return false;
    let connecting = 0;
    for (const {state} of this.#all) if (state === 'connecting') connecting++;
    const target = connecting < CONNECTING_MAX ? this.#outlet.route(flow.peerAddress, flow.peerPort) : undefined;
    if (target === undefined) return false;
    if (target === 'ask') return this.#hold(flow, syn);
    const socket = connect({...target, allowHalfOpen: true, noDelay: true});
    this.#add(flow, socket, 'connecting').guestOpens(syn);
    return true;
  }

  /** Of what waits the SYN is kept, less its data, so that it is opened at once when that is allowed. */
  #hold(flow: TcpFlow, {sequence, window, segmentBytes, windowShift}: Syn): boolean {
    const syn = {sequence, window, segmentBytes, windowShift};
    return this.#outlet.hold(flow, (isAllowed) => {
      if (!isAllowed || !this.#open(flow, syn)) this.#emitReset(flow, 0, (sequence + 1) >>> 0, FLAG.RST | FLAG.ACK);
    });
  }

  #add(
    flow: TcpFlow,
    socket: Socket,
    state: 'connecting' | 'syn-sent',
    onOpening?: (opening: Opening) => void,
  ): TcpConnection {
    // Nobody can guess where our numbers begin, and a connection of a moment ago is not taken for this one.
    const start = randomBytes(4).readUInt32LE();
    const segmentBytes = this.#outlet.segmentBytes(flow.isIpv6);
    const key = portsKey(flow.guestPort, flow.peerPort);
    const connection = new TcpConnection(this, flow, socket, start, segmentBytes, state, onOpening);
    this.#all.add(connection);
    const sharing = this.#byPorts.get(key);
    if (sharing === undefined) this.#byPorts.set(key, [connection]);
    else sharing.push(connection);
    return connection;
  }

  /** Says that there is no such connection. Source: RFC 9293 §3.10.7.1 */
  #reset(flow: TcpFlow, segment: Segment): void {
    const hasAck = segment.has(FLAG.ACK);
    const length = segment.length + (segment.has(FLAG.SYN) ? 1 : 0) + (segment.has(FLAG.FIN) ? 1 : 0);
    if (hasAck) this.#emitReset(flow, segment.ack, 0, FLAG.RST);
    else this.#emitReset(flow, 0, (segment.sequence + length) >>> 0, FLAG.RST | FLAG.ACK);
  }

  /** A guest without buffers is not told; it will ask again. */
  #emitReset(flow: TcpFlow, sequence: number, ack: number, flags: number): void {
    const rest = {window: 0, segmentBytes: 0, windowShift: undefined};
    this.#outlet.emit(flow, {sequence, ack, flags, ...rest}, [], 0);
  }

  /** A port of ours that has no connection to that port of the guest. */
  #freePort({guestPort}: Omit<TcpFlow, 'peerPort'>): number | undefined {
    // One more than there are connections is enough to find one.
    for (let tries = 0; tries <= CONNECTIONS_MAX; tries++) {
      const port = this.#nextPort;
      this.#nextPort = port === 0xffff ? FIRST_EPHEMERAL_PORT : port + 1;
      if (!this.#byPorts.has(portsKey(guestPort, port))) return port;
    }
    return undefined;
  }

  #tick(): void {
    const now = performance.now();
    let isWaiting = false;
    for (const connection of this.#all) {
      if (connection.deadlineMs <= now) connection.timeout();
      if (connection.deadlineMs !== Number.POSITIVE_INFINITY) isWaiting = true;
    }
    if (isWaiting) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Exact: below 2^32. */
const portsKey = (guestPort: number, peerPort: number): number => guestPort * 0x1_0000 + peerPort;
