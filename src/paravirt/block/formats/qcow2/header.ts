/** The header: reads and checks it, and writes the few fields that change in an image's life. */
import {ParavirtError} from '../../../error.js';
import type {ImageFile} from '../../image-file.js';
import {EXTENSION, INCOMPATIBLE, LIMITS, MAGIC, setU64, u64} from './layout.js';
import {addLooseList, LOOSE_CLUSTER_BYTES_MIN, type LooseList, readLooseList} from './loose-list.js';

const V2_BYTES = 72;
const V3_BYTES = 104;
/** More than any header with its extensions needs; they end with the first cluster anyway. */
const HEADER_READ_BYTES = 64 << 10;

/** Offsets of fields that are written again. None crosses a sector, so each write happens or does not. */
const FIELD = {size: 24, l1: 36, refcountTable: 48, incompatible: 72, autoclear: 88} as const;

/** What the header says, checked against all bounds. Units: bytes */
export interface Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly sizeBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly refcountOrder: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly incompatible: number;
  readonly hasAutoclear: boolean;
  readonly compression: 'zlib' | 'zstd';
  readonly backingPath: string | undefined;
  readonly backingFormat: string | undefined;
  /** Only of images with a backing image. */
  readonly looseList: LooseList | undefined;
}

/** An image that contradicts itself. */
export function corrupt(path: string, what: string): ParavirtError {
  return new ParavirtError(
    'corrupt',
    `The disk image ${path} is damaged: ${what}.`,
    'See what is wrong with `viv disk check`, or take a backup.',
  );
}

function unsupported(path: string, what: string, hint: string): ParavirtError {
  return new ParavirtError('unsupported', `The disk image ${path} ${what}.`, hint);
}

/** Reads and checks the header. Errors: corrupt, unsupported */
export async function readHeader(file: ImageFile): Promise<Header> {
  const bytes = new Uint8Array(Math.min(HEADER_READ_BYTES, Math.max(file.sizeBytes, V2_BYTES)));
  await file.readv([bytes], 0);
  return parseHeader(bytes, file);
}

/** See `readHeader`; `bytes` is the beginning of the file. */
export function parseHeader(bytes: Uint8Array, {path, sizeBytes: fileBytes}: ImageFile): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fail = (what: string) => corrupt(path, what);
  if (fileBytes < V2_BYTES || view.getUint32(0) !== MAGIC)
    throw new ParavirtError('corrupt', `${path} is no qcow2 image.`, 'Name its true format, for example raw.');
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3)
    throw unsupported(path, `is qcow version ${version}`, 'Convert it with `qemu-img convert -O qcow2`.');
  if (version === 3 && bytes.length < V3_BYTES) throw fail('its header is cut off');
  const headerBytes = version === 2 ? V2_BYTES : view.getUint32(100);
  const clusterBits = view.getUint32(20);
  if (clusterBits < LIMITS.clusterBitsMin || clusterBits > LIMITS.clusterBitsMax)
    throw fail(`clusters of 2^${clusterBits} bytes`);
  const clusterBytes = 2 ** clusterBits;
  if (version === 3 && (headerBytes < V3_BYTES || headerBytes % 8 !== 0 || headerBytes > clusterBytes))
    throw fail(`a header of ${headerBytes} bytes`);
  if (headerBytes > bytes.length) throw fail('its header is cut off');
  if (view.getUint32(32) !== 0) throw unsupported(path, 'is encrypted', 'Decrypt it first with `qemu-img convert`.');
  const incompatible = version === 2 ? 0 : checkFeatures(view, path);
  const refcountOrder = version === 2 ? 4 : view.getUint32(96);
  if (refcountOrder > LIMITS.refcountOrderMax) throw fail(`refcounts of 2^${refcountOrder} bits`);
  const sizeBytes = u64(view, FIELD.size);
  const l1Entries = view.getUint32(FIELD.l1);
  const l1Offset = u64(view, FIELD.l1 + 4);
  if (sizeBytes % 512 !== 0 || l1Entries * 8 > LIMITS.l1Bytes) throw fail(`a size of ${sizeBytes} bytes`);
  if (l1Entries < Math.ceil(sizeBytes / (clusterBytes * (clusterBytes / 8))))
    throw fail('its L1 table is too small for its size');
  const refcountTableOffset = u64(view, FIELD.refcountTable);
  const refcountTableClusters = view.getUint32(FIELD.refcountTable + 8);
  if (refcountTableClusters === 0 || refcountTableClusters * clusterBytes > LIMITS.refcountTableBytes)
    throw fail(`a refcount table of ${refcountTableClusters} clusters`);
  const snapshotCount = view.getUint32(60);
  const snapshotsOffset = u64(view, 64);
  if (snapshotCount > LIMITS.snapshots) throw fail(`${snapshotCount} snapshots`);
  const inside = (offset: number, length: number) =>
    offset % clusterBytes === 0 && offset >= clusterBytes && offset + length <= fileBytes + clusterBytes;
  if (l1Entries > 0 && !inside(l1Offset, l1Entries * 8)) throw fail('its L1 table is not in the file');
  if (!inside(refcountTableOffset, refcountTableClusters * clusterBytes))
    throw fail('its refcount table is not in the file');
  if (snapshotCount > 0 && !inside(snapshotsOffset, snapshotCount * 40))
    throw fail('its snapshot table is not in the file');
  const names = readNames(bytes, view, headerBytes, clusterBytes, fail);
  const looseList = version === 3 && names.backingPath !== undefined ? names.looseList : undefined;
  return {
    version,
    clusterBits,
    sizeBytes,
    l1Offset,
    l1Entries,
    refcountTableOffset,
    refcountTableClusters,
    refcountOrder,
    snapshotCount,
    snapshotsOffset,
    incompatible,
    hasAutoclear: version === 3 && (view.getUint32(FIELD.autoclear) !== 0 || view.getUint32(FIELD.autoclear + 4) !== 0),
    compression: compressionOf(view, headerBytes, incompatible, path),
    ...names,
    looseList,
  };
}

