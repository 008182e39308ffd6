/** Fills in what a power cut left out of loose clusters (see `loose-clusters.ts`), before an image is written again. */
import type {BlockBackend} from '../../contract.js';
import type {ImageFile} from '../../image-file.js';
import {fillZeroSectors, isListed} from './loose-clusters.js';
import {type LooseList, writeLooseList} from './loose-list.js';
import {type Mapping, newExtent} from './mapping.js';

/** Nothing is listed afterwards, durably. After a process was killed this changes no byte. Errors: io, no-space, corrupt */
export async function healLoose(
  file: ImageFile,
  list: LooseList,
  mapping: Mapping,
  backing: BlockBackend,
  sizeBytes: number,
): Promise<void> {
  if (list.runs.length === 0) return;
  const {clusterBytes} = mapping;
  const end = Math.ceil(Math.min(sizeBytes, backing.sizeBytes) / clusterBytes);
  const extent = newExtent();
  for (let cluster = 0; cluster < end; ) {
    while (!mapping.isLoaded(cluster)) await mapping.load(cluster);
    mapping.extent(cluster, end - cluster, extent);
    const {kind, isCopied, position, count} = extent;
    // A cluster that others have as well was none of ours.
    if (kind === 'data' && isCopied)
      for (let index = 0; index < count; index++) {
        const at = position + index * clusterBytes;
        if (isListed(list.runs, at / clusterBytes)) await healCluster(file, backing, at, cluster + index, clusterBytes);
      }
    cluster += count;
  }
  await file.sync();
  await writeLooseList(file, list, []);
  await file.sync();
}

async function healCluster(
  file: ImageFile,
  backing: BlockBackend,
  position: number,
  cluster: number,
  clusterBytes: number,
): Promise<void> {
  const shown = new Uint8Array(clusterBytes);
  await file.readv([shown], position);
  const offset = cluster * clusterBytes;
  const below = new Uint8Array(Math.min(clusterBytes, backing.sizeBytes - offset));
  await backing.readv([below], offset);
  const compared = shown.subarray(0, below.length);
  if (fillZeroSectors([compared], below)) await file.writev([compared], position);
}
