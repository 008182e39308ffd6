/**
 * One stream between a guest and a socket of the host.
 *
 *   asked by the guest:  connecting ── socket is there ──▶ open (RESPONSE)
 *   asked by the host:   offered (REQUEST) ── RESPONSE ──▶ open
 *   open ── both ends are over, or either is gone ──▶ closed (RST, which is nobody's answer any more)
 *
 * Back-pressure: the guest may send as much as our `bufAlloc` has room for, which grows with what the socket took; the
 * socket is read only while the guest has room. Invariant: what a stream holds for the guest is at most HELD_BYTES_MAX
 * and one piece of the socket's, for the socket at most BUFFER_BYTES.
 */
import type {Socket} from 'node:net';
import {OP, SHUTDOWN, type VsockHeader} from './packet.js';

/** Room that a guest has on its way to a socket. */
export const BUFFER_BYTES = 262_144;
/** Bytes that wait for the guest before the socket is read no more. */
const HELD_BYTES_MAX = 65_536;

/** What a stream needs of its device. */
export interface StreamHost {
  /** `next` has something to send. */
  wants(stream: VsockStream): void;
  /** It is over, and says nothing any more. */
  ended(stream: VsockStream): void;
}

/** What is to be sent of a stream: an operation, and bytes of it. */
export interface StreamPacket {
  readonly op: number;
  readonly flags: number;
  readonly body: readonly Uint8Array[];
}

/** How a stream that the host asked for began. */
export type VsockOpening = 'open' | 'refused';

/** See the module. */
export class VsockStream {
  readonly guestPort: number;
  readonly hostPort: number;
  readonly #host: StreamHost;
  readonly #socket: Socket;
  #state: 'connecting' | 'offered' | 'open' | 'closed';
  #tellOpening: ((opening: VsockOpening) => void) | undefined;
  /** A RST, REQUEST or RESPONSE that waits to be sent, before all else. */
  #first: number | undefined;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #sentBytes = 0;
  #peerRoom = 0;
  #peerForwarded = 0;
  #receivedBytes = 0;
  #forwardedBytes = 0;
  #toldForwarded = 0;
  #wantsCredit = false;
  #hasSocketEnded = false;
  #isEndSent = false;
  #hasGuestEnded = false;