function checkFeatures(view: DataView, path: string): number {
  const high = view.getUint32(FIELD.incompatible);
  const bits = view.getUint32(FIELD.incompatible + 4);
  if (bits & INCOMPATIBLE.DATA_FILE)
    throw unsupported(path, 'keeps its data in another file', 'Convert it with `qemu-img convert -O qcow2`.');
  if (bits & INCOMPATIBLE.EXTENDED_L2)
    throw unsupported(path, 'has subclusters (extended L2 entries)', 'Convert it with `qemu-img convert -O qcow2`.');
  const known = Object.values(INCOMPATIBLE).reduce<number>((all, bit) => all | bit, 0);
  if (high !== 0 || (bits & ~known) !== 0)
    throw unsupported(path, 'uses a feature of qcow2 that is not known here', 'Update Vivarium, or convert the image.');
  return bits;
}

function compressionOf(view: DataView, headerBytes: number, incompatible: number, path: string): 'zlib' | 'zstd' {
  const type = headerBytes > 104 ? view.getUint8(104) : 0;
  if ((type !== 0) !== ((incompatible & INCOMPATIBLE.COMPRESSION) !== 0))
    throw corrupt(path, 'its header contradicts itself about compression');
  if (type === 0) return 'zlib';
  if (type === 1) return 'zstd';
  throw unsupported(path, `is compressed by method ${type}`, 'Update Vivarium, or convert the image.');
}

