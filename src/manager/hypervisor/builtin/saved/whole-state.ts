/** Saved machines as files that stand alone: what lies in others beside them is taken in. */
import {crc32} from 'node:zlib';
import {ManagerError} from '../../../protocol/errors.js';
import type {StateMake} from '../../contract.js';
import {packContent} from './chunk-packing.js';
import {
  commonPages,
  contentBytesOf,
  isEmpty,
  joinPages,
  otherPages,
  packPages,
  pickPages,
  runsOf,
} from './chunk-pages.js';
import {badSave, CHUNK_BYTES, type ChunkPages, type ChunkRow, encodePreamble} from './format.js';
import {SaveReader} from './save-reader.js';
import {RAM_PAGE_BYTES} from './saved-ram.js';
import {encodeEnd} from './state-end.js';

/** See `HypervisorDriver.readState`. */
export async function* readWholeState(
  path: string,
  onProgress?: (done: number, total: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using reader = await SaveReader.open(path);
  const byIndex = new Map<number, ChunkRow[]>();
  for (const row of reader.rows) byIndex.set(row.index, [...(byIndex.get(row.index) ?? []), row]);
  const written: ChunkRow[] = [];
  const preamble = encodePreamble();
  yield preamble;
  let offset = preamble.length;
  let done = 0;
  for (const [index, rows] of [...byIndex].sort(([a], [b]) => a - b)) {
    const {pages, bytes} = await readWholeChunk(reader, rows);
    written.push({index, source: 0, storedBytes: bytes.length, offset, checksum: crc32(bytes), pages, used: pages});
    yield bytes;
    offset += bytes.length;
    onProgress?.(++done, byIndex.size);
  }
  yield await encodeEnd(offset, {...reader.head, sources: []}, written);
}

/** See `HypervisorDriver.checkState`. */
export async function checkWholeState(path: string, {memoryBytes, hartCount}: StateMake): Promise<void> {
  await using reader = await SaveReader.open(path);
  const {machine, sources} = reader.head;
  if (sources.length > 0)
    throw new ManagerError('bad-snapshot', `${path} stands on other files.`, 'Use a snapshot that was exported.');
  if (machine.memoryBytes !== memoryBytes) throw badSave(path, 'the machine has another memory size');
  if (machine.harts.length !== hartCount) throw badSave(path, 'the machine has another number of CPUs');
}

/** What is to be stored of a chunk: packed already as it is, pieces put together and packed again. */
async function readWholeChunk(
  reader: SaveReader,
  rows: readonly ChunkRow[],
): Promise<{readonly pages: ChunkPages; readonly bytes: Buffer}> {
  const [row] = rows;
  if (row !== undefined && rows.length === 1 && isEmpty(otherPages(row.pages, row.used))) {
    const stored = await reader.readStored(row);
    const isPacked = stored.length < contentBytesOf(row.pages);
    return {pages: row.pages, bytes: isPacked ? stored : await packContent(stored)};
  }
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let pages: ChunkPages = {low: 0, high: 0};
  for (const piece of rows) {
    copyUsed(piece, await reader.readChunk(piece, scratch), chunk);
    pages = joinPages(pages, piece.used);
  }
  return {pages, bytes: await packContent(packPages(chunk, pages))};
}

/** Puts the pages of a piece that count where they belong. */
function copyUsed({pages, used}: ChunkRow, content: Buffer, chunk: Buffer): void {
  let at = 0;
  for (const run of runsOf(pages)) {
    const inRun = pickPages(0, run.first + run.count, (page) => page >= run.first);
    for (const {first, count} of runsOf(commonPages(used, inRun))) {
      const start = at + (first - run.first) * RAM_PAGE_BYTES;
      content.copy(chunk, first * RAM_PAGE_BYTES, start, start + count * RAM_PAGE_BYTES);
    }
    at += run.count * RAM_PAGE_BYTES;
  }
}