  /** One that the guest asks for while `socket` connects, or, with `onOpening`, one that `socket` asks the guest for. */
  constructor(
    host: StreamHost,
    {guestPort, hostPort}: {readonly guestPort: number; readonly hostPort: number},
    socket: Socket,
    onOpening?: (opening: VsockOpening) => void,
  ) {
    this.#host = host;
    this.guestPort = guestPort;
    this.hostPort = hostPort;
    this.#socket = socket;
    this.#tellOpening = onOpening;
    this.#state = onOpening === undefined ? 'connecting' : 'offered';
    socket.pause();
    socket.on('data', (bytes: Uint8Array) => this.#hold(bytes));
    socket.on('end', () => {
      this.#hasSocketEnded = true;
      this.#host.wants(this);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#socketClosed());
    if (onOpening === undefined) socket.once('connect', () => this.#connected());
    else this.#send(OP.REQUEST);
  }

  /** What our headers say of this stream. Units: bytes modulo 2^32 */
  get forwarded(): number {
    return this.#forwardedBytes >>> 0;
  }

  /** A packet of the guest's; `payload` is the stream's from now on. */
  take(header: VsockHeader, payload: Uint8Array): void {
    if (this.#state === 'closed') return;
    const {op, flags} = header;
    this.noteRoom(header);
    if (op === OP.RST) this.#end();
    else if (op === OP.RESPONSE && this.#state === 'offered') this.#opened();
    else if (this.#state !== 'open') this.#reset();
    else if (op === OP.RW) this.#receive(payload);
    else if (op === OP.SHUTDOWN) this.#shutdown(flags);
    else if (op === OP.CREDIT_REQUEST) this.#wantsCredit = true;
    else if (op !== OP.CREDIT_UPDATE) this.#reset();
    if (this.#isOver) return;
    this.#host.wants(this);
  }

  /** How much the guest may be sent, which each of its packets says. */
  noteRoom({bufAlloc, fwdCnt}: VsockHeader): void {
    this.#peerRoom = bufAlloc;
    this.#peerForwarded = fwdCnt;
  }

  /** The next packet, with up to `room` bytes of the stream; undefined when there is nothing to say now. */
  next(room: number): StreamPacket | undefined {
    const first = this.#first;
    if (first !== undefined) {
      this.#first = undefined;
      if (first === OP.RST) this.#end();
      return {op: first, flags: 0, body: []};
    }
    if (this.#state !== 'open') return undefined;
    const body = this.#takeHeld(Math.min(room, this.#credit));
    if (body.length > 0) return this.#say({op: OP.RW, flags: 0, body});
    if (this.#hasSocketEnded && this.#heldBytes === 0 && !this.#isEndSent) {
      this.#isEndSent = true;
      const flags = this.#socket.destroyed ? SHUTDOWN.SEND | SHUTDOWN.RECEIVE : SHUTDOWN.SEND;
      return this.#say({op: OP.SHUTDOWN, flags, body: []});
    }
    if (!this.#wantsCredit) return undefined;
    return this.#say({op: OP.CREDIT_UPDATE, flags: 0, body: []});
  }

  /** Ends both sides at once; the guest is not told. */
  destroy(): void {
    this.#end();
  }

  get #isOver(): boolean {
    return this.#state === 'closed';
  }

  get #credit(): number {
    return Math.max(0, this.#peerRoom - ((this.#sentBytes - this.#peerForwarded) >>> 0));
  }

  #say(packet: StreamPacket): StreamPacket {
    this.#wantsCredit = false;
    this.#toldForwarded = this.#forwardedBytes;
    return packet;
  }

  #send(op: number): void {
    this.#first = op;
    this.#host.wants(this);
  }

  #connected(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#send(OP.RESPONSE);
    this.#socket.resume();
  }

  #opened(): void {
    this.#state = 'open';
    this.#tellOpening?.('open');
    this.#tellOpening = undefined;
    this.#socket.resume();
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes >= HELD_BYTES_MAX) this.#socket.pause();
    this.#host.wants(this);
  }

  #takeHeld(room: number): Uint8Array[] {
    const body: Uint8Array[] = [];
    let left = room;
    while (left > 0 && this.#held.length > 0) {
      const [bytes] = this.#held as [Uint8Array];
      const part = bytes.length <= left ? bytes : bytes.subarray(0, left);
      if (part === bytes) this.#held.shift();
      else this.#held[0] = bytes.subarray(left);
      body.push(part);
      left -= part.length;
    }
    const taken = room - left;
    this.#sentBytes = (this.#sentBytes + taken) >>> 0;
    this.#heldBytes -= taken;
    if (taken > 0 && this.#heldBytes < HELD_BYTES_MAX) this.#socket.resume();
    return body;
  }

  #receive(payload: Uint8Array): void {
    this.#receivedBytes += payload.length;
    // More than it was told it may, or after its end: nothing of it is believed.
    if (this.#receivedBytes - this.#forwardedBytes > BUFFER_BYTES || this.#hasGuestEnded || this.#socket.destroyed) {
      this.#reset();
      return;
    }
    if (payload.length === 0) return;
    this.#socket.write(payload, () => {
      this.#forwardedBytes += payload.length;
      if (this.#forwardedBytes - this.#toldForwarded < BUFFER_BYTES / 2) return;
      this.#wantsCredit = true;
      this.#host.wants(this);
    });
  }

  #shutdown(flags: number): void {
    if ((flags & SHUTDOWN.SEND) !== 0 && !this.#hasGuestEnded) {
      this.#hasGuestEnded = true;
      this.#socket.end();
    }
    // It reads no more either: what it sent reaches the socket, and then it is over.
    if ((flags & SHUTDOWN.RECEIVE) === 0) return;
    this.#held.length = this.#heldBytes = 0;
    if (this.#socket.destroyed) this.#reset();
    this.#socket.resume();
    this.#socket.destroySoon();
  }

  #socketClosed(): void {
    if (this.#state === 'closed') return;
    // What it had sent is for the guest to have first, and then its end.
    if (this.#state === 'open' && this.#hasSocketEnded && !this.#isEndSent && !this.#hasGuestEnded)
      this.#host.wants(this);
    else this.#reset();
  }

  #refused(): void {
    this.#tellOpening?.('refused');
    this.#tellOpening = undefined;
  }

  /** Tells the guest that it is over; `next` ends it. */
  #reset(): void {
    this.#refused();
    this.#socket.destroy();
    this.#send(OP.RST);
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#first = undefined;
    this.#refused();
    this.#socket.destroySoon();
    this.#host.ended(this);
  }
}
