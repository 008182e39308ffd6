/**
 * Byte-range locks of other programs, read from the kernel's lock table. QEMU marks what it does with an image by open
 * file description locks on single bytes: 100 + n while it has permission n, 200 + n while nobody else may have it.
 * Source: QEMU's block/file-posix.c; proc(5), /proc/locks
 */
import {readFileSync} from 'node:fs';

/** QEMU's permissions: what the bytes stand for. */
const PERMISSION = {CONSISTENT_READ: 0, WRITE: 1, RESIZE: 3} as const;
const HELD_BASE = 100;
const UNSHARED_BASE = 200;
/** Bytes in use above each base. */
const PERMISSIONS_MAX = 64;

/** Which file: as stat tells it. */
export interface FileId {
  readonly dev: number;
  readonly ino: number;
}

/** True when QEMU uses the file in a way that does not go together with ours. False where there is no lock table. */
export function isUsedByQemu(file: FileId, willWrite: boolean): boolean {
  let table: string;
  try {
    table = readFileSync('/proc/locks', 'utf8');
  } catch {
    return false;
  }
  return findQemuLocks(table, file).some(
    (byte) =>
      willWrite ||
      byte === HELD_BASE + PERMISSION.WRITE ||
      byte === HELD_BASE + PERMISSION.RESIZE ||
      byte === UNSHARED_BASE + PERMISSION.CONSISTENT_READ,
  );
}

/** Bytes that QEMU has locked in a file, from the text of /proc/locks. */
export function findQemuLocks(table: string, {dev, ino}: FileId): number[] {
  const bytes: number[] = [];
  for (const line of table.split('\n')) {
    // `1: OFDLCK ADVISORY  READ -1 fe:00:2293796 100 101`; one that waits has `->` after the number.
    const match = /^\d+: OFDLCK\s+\S+\s+\S+\s+-?\d+\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s+(\d+)\s+(\d+)/.exec(line);
    if (match === null || Number(match[3]) !== ino || !isSameDevice(match[1]!, match[2]!, dev)) continue;
    const [first, last] = [Number(match[4]), Number(match[5])];
    for (const base of [HELD_BASE, UNSHARED_BASE])
      for (let byte = Math.max(first, base); byte <= Math.min(last, base + PERMISSIONS_MAX - 1); byte++)
        bytes.push(byte);
  }
  return bytes;
}

/** The table has the file system's own device; where that has no number of its own (btrfs), stat invents one. */
function isSameDevice(majorHex: string, minorHex: string, dev: number): boolean {
  const major = Math.floor(dev / 256) % 4096;
  const minor = (dev % 256) + (Math.floor(dev / 1_048_576) % 4096) * 256;
  const [tableMajor, tableMinor] = [Number.parseInt(majorHex, 16), Number.parseInt(minorHex, 16)];
  return (major === 0 && tableMajor === 0) || (major === tableMajor && minor === tableMinor);
}
