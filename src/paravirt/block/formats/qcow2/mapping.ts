/**
 * From clusters of the disk to clusters of the file: the L1 table, whole in memory, and the L2 tables in pieces.
 *
 *   disk cluster ─▶ L1[cluster / entries of a table] ─▶ L2 table ─▶ entry: host cluster, compressed bytes, zeros, nothing
 *
 * Invariants: memory changes together with the start of its write; entries that point at metadata, outside the file or
 * between clusters are marked `CORRUPT` as they are read and never followed.
 */
import type {ImageFile} from '../../image-file.js';
import {corrupt, type Header} from './header.js';
import {COMPRESSED, COPIED, CORRUPT, hostOffset, setU64, ZERO} from './layout.js';
import type {MetadataMap} from './metadata-map.js';
import {type Slice, SliceCache} from './slice-cache.js';

/** Bytes of L2 tables in memory: enough for 64 GiB of disk at clusters of 64 KiB. */
const L2_CACHE_BYTES = 8 << 20;

/** What an entry says. `nothing` shows the backing image. */
export type EntryKind = 'nothing' | 'zero' | 'data' | 'compressed' | 'corrupt';

/** Neighbouring clusters of the disk of one kind; `data` lies in one stretch of the file. */
export interface Extent {
  kind: EntryKind;
  count: number;
  /** Of `data`; of `zero`, where a host cluster is kept for it, else 0. */
  position: number;
  /** `data` that belongs to this disk state alone and may be overwritten in place. */
  isCopied: boolean;
  /** Upper and lower half of the first entry. */
  high: number;
  low: number;
}

/** An extent to be filled. */
export const newExtent = (): Extent => ({kind: 'nothing', count: 0, position: 0, isCopied: false, high: 0, low: 0});

/** Where compressed bytes lie. `length` counts to the end of the last sector: at most what the stream needs and more. */
export interface CompressedPlace {
  readonly position: number;
  readonly length: number;
}

/** See the module. */
export class Mapping {
  readonly clusterBytes: number;
  readonly entriesPerTable: number;
  readonly #file: ImageFile;
  readonly #header: Header;
  readonly #metadata: MetadataMap;
  readonly #slices: SliceCache;
  readonly #entriesPerSlice: number;
  #l1: DataView;
  #l1Offset: number;
  #l1Entries: number;

  constructor(file: ImageFile, header: Header, metadata: MetadataMap, l1: Uint8Array) {
    this.#file = file;
    this.#header = header;
    this.#metadata = metadata;
    this.clusterBytes = 2 ** header.clusterBits;
    this.entriesPerTable = this.clusterBytes / 8;
    this.#slices = new SliceCache(file, this.clusterBytes, L2_CACHE_BYTES, (slice) => this.#checkSlice(slice));
    this.#entriesPerSlice = this.#slices.sliceBytes / 8;
    this.#l1 = new DataView(l1.buffer, l1.byteOffset, l1.length);
    this.#l1Offset = header.l1Offset;
    this.#l1Entries = header.l1Entries;
  }

  /** Number of entries of the L1 table. */
  get l1Entries(): number {
    return this.#l1Entries;
  }

