/** Writes tar streams by hand, broken ones too, for tests of what reads them. */

/** One entry; `patch` may spoil the header after its checksum was made. */
export interface TarPart {
  readonly path: string;
  readonly data?: string;
  readonly type?: string;
  readonly sizeBytes?: number;
  readonly patch?: (header: Buffer) => void;
}

/** Header and padded body of one entry. */
export function tarPart({path, data = '', type = '0', sizeBytes = data.length, patch}: TarPart): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0, 100, 'latin1');
  header.write('0000644\0', 100);
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  patch?.(header);
  return Buffer.concat([header, Buffer.from(data), Buffer.alloc(-data.length & 511)]);
}

/** The two zero blocks that end an archive. */
export const tarEnd: Buffer = Buffer.alloc(1024);

/** A stream of `bytes` in pieces of `pieceBytes`. */
export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) yield bytes.subarray(offset, offset + pieceBytes);
}
