/** Makes new images: header, refcount table, its blocks and an L1 table that holds nothing. */
import {ParavirtError} from '../../../error.js';
import {type BlockCreateOptions, SECTOR_BYTES} from '../../contract.js';
import type {ImageFile} from '../../image-file.js';
import {buildHeader} from './header.js';
import {LIMITS, setU64} from './layout.js';
import {setRefcount} from './refcount-bits.js';

const DEFAULT_CLUSTER_BYTES = 65_536;
const DEFAULT_REFCOUNT_BITS = 16;

/** See `BlockFormat.create`. Errors: bad-option */
export async function createQcow2(file: ImageFile, options: BlockCreateOptions): Promise<void> {
  const {clusterBits, refcountOrder, version} = checkOptions(options);
  const clusterBytes = 2 ** clusterBits;
  const l1Entries = Math.max(1, Math.ceil(options.sizeBytes / (clusterBytes * (clusterBytes / 8))));
  if (l1Entries * 8 > LIMITS.l1Bytes) throw badOption('so large a disk', 'Use larger clusters.');
  const l1Clusters = Math.ceil((l1Entries * 8) / clusterBytes);
  const perBlock = (clusterBytes * 8) / 2 ** refcountOrder;
  let blocks = 1;
  let tableClusters = 1;
  for (;;) {
    const total = 1 + tableClusters + blocks + l1Clusters;
    const needed = Math.ceil(total / perBlock);
    const table = Math.ceil((needed * 8) / clusterBytes);
    if (needed === blocks && table === tableClusters) break;
    blocks = needed;
    tableClusters = table;
  }
  const total = 1 + tableClusters + blocks + l1Clusters;
  const table = new Uint8Array(tableClusters * clusterBytes);
  const tableView = new DataView(table.buffer);
  const counts = new Uint8Array(blocks * clusterBytes);
  for (let index = 0; index < blocks; index++) setU64(tableView, index * 8, (1 + tableClusters + index) * clusterBytes);
  for (let cluster = 0; cluster < total; cluster++) {
    const block = new DataView(counts.buffer, Math.floor(cluster / perBlock) * clusterBytes, clusterBytes);
    setRefcount(block, refcountOrder, cluster % perBlock, 1);
  }
  const header = buildHeader({
    version,
    clusterBits,
    sizeBytes: options.sizeBytes,
    l1Offset: (1 + tableClusters + blocks) * clusterBytes,
    l1Entries,
    refcountTableOffset: clusterBytes,
    refcountTableClusters: tableClusters,
    refcountOrder,
    compression: options.compression ?? 'zlib',
    backing: options.backing,
  });
  await file.resize(total * clusterBytes);
  await file.writev([table, counts], clusterBytes);
  await file.sync();
  // Last: until then the file is no qcow2 image at all.
  await file.writev([header], 0);
  await file.sync();
}

function checkOptions(options: BlockCreateOptions) {
  const {sizeBytes, clusterBytes = DEFAULT_CLUSTER_BYTES, refcountBits = DEFAULT_REFCOUNT_BITS} = options;
  const version = options.version ?? 3;
  const clusterBits = Math.log2(clusterBytes);
  const refcountOrder = Math.log2(refcountBits);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % SECTOR_BYTES !== 0)
    throw badOption(`${sizeBytes} bytes`, 'Use a multiple of 512.');
  if (!Number.isInteger(clusterBits) || clusterBits < LIMITS.clusterBitsMin || clusterBits > LIMITS.clusterBitsMax)
    throw badOption(`clusters of ${clusterBytes} bytes`, 'Use a power of two from 512 to 2M.');
  if (!Number.isInteger(refcountOrder) || refcountOrder < 0 || refcountOrder > LIMITS.refcountOrderMax)
    throw badOption(`refcounts of ${refcountBits} bits`, 'Use a power of two from 1 to 64.');
  if (version !== 2 && version !== 3) throw badOption(`version ${version}`, 'Use 3, or 2 for very old programs.');
  if (version === 2 && (refcountOrder !== 4 || options.compression === 'zstd'))
    throw badOption('these options in version 2', 'Use version 3.');
  return {clusterBits, refcountOrder, version: version as 2 | 3};
}

function badOption(what: string, hint: string): ParavirtError {
  return new ParavirtError('bad-option', `A qcow2 image cannot have ${what}.`, hint);
}
