/**
 * The list of loose clusters in an image's header (see `loose-clusters.ts`): runs of clusters in an extension of our own,
 * zeros behind the last, and the autoclear bit that says that it counts.
 * Shape: {first: u64be, count: u64be}[LOOSE_RUNS_MAX]
 */
import {SECTOR_BYTES} from '../../contract.js';
import type {ImageFile} from '../../image-file.js';
import {EXTENSION, setU64, u64} from './layout.js';
import type {Run} from './refcounts.js';

/** The most runs that are listed. */
export const LOOSE_RUNS_MAX = 8;
/** Bytes of the extension, its own header apart. */
export const LOOSE_LIST_BYTES = LOOSE_RUNS_MAX * 16;
/** Smaller clusters have no room for it. */
export const LOOSE_CLUSTER_BYTES_MIN = 4096;

const AUTOCLEAR_AT = 88;
/** Bit 62, in the upper half. */
const AUTOCLEAR_LOOSE = 0x4000_0000;

/** An image's list: where it lies, and what it says. */
export interface LooseList {
  /** The header from the autoclear bits to the end of the list. */
  readonly bytes: Uint8Array;
  readonly runs: readonly Run[];
}

/** Reads the list whose body begins at `at` of the header; undefined when bit and list do not lie in the first sector. */
export function readLooseList(header: Uint8Array, at: number, length: number): LooseList | undefined {
  if (length !== LOOSE_LIST_BYTES || at + length > Math.min(SECTOR_BYTES, header.length)) return undefined;
  const bytes = header.slice(AUTOCLEAR_AT, at + length);
  const view = new DataView(bytes.buffer);
  const runs: Run[] = [];
  if ((view.getUint32(0) & AUTOCLEAR_LOOSE) !== 0)
    for (let entry = bytes.length - length; entry < bytes.length; entry += 16) {
      const run = {first: u64(view, entry), count: u64(view, entry + 8)};
      if (run.count > 0) runs.push(run);
    }
  // What else was bound to the content is out of date as soon as this is written again.
  view.setUint32(0, 0);
  view.setUint32(4, 0);
  return {bytes, runs};
}

/** Writes another list in one sector. Not durable by itself. */
export async function writeLooseList(file: ImageFile, {bytes}: LooseList, runs: readonly Run[]): Promise<void> {
  const written = bytes.slice();
  const view = new DataView(written.buffer);
  view.setUint32(0, runs.length > 0 ? AUTOCLEAR_LOOSE : 0);
  const start = written.length - LOOSE_LIST_BYTES;
  written.fill(0, start);
  for (const [index, {first, count}] of runs.entries()) {
    setU64(view, start + index * 16, first);
    setU64(view, start + index * 16 + 8, count);
  }
  await file.writev([written], AUTOCLEAR_AT);
}

/** Puts an empty list into a header that is being made. Answers with where the next extension goes. */
export function addLooseList(view: DataView, at: number): number {
  view.setUint32(at, EXTENSION.LOOSE_CLUSTERS);
  view.setUint32(at + 4, LOOSE_LIST_BYTES);
  return at + 8 + LOOSE_LIST_BYTES;
}
