/** Names that a busybox program is: what it is not asked for by name, it must be told by a link. */

const NAME = /^[a-zA-Z0-9_.[-]{1,32}$/;
/** More than any busybox has; bounds the walk over a file that is none. */
const MAX_APPLETS = 1000;

/**
 * Finds the applet names in a busybox program without running it (it is for another architecture).
 * Shape:  `applet_names` in read-only data: sorted names, each ended by NUL, then one more NUL; `[` and `[[` come first
 * Errors: throws RangeError when the file holds no such table with `sh` and `mount` in it
 */
export function findApplets(program: Uint8Array): string[] {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const start = Buffer.from('[\0[[\0');
  for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1)) {
    const names = namesFrom(bytes, at);
    if (names.includes('sh') && names.includes('mount')) return names;
  }
  throw new RangeError('the busybox program holds no table of its applets');
}

function namesFrom(bytes: Buffer, start: number): string[] {
  const names: string[] = [];
  let offset = start;
  while (names.length < MAX_APPLETS) {
    const end = bytes.indexOf(0, offset);
    const name = bytes.toString('latin1', offset, end < 0 ? offset : end);
    if (!NAME.test(name)) break; // the empty name is the end of the table
    names.push(name);
    offset = end + 1;
  }
  return names;
}
