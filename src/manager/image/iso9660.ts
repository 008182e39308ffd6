/**
 * Writes ISO 9660 images of one flat folder, with the names as Joliet has them. Files come first and the tables that find
 * them last, so that sizes need not be known before a file is written; an image is one when `finish` resolved.
 *
 *   sector 0…15 empty │ 16 volume │ 17 Joliet volume │ 18 end of volumes │ files │ path tables │ folders
 *
 * Source: ECMA-119 (ISO 9660); Joliet Specification 1.0
 */
import {type FileHandle, open} from 'node:fs/promises';

/** Units: bytes */
export const SECTOR_BYTES = 2048;
const FIRST_FREE_SECTOR = 19;
/** One extent has 32 bits for its size. */
const FILE_BYTES_MAX = 2 ** 32 - SECTOR_BYTES;
/** Joliet names have 64 characters. */
const NAME = /^[\x20-\x7e]{1,64}$/;
const FORBIDDEN = /[*/:;?\\]/;
const FILES_MAX = 4096;
const BUFFER_BYTES = 1 << 20;

interface IsoFile {
  readonly name: string;
  readonly sector: number;
  readonly sizeBytes: number;
}

/** See the module. Dispose it to close the file. */
export class IsoWriter implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #label: string;
  readonly #files: IsoFile[] = [];
  #sector = FIRST_FREE_SECTOR;

  private constructor(file: FileHandle, label: string) {
    this.#file = file;
    this.#label = label;
  }

  /** Makes the image's file, which must not be there. `label`: up to 16 capital letters, digits and underscores. */
  static async create(path: string, label: string): Promise<IsoWriter> {
    if (!/^[A-Z0-9_]{1,16}$/.test(label)) throw new RangeError(`no label of a volume: ${JSON.stringify(label)}`);
    return new IsoWriter(await open(path, 'wx', 0o600), label);
  }

  /** Adds a file. Errors: throws RangeError on a name or a size that an image cannot have; system errors pass through */
  async add(name: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    if (!NAME.test(name) || FORBIDDEN.test(name)) throw new RangeError(`no name for an ISO 9660 image: ${name}`);
    if (this.#files.length >= FILES_MAX || this.#files.some((file) => file.name === name))
      throw new RangeError(`one file too many for an ISO 9660 image: ${name}`);
    const sector = this.#sector;
    const start = sector * SECTOR_BYTES;
    let sizeBytes = 0;
    let waiting: Uint8Array[] = [];
    let waitingBytes = 0;
    const flush = async () => {
      await writeAll(this.#file, Buffer.concat(waiting), start + sizeBytes);
      sizeBytes += waitingBytes;
      waiting = [];
      waitingBytes = 0;
    };
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (sizeBytes + waitingBytes > FILE_BYTES_MAX) throw new RangeError(`too long for an ISO 9660 image: ${name}`);
      if (waitingBytes >= BUFFER_BYTES) await flush();
    }
    await flush();
    this.#files.push({name, sector, sizeBytes});
    this.#sector += Math.ceil(sizeBytes / SECTOR_BYTES);
  }

  /** Writes what finds the files. Nothing can be added then. */
  async finish(): Promise<void> {
    const plain = [...this.#files.keys()].map((index) => `F${String(index).padStart(7, '0')}.;1`);
    const isoPaths = this.#sector;
    const jolietPaths = isoPaths + 2;
    const isoRoot = jolietPaths + 2;
    const iso = directory(isoRoot, this.#files, (index) => Buffer.from(plain[index]!, 'latin1'));
    const jolietRoot = isoRoot + iso.length / SECTOR_BYTES;
    // Folders are sorted by name, and Joliet's names are not in the order of the plain ones.
    const sorted = this.#files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const joliet = directory(jolietRoot, sorted, (index) => ucs2(`${sorted[index]!.name};1`));
    const sectors = jolietRoot + joliet.length / SECTOR_BYTES;
    const tables = [
      ...pathTables(isoRoot),
      ...pathTables(jolietRoot),
      iso,
      joliet,
      // Readers ahead of time ask for whole pages.
      Buffer.alloc(SECTOR_BYTES * (-sectors & 15)),
    ];
    await writeAll(this.#file, Buffer.concat(tables), isoPaths * SECTOR_BYTES);
    const volumes = [
      volume({label: this.#label, isJoliet: false, sectors, paths: isoPaths, root: isoRoot, rootBytes: iso.length}),
      volume({
        label: this.#label,
        isJoliet: true,
        sectors,
        paths: jolietPaths,
        root: jolietRoot,
        rootBytes: joliet.length,
      }),
      endOfVolumes(),
    ];
    await writeAll(this.#file, Buffer.concat(volumes), 16 * SECTOR_BYTES);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }
}

/** Shape: records of the folder itself, of what holds it, and of its files; none crosses the end of a sector. */
function directory(root: number, files: readonly IsoFile[], nameOf: (index: number) => Buffer): Buffer {
  // The folder's own size stands in its first two records.
  let sizeBytes = SECTOR_BYTES;
  for (;;) {
    const records = [
      record(Buffer.of(0), root, sizeBytes, true),
      record(Buffer.of(1), root, sizeBytes, true),
      ...files.map((file, index) => record(nameOf(index), file.sector, file.sizeBytes, false)),
    ];
    const packed = pack(records);
    if (packed.length === sizeBytes) return packed;
    sizeBytes = packed.length;
  }
}

function pack(records: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const one of records) {
    const left = SECTOR_BYTES - (at % SECTOR_BYTES);
    if (one.length > left) {
      parts.push(Buffer.alloc(left));
      at += left;
    }
    parts.push(one);
    at += one.length;
  }
  return Buffer.concat([...parts, Buffer.alloc((SECTOR_BYTES - (at % SECTOR_BYTES)) % SECTOR_BYTES)]);
}

/**
 * Shape: length: u8, 0: u8, sector: u32 in both orders, size: u32 in both orders, time: 7 bytes, flags: u8, 0: u16,
 *        volume: u16 in both orders, name's length: u8, name, padded to an even length
 */
function record(name: Buffer, sector: number, sizeBytes: number, isFolder: boolean): Buffer {
  const length = 33 + name.length + ((name.length + 1) & 1);
  const bytes = Buffer.alloc(length);
  bytes[0] = length;
  writeBoth32(bytes, 2, sector);
  writeBoth32(bytes, 10, sizeBytes);
  // The first of January 2000: nobody asks, and the same files are the same image.
  bytes.set([100, 1, 1, 0, 0, 0, 0], 18);
  bytes[25] = isFolder ? 2 : 0;
  writeBoth16(bytes, 28, 1);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

/** The one folder, in both byte orders. Shape: name's length: u8, 0: u8, sector: u32, parent: u16, name padded to an even length */
function pathTables(root: number): Buffer[] {
  const little = Buffer.alloc(SECTOR_BYTES);
  little[0] = 1;
  little.writeUInt32LE(root, 2);
  little.writeUInt16LE(1, 6);
  const big = Buffer.alloc(SECTOR_BYTES);
  big[0] = 1;
  big.writeUInt32BE(root, 2);
  big.writeUInt16BE(1, 6);
  return [little, big];
}

const PATH_TABLE_BYTES = 10;

interface VolumeFacts {
  readonly label: string;
  readonly isJoliet: boolean;
  readonly sectors: number;
  readonly paths: number;
  readonly root: number;
  readonly rootBytes: number;
}

function volume({label, isJoliet, sectors, paths, root, rootBytes}: VolumeFacts): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  const text = (value: string, at: number, length: number) => {
    const field = isJoliet ? ucs2(value.padEnd(length >> 1)) : Buffer.from(value.padEnd(length), 'latin1');
    field.copy(bytes, at, 0, length);
  };
  bytes[0] = isJoliet ? 2 : 1;
  bytes.write('CD001', 1, 'latin1');
  bytes[6] = 1;
  text('', 8, 32);
  text(label, 40, 32);
  writeBoth32(bytes, 80, sectors);
  // Joliet level 3 in its escape sequence.
  if (isJoliet) bytes.write('%/E', 88, 'latin1');
  writeBoth16(bytes, 120, 1);
  writeBoth16(bytes, 124, 1);
  writeBoth16(bytes, 128, SECTOR_BYTES);
  writeBoth32(bytes, 132, PATH_TABLE_BYTES);
  bytes.writeUInt32LE(paths, 140);
  bytes.writeUInt32BE(paths + 1, 148);
  record(Buffer.of(0), root, rootBytes, true).copy(bytes, 156);
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    text('', at, length);
  for (const at of [813, 830, 847, 864]) bytes.write('0'.repeat(16), at, 'latin1');
  bytes[881] = 1;
  return bytes;
}

function endOfVolumes(): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes[0] = 255;
  bytes.write('CD001', 1, 'latin1');
  bytes[6] = 1;
  return bytes;
}

function ucs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function writeBoth32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}

function writeBoth16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const {bytesWritten} = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
