/**
 * Packets of a virtio socket device: a header, then the bytes of a stream.
 *
 *   header, 44 bytes   {srcCid: u64le, dstCid: u64le, srcPort: u32le, dstPort: u32le, len: u32le, type: u16le, op: u16le,
 *                       flags: u32le, bufAlloc: u32le, fwdCnt: u32le}
 *
 * Source: virtio 1.2 §5.10.6
 */

/** Bytes of a header. */
export const HEADER_BYTES = 44;
/** Most bytes of a stream in one packet of the guest; Linux sends at most as many. */
export const PAYLOAD_BYTES_MAX = 65_536;
/** The host's context. */
export const HOST_CID = 2;
/** The guest's: each has a host of its own. */
export const GUEST_CID = 3;
/** Streams, the one type that we know. */
export const TYPE_STREAM = 1;

/** What a packet is for. */
export const OP = {
  REQUEST: 1,
  RESPONSE: 2,
  RST: 3,
  SHUTDOWN: 4,
  RW: 5,
  CREDIT_UPDATE: 6,
  CREDIT_REQUEST: 7,
} as const;

/** Flags of SHUTDOWN: what its sender does no more. */
export const SHUTDOWN = {RECEIVE: 1, SEND: 2} as const;

/** A header. Units: ports, bytes; `bufAlloc` is the sender's room for the stream, `fwdCnt` what left it, modulo 2^32 */
export interface VsockHeader {
  readonly srcCid: number;
  readonly dstCid: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly length: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  readonly bufAlloc: number;
  readonly fwdCnt: number;
}

/** Reads a header from `HEADER_BYTES` bytes. Contexts beyond 2^32 are nobody's. */
export function readHeader(bytes: Uint8Array): VsockHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const u32 = (offset: number) => view.getUint32(offset, true);
  const cid = (offset: number) => (u32(offset + 4) === 0 ? u32(offset) : -1);
  return {
    ...{srcCid: cid(0), dstCid: cid(8), srcPort: u32(16), dstPort: u32(20), length: u32(24)},
    ...{type: view.getUint16(28, true), op: view.getUint16(30, true)},
    ...{flags: u32(32), bufAlloc: u32(36), fwdCnt: u32(40)},
  };
}

/** Writes a header into the first `HEADER_BYTES` bytes. */
export function writeHeader(bytes: Uint8Array, header: VsockHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const u32 = (offset: number, value: number) => view.setUint32(offset, value, true);
  u32(0, header.srcCid);
  u32(4, 0);
  u32(8, header.dstCid);
  u32(12, 0);
  u32(16, header.srcPort);
  u32(20, header.dstPort);
  u32(24, header.length);
  view.setUint16(28, header.type, true);
  view.setUint16(30, header.op, true);
  u32(32, header.flags);
  u32(36, header.bufAlloc);
  u32(40, header.fwdCnt);
}
