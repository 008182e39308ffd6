/**
 * One TCP connection of the guest: our end of it towards the guest, joined to a socket of the host.
 *
 *   of the guest:  connecting ── host connected ──▶ syn-received ── guest's ack ──▶ open ─▶ closed
 *   of a forward:                                   syn-sent ─── guest's syn-ack ──▶ open ─▶ closed
 *
 * Between us and the guest nothing is lost or overtaken unless the guest loses it, so there is no congestion control, what
 * arrives out of order is asked for again, and repetitions come by a timer or after three equal acknowledgements.
 *
 * Back-pressure: what the host has not taken narrows the window; what the guest has not taken stops reading the socket.
 * Each end's FIN becomes the other's after all data before it. A window that opens needs no question, one that stays shut is
 * asked by one byte, as often as the timer repeats.
 *
 * Invariants: `una` ≤ `next` ≤ `max` ≤ `una` + queue + FIN, in sequence numbers; the budget counts what queue and socket hold.
 *
 * Source: RFC 9293
 */
import type {Socket} from 'node:net';
import type {FlowReport} from '../flow-report.js';
import type {TcpFlow} from './flow.js';
import {type Budget, OPENING_TRIES, RETRANSMIT_MS, TO_GUEST_BYTES, TO_HOST_BYTES, WINDOW_SHIFT} from './limits.js';
import {FLAG, type Segment, type SegmentHeader, type Syn} from './segment.js';
import {SendQueue} from './send-queue.js';

/** What a connection needs of those around it. */
export interface ConnectionHost {
  readonly budget: Budget;
  /** The largest piece of data one segment may carry to this guest. */
  largestSegment(connection: TcpConnection): number;
  /** Sends a segment; false when the guest has no buffers. */
  emit(connection: TcpConnection, header: SegmentHeader, body: readonly Uint8Array[]): boolean;
  /** `service` has something to do. */
  wants(connection: TcpConnection): void;
  /** `deadlineMs` changed. */
  timed(): void;
  /** It is over on both sides. */
  ended(connection: TcpConnection): void;
}

/** How a connection into the guest began: `refused` by the guest, which did not answer at all when it is `silent`. */
export type Opening = 'open' | 'refused' | 'silent' | 'too-many';

