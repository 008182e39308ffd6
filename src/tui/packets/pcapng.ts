/**
 * A file of captured frames that Wireshark and tshark read: pcapng with one section and one interface.
 *   block = {type: u32le, length: u32le, body…, options {code: u16le, length: u16le, value, padding to 4}… end, length: u32le}
 *   file  = section header, interface description, enhanced packet…, interface statistics
 * Source: draft-ietf-opsawg-pcapng
 */
import type {CaptureAnswer} from '../../manager/protocol/network.js';

const BLOCK = {SECTION: 0x0a0d0d0a, INTERFACE: 1, STATISTICS: 5, PACKET: 6} as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINK_TYPE_ETHERNET = 1;
const OPTION = {
  END: 0,
  SECTION_PROGRAM: 4,
  INTERFACE_NAME: 2,
  PACKET_FLAGS: 2,
  STATISTICS_START: 2,
  STATISTICS_END: 3,
  STATISTICS_RECEIVED: 4,
  STATISTICS_DROPPED: 5,
} as const;
const FLAG = {received: 1, sent: 2} as const;

/** A frame as `networkCapture` tells it. */
export type Frame = CaptureAnswer['frames'][number];

/** The beginning of a file: who wrote it, and whose card the frames are of. */
export function pcapngHead(program: string, interfaceName: string, snapBytes: number): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16LE(1, 4);
  // Minor version 0; a length of -1: it is not known.
  section.fill(0xff, 8);
  const card = Buffer.alloc(8);
  card.writeUInt16LE(LINK_TYPE_ETHERNET, 0);
  card.writeUInt32LE(snapBytes, 4);
  return Buffer.concat([
    block(BLOCK.SECTION, section, [[OPTION.SECTION_PROGRAM, Buffer.from(program)]]),
    block(BLOCK.INTERFACE, card, [[OPTION.INTERFACE_NAME, Buffer.from(interfaceName)]]),
  ]);
}

/** One frame. */
export function pcapngFrame({atUs, direction, frameBytes, data}: Frame): Buffer {
  const bytes = Buffer.from(data, 'base64');
  const fixed = Buffer.alloc(20);
  writeTime(fixed, 4, atUs);
  fixed.writeUInt32LE(bytes.length, 12);
  fixed.writeUInt32LE(frameBytes, 16);
  return block(BLOCK.PACKET, Buffer.concat([fixed, padded(bytes)]), [[OPTION.PACKET_FLAGS, u32(FLAG[direction])]]);
}

/** The end: how many frames passed between two moments, and how many of them are missing. Units: microseconds since 1970 */
export function pcapngEnd(startUs: number, endUs: number, seenCount: number, droppedCount: number): Buffer {
  const fixed = Buffer.alloc(12);
  writeTime(fixed, 4, endUs);
  const time = (atUs: number): Buffer => {
    const value = Buffer.alloc(8);
    writeTime(value, 0, atUs);
    return value;
  };
  return block(BLOCK.STATISTICS, fixed, [
    [OPTION.STATISTICS_START, time(startUs)],
    [OPTION.STATISTICS_END, time(endUs)],
    [OPTION.STATISTICS_RECEIVED, u64(seenCount)],
    [OPTION.STATISTICS_DROPPED, u64(droppedCount)],
  ]);
}

/** Bytes of `pcapngEnd`, whatever it says. */
export const PCAPNG_END_BYTES: number = pcapngEnd(0, 0, 0, 0).length;

function block(type: number, body: Buffer, options: readonly (readonly [code: number, value: Buffer])[]): Buffer {
  const all = [...options, [OPTION.END, Buffer.alloc(0)] as const].map(([code, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, padded(value)]);
  });
  const content = Buffer.concat([body, ...all]);
  const length = u32(12 + content.length);
  return Buffer.concat([u32(type), length, content, length]);
}

/** The upper half first, each little-endian. */
function writeTime(target: Buffer, at: number, atUs: number): void {
  target.writeUInt32LE(Math.floor(atUs / 2 ** 32), at);
  target.writeUInt32LE(atUs % 2 ** 32, at + 4);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
