/**
 * One request of a block driver: parses a descriptor chain into something that can be done, without doing it.
 * Shape:  readable = {type: u32le, reserved: u32le, sector: u64le, data…}; writable = {data…, status: u8}
 * Source: virtio 1.2 §5.2.6
 */
import {SECTOR_BYTES} from '../../block/contract.js';
import type {GuestBytes} from '../../virtqueue/buffers.js';
import type {DescriptorChain} from '../../virtqueue/chain.js';
import type {GuestFault} from '../../virtqueue/guest-fault.js';
import {
  HEADER_BYTES,
  RANGE_BYTES,
  RANGE_SECTORS_MAX,
  RANGES_MAX,
  REQUEST,
  REQUEST_BYTES_MAX,
  STATUS,
} from './layout.js';

/** Bytes of the disk. */
export interface DiskRange {
  readonly offset: number;
  readonly length: number;
}

/** What is to be done. `refused` needs nothing but its status. Buffers are views into guest RAM. */
export type BlkOperation =
  | {readonly kind: 'read'; readonly offset: number; readonly length: number; readonly buffers: readonly GuestBytes[]}
  | {readonly kind: 'write'; readonly offset: number; readonly length: number; readonly buffers: readonly GuestBytes[]}
  | {readonly kind: 'flush'}
  | {readonly kind: 'discard' | 'write-zeroes'; readonly ranges: readonly DiskRange[]}
  | {readonly kind: 'get-id'; readonly buffers: readonly GuestBytes[]}
  | {readonly kind: 'refused'; readonly status: number};

/** A parsed request: the operation, and where its status byte goes. */
export interface BlkRequest {
  readonly chain: DescriptorChain;
  readonly operation: BlkOperation;
  readonly status: GuestBytes;
}

/** What bounds requests to one disk. */
export interface DiskLimits {
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly canDiscard: boolean;
}

const refuse = (status: number): BlkOperation => ({kind: 'refused', status});

/** Parses a chain. A fault means that not even the status has a place; everything else ends in a status byte. */
export function parseRequest(chain: DescriptorChain, limits: DiskLimits): BlkRequest | GuestFault {
  const {reader, writer} = chain;
  if (reader.totalBytes < HEADER_BYTES || writer.totalBytes < 1) return 'request-malformed';
  const header = new DataView(reader.copy(HEADER_BYTES).buffer);
  const type = header.getUint32(0, true);
  // Exact below 2^53; anything above is beyond every disk.
  const sector = header.getUint32(12, true) * 0x1_0000_0000 + header.getUint32(8, true);
  const room = writer.take(writer.totalBytes - 1);
  const status = writer.take(1)[0]!;
  return {chain, status, operation: parseOperation(type, sector, chain, room, limits)};
}

function parseOperation(
  type: number,
  sector: number,
  {reader, writer}: DescriptorChain,
  room: readonly GuestBytes[],
  limits: DiskLimits,
): BlkOperation {
  switch (type) {
    case REQUEST.IN: {
      const range = checkRange(sector, writer.totalBytes - 1, limits, REQUEST_BYTES_MAX);
      return range === undefined ? refuse(STATUS.IOERR) : {kind: 'read', ...range, buffers: room};
    }
    case REQUEST.OUT: {
      const range = checkRange(sector, reader.remainingBytes, limits, REQUEST_BYTES_MAX);
      if (range === undefined || limits.isReadOnly) return refuse(STATUS.IOERR);
      return {kind: 'write', ...range, buffers: reader.take(range.length)};
    }
    case REQUEST.FLUSH:
      return {kind: 'flush'};
    case REQUEST.GET_ID:
      return {kind: 'get-id', buffers: room};
    case REQUEST.DISCARD:
      return limits.canDiscard
        ? parseRanges('discard', reader.remainingBytes, reader.copy(RANGES_MAX * RANGE_BYTES), limits)
        : refuse(STATUS.UNSUPP);
    case REQUEST.WRITE_ZEROES:
      return parseRanges('write-zeroes', reader.remainingBytes, reader.copy(RANGES_MAX * RANGE_BYTES), limits);
    default:
      return refuse(STATUS.UNSUPP);
  }
}

/** The ranges of a discard or write-zeroes request. `bytes` is a copy, so what is checked here is what is done. */
function parseRanges(
  kind: 'discard' | 'write-zeroes',
  totalBytes: number,
  bytes: Uint8Array<ArrayBuffer>,
  limits: DiskLimits,
): BlkOperation {
  if (limits.isReadOnly) return refuse(STATUS.IOERR);
  if (totalBytes === 0 || totalBytes % RANGE_BYTES !== 0 || totalBytes > RANGES_MAX * RANGE_BYTES) {
    return refuse(STATUS.IOERR);
  }
  const view = new DataView(bytes.buffer);
  const ranges: DiskRange[] = [];
  for (let at = 0; at < totalBytes; at += RANGE_BYTES) {
    const sector = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
    const flags = view.getUint32(at + 12, true);
    // Bit 0 (unmap) is a hint for write-zeroes and reserved for discard; a device must refuse what it does not know.
    if (flags !== 0 && !(kind === 'write-zeroes' && flags === 1)) return refuse(STATUS.UNSUPP);
    const length = view.getUint32(at + 8, true) * SECTOR_BYTES;
    const range = checkRange(sector, length, limits, RANGE_SECTORS_MAX * SECTOR_BYTES);
    if (range === undefined) return refuse(STATUS.IOERR);
    ranges.push(range);
  }
  return {kind, ranges};
}

/** The range in bytes, or undefined when it is not whole sectors, too long, or not on the disk. */
function checkRange(sector: number, length: number, limits: DiskLimits, lengthMax: number): DiskRange | undefined {
  const offset = sector * SECTOR_BYTES;
  const isInside = length % SECTOR_BYTES === 0 && length <= lengthMax && offset + length <= limits.sizeBytes;
  return isInside ? {offset, length} : undefined;
}
