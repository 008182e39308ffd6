/**
 * A guest on a user network, for tests: makes and reads frames by itself, byte by byte from the standards, and shares no
 * code with the network but the names of its contract.
 */
import type {FrameOffload, NetLink} from '../../src/paravirt/net/contract.js';
import {UserNetwork, type UserNetworkOptions} from '../../src/paravirt/net/user-network.js';

/** The guest's card and address, and the router's card. */
export const GUEST_MAC: Uint8Array = Uint8Array.of(0x52, 0x54, 0, 1, 2, 3);
const ROUTER_MAC = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);
export const GUEST = [10, 0, 2, 15] as const;
export const GATEWAY = [10, 0, 2, 2] as const;
export const NAME_SERVER = [10, 0, 2, 3] as const;
const COMPLETE: FrameOffload = {checksumStart: 0, checksumOffset: 0, segmentBytes: 0};

/** The ones' complement sum over big-endian words; 0 over what holds its own checksum. */
export function checksum(...parts: readonly ArrayLike<number>[]): number {
  const bytes = parts.flatMap((part) => Array.from(part));
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return 0xffff - sum;
}

export const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

/** A packet that arrived. */
export interface Received {
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly protocol: number;
  /** Flags and fragment offset, as they stand there. */
  readonly place: number;
  readonly payload: Uint8Array;
  readonly offload: FrameOffload;
}

/** See the module. */
export class NetworkGuest implements NetLink, AsyncDisposable {
  readonly network: UserNetwork;
  /** Frames as they came, and what was left to do of each. */
  readonly frames: {readonly bytes: Uint8Array; readonly offload: FrameOffload}[] = [];
  takesPartialChecksums = false;
  isLarge = false;
  /** Frames it has buffers for. */
  room = Number.POSITIVE_INFINITY;
  resumed = 0;
  /** Sent, and not shown yet. */
  #hidden: (typeof this.frames)[number][] = [];
  #waiters: (() => void)[] = [];

  constructor(options: Partial<UserNetworkOptions> = {}) {
    this.network = new UserNetwork({mac: GUEST_MAC, egress: 'allow', allowsHostLoopback: true, ...options});
    this.network.connect(this);
    this.network.linkChanged(true);
  }

  takesLargeSegments(): boolean {
    return this.isLarge;
  }

  send(head: Uint8Array, headBytes: number, body: readonly Uint8Array[], offload: Readonly<FrameOffload>): boolean {
    if (this.room === 0) return false;
    this.room--;
    const bytes = new Uint8Array(Buffer.concat([head.subarray(0, headBytes), ...body]));
    this.#hidden.push({bytes, offload: {...offload}});
    return true;
  }

  flush(): void {
    this.frames.push(...this.#hidden.splice(0));
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  resume(): void {
    this.resumed++;
  }

  /** Offers buffers again. */
  offer(count = Number.POSITIVE_INFINITY): void {
    this.room = count;
    this.network.roomMade();
  }

  /** Sends a frame by itself. */
  sendFrame(bytes: Uint8Array, offload = COMPLETE): void {
    this.network.receive(bytes, true, offload);
    this.network.turnEnded();
  }

  sendEthernet(type: number, payload: ArrayLike<number>, destination: Uint8Array = ROUTER_MAC): void {
    this.sendFrame(Uint8Array.from([...destination, ...GUEST_MAC, ...u16(type), ...Array.from(payload)]));
  }

  /** An IPv4 packet from the guest, or a piece of one. */
  sendIpv4(
    protocol: number,
    destination: readonly number[],
    payload: ArrayLike<number>,
    {place = 0, id = 7, source = GUEST}: {place?: number; id?: number; source?: readonly number[]} = {},
  ): void {
    const fields = [0x45, 0, ...u16(20 + payload.length), ...u16(id), ...u16(place), 64, protocol];
    const addresses = [...source, ...destination];
    const sum = checksum([...fields, 0, 0, ...addresses]);
    this.sendEthernet(0x800, [...fields, ...u16(sum), ...addresses, ...Array.from(payload)]);
  }

  sendUdp(destination: readonly number[], sourcePort: number, port: number, data: ArrayLike<number>): void {
    this.sendIpv4(17, destination, udpOf(destination, sourcePort, port, data));
  }

  /** Every IPv4 packet that arrived, headers checked. */
  get packets(): Received[] {
    return this.frames.flatMap(({bytes, offload}) => {
      if (bytes[12] !== 8 || bytes[13] !== 0) return [];
      if (checksum(bytes.subarray(14, 34)) !== 0) throw new Error('an IPv4 header with a wrong checksum');
      const length = (bytes[16]! << 8) | bytes[17]!;
      if (length !== bytes.length - 14) throw new Error('an IPv4 packet of another length than its frame');
      return [
        {
          source: [...bytes.subarray(26, 30)],
          destination: [...bytes.subarray(30, 34)],
          protocol: bytes[23]!,
          place: (bytes[20]! << 8) | bytes[21]!,
          payload: bytes.subarray(34),
          offload,
        },
      ];
    });
  }

  /** Waits until `find` finds something. */
  async until<T>(find: () => T | undefined | false): Promise<T> {
    const timeout = AbortSignal.timeout(20_000);
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      if (timeout.aborted) throw new Error('the guest waited in vain');
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        timeout.addEventListener('abort', () => resolve(), {once: true});
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network[Symbol.asyncDispose]();
  }
}

/** A datagram from the guest, with its checksum. */
export function udpOf(
  destination: readonly number[],
  sourcePort: number,
  port: number,
  data: ArrayLike<number>,
): number[] {
  const length = 8 + data.length;
  const head = [...u16(sourcePort), ...u16(port), ...u16(length)];
  const sum = checksum([...GUEST, ...destination, 0, 17, ...u16(length), ...head, 0, 0], Array.from(data));
  return [...head, ...u16(sum), ...Array.from(data)];
}
