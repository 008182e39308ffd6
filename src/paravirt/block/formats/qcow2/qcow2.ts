/** qcow2 as a row of the registry: looks at, opens and makes images. */
import {ParavirtError} from '../../../error.js';
import type {BlockFormat, BlockOpenOptions, ImageSummary} from '../../contract.js';
import type {ImageFile} from '../../image-file.js';
import {Allocator, type PoolBounds} from './allocator.js';
import {checkQcow2} from './check.js';
import {createQcow2} from './create.js';
import {clearAutoclear, corrupt, type Header, readHeader} from './header.js';
import {healLoose} from './heal-loose.js';
import {Qcow2Image} from './image.js';
import {INCOMPATIBLE} from './layout.js';
import {LooseClusters} from './loose-clusters.js';
import {Mapping, readL1} from './mapping.js';
import {MetadataMap} from './metadata-map.js';
import {Refcounts} from './refcounts.js';
import {readSnapshots} from './snapshots.js';

async function inspect(file: ImageFile): Promise<ImageSummary> {
  const header = await readHeader(file);
  return {
    sizeBytes: header.sizeBytes,
    ...(header.backingPath === undefined ? {} : {backing: {path: header.backingPath, format: header.backingFormat}}),
    details: {
      version: header.version,
      clusterBytes: 2 ** header.clusterBits,
      refcountBits: 2 ** header.refcountOrder,
      compression: header.compression,
      internalSnapshots: header.snapshotCount,
      isDirty: (header.incompatible & INCOMPATIBLE.DIRTY) !== 0,
      isMarkedCorrupt: (header.incompatible & INCOMPATIBLE.CORRUPT) !== 0,
    },
  };
}

/** Opens an image; the file is its own from then on. Errors: corrupt, unsupported, bad-option, io */
export async function openQcow2(
  file: ImageFile,
  options: BlockOpenOptions & {readonly pool?: PoolBounds},
): Promise<Qcow2Image> {
  await using owned = new AsyncDisposableStack();
  owned.use(file);
  const {isReadOnly, backing} = options;
  if (backing !== undefined) owned.use(backing);
  let header = await readHeader(file);
  if ((header.backingPath === undefined) !== (backing === undefined))
    throw new ParavirtError(
      'bad-option',
      header.backingPath === undefined ? `${file.path} has no backing image.` : `${file.path} needs its backing image.`,
      'Record the disk anew: detach and attach it.',
    );
  if (!isReadOnly && header.incompatible & INCOMPATIBLE.CORRUPT)
    throw corrupt(file.path, 'another program marked it so');
  if (!isReadOnly && header.incompatible & INCOMPATIBLE.DIRTY) header = await repairAfterCrash(file);
  const metadata = await mapMetadata(file, header);
  const l1 = await readL1(file, header, metadata);
  const mapping = new Mapping(file, header, metadata, l1);
  let allocator: Allocator | undefined;
  let loose: LooseClusters | undefined;
  if (!isReadOnly) {
    const clusterBytes = 2 ** header.clusterBits;
    const refcounts = await Refcounts.open(file, header, metadata);
    allocator = new Allocator(file, refcounts, metadata, clusterBytes, options.pool);
    const {looseList, sizeBytes} = header;
    if (looseList !== undefined && backing !== undefined) {
      await healLoose(file, looseList, mapping, backing, sizeBytes);
      loose = new LooseClusters(file, looseList, allocator, clusterBytes);
    }
    if (header.hasAutoclear) await clearAutoclear(file);
  }
  const image = new Qcow2Image({file, header, metadata, mapping, allocator, backing, loose});
  owned.move();
  return image;
}

async function repairAfterCrash(file: ImageFile): Promise<Header> {
  const report = await checkQcow2(file, {repairs: true});
  if (!report.isRepaired) throw corrupt(file.path, report.problems[0] ?? 'its last user did not close it');
  return readHeader(file);
}

async function mapMetadata(file: ImageFile, header: Header): Promise<MetadataMap> {
  const clusterBytes = 2 ** header.clusterBits;
  const metadata = new MetadataMap();
  const add = (offset: number, length: number, what: string) => {
    if (length > 0 && !metadata.addStretch(offset / clusterBytes, Math.ceil(length / clusterBytes)))
      throw corrupt(file.path, `${what} overlaps other tables`);
  };
  add(0, clusterBytes, 'its header');
  add(header.l1Offset, header.l1Entries * 8, 'its L1 table');
  add(header.refcountTableOffset, header.refcountTableClusters * clusterBytes, 'its refcount table');
  const {snapshots, tableBytes} = await readSnapshots(file, header);
  add(header.snapshotsOffset, tableBytes, 'its snapshot table');
  for (const {l1Offset, l1Entries, name} of snapshots) add(l1Offset, l1Entries * 8, `the table of snapshot ${name}`);
  return metadata;
}

/** QEMU's format: grows as it fills, and can stand on another image. */
export const qcow2: BlockFormat = {
  name: 'qcow2',
  canHaveBacking: true,
  inspect,
  open: openQcow2,
  create: createQcow2,
};
