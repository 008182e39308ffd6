/**
 * Gives parts of a file back to the host. Node has no call for that; util-linux has a program, which gets the open file
 * and nothing else. Where it is missing, or the file system cannot do it, files keep their room.
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';

/** A part of a file. Units: bytes */
export interface FileRange {
  readonly position: number;
  readonly length: number;
}

/** Smaller parts cost more than they bring: they are used again sooner or later. */
const PUNCH_BYTES_MIN = 256 << 10;
/** The most parts punched for one call: each is a process of a few milliseconds. */
export const PUNCH_RANGES_MAX = 16;

let isMissing = false;

/** The parts that are worth it, largest first, as many as are allowed at once. */
export function worthPunching(ranges: readonly FileRange[]): FileRange[] {
  return ranges
    .filter(({length}) => length >= PUNCH_BYTES_MIN)
    .sort((a, b) => b.length - a.length)
    .slice(0, PUNCH_RANGES_MAX);
}

/** Punches what is worth it. Never fails: it is a hint. */
export async function punchHoles(fd: number, ranges: readonly FileRange[]): Promise<void> {
  for (const {position, length} of worthPunching(ranges)) {
    if (isMissing) return;
    const place = ['--offset', String(position), '--length', String(length)];
    const child = spawn('fallocate', ['--punch-hole', ...place, '/proc/self/fd/3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
    });
    const [status] = await once(child, 'close').catch(() => ['missing']);
    if (status === 'missing') isMissing = true;
    if (status !== 0) return;
  }
}
