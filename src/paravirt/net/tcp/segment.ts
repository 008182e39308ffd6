/**
 * TCP segments: the guest's out of packets, and headers for ours.
 *   {source: u16be, destination: u16be, sequence: u32be, ack: u32be, headerLength: u4 (× 4), 0: u4, flags: u8, window: u16be,
 *    checksum: u16be, urgent: u16be, options}
 * Source: RFC 9293 §3.1
 */
import type {IpPacket} from '../ip-packet.js';
import {hasRightChecksum} from '../pseudo-header.js';

/** Bytes of a header without options. */
export const TCP_BYTES = 20;
/** Bits of the flags. */
export const FLAG = {FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16} as const;
const OPTION = {END: 0, NOTHING: 1, SEGMENT_BYTES: 2, WINDOW_SCALE: 3} as const;
/** Larger shifts count as this one. Source: RFC 7323 §2.3 */
const WINDOW_SHIFT_MAX = 14;
/** What counts as the peer's segment size when it does not say. Source: RFC 9293 §3.7.1 */
const SEGMENT_BYTES_DEFAULT = 536;

/** What a SYN says that opens a connection. */
export type Syn = Pick<Segment, 'sequence' | 'window' | 'segmentBytes' | 'windowShift'>;

/** One segment of the guest; one object serves all. Units: `start` and `end` are places of the data in `bytes` */
export class Segment {
  bytes: Uint8Array = new Uint8Array(0);
  /** The bytes may be kept; otherwise they are another segment's soon. */
  isOwned = false;
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  ack = 0;
  flags = 0;
  /** As it stands in the header. */
  window = 0;
  start = 0;
  end = 0;
  /** Of a SYN: the largest segment the guest takes, and the shift of its windows (undefined: it knows none). */
  segmentBytes = SEGMENT_BYTES_DEFAULT;
  windowShift: number | undefined;

  /** Bytes of data. */
  get length(): number {
    return this.end - this.start;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** Reads the segment in a packet; false for a broken one. `isChecked` when its checksum need not be looked at. */
  read(packet: IpPacket, isChecked: boolean, isOwned: boolean): boolean {
    const {bytes, start, end} = packet;
    if (end - start < TCP_BYTES) return false;
    const headerBytes = (bytes[start + 12]! >> 4) * 4;
    if (headerBytes < TCP_BYTES || headerBytes > end - start) return false;
    if (!isChecked && !hasRightChecksum(packet)) return false;
    const u16 = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
    this.bytes = bytes;
    this.isOwned = isOwned;
    this.sourcePort = u16(start);
    this.destinationPort = u16(start + 2);
    this.sequence = ((u16(start + 4) << 16) | u16(start + 6)) >>> 0;
    this.ack = ((u16(start + 8) << 16) | u16(start + 10)) >>> 0;
    this.flags = bytes[start + 13]!;
    this.window = u16(start + 14);
    this.start = start + headerBytes;
    this.end = end;
    if (this.has(FLAG.SYN)) this.#readOptions(start + TCP_BYTES, start + headerBytes);
    return true;
  }

  /** At most 40 bytes of options; each moves on by at least one. */
  #readOptions(from: number, to: number): void {
    const {bytes} = this;
    this.segmentBytes = SEGMENT_BYTES_DEFAULT;
    this.windowShift = undefined;
    for (let at = from; at < to && bytes[at] !== OPTION.END; ) {
      if (bytes[at] === OPTION.NOTHING) {
        at++;
        continue;
      }
      const length = at + 1 < to ? bytes[at + 1]! : 0;
      if (length < 2 || at + length > to) return;
      if (bytes[at] === OPTION.SEGMENT_BYTES && length === 4)
        this.segmentBytes = Math.max(64, (bytes[at + 2]! << 8) | bytes[at + 3]!);
      if (bytes[at] === OPTION.WINDOW_SCALE && length === 3)
        this.windowShift = Math.min(WINDOW_SHIFT_MAX, bytes[at + 2]!);
      at += length;
    }
  }
}

/** What a header of ours says besides its flow. `synOptions`: the largest segment we take and the shift of our windows. */
export interface SegmentHeader {
  sequence: number;
  ack: number;
  flags: number;
  window: number;
  segmentBytes: number;
  windowShift: number | undefined;
}

/** Bytes that `putSegment` will write. */
export const segmentHeaderBytes = (header: SegmentHeader): number =>
  (header.flags & FLAG.SYN) === 0 ? TCP_BYTES : TCP_BYTES + (header.windowShift === undefined ? 4 : 8);

/** Writes a header at `at`, its checksum left 0. */
export function putSegment(
  bytes: Uint8Array,
  at: number,
  sourcePort: number,
  destinationPort: number,
  header: SegmentHeader,
): void {
  const headerBytes = segmentHeaderBytes(header);
  const u16 = (offset: number, value: number): void => {
    bytes[at + offset] = value >> 8;
    bytes[at + offset + 1] = value & 0xff;
  };
  u16(0, sourcePort);
  u16(2, destinationPort);
  u16(4, header.sequence >>> 16);
  u16(6, header.sequence & 0xffff);
  u16(8, header.ack >>> 16);
  u16(10, header.ack & 0xffff);
  bytes[at + 12] = (headerBytes / 4) << 4;
  bytes[at + 13] = header.flags;
  u16(14, header.window);
  u16(16, 0);
  u16(18, 0);
  if (headerBytes === TCP_BYTES) return;
  bytes[at + 20] = OPTION.SEGMENT_BYTES;
  bytes[at + 21] = 4;
  u16(22, header.segmentBytes);
  if (header.windowShift === undefined) return;
  bytes[at + 24] = OPTION.NOTHING;
  bytes[at + 25] = OPTION.WINDOW_SCALE;
  bytes[at + 26] = 3;
  bytes[at + 27] = header.windowShift;
}
