/**
 * virtio-blk's constants and configuration space.
 *
 *   0 capacity u64 (sectors)      8 size_max u32         12 seg_max u32         16 geometry
 *  20 blk_size u32               24 topology             32 writeback u8        34 num_queues u16
 *  36 max_discard_sectors u32    40 max_discard_seg u32  44 discard_sector_alignment u32
 *  48 max_write_zeroes_sectors   52 max_write_zeroes_seg 56 write_zeroes_may_unmap u8
 *
 * Source: virtio 1.2 §5.2
 */

/** Feature bits. */
export const FEATURE = {
  SEG_MAX: 2,
  RO: 5,
  BLK_SIZE: 6,
  FLUSH: 9,
  MQ: 12,
  DISCARD: 13,
  WRITE_ZEROES: 14,
} as const;

/** Request types. */
export const REQUEST = {IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8, DISCARD: 11, WRITE_ZEROES: 13} as const;

/** The status byte at the end of every request. */
export const STATUS = {OK: 0, IOERR: 1, UNSUPP: 2} as const;

/** Bytes of a request's header: type u32, reserved u32, sector u64. */
export const HEADER_BYTES = 16;
/** Bytes of one range of a discard or write-zeroes request: sector u64, sector count u32, flags u32. */
export const RANGE_BYTES = 16;
/** Bytes of the serial number a guest reads. */
export const SERIAL_BYTES = 20;

/** The most data in one request. Linux asks for 4 MiB at most; a larger one gets an I/O error, not host memory. */
export const REQUEST_BYTES_MAX = 64 << 20;
/** The most sectors in one range of a discard or write-zeroes request. */
export const RANGE_SECTORS_MAX = REQUEST_BYTES_MAX >> 9;
/** The most ranges in one discard or write-zeroes request. */
export const RANGES_MAX = 16;

const CONFIG_BYTES = 60;

/** The configuration space of a disk. */
export function blkConfig(sizeBytes: number, segmentsMax: number, blockBytes: number, queueCount: number): Uint8Array {
  const config = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(config.buffer);
  config.set(capacityField(sizeBytes));
  view.setUint32(12, segmentsMax, true);
  view.setUint32(20, blockBytes, true);
  view.setUint16(34, queueCount, true);
  view.setUint32(36, RANGE_SECTORS_MAX, true);
  view.setUint32(40, RANGES_MAX, true);
  view.setUint32(44, blockBytes >> 9, true);
  view.setUint32(48, RANGE_SECTORS_MAX, true);
  view.setUint32(52, RANGES_MAX, true);
  return config;
}

/** The first field by itself, for a disk that changes its size. */
export function capacityField(sizeBytes: number): Uint8Array {
  const field = new Uint8Array(8);
  new DataView(field.buffer).setBigUint64(0, BigInt(sizeBytes) >> 9n, true);
  return field;
}
