/** Writes the file of a saved machine: RAM in chunks that are compressed beside each other, then what finds them. */
import {type FileHandle, open, rm} from 'node:fs/promises';
import {promisify} from 'node:util';
import {constants, crc32, zstdCompress, zstdCompressSync} from 'node:zlib';
import {findPages, packPages} from './chunk-pages.js';
import {CHUNK_BYTES, type ChunkRow, encodeFooter, encodePreamble, encodeTable, type SaveHead} from './format.js';
import {RAM_PAGE_BYTES, type RamSource} from './saved-ram.js';

const compress = promisify(zstdCompress);
/** Level 1: RAM is read back as often as it is written, and time counts more than a tenth of the size. */
const options = {params: {[constants.ZSTD_c_compressionLevel]: 1}, chunkSize: CHUNK_BYTES};
/** Chunks that are compressed at once; bounds memory and the threads that are taken from other work. */
const PARALLEL = 4;
const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
/** A chunk is tried on one page of so many; what that gains less than a tenth on is stored as it is. */
const TRIED_PART = 16;

/** Small files take time to write and read; quick ones are RAM as it is. */
export type SavePacking = 'small' | 'quick';

/** Bytes that were written. */
export interface SaveSummary {
  readonly fileBytes: number;
  readonly touchedBytes: number;
}

/** Writes a new file; nothing of it stays when that fails. It is not synced. */
export async function writeSave(
  path: string,
  head: SaveHead,
  ram: RamSource,
  packing: SavePacking,
): Promise<SaveSummary> {
  const file = await open(path, 'wx', 0o600);
  try {
    const writer = new SaveWriter(file, ram, packing);
    await writer.append(encodePreamble());
    const next = chunkIndices(ram);
    const work = async () => {
      for (let {value: index} = next.next(); index !== undefined; {value: index} = next.next())
        await writer.chunk(index);
    };
    await Promise.all(Array.from({length: PARALLEL}, work));
    return await writer.finish(head);
  } catch (thrown) {
    await rm(path, {force: true});
    throw thrown;
  } finally {
    await file.close();
  }
}

/** Chunks that hold a touched page. */
function* chunkIndices(ram: RamSource): Generator<number, undefined> {
  const pages = ram.sizeBytes / RAM_PAGE_BYTES;
  for (let first = 0; first < pages; first += CHUNK_PAGES) {
    const end = Math.min(first + CHUNK_PAGES, pages);
    for (let page = first; page < end; page++) {
      if (!ram.isTouched(page)) continue;
      yield first / CHUNK_PAGES;
      break;
    }
  }
  return undefined;
}

class SaveWriter {
  readonly #file: FileHandle;
  readonly #ram: RamSource;
  readonly #packing: SavePacking;
  readonly #rows: ChunkRow[] = [];
  #end = 0;
  #touchedPages = 0;

  constructor(file: FileHandle, ram: RamSource, packing: SavePacking) {
    this.#packing = packing;
    this.#file = file;
    this.#ram = ram;
  }

  /** Writes at the file's end; where that was. */
  async append(bytes: Uint8Array): Promise<number> {
    const offset = this.#end;
    this.#end += bytes.length;
    for (let done = 0; done < bytes.length; ) {
      const {bytesWritten} = await this.#file.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
    return offset;
  }

  async chunk(index: number): Promise<void> {
    const first = index * CHUNK_PAGES;
    const count = Math.min(CHUNK_PAGES, this.#ram.sizeBytes / RAM_PAGE_BYTES - first);
    for (let page = first; page < first + count; page++) if (this.#ram.isTouched(page)) this.#touchedPages++;
    const chunk = this.#ram.take(first, count);
    const pages = findPages(chunk);
    if (pages.low === 0 && pages.high === 0) return;
    const content = packPages(chunk, pages);
    const stored = await this.#pack(content);
    const offset = await this.append(stored);
    this.#rows.push({index, storedBytes: stored.length, offset, checksum: crc32(stored), pages});
  }

  /** The content itself when it is to be stored as it is, else something shorter. */
  async #pack(content: Buffer): Promise<Buffer> {
    if (this.#packing === 'quick' || !isCompressible(content)) return content;
    const packed = await compress(content, options);
    return packed.length < content.length ? packed : content;
  }

  async finish(head: SaveHead): Promise<SaveSummary> {
    const content = Buffer.from(JSON.stringify(head));
    const stored = await compress(content, options);
    const headOffset = await this.append(stored);
    const table = encodeTable(this.#rows.sort((a, b) => a.offset - b.offset));
    const tableOffset = await this.append(table);
    await this.append(
      encodeFooter({
        head: {offset: headOffset, storedBytes: stored.length, checksum: crc32(content)},
        table: {offset: tableOffset, count: this.#rows.length, checksum: crc32(table)},
      }),
    );
    return {fileBytes: this.#end, touchedBytes: this.#touchedPages * RAM_PAGE_BYTES};
  }
}

/** Guesses from some of the pages. */
function isCompressible(content: Buffer): boolean {
  const tried: Buffer[] = [];
  for (let at = 0; at < content.length; at += TRIED_PART * RAM_PAGE_BYTES)
    tried.push(content.subarray(at, at + RAM_PAGE_BYTES));
  const sample = Buffer.concat(tried);
  return zstdCompressSync(sample, options).length < sample.length * 0.9;
}
