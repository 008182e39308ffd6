/** Writes the file of a saved machine: RAM in chunks that are compressed beside each other, then what finds them. */
import {type FileHandle, open, rm} from 'node:fs/promises';
import {crc32} from 'node:zlib';
import {packContent} from './chunk-packing.js';
import {commonPages, countPages, findPages, isEmpty, otherPages, packPages, pickPages} from './chunk-pages.js';
import {
  CHUNK_BYTES,
  CHUNK_PIECES_MAX,
  type ChunkPages,
  type ChunkPiece,
  encodePreamble,
  type SaveHead,
} from './format.js';
import {type BasePiece, filesOf, type SavedBase} from './saved-base.js';
import {RAM_PAGE_BYTES, type RamSource} from './saved-ram.js';
import {encodeEnd} from './state-end.js';

/** Chunks that are compressed at once; bounds memory and the threads that are taken from other work. */
const PARALLEL = 4;
const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
/** Older pieces are kept while no more than so many times as many pages are read as are used. */
const USED_PART_MIN = 2;

/** Small files take time to write and read; quick ones are RAM as it is. */
export type SavePacking = 'small' | 'quick';

/** How a state is written. */
export interface SaveOptions {
  readonly packing: SavePacking;
  /** What the file will be called, less `.state`: needed where a later one is to stand on it. */
  readonly id?: string | undefined;
  /** The state that RAM tells the changes since. Its files lie in the new one's folder. */
  readonly base?: SavedBase | undefined;
}

/** Bytes that were written, and what a later save may stand on. */
export interface SaveSummary {
  readonly fileBytes: number;
  readonly touchedBytes: number;
  readonly base: SavedBase | undefined;
}

/** A chunk that is stored: pages in `changed` anew, and what is left of older pieces. */
interface ChunkPlan {
  readonly index: number;
  readonly first: number;
  readonly count: number;
  readonly changed: ChunkPages;
  readonly kept: readonly BasePiece[];
}

/** Writes a new file; nothing of it stays when that fails. It is not synced. */
export async function writeSave(
  path: string,
  head: Omit<SaveHead, 'sources'>,
  ram: RamSource,
  options: SaveOptions,
): Promise<SaveSummary> {
  // Before anything is awaited: the guest may write at once to what is not asked for.
  const plans = planChunks(ram, options.base);
  const file = await open(path, 'wx', 0o600);
  try {
    const writer = new SaveWriter(file, ram, options);
    await writer.append(encodePreamble());
    const next = plans.values();
    const work = async () => {
      for (const plan of next) await writer.chunk(plan);
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

/** Chunks that hold a touched page, or did when the base was written. */
function planChunks(ram: RamSource, base: SavedBase | undefined): ChunkPlan[] {
  const pages = ram.sizeBytes / RAM_PAGE_BYTES;
  const plans: ChunkPlan[] = [];
  for (let first = 0; first < pages; first += CHUNK_PAGES) {
    const index = first / CHUNK_PAGES;
    const count = Math.min(CHUNK_PAGES, pages - first);
    const touched = pickPages(first, count, (page) => ram.isTouched(page));
    if (isEmpty(touched)) continue;
    const older = base?.pieces.get(index) ?? [];
    const changed = base === undefined ? touched : pickPages(first, count, (page) => ram.isChanged(page));
    if (isEmpty(changed)) ram.leave(first, count);
    const isWhole = isEmpty(pickPages(first, count, (page) => ram.isAbsent(page)));
    plans.push({index, first, count, ...split(touched, changed, older, isWhole)});
  }
  return plans;
}

/**
 * What is stored anew: what has changed, or all where the older pieces have become too many or too empty, unless not all
 * is there.
 */
function split(
  touched: ChunkPages,
  changed: ChunkPages,
  older: readonly BasePiece[],
  isWhole: boolean,
): {readonly changed: ChunkPages; readonly kept: readonly BasePiece[]} {
  if (isEmpty(changed)) return {changed, kept: older};
  const kept = older
    .map((piece) => ({...piece, used: otherPages(piece.used, changed)}))
    .filter(({used}) => !isEmpty(used));
  const sum = (pick: (piece: BasePiece) => ChunkPages) =>
    kept.reduce((total, piece) => total + countPages(pick(piece)), 0);
  const isWorthwhile =
    kept.length < CHUNK_PIECES_MAX && sum(({pages}) => pages) <= USED_PART_MIN * sum(({used}) => used);
  return isWorthwhile || !isWhole ? {changed, kept} : {changed: touched, kept: []};
}

class SaveWriter {
  readonly #file: FileHandle;
  readonly #ram: RamSource;
  readonly #options: SaveOptions;
  /** Pieces of this file have no name yet. */
  readonly #pieces = new Map<number, readonly (ChunkPiece & {readonly file: string | undefined})[]>();
  #end = 0;
  #touchedPages = 0;

  constructor(file: FileHandle, ram: RamSource, options: SaveOptions) {
    this.#options = options;
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

  async chunk({index, first, count, changed, kept}: ChunkPlan): Promise<void> {
    for (let page = first; page < first + count; page++) if (this.#ram.isTouched(page)) this.#touchedPages++;
    this.#pieces.set(index, kept);
    if (isEmpty(changed)) return;
    const chunk = this.#ram.take(first, count);
    const pages = commonPages(findPages(chunk), changed);
    if (isEmpty(pages)) return;
    const content = packPages(chunk, pages);
    const stored = this.#options.packing === 'quick' ? content : await packContent(content);
    const offset = await this.append(stored);
    const checksum = crc32(stored);
    const piece = {index, storedBytes: stored.length, offset, checksum, pages, used: pages, file: undefined};
    this.#pieces.set(index, [...kept, piece]);
  }

  async finish(head: Omit<SaveHead, 'sources'>): Promise<SaveSummary> {
    const {id, base} = this.#options;
    const used = new Set([...this.#pieces.values()].flat().map(({file}) => file));
    const sources = base === undefined ? [] : [...filesOf(base)].filter((file) => used.has(file));
    const rows = [...this.#pieces.values()].flat().map((piece) => ({
      ...piece,
      source: piece.file === undefined ? 0 : sources.indexOf(piece.file) + 1,
    }));
    await this.append(await encodeEnd(this.#end, {...head, sources}, rows));
    const touchedBytes = this.#touchedPages * RAM_PAGE_BYTES;
    return {fileBytes: this.#end, touchedBytes, base: id === undefined ? undefined : this.#asBase(id)};
  }

  #asBase(id: string): SavedBase {
    const named = [...this.#pieces].map(
      ([index, pieces]) => [index, pieces.map((piece) => ({...piece, file: piece.file ?? id}))] as const,
    );
    return {id, pieces: new Map(named)};
  }
}
