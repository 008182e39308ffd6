/** Which pages of a chunk of RAM a file holds: all others are zero. */
import {CHUNK_BYTES, type ChunkPages} from './format.js';
import {RAM_PAGE_BYTES} from './saved-ram.js';

/** Pages beside each other. Units: indices within the chunk */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
const ZERO_PAGE = Buffer.alloc(RAM_PAGE_BYTES);

/** The pages of a chunk that hold anything but zeros. */
export function findPages(content: Buffer): ChunkPages {
  const halves: [number, number] = [0, 0];
  for (let page = 0; page * RAM_PAGE_BYTES < content.length; page++) {
    const at = page * RAM_PAGE_BYTES;
    if (content.compare(ZERO_PAGE, 0, RAM_PAGE_BYTES, at, at + RAM_PAGE_BYTES) !== 0)
      halves[page >>> 5]! |= 1 << (page & 31);
  }
  return {low: halves[0] >>> 0, high: halves[1] >>> 0};
}

/** The set's pages, in order. */
export function runsOf(pages: ChunkPages): PageRun[] {
  const runs: PageRun[] = [];
  for (let page = 0; page < CHUNK_PAGES; page++) {
    if (!hasPage(pages, page)) continue;
    const first = page;
    while (page < CHUNK_PAGES && hasPage(pages, page)) page++;
    runs.push({first, count: page - first});
  }
  return runs;
}

/** Bytes of the set's pages. */
export function contentBytesOf(pages: ChunkPages): number {
  return runsOf(pages).reduce((sum, {count}) => sum + count, 0) * RAM_PAGE_BYTES;
}

/** The set's pages of a chunk, one behind the other. */
export function packPages(content: Buffer, pages: ChunkPages): Buffer {
  const parts = runsOf(pages).map(({first, count}) =>
    content.subarray(first * RAM_PAGE_BYTES, (first + count) * RAM_PAGE_BYTES),
  );
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Whether a page (index within the chunk) is in a set. */
export function hasPage({low, high}: ChunkPages, page: number): boolean {
  return (((page < 32 ? low : high) >>> (page & 31)) & 1) === 1;
}

/** Those of a chunk's `count` pages that a predicate picks; `first` is what it calls the chunk's first. */
export function pickPages(first: number, count: number, isPicked: (page: number) => boolean): ChunkPages {
  const halves: [number, number] = [0, 0];
  for (let page = 0; page < count; page++) if (isPicked(first + page)) halves[page >>> 5]! |= 1 << (page & 31);
  return {low: halves[0] >>> 0, high: halves[1] >>> 0};
}

/** Pages in both. */
export function commonPages(a: ChunkPages, b: ChunkPages): ChunkPages {
  return {low: (a.low & b.low) >>> 0, high: (a.high & b.high) >>> 0};
}

/** Pages in either. */
export function joinPages(a: ChunkPages, b: ChunkPages): ChunkPages {
  return {low: (a.low | b.low) >>> 0, high: (a.high | b.high) >>> 0};
}

/** Pages in `a` and not in `b`. */
export function otherPages(a: ChunkPages, b: ChunkPages): ChunkPages {
  return {low: (a.low & ~b.low) >>> 0, high: (a.high & ~b.high) >>> 0};
}

/** True for no page at all. */
export function isEmpty({low, high}: ChunkPages): boolean {
  return low === 0 && high === 0;
}

/** How many pages. */
export function countPages(pages: ChunkPages): number {
  return contentBytesOf(pages) / RAM_PAGE_BYTES;
}

/** Pages beside each other, as a set. */
export function pagesOf({first, count}: PageRun): ChunkPages {
  return pickPages(0, CHUNK_PAGES, (page) => page >= first && page < first + count);
}
