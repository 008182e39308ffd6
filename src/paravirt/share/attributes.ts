/**
 * What a guest sees of a file's attributes. The user that the machine runs as is root in the guest: what root makes there
 * belongs to that user here, and is root's again when it is looked at. Other owners show as they are.
 */
import type {BigIntStats} from 'node:fs';
import {type MessageWriter, QID_TYPE, type Qid} from './message.js';
import {type Identity, identityOf} from './place.js';

const DEVICE_SHIFT = 48n;

/** Attributes that `getattr` fills in: all but birth time, generation and data version. */
const GETATTR_BASIC = 0x7ffn;

/** Bits of `setattr`'s field `valid`. */
export const SETATTR = {
  MODE: 0x1,
  UID: 0x2,
  GID: 0x4,
  SIZE: 0x8,
  ATIME: 0x10,
  MTIME: 0x20,
  ATIME_SET: 0x80,
  MTIME_SET: 0x100,
} as const;

/** Permission bits that a guest may set. Without set-user-id: such a file would act for the host's user. */
export const MODE_MASK = 0o1777;

/** The user and group that machines run as; Node has neither on hosts that know no numbers for them. */
export const ownUser: number = process.getuid?.() ?? 0;
export const ownGroup: number = process.getgid?.() ?? 0;

/** A file's identity for the guest: unlike for files of different host devices, as far as 16 bits go. */
export function qidOf(stat: BigIntStats, root: Identity): Qid {
  const path = stat.ino ^ ((stat.dev ^ root.device) << DEVICE_SHIFT);
  return {type: qidType(stat), path: BigInt.asUintN(64, path)};
}

function qidType(stat: BigIntStats): number {
  if (stat.isDirectory()) return QID_TYPE.DIRECTORY;
  return stat.isSymbolicLink() ? QID_TYPE.SYMLINK : QID_TYPE.FILE;
}

/** `d_type` of a folder's entry. */
export const entryType = (stat: BigIntStats): number => identityOf(stat).kind >> 12;

/** Bytes of the reply to `getattr`. */
export const ATTRIBUTES_BYTES = 153;

/** Writes the fields of the reply to `getattr`. */
export function writeAttributes(writer: MessageWriter, stat: BigIntStats, root: Identity): void {
  writer.u64(GETATTR_BASIC).qid(qidOf(stat, root)).u32(Number(stat.mode));
  writer.u32(toGuest(Number(stat.uid), ownUser)).u32(toGuest(Number(stat.gid), ownGroup));
  // A device's own number says nothing in the guest.
  writer.u64(stat.nlink).u64(0n).u64(stat.size).u64(stat.blksize).u64(stat.blocks);
  for (const ns of [stat.atimeNs, stat.mtimeNs, stat.ctimeNs]) writer.u64(ns / 1_000_000_000n).u64(ns % 1_000_000_000n);
  // Birth time, generation, data version: not filled in.
  writer.u64(0n).u64(0n).u64(0n).u64(0n);
}

const toGuest = (id: number, own: number): number => (id === own ? 0 : id);
/** The host's number of a guest's user or group. */
export const toHost = (id: number, own: number): number => (id === 0 ? own : id);