function readNames(
  bytes: Uint8Array,
  view: DataView,
  headerBytes: number,
  clusterBytes: number,
  fail: (what: string) => ParavirtError,
): Pick<Header, 'backingPath' | 'backingFormat' | 'looseList'> {
  const nameAt = u64(view, 8);
  const nameBytes = view.getUint32(16);
  let backingPath: string | undefined;
  if (nameAt !== 0) {
    if (
      nameBytes === 0 ||
      nameBytes > LIMITS.backingPathBytes ||
      nameAt + nameBytes > Math.min(clusterBytes, bytes.length)
    )
      throw fail('the name of its backing image is not in its first cluster');
    backingPath = new TextDecoder().decode(bytes.subarray(nameAt, nameAt + nameBytes));
    if (backingPath.includes('\0') || backingPath.includes('\ufffd'))
      throw fail('the name of its backing image is no text');
  }
  let backingFormat: string | undefined;
  let looseList: LooseList | undefined;
  const end = Math.min(nameAt === 0 ? clusterBytes : nameAt, bytes.length);
  for (let at = headerBytes, count = 0; at + 8 <= end; count++) {
    const type = view.getUint32(at);
    if (type === EXTENSION.END) break;
    const length = view.getUint32(at + 4);
    if (count === LIMITS.extensions || at + 8 + length > end) throw fail('its header extensions do not end');
    if (type === EXTENSION.BACKING_FORMAT) {
      if (length > 16) throw fail('the format of its backing image is no format');
      backingFormat = new TextDecoder().decode(bytes.subarray(at + 8, at + 8 + length));
    }
    if (type === EXTENSION.LOOSE_CLUSTERS) looseList = readLooseList(bytes, at + 8, length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return {backingPath, backingFormat, looseList};
}

/** What a header is made of when it is written as a whole. */
export interface HeaderFields {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly sizeBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly refcountOrder: number;
  readonly compression: 'zlib' | 'zstd';
  readonly backing: {readonly path: string; readonly format: string} | undefined;
}

/** The first cluster of a new image. Errors: bad-option when the backing path is too long for it */
export function buildHeader(fields: HeaderFields): Uint8Array {
  const clusterBytes = 2 ** fields.clusterBits;
  const bytes = new Uint8Array(clusterBytes);
  const view = new DataView(bytes.buffer);
  const headerBytes = fields.version === 2 ? V2_BYTES : V3_BYTES + 8;
  view.setUint32(0, MAGIC);
  view.setUint32(4, fields.version);
  view.setUint32(20, fields.clusterBits);
  setU64(view, FIELD.size, fields.sizeBytes);
  view.setUint32(FIELD.l1, fields.l1Entries);
  setU64(view, FIELD.l1 + 4, fields.l1Offset);
  setU64(view, FIELD.refcountTable, fields.refcountTableOffset);
  view.setUint32(FIELD.refcountTable + 8, fields.refcountTableClusters);
  if (fields.version === 3) {
    const isZstd = fields.compression === 'zstd';
    view.setUint32(FIELD.incompatible + 4, isZstd ? INCOMPATIBLE.COMPRESSION : 0);
    view.setUint32(96, fields.refcountOrder);
    view.setUint32(100, headerBytes);
    view.setUint8(104, isZstd ? 1 : 0);
  }
  if (fields.backing === undefined) return bytes;
  const hasLoose = fields.version === 3 && clusterBytes >= LOOSE_CLUSTER_BYTES_MIN;
  const backingAt = hasLoose ? addLooseList(view, headerBytes) : headerBytes;
  writeBacking(bytes, view, backingAt, fields.backing);
  return bytes;
}

function writeBacking(
  bytes: Uint8Array,
  view: DataView,
  headerBytes: number,
  {path, format}: {readonly path: string; readonly format: string},
): void {
  const name = new TextEncoder().encode(path);
  const formatName = new TextEncoder().encode(format);
  const nameAt = headerBytes + 8 + Math.ceil(formatName.length / 8) * 8 + 8;
  if (name.length > LIMITS.backingPathBytes || nameAt + name.length > bytes.length)
    throw new ParavirtError(
      'bad-option',
      `The path of the backing image is too long for this cluster size: ${path}.`,
      'Use larger clusters, or put the images into one folder and name the backing image relatively.',
    );
  view.setUint32(headerBytes, EXTENSION.BACKING_FORMAT);
  view.setUint32(headerBytes + 4, formatName.length);
  bytes.set(formatName, headerBytes + 8);
  bytes.set(name, nameAt);
  setU64(view, 8, nameAt);
  view.setUint32(16, name.length);
}

/** Replaces the reference to the backing image, keeping all other extensions. One write within the first cluster. */
export async function writeBackingReference(
  file: ImageFile,
  header: Header,
  backing: {readonly path: string; readonly format: string} | undefined,
): Promise<void> {
  const bytes = new Uint8Array(Math.min(2 ** header.clusterBits, HEADER_READ_BYTES));
  await file.readv([bytes], 0);
  const view = new DataView(bytes.buffer);
  const headerBytes = header.version === 2 ? V2_BYTES : view.getUint32(100);
  const kept: {type: number; body: Uint8Array}[] = [];
  const end = u64(view, 8) || bytes.length;
  for (let at = headerBytes; at + 8 <= end; ) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === EXTENSION.END) break;
    if (type !== EXTENSION.BACKING_FORMAT) kept.push({type, body: bytes.slice(at + 8, at + 8 + length)});
    at += 8 + Math.ceil(length / 8) * 8;
  }
  bytes.fill(0, headerBytes);
  // Whatever was bound to the content, our own list of loose clusters too, spoke of the old backing image.
  if (header.version === 3) bytes.fill(0, FIELD.autoclear, FIELD.autoclear + 8);
  setU64(view, 8, 0);
  view.setUint32(16, 0);
  let at = headerBytes;
  for (const {type, body} of kept) {
    view.setUint32(at, type);
    view.setUint32(at + 4, body.length);
    bytes.set(body, at + 8);
    at += 8 + Math.ceil(body.length / 8) * 8;
  }
  if (backing !== undefined) writeBacking(bytes, view, at, backing);
  await file.writev([bytes], 0);
  await file.sync();
}

async function writeField(file: ImageFile, at: number, length: number, fill: (view: DataView) => void): Promise<void> {
  const bytes = new Uint8Array(length);
  fill(new DataView(bytes.buffer));
  await file.writev([bytes], at);
}

/** Writes the features that older software must know of. Not durable by itself. */
export function writeIncompatible(file: ImageFile, bits: number): Promise<void> {
  return writeField(file, FIELD.incompatible, 8, (view) => view.setUint32(4, bits));
}

/** Says that everything bound to the content (bitmaps of other programs) is out of date. Not durable by itself. */
export function clearAutoclear(file: ImageFile): Promise<void> {
  return writeField(file, FIELD.autoclear, 8, () => undefined);
}

/** Writes the disk's size. Not durable by itself. */
export function writeSize(file: ImageFile, sizeBytes: number): Promise<void> {
  return writeField(file, FIELD.size, 8, (view) => setU64(view, 0, sizeBytes));
}

/** Writes where the L1 table is. Not durable by itself. */
export function writeL1Place(file: ImageFile, offset: number, entries: number): Promise<void> {
  return writeField(file, FIELD.l1, 12, (view) => {
    view.setUint32(0, entries);
    setU64(view, 4, offset);
  });
}

/** Writes where the refcount table is. Not durable by itself. */
export function writeRefcountTablePlace(file: ImageFile, offset: number, clusters: number): Promise<void> {
  return writeField(file, FIELD.refcountTable, 12, (view) => {
    setU64(view, 0, offset);
    view.setUint32(8, clusters);
  });
}
