/** Lines about files as `ls -l` has them: clients show them as they are. */
import type {GuestFolderEntry} from '../../agent/guest-files.js';

/** Bits of a mode that say what a file is. Source: inode(7) */
export const S_IFMT = 0o170_000;
export const S_IFDIR = 0o040_000;
export const S_IFREG = 0o100_000;

const KINDS: ReadonlyMap<number, string> = new Map([
  [S_IFDIR, 'd'],
  [S_IFREG, '-'],
  [0o120_000, 'l'],
  [0o020_000, 'c'],
  [0o060_000, 'b'],
  [0o010_000, 'p'],
  [0o140_000, 's'],
]);
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
/** Older files show their year instead of the hour. */
const RECENT_SECONDS = 180 * 86_400;

/** The line of a file. `nowSeconds` since 1970. */
export function listingLine(
  {mode, links, uid, gid, size, mtime, name}: GuestFolderEntry,
  nowSeconds: number,
): Uint8Array {
  const columns = [
    modeText(mode),
    String(links).padStart(4),
    String(uid).padEnd(8),
    String(gid).padEnd(8),
    String(size).padStart(8),
    timeText(mtime, nowSeconds),
  ];
  return Buffer.concat([Buffer.from(`${columns.join(' ')} `), name]);
}

function modeText(mode: number): string {
  const letters = [6, 3, 0].map((shift, who) => {
    const bits = (mode >> shift) & 7;
    const isSpecial = ((mode >> (11 - who)) & 1) === 1;
    const special = who === 2 ? 't' : 's';
    const execute = isSpecial ? (bits & 1 ? special : special.toUpperCase()) : bits & 1 ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${execute}`;
  });
  return `${KINDS.get(mode & S_IFMT) ?? '?'}${letters.join('')}`;
}

function timeText(mtime: number, nowSeconds: number): string {
  const date = new Date(mtime * 1000);
  const day = `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`;
  const isRecent = mtime <= nowSeconds && mtime > nowSeconds - RECENT_SECONDS;
  return isRecent ? `${day} ${date.toISOString().slice(11, 16)}` : `${day}  ${date.getUTCFullYear()}`;
}
