/**
 * The user-mode network: a router, a DHCP and a name server for one guest, made of ordinary sockets of the host. It needs no
 * rights, and nobody outside sees more of the guest than those sockets.
 *
 *   frame ─▶ ARP, NDP, DHCP, DNS, echo ─▶ an answer in the outbox ─▶ the guest
 *         ─▶ TCP ─▶ tcp/table.ts ─▶ node:net          ─▶ UDP ─▶ udp-flows.ts ─▶ node:dgram
 *
 * Where a guest may go is decided in one place, `#route`. By default that is wherever the host's user may, less what only the
 * host itself reaches: its loopback and its links. Of the rest `egress-gate.ts` decides, or has it wait while somebody is asked.
 *
 * Invariants: answers that the guest has no buffers for wait in the outbox, and while that is full no frames are taken;
 * whatever a frame holds, nothing here throws.
 */
import {getServers} from 'node:dns';
import type {Socket} from 'node:net';
import {BROADCAST_MAC, formatAddress, isAt, isHostOnly, isSame} from './address.js';
import {IPV4, IPV6, isInSubnet, ROUTER_MAC} from './addresses.js';
import {answerArp} from './arp.js';
import {addBytes, addPieces, finish, fold} from './checksum.js';
import {COMPLETE_FRAME, ETHERNET_BYTES, type FrameOffload, type NetBackend, type NetLink} from './contract.js';
import {answerDhcp, LeaseTable, type OnlyLease} from './dhcp.js';
import {DnsForwarder, type NameServer, parseNameServer, refuseQuery} from './dns.js';
import {readAddresses, readQuestion} from './dns-message.js';
import {EgressGate} from './egress-gate.js';
import type {Egress, EgressRule} from './egress-rules.js';
import {createFrame, ETHER_TYPE, etherType, putEthernet} from './ethernet.js';
import {Reassembler} from './fragments.js';
import {answerEcho, unreachable} from './icmp.js';
import {IpPacket, PROTOCOL} from './ip-packet.js';
import {IPV4_BYTES, putIpv4, putIpv4Fields, readIpv4} from './ipv4.js';
import {IPV6_BYTES, putIpv6, readIpv6} from './ipv6.js';
import {answerNdp, NDP_HOP_LIMIT} from './ndp.js';
import {PortForwards} from './port-forwards.js';
import {pseudoSum} from './pseudo-header.js';
import {readSavedNetwork} from './saved-network.js';
import {answerSibling, NAMES_MAX} from './sibling-names.js';
import type {Opening} from './tcp/connection.js';
import type {TcpFlow} from './tcp/flow.js';
import {FLAG, putSegment, Segment, type SegmentHeader, segmentHeaderBytes, TCP_BYTES} from './tcp/segment.js';
import {type LostConnection, type Route, type TcpOutlet, TcpTable} from './tcp/table.js';
import {createUdp, type Datagram, readUdp} from './udp.js';
import {type Answer, type GuestEnd, type UdpEnd, UdpFlows} from './udp-flows.js';
import {UdpForwards} from './udp-forwards.js';

/** Answers that wait for a guest without buffers. */
export const OUTBOX_MAX = 256;
const MTU = 1500;
const DHCP_PORT = {server: 67, client: 68} as const;
const DNS_PORT = 53;
/** Data of the largest TCP segment: an IP packet's 65535 bytes less headers of 20 bytes each. */
const LARGE_SEGMENT_BYTES = 65535 - IPV4_BYTES - TCP_BYTES;
/** Of the pieces of a datagram over IPv4; 8 divides it. */
const PIECE_BYTES = MTU - IPV4_BYTES;

/** What a guest may do on its network. */
export interface UserNetworkOptions {
  /** The guest's card, until it says otherwise. */
  readonly mac: Uint8Array;
  /** Where no rule says anything. `deny`: it reaches nothing beyond this network, names included; `ask`: see `egress-gate.ts`. */
  readonly egress: Egress;
  readonly rules?: readonly EgressRule[] | undefined;
  /** The gateway's address leads to the host's loopback. */
  readonly allowsHostLoopback: boolean;
  /** The guest's only lease, where it has neighbours; see `switched-network.ts`. */
  readonly onlyLease?: OnlyLease | undefined;
  /** The host's name servers, unless others are given. */
  readonly nameServers?: () => readonly NameServer[];
  /** Bytes that TCP may keep for the guest; see `tcp/limits.ts`. */
  readonly bufferedBytesMax?: number;
}