  /** Host offset of an L2 table, 0 when there is none. */
  tablePosition(l1Index: number): number {
    if (l1Index >= this.#l1Entries) return 0;
    return hostOffset(this.#l1.getUint32(l1Index * 8), this.#l1.getUint32(l1Index * 8 + 4));
  }

  /** True when the table belongs to this disk state alone. */
  isTableCopied(l1Index: number): boolean {
    return (this.#l1.getUint32(l1Index * 8) & COPIED) !== 0;
  }

  /** True when `extent` can be asked about the cluster without reading. */
  isLoaded(cluster: number): boolean {
    const table = this.tablePosition(Math.floor(cluster / this.entriesPerTable));
    return table === 0 || this.#slices.peek(this.#slicePosition(table, cluster)) !== undefined;
  }

  /** Reads what `extent` needs. */
  async load(cluster: number): Promise<void> {
    const table = this.tablePosition(Math.floor(cluster / this.entriesPerTable));
    if (table !== 0) await this.#slices.load(this.#slicePosition(table, cluster));
  }

  /** What is at the cluster, and how far that goes, at most `countMax` clusters. Fills `extent`; `isLoaded` before. */
  extent(cluster: number, countMax: number, extent: Extent): void {
    const l1Index = Math.floor(cluster / this.entriesPerTable);
    const inTable = cluster - l1Index * this.entriesPerTable;
    const table = this.tablePosition(l1Index);
    extent.position = 0;
    extent.isCopied = false;
    if (table === 0) {
      extent.kind = 'nothing';
      extent.count = Math.min(countMax, this.entriesPerTable - inTable);
      extent.high = 0;
      extent.low = 0;
      return;
    }
    const slice = this.#slices.peek(this.#slicePosition(table, cluster));
    if (slice === undefined) throw new Error('an L2 slice was used before it was loaded');
    const first = inTable % this.#entriesPerSlice;
    const {view} = slice;
    const high = view.getUint32(first * 8);
    const low = view.getUint32(first * 8 + 4);
    const kind = kindOf(high, low);
    extent.kind = kind;
    extent.high = high;
    extent.low = low;
    extent.isCopied = (high & COPIED) !== 0;
    if (kind === 'data' || kind === 'zero') extent.position = hostOffset(high, low);
    const most = kind === 'compressed' || kind === 'corrupt' ? 1 : Math.min(countMax, this.#entriesPerSlice - first);
    let count = 1;
    for (; count < most; count++) {
      const nextHigh = view.getUint32((first + count) * 8);
      const nextLow = view.getUint32((first + count) * 8 + 4);
      if (kindOf(nextHigh, nextLow) !== kind) break;
      if (kind === 'data') {
        if (hostOffset(nextHigh, nextLow) !== extent.position + count * this.clusterBytes) break;
        if (((nextHigh & COPIED) !== 0) !== extent.isCopied) break;
      } else if (kind === 'zero' && hostOffset(nextHigh, nextLow) !== 0) break;
      else if (kind === 'zero' && extent.position !== 0) break;
    }
    extent.count = count;
  }

  /** Where the bytes of a compressed cluster lie. */
  compressedPlace(high: number, low: number): CompressedPlace {
    return compressedPlace(high, low, this.#header.clusterBits);
  }

  /**
   * Sets entries of neighbouring clusters to neighbouring host clusters (or all to one value when `step` is 0), and
   * writes them. They lie in one slice, which is loaded. When the write fails they are as before.
   */
  async setEntries(cluster: number, count: number, high: number, position: number, step: number): Promise<void> {
    const slice = this.#loadedSlice(cluster);
    const first = cluster % this.#entriesPerSlice;
    const before = slice.bytes.slice(first * 8, (first + count) * 8);
    for (let index = 0; index < count; index++) {
      const at = (first + index) * 8;
      setU64(slice.view, at, position + index * step);
      slice.view.setUint32(at, slice.view.getUint32(at) | high);
    }
    try {
      await this.#slices.write(slice, first * 8, (first + count) * 8);
    } catch (error) {
      slice.bytes.set(before, first * 8);
      throw error;
    }
  }

  /** Clusters from this one to the end of its slice. */
  leftInSlice(cluster: number): number {
    return this.#entriesPerSlice - (cluster % this.#entriesPerSlice);
  }

  /** Points an L1 entry at a table of this disk state's own, and writes it. */
  async setTable(l1Index: number, position: number): Promise<void> {
    const before = new Uint8Array(this.#l1.buffer, this.#l1.byteOffset + l1Index * 8, 8).slice();
    setU64(this.#l1, l1Index * 8, position);
    this.#l1.setUint32(l1Index * 8, this.#l1.getUint32(l1Index * 8) | COPIED);
    const bytes = new Uint8Array(this.#l1.buffer, this.#l1.byteOffset + l1Index * 8, 8);
    try {
      await this.#file.writev([bytes], this.#l1Offset + l1Index * 8);
    } catch (error) {
      bytes.set(before);
      throw error;
    }
  }

  /** Where the L1 table lies, and its bytes. */
  get l1(): {readonly offset: number; readonly bytes: Uint8Array} {
    return {offset: this.#l1Offset, bytes: new Uint8Array(this.#l1.buffer, this.#l1.byteOffset, this.#l1Entries * 8)};
  }

  /** Goes on with another L1 table, which is in the file already. No other call is under way. */
  replaceL1(offset: number, bytes: Uint8Array): void {
    this.#l1 = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#l1Offset = offset;
    this.#l1Entries = bytes.length / 8;
  }

  /** Forgets pieces of a table whose cluster becomes something else. */
  dropTable(position: number): void {
    this.#slices.drop(position, position + this.clusterBytes);
  }

  #slicePosition(table: number, cluster: number): number {
    const inTable = cluster % this.entriesPerTable;
    return table + (inTable - (inTable % this.#entriesPerSlice)) * 8;
  }

  #loadedSlice(cluster: number): Slice {
    const table = this.tablePosition(Math.floor(cluster / this.entriesPerTable));
    const slice = this.#slices.peek(this.#slicePosition(table, cluster));
    if (slice === undefined) throw new Error('an L2 slice was written before it was loaded');
    return slice;
  }

  /** Marks entries that cannot be right, before anyone follows them. */
  #checkSlice({view}: Slice): void {
    const {version, clusterBits} = this.#header;
    const end = Math.ceil(this.#file.sizeBytes / this.clusterBytes) * this.clusterBytes;
    for (let at = 0; at < view.byteLength; at += 8) {
      const high = view.getUint32(at);
      const low = view.getUint32(at + 4);
      if (high === 0 && low === 0) continue;
      if (!isSound(high, low, version, clusterBits, end, this.#metadata)) {
        view.setUint32(at, CORRUPT);
        view.setUint32(at + 4, 0);
      }
    }
  }
}

/** What an entry says by its bits. */
export function kindOf(high: number, low: number): EntryKind {
  if ((high & COMPRESSED) !== 0) return 'compressed';
  if ((high & CORRUPT) !== 0) return 'corrupt';
  if ((low & ZERO) !== 0) return 'zero';
  if ((high & 0x00ff_ffff) === 0 && (low & 0xffff_fe00) === 0) return 'nothing';
  return 'data';
}

/** See `Mapping.compressedPlace`. */
export function compressedPlace(high: number, low: number, clusterBits: number): CompressedPlace {
  // 62 - (clusterBits - 8) is at least 49, so the boundary lies in the upper half.
  const offsetBits = 62 - (clusterBits - 8) - 32;
  const position = (high & (2 ** offsetBits - 1)) * 0x1_0000_0000 + low;
  const sectors = (high & 0x3fff_ffff) >>> offsetBits;
  return {position, length: sectors * 512 + 512 - (position % 512)};
}

/** False for an entry that must not be followed: reserved bits, between clusters, outside the file, or metadata. */
export function isSound(
  high: number,
  low: number,
  version: number,
  clusterBits: number,
  fileEnd: number,
  metadata: MetadataMap,
): boolean {
  const clusterBytes = 2 ** clusterBits;
  if ((high & COMPRESSED) !== 0) {
    const {position, length} = compressedPlace(high, low, clusterBits);
    if ((high & COPIED) !== 0 || position + length > fileEnd + clusterBytes || position >= fileEnd) return false;
    const last = Math.floor((Math.min(position + length, fileEnd) - 1) / clusterBytes);
    for (let cluster = Math.floor(position / clusterBytes); cluster <= last; cluster++)
      if (metadata.has(cluster)) return false;
    return true;
  }
  if ((high & 0x3f00_0000) !== 0 || (low & (version === 2 ? 0x1ff : 0x1fe)) !== 0) return false;
  const position = hostOffset(high, low);
  if (position === 0) return (high & COPIED) === 0;
  return position % clusterBytes === 0 && position < fileEnd && !metadata.has(position / clusterBytes);
}

/** Reads the L1 table and enters its L2 tables into the map of metadata. Errors: corrupt */
export async function readL1(file: ImageFile, header: Header, metadata: MetadataMap): Promise<Uint8Array> {
  const l1 = new Uint8Array(header.l1Entries * 8);
  await file.readv([l1], header.l1Offset);
  const view = new DataView(l1.buffer);
  const clusterBytes = 2 ** header.clusterBits;
  for (let at = 0; at < l1.length; at += 8) {
    const high = view.getUint32(at);
    const low = view.getUint32(at + 4);
    if (high === 0 && low === 0) continue;
    const position = hostOffset(high, low);
    const isSound =
      (high & 0x7f00_0000) === 0 &&
      (low & 0x1ff) === 0 &&
      position !== 0 &&
      position % clusterBytes === 0 &&
      position < file.sizeBytes;
    if (!isSound || !metadata.add(position / clusterBytes))
      throw corrupt(file.path, `entry ${at / 8} of its L1 table points at 0x${position.toString(16)}`);
  }
  return l1;
}
