/**
 * Reads the file of a saved machine. The file may be hostile: every offset, length and checksum is checked before it is
 * used, and nothing becomes larger than the format says.
 */
import {readSync} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {promisify} from 'node:util';
import {crc32, zstdDecompress, zstdDecompressSync} from 'node:zlib';
import {ManagerError} from '../../../protocol/errors.js';
import {contentBytesOf, runsOf} from './chunk-pages.js';
import {
  badSave,
  CHUNK_BYTES,
  type ChunkRow,
  checkPreamble,
  decodeFooter,
  decodeTable,
  FOOTER_BYTES,
  type Footer,
  HEAD_BYTES_MAX,
  PREAMBLE_BYTES,
  ROW_BYTES,
  type SaveHead,
  saveHeadSchema,
} from './format.js';
import {RAM_PAGE_BYTES} from './saved-ram.js';

const decompress = promisify(zstdDecompress);
/** Chunks that are read and decompressed at once. */
const PARALLEL = 4;

/** A saved machine; dispose it to close the file. */
export class SaveReader implements AsyncDisposable {
  readonly head: SaveHead;
  readonly path: string;
  readonly #file: FileHandle;
  /** Where RAM is stored. */
  readonly rows: readonly ChunkRow[];
  readonly #scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);

  private constructor(path: string, file: FileHandle, head: SaveHead, rows: readonly ChunkRow[]) {
    this.path = path;
    this.#file = file;
    this.head = head;
    this.rows = rows;
  }

  /** Reads all but RAM. Errors: bad-snapshot, file-not-found */
  static async open(path: string): Promise<SaveReader> {
    const file = await open(path, 'r').catch((cause: unknown) => {
      throw new ManagerError('file-not-found', `${path} cannot be read.`, 'Check the path.', {cause});
    });
    try {
      const {size} = await file.stat();
      checkPreamble(await readAt(file, 0, Math.min(PREAMBLE_BYTES, size)), path);
      if (size < PREAMBLE_BYTES + FOOTER_BYTES) throw badSave(path, 'its end is missing');
      const end = size - FOOTER_BYTES;
      const footer = decodeFooter(await readAt(file, end, FOOTER_BYTES), path);
      const head = await readHead(file, footer, end, path);
      const rows = await readTable(file, footer, end, path, head.machine.memoryBytes);
      return new SaveReader(path, file, head, rows);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** Checks all that is stored of RAM, without unpacking it. Errors: bad-snapshot for damaged chunks */
  async verify(): Promise<void> {
    const next = this.rows.values();
    const work = async () => {
      // One for all: memory that the host has given once costs nothing the second time.
      const scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      for (const row of next) this.#check(row, await readAt(this.#file, row.offset, row.storedBytes, scratch));
    };
    await Promise.all(Array.from({length: PARALLEL}, work));
  }

  /** The pages of a chunk, one behind the other, maybe in `scratch`. Errors: bad-snapshot when it is damaged */
  async readChunk(row: ChunkRow, scratch: Buffer<ArrayBuffer>): Promise<Buffer> {
    const stored = this.#check(row, await readAt(this.#file, row.offset, row.storedBytes, scratch));
    return isAsItIs(row) ? stored : this.#whole(row, await unpack(stored, contentBytesOf(row.pages)));
  }

  /** The same while everything else waits, also in the buffer of the last one. */
  readChunkNow(row: ChunkRow): Buffer {
    let done = 0;
    while (done < row.storedBytes) {
      const read = readSync(this.#file.fd, this.#scratch, done, row.storedBytes - done, row.offset + done);
      if (read === 0) break;
      done += read;
    }
    const stored = this.#check(row, this.#scratch.subarray(0, done));
    return isAsItIs(row) ? stored : this.#whole(row, unpackNow(stored, contentBytesOf(row.pages)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #check(row: ChunkRow, stored: Buffer): Buffer {
    if (stored.length !== row.storedBytes || crc32(stored) !== row.checksum) throw this.#damaged(row);
    return stored;
  }

  #whole(row: ChunkRow, content: Buffer | undefined): Buffer {
    if (content?.length !== contentBytesOf(row.pages)) throw this.#damaged(row);
    return content;
  }

  #damaged({index}: ChunkRow): ManagerError {
    return badSave(this.path, `the memory from ${index * CHUNK_BYTES} on is damaged`);
  }
}

const isAsItIs = ({storedBytes, pages}: ChunkRow) => storedBytes === contentBytesOf(pages);

async function readHead(file: FileHandle, {head}: Footer, end: number, path: string): Promise<SaveHead> {
  if (!isInside(head.offset, head.storedBytes, end) || head.storedBytes > HEAD_BYTES_MAX)
    throw badSave(path, 'its head lies outside the file');
  const content = await unpack(await readAt(file, head.offset, head.storedBytes), HEAD_BYTES_MAX);
  if (content === undefined || crc32(content) !== head.checksum) throw badSave(path, 'its head is damaged');
  const parsed = saveHeadSchema.safeParse(parseJson(content));
  if (!parsed.success) throw badSave(path, 'its head makes no sense');
  return parsed.data;
}

async function readTable(
  file: FileHandle,
  {table}: Footer,
  end: number,
  path: string,
  memoryBytes: number,
): Promise<ChunkRow[]> {
  const chunks = Math.ceil(memoryBytes / CHUNK_BYTES);
  if (memoryBytes % RAM_PAGE_BYTES !== 0) throw badSave(path, 'its memory has no whole pages');
  if (table.count > chunks || !isInside(table.offset, table.count * ROW_BYTES, end))
    throw badSave(path, 'its table lies outside the file');
  const bytes = await readAt(file, table.offset, table.count * ROW_BYTES);
  if (bytes.length !== table.count * ROW_BYTES || crc32(bytes) !== table.checksum)
    throw badSave(path, 'its table is damaged');
  const rows = decodeTable(bytes);
  const seen = new Set(rows.map(({index}) => index));
  const isSound = rows.every(
    ({index, storedBytes, offset, pages}) =>
      index < chunks &&
      storedBytes <= contentBytesOf(pages) &&
      runsOf(pages).every(({first, count}) => index * CHUNK_BYTES + (first + count) * RAM_PAGE_BYTES <= memoryBytes) &&
      isInside(offset, storedBytes, end),
  );
  if (!isSound || seen.size !== rows.length) throw badSave(path, 'its table makes no sense');
  return rows;
}

function isInside(offset: number, length: number, end: number): boolean {
  return Number.isSafeInteger(offset) && offset >= PREAMBLE_BYTES && length <= end && offset <= end - length;
}

/** Fewer bytes at the file's end. */
async function readAt(file: FileHandle, offset: number, length: number, into = Buffer.alloc(length)): Promise<Buffer> {
  const bytes = into.subarray(0, length);
  let done = 0;
  while (done < length) {
    const {bytesRead} = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Undefined for what is no zstd frame, or becomes longer than `mostBytes`. */
async function unpack(stored: Buffer, mostBytes: number): Promise<Buffer | undefined> {
  try {
    return await decompress(stored, {maxOutputLength: mostBytes, chunkSize: CHUNK_BYTES});
  } catch {
    return undefined;
  }
}

function unpackNow(stored: Buffer, mostBytes: number): Buffer | undefined {
  try {
    return zstdDecompressSync(stored, {maxOutputLength: mostBytes, chunkSize: CHUNK_BYTES});
  } catch {
    return undefined;
  }
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}
