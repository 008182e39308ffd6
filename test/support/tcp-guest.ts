/** A TCP of the guest's, for tests: sends exactly the segments it is told to, and reads what comes with its checksum. */
import {checksum, GUEST, type NetworkGuest, u16, u32} from './network-guest.js';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/** A segment that arrived. */
export interface Arrived {
  readonly sequence: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly data: Uint8Array;
  readonly options: Uint8Array;
}

/** What a segment says; the rest is where the connection is. */
export interface Sent {
  readonly data?: ArrayLike<number>;
  readonly window?: number;
  readonly sequence?: number;
  readonly ack?: number;
  readonly options?: readonly number[];
}

/** MSS 1460, window scale 7. */
const OPTIONS = [2, 4, 5, 0xb4, 1, 3, 3, 7];

/** One connection. */
export class TcpGuest {
  readonly port: number;
  next = 0xffff_fff0;
  /** What it acknowledges. */
  seen = 0;
  window = 0xffff;
  readonly #guest: NetworkGuest;
  readonly #peer: readonly number[];
  readonly #peerPort: number;

  constructor(guest: NetworkGuest, peer: readonly number[], peerPort: number, port = 40_000) {
    this.#guest = guest;
    this.#peer = peer;
    this.#peerPort = peerPort;
    this.port = port;
  }

  /** Sends a segment as it is and moves on by what it carries, unless it was told where it is. */
  send(flags: number, {data = [], window = this.window, sequence, ack = this.seen, options = []}: Sent = {}): void {
    const at = sequence ?? this.next;
    const head = [...u16(this.port), ...u16(this.#peerPort), ...u32(at), ...u32(ack)];
    head.push(((20 + options.length) / 4) << 4, flags, ...u16(window));
    const length = 20 + options.length + data.length;
    const pseudo = [...GUEST, ...this.#peer, 0, 6, ...u16(length)];
    const sum = checksum([...pseudo, ...head, 0, 0, 0, 0, ...options], data);
    this.#guest.sendIpv4(6, this.#peer, [...head, ...u16(sum), 0, 0, ...options, ...Array.from(data)]);
    if (sequence !== undefined) return;
    this.next = (at + data.length + ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1)) >>> 0;
  }

  /** All segments for this connection that came so far. */
  get arrived(): Arrived[] {
    return this.#guest.packets.flatMap(({protocol, payload, source, destination, offload}) => {
      const ports = (payload[0]! << 8) | payload[1]!;
      const toPort = (payload[2]! << 8) | payload[3]!;
      if (protocol !== 6 || ports !== this.#peerPort || toPort !== this.port) return [];
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
      const pseudo = [...source, ...destination, 0, 6, ...u16(payload.length)];
      if (offload.checksumStart === 0 && checksum(pseudo, payload) !== 0) throw new Error('a wrong checksum');
      const headerBytes = (payload[12]! >> 4) * 4;
      return [
        {
          sequence: view.getUint32(4),
          ack: view.getUint32(8),
          flags: payload[13]!,
          window: view.getUint16(14),
          data: payload.subarray(headerBytes),
          options: payload.subarray(20, headerBytes),
        },
      ];
    });
  }

  /** The first segment that fits, now or later. */
  until(fits: (segment: Arrived) => boolean): Promise<Arrived> {
    return this.#guest.until(() => this.arrived.find(fits));
  }

  /** Opens the connection. */
  async open(window = this.window): Promise<this> {
    this.send(SYN, {options: OPTIONS, window, ack: 0});
    const answer = await this.until(({flags}) => (flags & SYN) !== 0);
    this.seen = (answer.sequence + 1) >>> 0;
    this.send(ACK, {window});
    return this;
  }

  /** Waits for so many bytes in order, acknowledging all that came. */
  async read(count: number): Promise<Uint8Array> {
    const begin = this.seen;
    const parts = new Map<number, Uint8Array>();
    await this.#guest.until(() => {
      for (const {sequence, data} of this.arrived) if (data.length > 0) parts.set(sequence, data);
      const before = this.seen;
      for (let part = parts.get(this.seen); part !== undefined; part = parts.get(this.seen))
        this.seen = (this.seen + part.length) >>> 0;
      if (this.seen !== before) this.send(ACK);
      return (this.seen - begin) >>> 0 >= count;
    });
    const whole = Buffer.alloc((this.seen - begin) >>> 0);
    for (const [sequence, data] of parts) {
      const at = (sequence - begin) | 0;
      if (at >= 0 && at < whole.length) whole.set(data, at);
    }
    return new Uint8Array(whole);
  }
}