/** Ends a socket of the host at once; its peer is told where there is a way to. */
export function cutSocket(socket: Socket): void {
  // Unix sockets know no reset.
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** Segments that one connection sends before others have their turn. */
const SEGMENTS_PER_TURN = 8;
const DUPLICATES = 3;

const header: SegmentHeader = {sequence: 0, ack: 0, flags: 0, window: 0, segmentBytes: 0, windowShift: undefined};
const body: Uint8Array[] = [];

/** True when sequence number `a` comes before `b`. */
const isBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/** See the module. */
export class TcpConnection {
  readonly flow: TcpFlow;
  /** The guest opened it. */
  readonly isOfGuest: boolean;
  state: 'connecting' | 'syn-sent' | 'syn-received' | 'open' | 'closed';
  /** Payload that the guest has acknowledged, and that was taken from it. */
  receivedBytes = 0;
  sentBytes = 0;
  /** When the timer has something to do for this connection. Units: milliseconds of `performance.now` */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** The largest segment the guest takes when it is not offered large ones. */
  guestSegmentBytes = 536;
  /** Sequence number of the guest's SYN. */
  guestStart = 0;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #segmentBytes: number;
  #tellOpening: ((opening: Opening) => void) | undefined;
  readonly #queue = new SendQueue();
  #una: number;
  #next: number;
  #max: number;
  #window = 0;
  #guestShift = 0;
  #ourShift: number | undefined;
  #duplicates = 0;
  #tries = 0;
  #waitMs: number = RETRANSMIT_MS.first;
  // What the guest sends next, and up to where it was told that it may.
  #receiveNext = 0;
  #receiveEdge = 0;
  #hasHostEnded = false;
  #isFinSent = false;
  #isFinAcked = false;
  #hasGuestEnded = false;
  #isSocketClosed = false;
  #needsAck = false;
  #needsSyn = false;
  #socketBytes = 0;
  readonly #written = (): void => this.#hostTook();

  /** `start` is our first sequence number; `segmentBytes` the largest packet's payload that we take. `onOpening` is called once. */
  constructor(
    host: ConnectionHost,
    flow: TcpFlow,
    socket: Socket,
    start: number,
    segmentBytes: number,
    state: 'connecting' | 'syn-sent',
    onOpening?: (opening: Opening) => void,
  ) {
    this.#tellOpening = onOpening;
    this.#host = host;
    this.flow = flow;
    this.#socket = socket;
    this.#una = this.#next = this.#max = start >>> 0;
    this.#segmentBytes = segmentBytes;
    this.state = state;
    this.isOfGuest = state === 'connecting';
    this.#ourShift = WINDOW_SHIFT;
    this.#listen();
    if (state === 'syn-sent') this.#beginOpening();
  }

  /** As it is told to people. */
  get report(): FlowReport {
    const {flow, receivedBytes, sentBytes} = this;
    return {protocol: 'tcp', state: this.#reportedState(), ...flow, receivedBytes, sentBytes};
  }

  /** Where both ends are, for a segment that ends the connection after this process. */
  get place(): {readonly next: number; readonly receiveNext: number} {
    return {next: this.#max, receiveNext: this.#receiveNext};
  }

  /** The guest's SYN: what it takes, and where it begins. */
  guestOpens(segment: Syn): void {
    this.guestStart = segment.sequence;
    this.#receiveNext = this.#receiveEdge = (segment.sequence + 1) >>> 0;
    this.#takeOptions(segment);
    this.#window = segment.window;
  }

  /** A segment of the guest that belongs to this connection. */
  take(segment: Segment): void {
    if (segment.has(FLAG.RST)) {
      this.#guestResets(segment);
      return;
    }
    if (this.state === 'connecting') return;
    if (this.state === 'syn-sent') {
      this.#takeAnswer(segment);
      return;
    }
    if (segment.has(FLAG.SYN)) {
      // Again the SYN that was answered, or one from another time: both are told where we are (RFC 5961).
      if (this.state === 'syn-received') this.#repeat();
      else this.#askAck();
      return;
    }
    if (!segment.has(FLAG.ACK) || (this.state === 'syn-received' && segment.ack !== this.#max)) return;
    if (!this.#takeAck(segment)) return;
    if (this.state === 'syn-received') this.state = 'open';
    this.#takeData(segment);
    this.#host.wants(this);
  }

  /** Sends what there is to send. False when the guest has no buffers; then it wants to be called again. */
  service(): boolean {
    if (this.state === 'closed' || this.state === 'connecting') return true;
    if (this.#needsSyn) {
      if (!this.#emitSyn()) return false;
      this.#needsSyn = false;
    }
    if (this.state === 'open' && !this.#pump()) return false;
    if (this.#needsAck && this.state === 'open' && !this.#emit(this.#next, FLAG.ACK, 0)) return false;
    return true;
  }

  /** The timer has reached `deadlineMs`. */
  timeout(): void {
    this.#tries++;
    if (this.state === 'syn-sent' && this.#tries > OPENING_TRIES) {
      this.abort();
      return;
    }
    this.#waitMs = Math.min(2 * this.#waitMs, RETRANSMIT_MS.longest);
    this.#repeat();
    this.#arm();
  }

  /** Ends both sides at once: the guest is told by RST, the host's peer too. */
  abort(): void {
    if (this.state === 'closed') return;
    // Without buffers the guest is not told; its next segment will find nobody and be told then.
    if (this.state !== 'connecting' && this.state !== 'syn-sent') this.#emit(this.#max, FLAG.RST | FLAG.ACK, 0);
    this.#close();
    cutSocket(this.#socket);
  }

  /** Ends the host's side without a word to the guest, which is gone. */
  drop(): void {
    if (this.state === 'closed') return;
    this.#close();
    cutSocket(this.#socket);
  }

  #reportedState(): FlowReport['state'] {
    if (this.state === 'connecting') return 'connecting';
    if (this.state === 'syn-sent' || this.state === 'syn-received') return 'opening';
    if (this.#hasHostEnded && this.#hasGuestEnded) return 'closing';
    return this.#hasHostEnded || this.#hasGuestEnded ? 'half-closed' : 'open';
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect', () => this.#beginOpening());
    socket.on('data', (bytes: Buffer) => {
      if (this.state === 'closed') return;
      this.#queue.push(bytes);
      this.#host.budget.usedBytes += bytes.length;
      this.#regulate();
      this.#host.wants(this);
    });
    socket.on('end', () => {
      this.#hasHostEnded = true;
      this.#host.wants(this);
    });
    // The close that follows says the rest.
    socket.on('error', () => undefined);
    socket.on('close', (hasFailed: boolean) => {
      this.#isSocketClosed = true;
      this.#countSocket(0);
      if (this.state === 'closed') return;
      if (this.state === 'connecting') return this.#refuse();
      if (hasFailed || !this.#hasHostEnded) return this.abort();
      this.#finishIfDone();
    });
  }

  /** Our SYN: the answer to the guest's when the host's side is there, or the first of a forward. */
  #beginOpening(): void {
    if (this.state === 'connecting') this.state = 'syn-received';
    this.#max = this.#next = (this.#una + 1) >>> 0;
    this.#needsSyn = true;
    this.#arm();
    this.#host.wants(this);
  }

  /** The host did not answer, or said no. */
  #refuse(): void {
    header.flags = FLAG.RST | FLAG.ACK;
    header.sequence = 0;
    header.ack = this.#receiveNext;
    header.window = 0;
    this.#host.emit(this, header, []);
    this.#close();
  }

  #takeOptions(segment: Syn): void {
    this.guestSegmentBytes = segment.segmentBytes;
    // Windows are scaled both ways or not at all.
    this.#ourShift = segment.windowShift === undefined ? undefined : WINDOW_SHIFT;
    this.#guestShift = segment.windowShift ?? 0;
  }

  #takeAnswer(segment: Segment): void {
    if (!segment.has(FLAG.SYN) || !segment.has(FLAG.ACK) || segment.ack !== this.#max) return;
    this.#receiveNext = this.#receiveEdge = (segment.sequence + 1) >>> 0;
    this.#takeOptions(segment);
    this.#window = segment.window;
    this.#una = segment.ack;
    this.state = 'open';
    this.#restTimer();
    this.#askAck();
    this.#opened('open');
    this.#socket.resume();
  }

  #opened(opening: Opening): void {
    this.#tellOpening?.(opening);
    this.#tellOpening = undefined;
  }

  #guestResets(segment: Segment): void {
    const isExpected =
      this.state === 'syn-sent'
        ? segment.has(FLAG.ACK) && segment.ack === this.#max
        : this.state === 'connecting' || segment.sequence === this.#receiveNext;
    if (isExpected) {
      this.#opened('refused');
      this.drop();
      return;
    }
    // RFC 5961: who knows only that there is a connection cannot end it.
    if (this.state !== 'syn-sent') this.#askAck();
  }

  /** False when the segment is about something that was never sent. */
  #takeAck(segment: Segment): boolean {
    const {ack} = segment;
    if (isBefore(this.#max, ack)) {
      this.#askAck();
      return false;
    }
    if (isBefore(ack, this.#una)) return true;
    const window = segment.window << this.#guestShift;
    if (ack === this.#una) {
      const isEqual = window === this.#window && segment.length === 0 && !segment.has(FLAG.FIN);
      if (!isEqual || this.#max === this.#una || window === 0) this.#duplicates = 0;
      else if (++this.#duplicates === DUPLICATES) this.#repeat();
      // A window that opened: what waits goes out at once, and at the usual pace.
      if (window > this.#window) this.#restTimer();
      this.#window = window;
      return true;
    }
    let count = (ack - this.#una) >>> 0;
    // The SYN is acknowledged with the first of all.
    if (this.state === 'syn-received') count--;
    const data = Math.min(count, this.#queue.bytes);
    this.#queue.drop(data);
    this.receivedBytes += data;
    this.#host.budget.usedBytes -= data;
    this.#una = ack;
    if (isBefore(this.#next, ack)) this.#next = ack;
    this.#window = window;
    this.#duplicates = 0;
    if (this.#isFinSent && ack === this.#max) this.#isFinAcked = true;
    this.#restTimer();
    this.#regulate();
    if (this.#isFinAcked) this.#finishIfDone();
    return true;
  }

  #takeData(segment: Segment): void {
    if (this.state !== 'open') return;
    const isFin = segment.has(FLAG.FIN);
    if (segment.length === 0 && !isFin) {
      // A question whether we are there (keep-alive) carries a byte number that was taken already.
      if (segment.sequence !== this.#receiveNext) this.#askAck();
      return;
    }
    this.#askAck();
    const known = (this.#receiveNext - segment.sequence) | 0;
    // A gap, or all of it known: the acknowledgement says what we want.
    if (known < 0 || known > segment.length || this.#hasGuestEnded) return;
    const fresh = segment.length - known;
    const taken = Math.min(fresh, this.#room());
    if (taken > 0) this.#toHost(segment, segment.start + known, taken);
    if (!isFin || taken < fresh) return;
    this.#receiveNext = (this.#receiveNext + 1) >>> 0;
    this.#hasGuestEnded = true;
    this.#socket.end();
    this.#finishIfDone();
  }

  #toHost(segment: Segment, start: number, count: number): void {
    this.#receiveNext = (this.#receiveNext + count) >>> 0;
    this.sentBytes += count;
    const {bytes, isOwned} = segment;
    this.#socket.write(
      isOwned ? bytes.subarray(start, start + count) : bytes.slice(start, start + count),
      this.#written,
    );
    this.#countSocket(this.#socket.writableLength);
  }

  #countSocket(bytes: number): void {
    this.#host.budget.usedBytes += bytes - this.#socketBytes;
    this.#socketBytes = bytes;
  }

  /** The host's socket has room again: the guest is told when it is worth a segment. */
  #hostTook(): void {
    if (this.state === 'closed' || this.#isSocketClosed) return;
    this.#countSocket(this.#socket.writableLength);
    const offered = (this.#receiveEdge - this.#receiveNext) | 0;
    const room = this.#room();
    if (offered < TO_HOST_BYTES / 2 && room - offered >= Math.min(TO_HOST_BYTES / 4, TO_HOST_BYTES - offered))
      this.#askAck();
  }

  #room(): number {
    const own = TO_HOST_BYTES - this.#socketBytes;
    return Math.max(0, Math.min(own, this.#host.budget.leftBytes));
  }

  /** Reads the host's socket only while the guest takes what it brings. */
  #regulate(): void {
    if (this.state === 'closed' || this.#isSocketClosed || this.state === 'syn-sent') return;
    const isFull = this.#queue.bytes >= TO_GUEST_BYTES || this.#host.budget.leftBytes === 0;
    if (isFull) this.#socket.pause();
    else if (this.#socket.isPaused() && this.#queue.bytes <= TO_GUEST_BYTES / 2) this.#socket.resume();
  }

  /** Looks again whether there is room: that of all was used up, and is not any more. */
  budgetFreed(): void {
    this.#regulate();
    this.#hostTook();
  }

  /** Sends data and FIN as far as the guest's window goes; false without buffers. */
  #pump(): boolean {
    const largest = this.#host.largestSegment(this);
    for (let count = 0; ; count++) {
      const sent = (this.#next - this.#una) >>> 0;
      const unsent = this.#queue.bytes - sent;
      if (unsent <= 0) break;
      if (count === SEGMENTS_PER_TURN) {
        this.#host.wants(this);
        break;
      }
      const length = Math.min(unsent, this.#window - sent, largest);
      // A sliver of the window is not worth a segment while an acknowledgement is on its way that opens it.
      if (length <= 0 || (length < unsent && length < this.guestSegmentBytes && sent > 0)) break;
      if (!this.#emit(this.#next, FLAG.ACK | (length === unsent ? FLAG.PSH : 0), length)) return false;
    }
    const isAllSent = (this.#next - this.#una) >>> 0 === this.#queue.bytes;
    if (this.#hasHostEnded && isAllSent && !this.#isFinAcked && !this.#emitFin()) return false;
    if (this.#isWaiting()) this.#arm();
    return true;
  }

  #emitFin(): boolean {
    if (!this.#emit(this.#next, FLAG.FIN | FLAG.ACK, 0)) return false;
    this.#isFinSent = true;
    this.#advance(1);
    return true;
  }

  /** Sends again from the first byte that was not acknowledged; at least one byte, whatever the window. */
  #repeat(): void {
    if (this.state === 'syn-received' || this.state === 'syn-sent') {
      this.#needsSyn = true;
      this.#host.wants(this);
      return;
    }
    if (this.state !== 'open') return;
    this.#next = this.#una;
    if (this.#window === 0 && this.#queue.bytes > 0) this.#emit(this.#una, FLAG.ACK, 1);
    this.#host.wants(this);
  }

  #emitSyn(): boolean {
    const isAnswer = this.state === 'syn-received';
    header.sequence = this.#una;
    header.ack = isAnswer ? this.#receiveNext : 0;
    header.flags = FLAG.SYN | (isAnswer ? FLAG.ACK : 0);
    header.segmentBytes = this.#segmentBytes;
    header.windowShift = this.#ourShift;
    // The window of a SYN is never scaled.
    header.window = Math.min(this.#room(), 0xffff);
    this.#receiveEdge = (this.#receiveNext + header.window) >>> 0;
    return this.#host.emit(this, header, []);
  }

  /** A segment with `length` bytes of the queue from `sequence` on. What lies behind `next` moves it. */
  #emit(sequence: number, flags: number, length: number): boolean {
    const shift = this.#ourShift ?? 0;
    header.sequence = sequence;
    header.ack = this.#receiveNext;
    header.flags = flags;
    header.window = Math.min(this.#room() >>> shift, 0xffff);
    body.length = 0;
    if (length > 0) this.#queue.gather((sequence - this.#una) >>> 0, length, body);
    if (!this.#host.emit(this, header, body)) return false;
    this.#receiveEdge = (this.#receiveNext + (header.window << shift)) >>> 0;
    this.#needsAck = false;
    if (sequence === this.#next) this.#advance(length);
    return true;
  }

  #advance(count: number): void {
    this.#next = (this.#next + count) >>> 0;
    if (isBefore(this.#max, this.#next)) this.#max = this.#next;
  }

  #askAck(): void {
    this.#needsAck = true;
    this.#host.wants(this);
  }

  /** Something was sent that is not acknowledged, or the window keeps something from being sent. */
  #isWaiting(): boolean {
    return this.#una !== this.#max || this.#queue.bytes > 0;
  }

  #arm(): void {
    if (this.deadlineMs !== Number.POSITIVE_INFINITY && this.deadlineMs > performance.now()) return;
    this.deadlineMs = performance.now() + this.#waitMs;
    this.#host.timed();
  }

  /** The guest made progress. */
  #restTimer(): void {
    this.#tries = 0;
    this.#waitMs = RETRANSMIT_MS.first;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#isWaiting()) this.#arm();
  }

  #finishIfDone(): void {
    if (this.#isFinAcked && this.#hasGuestEnded && this.#isSocketClosed) this.#close();
  }

  #close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#opened('silent');
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#host.budget.usedBytes -= this.#queue.bytes;
    this.#queue.drop(this.#queue.bytes);
    this.#countSocket(0);
    this.#host.ended(this);
  }
}
