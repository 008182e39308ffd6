/** Headers of tar archives as we write them; `image/tar.ts` reads them. */

/** Unit of a tar archive: a header is one, and bodies are padded to whole ones. */
export const TAR_BLOCK_BYTES = 512;

/** Sizes from here on have no octal form. */
const OCTAL_END = 8 ** 11;

/**
 * The header of a file, which only its owner may read unless `mode` says otherwise.
 * Shape:  ustar; sizes from 8 GiB on in base 256, as GNU tar and bsdtar do it
 * Units:  `atMs` is milliseconds since 1970
 */
export function encodeTarHeader(name: string, sizeBytes: number, atMs: number, mode = 0o600): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  header.write(name, 0, 100, 'latin1');
  const octal = (value: number, at: number, digits: number) =>
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  if (sizeBytes < OCTAL_END) octal(sizeBytes, 124, 11);
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  octal(Math.floor(atMs / 1000), 136, 11);
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  // The checksum field itself counts as spaces.
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Zeros between a body and the next header. */
export function paddingOf(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}
