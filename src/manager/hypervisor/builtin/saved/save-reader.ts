/**
 * Reads the file of a saved machine. The file may be hostile: every offset, length and checksum is checked before it is
 * used, and nothing becomes larger than the format says.
 */
import {constants, readSync} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {crc32, zstdDecompress, zstdDecompressSync} from 'node:zlib';
import {ManagerError} from '../../../protocol/errors.js';
import {commonPages, contentBytesOf, isEmpty, otherPages, runsOf} from './chunk-pages.js';
import {
  badSave,
  CHUNK_BYTES,
  CHUNK_PIECES_MAX,
  type ChunkPages,
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
import {type BasePiece, type SavedBase, stateFileName, stateIdOf} from './saved-base.js';
import {RAM_PAGE_BYTES} from './saved-ram.js';

const decompress = promisify(zstdDecompress);
/** Chunks that are read and decompressed at once. */
const PARALLEL = 4;

/** A saved machine whose memory is being checked. */
export interface OpenedState {
  readonly reader: SaveReader;
  /** Errors: those of `SaveReader.verify` */
  readonly verified: Promise<void>;
}

/**
 * Opens a state and begins to check all of it but what lies in `sound` files, by their names less `.state`.
 * Errors: those of `SaveReader.open`
 */
export async function openState(path: string, sound?: ReadonlySet<string>): Promise<OpenedState> {
  const reader = await SaveReader.open(path);
  const verified = reader.verify(sound);
  // Whoever goes on from it awaits that once the machine is there; until then it is nobody's.
  verified.catch(() => undefined);
  return {reader, verified};
}

/** A saved machine; dispose it to close the file. */
export class SaveReader implements AsyncDisposable {
  readonly head: SaveHead;
  readonly path: string;
  /** This one, and those it stands on. */
  readonly #files: readonly FileHandle[];
  /** Where RAM is stored. */
  readonly rows: readonly ChunkRow[];
  readonly #scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);

  private constructor(path: string, files: readonly FileHandle[], head: SaveHead, rows: readonly ChunkRow[]) {
    this.path = path;
    this.#files = files;
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
      const rows = await readTable(file, footer, end, path, {
        memoryBytes: head.machine.memoryBytes,
        sourceCount: head.sources.length,
      });
      return new SaveReader(path, [file, ...(await openSources(path, head.sources))], head, rows);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** Checks all that is stored of RAM in files that are not `sound`, without unpacking it. Errors: bad-snapshot for damaged chunks */
  async verify(sound: ReadonlySet<string> = new Set()): Promise<void> {
    const isSound = [stateIdOf(basename(this.path)), ...this.head.sources].map(
      (id) => id !== undefined && sound.has(id),
    );
    const next = this.rows.filter(({source}) => !isSound[source]).values();
    const work = async () => {
      // One for all: memory that the host has given once costs nothing the second time.
      const scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      for (const row of next) this.#check(row, await this.#read(row, scratch));
    };
    await Promise.all(Array.from({length: PARALLEL}, work));
  }

  /** The pages of a chunk, one behind the other, maybe in `scratch`. Errors: bad-snapshot when it is damaged */
  async readChunk(row: ChunkRow, scratch: Buffer<ArrayBuffer>): Promise<Buffer> {
    const stored = this.#check(row, await this.#read(row, scratch));
    return isAsItIs(row) ? stored : this.#whole(row, await unpack(stored, contentBytesOf(row.pages)));
  }

  /** The bytes that are stored of a chunk. Errors: bad-snapshot when they are damaged */
  async readStored(row: ChunkRow): Promise<Buffer> {
    return this.#check(row, await this.#read(row, Buffer.allocUnsafeSlow(CHUNK_BYTES)));
  }

  /** What `readChunk` gives, while everything else waits, also in the buffer of the last one. */
  readChunkNow(row: ChunkRow): Buffer {
    let done = 0;
    while (done < row.storedBytes) {
      const read = readSync(
        this.#files[row.source]!.fd,
        this.#scratch,
        done,
        row.storedBytes - done,
        row.offset + done,
      );
      if (read === 0) break;
      done += read;
    }
    const stored = this.#check(row, this.#scratch.subarray(0, done));
    return isAsItIs(row) ? stored : this.#whole(row, unpackNow(stored, contentBytesOf(row.pages)));
  }

  /** For a later save of the same machine to stand on; undefined for a file that has another name than such files have. */
  get base(): SavedBase | undefined {
    const id = stateIdOf(basename(this.path));
    if (id === undefined) return undefined;
    const pieces = new Map<number, BasePiece[]>();
    for (const {source, ...piece} of this.rows) {
      const file = source === 0 ? id : this.head.sources[source - 1]!;
      pieces.set(piece.index, [...(pieces.get(piece.index) ?? []), {...piece, file}]);
    }
    return {id, pieces};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files) await file.close();
  }

  #read({source, offset, storedBytes}: ChunkRow, scratch: Buffer<ArrayBuffer>): Promise<Buffer> {
    return readAt(this.#files[source]!, offset, storedBytes, scratch);
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

/** Beside the file that stands on them. Errors: bad-snapshot */
async function openSources(path: string, ids: readonly string[]): Promise<FileHandle[]> {
  const files: FileHandle[] = [];
  for (const id of ids) {
    const source = join(dirname(path), stateFileName(id));
    try {
      files.push(await open(source, constants.O_RDONLY | constants.O_NOFOLLOW));
    } catch {
      for (const file of files) await file.close();
      throw badSave(path, `${source}, which it stands on, cannot be read`);
    }
  }
  return files;
}

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
  {memoryBytes, sourceCount}: {readonly memoryBytes: number; readonly sourceCount: number},
): Promise<ChunkRow[]> {
  const rowsMax = Math.ceil(memoryBytes / CHUNK_BYTES) * CHUNK_PIECES_MAX;
  if (memoryBytes % RAM_PAGE_BYTES !== 0) throw badSave(path, 'its memory has no whole pages');
  if (table.count > rowsMax || !isInside(table.offset, table.count * ROW_BYTES, end))
    throw badSave(path, 'its table lies outside the file');
  const bytes = await readAt(file, table.offset, table.count * ROW_BYTES);
  if (bytes.length !== table.count * ROW_BYTES || crc32(bytes) !== table.checksum)
    throw badSave(path, 'its table is damaged');
  const rows = decodeTable(bytes);
  const seen = new Map<number, ChunkPages[]>();
  for (const {index, used} of rows) seen.set(index, [...(seen.get(index) ?? []), used]);
  const isSound = rows.every(
    ({index, source, storedBytes, offset, pages, used}) =>
      source <= sourceCount &&
      isEmpty(otherPages(used, pages)) &&
      storedBytes <= contentBytesOf(pages) &&
      runsOf(pages).every(({first, count}) => index * CHUNK_BYTES + (first + count) * RAM_PAGE_BYTES <= memoryBytes) &&
      isInside(offset, storedBytes, source === 0 ? end : Number.MAX_SAFE_INTEGER),
  );
  const isUsedOnce = [...seen.values()].every((sets) =>
    sets.every((set, i) => sets.slice(0, i).every((other) => isEmpty(commonPages(set, other)))),
  );
  if (!isSound || !isUsedOnce) throw badSave(path, 'its table makes no sense');
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
