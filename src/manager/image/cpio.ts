/** Writes cpio archives in the "newc" form, which the Linux kernel unpacks as its initramfs. Same entries, same bytes. */

/** One file, folder, link or device of an archive. `path` is relative and has no leading slash. */
export type CpioEntry =
  | {readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Uint8Array}
  | {readonly kind: 'directory'; readonly path: string; readonly mode: number}
  | {readonly kind: 'symlink'; readonly path: string; readonly target: string}
  | {
      readonly kind: 'character-device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Builds the archive. Folders must come before what they hold: the kernel does not create them by itself.
 * Shape:  entry = 110-byte header of "070701" and 13 fields of 8 hex digits, name + NUL padded to 4, data padded to 4;
 *         the last entry is named TRAILER!!!
 * Errors: throws on a path that is empty, absolute, climbs with `..`, holds NUL or repeats, and on a file of 4 GiB
 * Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const seen = new Set<string>();
  let inode = 1; // numbered from 1, so that no two entries look like hard links of one file
  for (const entry of entries) {
    checkPath(entry.path, seen);
    const data = dataOf(entry);
    const isDevice = entry.kind === 'character-device';
    parts.push(
      header(inode, modeOf(entry), entry.kind === 'directory' ? 2 : 1, data.length, entry.path, {
        major: isDevice ? entry.major : 0,
        minor: isDevice ? entry.minor : 0,
      }),
      data,
      padding(data.length),
    );
    inode += 1;
  }
  parts.push(header(0, 0, 1, 0, 'TRAILER!!!', {major: 0, minor: 0}));
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  parts.push(new Uint8Array(-size & 511)); // whole 512-byte blocks, as cpio itself writes
  return concatenate(parts);
}

function checkPath(path: string, seen: Set<string>): void {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..') || path.includes('\0'))
    throw new Error(`not a path for an archive: ${JSON.stringify(path)}`);
  if (seen.has(path)) throw new Error(`twice in one archive: ${path}`);
  seen.add(path);
}

function dataOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.data;
  if (entry.kind === 'symlink') return encoder.encode(entry.target);
  return EMPTY;
}

function modeOf(entry: CpioEntry): number {
  switch (entry.kind) {
    case 'file':
      return S_IFREG | entry.mode;
    case 'directory':
      return S_IFDIR | entry.mode;
    case 'symlink':
      return S_IFLNK | 0o777;
    case 'character-device':
      return S_IFCHR | entry.mode;
  }
}

function header(
  inode: number,
  mode: number,
  links: number,
  size: number,
  path: string,
  device: {readonly major: number; readonly minor: number},
): Uint8Array {
  if (size >= 2 ** 32) throw new Error(`too large for a cpio archive: ${path}`);
  const name = encoder.encode(`${path}\0`);
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, device.major, device.minor, name.length, 0];
  const text = `070701${fields.map((field) => field.toString(16).padStart(8, '0').toUpperCase()).join('')}`;
  return concatenate([encoder.encode(text), name, padding(text.length + name.length)]);
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
