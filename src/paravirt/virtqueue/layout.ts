/**
 * Where things stand in a split virtqueue, as numbers. Owns no state and reads no memory.
 *
 *   descriptor table  16 × queueSize   {address: u64le, length: u32le, flags: u16le, next: u16le}
 *   avail ring        6 + 2 × size     {flags: u16le, idx: u16le, ring: u16le[size], usedEvent: u16le}    driver writes
 *   used ring         6 + 8 × size     {flags: u16le, idx: u16le, ring: {id, len: u32le}[size], availEvent: u16le}
 *
 * Source: virtio 1.2 §2.7
 */

/** Bytes of one descriptor, in the table and in an indirect table. */
export const DESCRIPTOR_BYTES = 16;
/** Bytes of one element of the used ring: id and length. */
export const USED_ELEMENT_BYTES = 8;

/** The chain goes on at `next`. */
export const VIRTQ_DESC_F_NEXT = 1;
/** The device writes this buffer (otherwise it reads it). */
export const VIRTQ_DESC_F_WRITE = 2;
/** The buffer is a table of descriptors. */
export const VIRTQ_DESC_F_INDIRECT = 4;
/** In avail.flags: the driver wants no interrupt (only without EVENT_IDX). */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;

/** Feature bit: descriptors may point at tables of descriptors. */
export const VIRTIO_F_INDIRECT_DESC = 28;
/** Feature bit: both sides say at which index they want to be woken. */
export const VIRTIO_F_EVENT_IDX = 29;
/** Feature bit: not a legacy device. We offer nothing else. */
export const VIRTIO_F_VERSION_1 = 32;

/** The most descriptors we let a queue have; bounds every loop over a ring or a chain. The spec allows 32768. */
export const QUEUE_SIZE_MAX = 1024;

/** Alignment the spec demands of each part, in bytes; Atomics on ring indices rely on it. */
export const ALIGNMENT = {descriptors: 16, avail: 2, used: 4} as const;

/** Bytes of an avail ring of `size` entries, its event field included. */
export const availRingBytes = (size: number): number => 6 + 2 * size;

/** Bytes of a used ring of `size` entries, its event field included. */
export const usedRingBytes = (size: number): number => 6 + USED_ELEMENT_BYTES * size;

/**
 * Where the driver put one queue.
 * Units: addresses are guest-physical bytes; size counts descriptors
 */
export interface QueueAddresses {
  readonly size: number;
  readonly descriptors: number;
  readonly avail: number;
  readonly used: number;
}

/**
 * True when a driver's event index asks for a wake-up on the way from `before` to `after`.
 * Units:  all three count modulo 2^16
 * Source: virtio 1.2 §2.7.10.1 (vring_need_event)
 */
export const needsEvent = (eventIndex: number, after: number, before: number): boolean =>
  ((after - eventIndex - 1) & 0xffff) < ((after - before) & 0xffff);