/** See the module. */
export class UserNetwork implements NetBackend, TcpOutlet {
  readonly forwards = new PortForwards((socket, port) => this.join(socket, port));
  readonly udpForwards = new UdpForwards((guestPort, port, data) => {
    const guest = {...this.#guest, port: guestPort};
    this.#answerUdp({guest, peer: {address: IPV4.gateway, port}, data});
  });
  readonly tcp: TcpTable;
  readonly udp = new UdpFlows((answer) => this.#answerUdp(answer));
  readonly leases: LeaseTable;
  readonly gate: EgressGate;
  readonly #options: UserNetworkOptions;
  /** Addresses of neighbours by their names. */
  #siblings: ReadonlyMap<string, Uint8Array> = new Map();
  readonly #nameServers: () => readonly NameServer[];
  readonly #dns: DnsForwarder;
  readonly #reassembler = new Reassembler();
  readonly #packet = new IpPacket();
  readonly #segment = new Segment();
  readonly #head = new Uint8Array(ETHERNET_BYTES + IPV6_BYTES + 60);
  readonly #offload: FrameOffload = {checksumStart: 0, checksumOffset: 0, segmentBytes: 0};
  readonly #outbox: Uint8Array[] = [];
  #link: NetLink | undefined;
  /** Card of the frame that is looked at, and where port forwards lead. */
  #mac: Uint8Array;
  #guest: {readonly mac: Uint8Array; readonly address: Uint8Array};
  #lost: readonly LostConnection[] = [];
  #isInTurn = false;
  #pieceId = 0;

  constructor(options: UserNetworkOptions) {
    this.#options = options;
    this.#mac = options.mac;
    this.gate = new EgressGate(options.egress, options.rules ?? []);
    this.leases = new LeaseTable(options.onlyLease);
    this.#guest = {mac: options.mac.slice(), address: this.leases.first};
    this.#nameServers = options.nameServers ?? (() => getServers().map(parseNameServer));
    this.#dns = new DnsForwarder(this.#nameServers);
    this.tcp = new TcpTable(this, options.bufferedBytesMax);
  }

  get isFull(): boolean {
    return this.#outbox.length >= OUTBOX_MAX;
  }

  connect(link: NetLink): void {
    this.#link = link;
  }

  /** Names of neighbours are answered so from now on; of more than `NAMES_MAX` the rest is not known. */
  tellSiblings(names: readonly (readonly [name: string, address: Uint8Array])[]): void {
    this.#siblings = new Map(names.slice(0, NAMES_MAX).map(([name, address]) => [name.toLowerCase(), address]));
  }

  /** Other rules from now on. Connections that they deny end. */
  changeEgress(egress: Egress, rules: readonly EgressRule[]): void {
    this.gate.change(egress, rules);
    const isDenied = (address: Uint8Array, port: number): boolean => this.#route(address, port) === undefined;
    this.tcp.endWhere(isDenied);
    this.udp.endWhere(isDenied);
  }

  linkChanged(isUp: boolean): void {
    if (isUp) {
      const lost = this.#lost;
      this.#lost = [];
      for (const connection of lost) this.#endLost(connection);
      return;
    }
    this.gate.clear();
    this.tcp.clear();
    this.udp.clear();
    this.#reassembler.clear();
    this.#outbox.length = 0;
  }

  receive(frame: Uint8Array, isOwned: boolean, offload: Readonly<FrameOffload>): void {
    this.#isInTurn = true;
    // A frame from more than one card is nobody's; one to another card is not for us.
    const isForUs = isAt(frame, 0, ROUTER_MAC) || (frame[0]! & 1) === 1;
    if (!isForUs || (frame[6]! & 1) === 1) return;
    this.#mac = frame.subarray(6, 12);
    const packet = this.#packet;
    switch (etherType(frame)) {
      case ETHER_TYPE.ARP: {
        const answer = answerArp(frame, ROUTER_MAC, isOurs);
        if (answer !== undefined) this.#post(answer);
        return;
      }
      case ETHER_TYPE.IPV4:
        if (readIpv4(frame, packet, this.#reassembler)) this.#takePacket(isOwned || packet.bytes !== frame, offload);
        return;
      case ETHER_TYPE.IPV6:
        if (readIpv6(frame, packet, this.#reassembler)) this.#takePacket(isOwned || packet.bytes !== frame, offload);
    }
  }

  turnEnded(): void {
    this.#isInTurn = false;
    this.#work();
  }

  roomMade(): void {
    this.#work();
  }

  /**
   * Joins a stream of the host, TCP or unix and not read yet, to a port of the guest, whose peer is then the gateway;
   * `onOpening` says once how that went. The stream is cut where it does not open.
   */
  join(socket: Socket, guestPort: number, onOpening?: (opening: Opening) => void): void {
    const {mac, address} = this.#guest;
    const ends = {guestMac: mac, guestAddress: address, guestPort, peerAddress: IPV4.gateway};
    this.tcp.accept(socket, {isIpv6: false, ...ends}, onOpening);
  }

  save(): string {
    const {mac, address} = this.#guest;
    const guest = {mac: [...mac], address: formatAddress(address)};
    return JSON.stringify({guest, leases: this.leases.save(), connections: this.tcp.lost.map(toSaved)});
  }

  restore(saved: string): void {
    const {guest, leases, connections} = readSavedNetwork(saved);
    this.#guest = guest;
    this.leases.restore(leases);
    this.#lost = connections;
  }

  emit(flow: TcpFlow, header: SegmentHeader, body: readonly Uint8Array[], guestSegmentBytes: number): boolean {
    const link = this.#link;
    if (link === undefined || (this.#outbox.length > 0 && !this.#drainOutbox(link))) return false;
    const head = this.#head;
    const headerBytes = segmentHeaderBytes(header);
    let bodyBytes = 0;
    for (const bytes of body) bodyBytes += bytes.length;
    const payloadBytes = headerBytes + bodyBytes;
    const {peerAddress, guestAddress, isIpv6} = flow;
    putEthernet(head, flow.guestMac, ROUTER_MAC, isIpv6 ? ETHER_TYPE.IPV6 : ETHER_TYPE.IPV4);
    if (isIpv6) putIpv6(head, ETHERNET_BYTES, peerAddress, guestAddress, PROTOCOL.TCP, payloadBytes);
    else putIpv4Fields(head, ETHERNET_BYTES, peerAddress, guestAddress, PROTOCOL.TCP, payloadBytes);
    const at = ETHERNET_BYTES + (isIpv6 ? IPV6_BYTES : IPV4_BYTES);
    putSegment(head, at, flow.peerPort, flow.guestPort, header);
    const isPartial = link.takesPartialChecksums;
    const sum = pseudoSum(peerAddress, guestAddress, PROTOCOL.TCP, payloadBytes);
    const checksum = isPartial ? fold(sum) : finish(addPieces(addBytes(sum, head, at, at + headerBytes), body));
    head[at + 16] = checksum >> 8;
    head[at + 17] = checksum & 0xff;
    const offload = this.#offload;
    offload.checksumStart = isPartial ? at : 0;
    offload.checksumOffset = isPartial ? 16 : 0;
    offload.segmentBytes = bodyBytes > guestSegmentBytes ? guestSegmentBytes : 0;
    const isSent = link.send(head, at + headerBytes, body, offload);
    // A reset that no turn follows would lie in the guest's buffers unseen.
    if (isSent && !this.#isInTurn) link.flush();
    return isSent;
  }

  largestSegment(isIpv6: boolean, guestSegmentBytes: number): number {
    if (this.#link?.takesLargeSegments(isIpv6) !== true) return Math.min(guestSegmentBytes, this.segmentBytes(isIpv6));
    if (guestSegmentBytes >= LARGE_SEGMENT_BYTES) return LARGE_SEGMENT_BYTES;
    // A whole number of the guest's segments, so that none is cut off short at the end.
    return Math.floor(LARGE_SEGMENT_BYTES / guestSegmentBytes) * guestSegmentBytes;
  }

  segmentBytes(isIpv6: boolean): number {
    return MTU - TCP_BYTES - (isIpv6 ? IPV6_BYTES : IPV4_BYTES);
  }

  route(address: Uint8Array, port: number): Route {
    return this.#route(address, port);
  }

  hold({peerAddress, peerPort, guestAddress, guestPort}: TcpFlow, settle: (isAllowed: boolean) => void): boolean {
    const destination = {protocol: 'tcp', address: peerAddress, port: peerPort} as const;
    const key = `${formatAddress(guestAddress)} ${guestPort} ${formatAddress(peerAddress)}`;
    return this.gate.hold(destination, {key, bytes: 0}, settle);
  }

  wantsTurn(): void {
    if (!this.#isInTurn) this.#work();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.forwards[Symbol.asyncDispose]();
    this.gate[Symbol.dispose]();
    this.tcp[Symbol.dispose]();
    this.udp[Symbol.dispose]();
    this.udpForwards[Symbol.dispose]();
    this.#dns[Symbol.dispose]();
  }

  /** Sends what waits, as far as there are buffers. What comes up meanwhile is done in the same go. */
  #work(): void {
    const link = this.#link;
    if (link === undefined || this.#isInTurn) return;
    const wasFull = this.isFull;
    this.#isInTurn = true;
    if (this.#drainOutbox(link)) this.tcp.service();
    this.#isInTurn = false;
    link.flush();
    if (wasFull && !this.isFull) link.resume();
  }

  #takePacket(isOwned: boolean, offload: Readonly<FrameOffload>): void {
    const packet = this.#packet;
    const isChecked = offload.checksumStart > 0;
    // One of several pieces has a checksum of the whole, which no card can leave to others.
    if (!packet.isIpv6 && isInSubnet(packet.bytes, packet.sourceAt)) this.#remember(packet.source);
    switch (packet.protocol) {
      case PROTOCOL.TCP:
        if (!this.#segment.read(packet, isChecked, isOwned)) return;
        this.tcp.take(packet, this.#segment, this.#mac);
        return;
      case PROTOCOL.UDP: {
        const datagram = readUdp(packet, isChecked);
        if (datagram !== undefined) this.#takeUdp(datagram);
        return;
      }
      case PROTOCOL.ICMP:
        if (!packet.isIpv6) this.#takeEcho();
        return;
      case PROTOCOL.ICMPV6:
        if (packet.isIpv6) this.#takeIcmpv6();
    }
  }

  /** Where port forwards lead: to whoever spoke last. */
  #remember(address: Uint8Array): void {
    if (isSame(this.#guest.address, address) && isSame(this.#guest.mac, this.#mac)) return;
    this.#guest = {mac: this.#mac.slice(), address: address.slice()};
  }

  #takeIcmpv6(): void {
    const packet = this.#packet;
    const network = {mac: ROUTER_MAC, router: IPV6.router, prefix: IPV6.prefix, nameServer: IPV6.nameServer};
    const answer = answerNdp(packet, network, isOurs);
    if (answer === undefined) {
      this.#takeEcho();
      return;
    }
    this.#postPacket(this.#mac, answer.source, packet.source, PROTOCOL.ICMPV6, answer.message, NDP_HOP_LIMIT);
  }

  #takeEcho(): void {
    const packet = this.#packet;
    const {source, destination, isIpv6} = packet;
    const protocol = isIpv6 ? PROTOCOL.ICMPV6 : PROTOCOL.ICMP;
    const answer = answerEcho(packet);
    if (answer === undefined) return;
    if (isOurs(destination)) {
      this.#postPacket(this.#mac, destination, source, protocol, answer);
      return;
    }
    // Echo requests go no further: sockets for them need rights.
    if (!isMulticast(destination)) this.#refuse('forbidden');
  }

  #takeUdp({sourcePort, destinationPort, data}: Datagram): void {
    const {source, destination, isIpv6} = this.#packet;
    if (destinationPort === DHCP_PORT.server && !isIpv6) {
      const isToServer = isSame(destination, IPV4.gateway) || isSame(destination, IPV4_ALL);
      const answer = isToServer ? answerDhcp(data, this.leases) : undefined;
      if (answer === undefined) return;
      // The card may have no address yet; everybody hears this one.
      const ports = {sourcePort: DHCP_PORT.server, destinationPort: DHCP_PORT.client};
      const datagram = createUdp(IPV4.gateway, IPV4_ALL, {...ports, data: answer});
      this.#postPacket(BROADCAST_MAC, IPV4.gateway, IPV4_ALL, PROTOCOL.UDP, datagram);
      return;
    }
    const guest = {address: source.slice(), port: sourcePort, mac: this.#mac.slice()};
    const peer = {address: destination.slice(), port: destinationPort};
    if (isNameServer(destination) && destinationPort === DNS_PORT) {
      const reply = (answer: Uint8Array): void => this.#answerUdp({guest, peer, data: answer});
      const sibling = answerSibling(data, this.#siblings);
      if (sibling !== undefined) {
        reply(sibling);
        return;
      }
      const question = readQuestion(data);
      if (this.gate.allowsLookup(question)) {
        this.#dns.ask(data, (answer) => {
          if (question !== undefined) this.gate.learn(question, readAddresses(answer));
          reply(answer);
        });
        return;
      }
      const refusal = refuseQuery(data);
      refusal === undefined ? undefined : reply(refusal);
      return;
    }
    if (isSame(destination, IPV4.gateway) && this.udpForwards.reply(sourcePort, destinationPort, data)) return;
    const target = this.#route(destination, destinationPort);
    if (target === 'ask' && !this.udp.has(guest, peer)) {
      this.#holdDatagram(guest, peer, data);
      return;
    }
    if (target !== undefined) {
      this.udp.send(guest, peer, target === 'ask' ? this.#hostOf(destination) : target.host, data);
      return;
    }
    if (!isMulticast(destination)) this.#refuse(isOurs(destination) ? 'port' : 'forbidden');
  }

  #holdDatagram(guest: GuestEnd, peer: UdpEnd, data: Uint8Array): void {
    const packet = this.#packet;
    const source = packet.isIpv6 ? IPV6.gateway : IPV4.gateway;
    // Made now, since it quotes the packet.
    const refusal = unreachable(packet, source, 'forbidden');
    const kept = data.slice();
    const isHeld = this.gate.hold({protocol: 'udp', ...peer}, {bytes: kept.length}, (isAllowed) => {
      if (isAllowed) this.udp.send(guest, peer, this.#hostOf(peer.address), kept);
      else this.#postUnreachable(guest.mac, guest.address, refusal);
      this.wantsTurn();
    });
    if (!isHeld) this.#refuse('forbidden');
  }

  #refuse(why: 'port' | 'forbidden'): void {
    const packet = this.#packet;
    const source = packet.isIpv6 ? IPV6.gateway : IPV4.gateway;
    this.#postUnreachable(this.#mac, packet.source, unreachable(packet, source, why));
  }

  #postUnreachable(mac: Uint8Array, guest: Uint8Array, message: Uint8Array): void {
    const isIpv6 = guest.length === 16;
    const source = isIpv6 ? IPV6.gateway : IPV4.gateway;
    this.#postPacket(mac, source, guest, isIpv6 ? PROTOCOL.ICMPV6 : PROTOCOL.ICMP, message);
  }

  /** From the host: dropped where a guest has no room, as networks do. */
  #answerUdp({guest, peer, data}: Answer): void {
    if (this.isFull || data.length > 65507) return;
    const datagram = createUdp(peer.address, guest.address, {
      sourcePort: peer.port,
      destinationPort: guest.port,
      data,
    });
    this.#postPacket(guest.mac, peer.address, guest.address, PROTOCOL.UDP, datagram);
    this.wantsTurn();
  }

  /** See the module. Undefined: nobody goes there. */
  #route(address: Uint8Array, port: number): Route {
    const {egress} = this.gate;
    // Which protocol it is no rule says.
    const destination = {protocol: 'tcp', address, port} as const;
    if (isGateway(address)) {
      if (!this.#options.allowsHostLoopback) return undefined;
      const verdict = this.gate.decide(destination, egress === 'ask' ? 'ask' : 'allow');
      return verdict === 'allow' ? {host: this.#hostOf(address), port} : verdict === 'ask' ? 'ask' : undefined;
    }
    if (isNameServer(address)) {
      const [server] = egress === 'deny' ? [] : this.#nameServers();
      return port === DNS_PORT && server !== undefined ? {host: server.address, port: server.port} : undefined;
    }
    const isWithin = address.length === 16 ? isAt(address, 0, IPV6.prefix) : isInSubnet(address, 0);
    const host = formatAddress(address);
    if (isWithin || isHostOnly(host)) return undefined;
    const verdict = this.gate.decide(destination);
    return verdict === 'allow' ? {host, port} : verdict === 'ask' ? 'ask' : undefined;
  }

  /** Where an address leads that the guest may go to. */
  #hostOf(address: Uint8Array): string {
    if (!isGateway(address)) return formatAddress(address);
    return address.length === 16 ? '::1' : '127.0.0.1';
  }

  /** A connection of before a restore: its host socket is in another process, or closed. */
  #endLost({flow, next, receiveNext}: LostConnection): void {
    const flags = FLAG.RST | FLAG.ACK;
    const rest = {window: 0, segmentBytes: 0, windowShift: undefined};
    this.emit(flow, {sequence: next, ack: receiveNext, flags, ...rest}, [], 0);
  }

  /** Packs a payload into frames: one, or over IPv4 as many as it takes. */
  #postPacket(
    mac: Uint8Array,
    source: Uint8Array,
    destination: Uint8Array,
    protocol: number,
    payload: Uint8Array,
    hopLimit?: number,
  ): void {
    if (source.length === 16) {
      // Over IPv6 only the sender may cut, by a header of its own; datagrams that long are lost.
      if (payload.length > MTU - IPV6_BYTES) return;
      const frame = createFrame(mac, ROUTER_MAC, ETHER_TYPE.IPV6, IPV6_BYTES + payload.length);
      putIpv6(frame, ETHERNET_BYTES, source, destination, protocol, payload.length, hopLimit);
      frame.set(payload, ETHERNET_BYTES + IPV6_BYTES);
      this.#post(frame);
      return;
    }
    const isCut = payload.length > PIECE_BYTES;
    if (isCut) this.#pieceId = (this.#pieceId + 1) & 0xffff;
    // At most 45 pieces: a payload has at most 65515 bytes.
    for (let offset = 0; offset === 0 || offset < payload.length; offset += PIECE_BYTES) {
      const piece = payload.subarray(offset, offset + PIECE_BYTES);
      const frame = createFrame(mac, ROUTER_MAC, ETHER_TYPE.IPV4, IPV4_BYTES + piece.length);
      const hasMore = offset + PIECE_BYTES < payload.length;
      const fragment = isCut ? {fragment: {id: this.#pieceId, offset, hasMore}} : {};
      putIpv4(frame, ETHERNET_BYTES, {source, destination, protocol, payloadBytes: piece.length, ...fragment});
      frame.set(piece, ETHERNET_BYTES + IPV4_BYTES);
      this.#post(frame);
    }
  }

  /** Takes a frame for the guest. A full outbox takes the frames of one more packet, so that none is cut in half. */
  #post(frame: Uint8Array): void {
    if (this.#link !== undefined) this.#outbox.push(frame);
  }

  /** True when nothing waits any more. */
  #drainOutbox(link: NetLink): boolean {
    let sent = 0;
    while (sent < this.#outbox.length) {
      const frame = this.#outbox[sent]!;
      if (!link.send(frame, frame.length, [], COMPLETE_FRAME)) break;
      sent++;
    }
    if (sent > 0) this.#outbox.splice(0, sent);
    return this.#outbox.length === 0;
  }
}

const IPV4_ALL = new Uint8Array(4).fill(0xff);

const isNameServer = (address: Uint8Array): boolean =>
  isSame(address, IPV4.nameServer) || isSame(address, IPV6.nameServer);

const isGateway = (address: Uint8Array): boolean => isSame(address, IPV4.gateway) || isSame(address, IPV6.gateway);

const isOurs = (address: Uint8Array): boolean =>
  isNameServer(address) || isGateway(address) || isSame(address, IPV6.router);

/** Broadcasts too: nobody is told that those do not arrive. */
const isMulticast = (address: Uint8Array): boolean =>
  address.length === 16 ? address[0] === 0xff : address[0]! >= 224 || isSame(address, IPV4.broadcast);

function toSaved({flow, next, receiveNext}: LostConnection): unknown {
  const {guestPort, peerPort} = flow;
  const [guest, peer] = [formatAddress(flow.guestAddress), formatAddress(flow.peerAddress)];
  return {guest, guestPort, peer, peerPort, mac: [...flow.guestMac], next, receiveNext};
}
