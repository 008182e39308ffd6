/** Writes an image's refcounts anew, behind everything that is in use, and switches over to them. */
import {ParavirtError} from '../../../error.js';
import type {ImageFile} from '../../image-file.js';
import {type Header, writeRefcountTablePlace} from './header.js';
import {LIMITS, setU64, u64} from './layout.js';
import {maxRefcount, setRefcount} from './refcount-bits.js';
import type {UsageCount} from './usage-count.js';

/** `usage` counts everything, the old refcounts' own clusters included; those are free afterwards. Errors: unsupported */
export async function rebuildRefcounts(file: ImageFile, header: Header, usage: UsageCount): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  const perBlock = (clusterBytes * 8) / 2 ** header.refcountOrder;
  // Behind the old ones as well, which stay as they are until the new ones are complete.
  const start = usage.end;
  await forgetOld(file, header, usage);
  // All blocks up to the end, as a file that is in use has them: at most a few per mille of it.
  let blockCount = Math.ceil(start / perBlock);
  let tableClusters = 1;
  for (;;) {
    const blocks = Math.ceil((start + blockCount + tableClusters) / perBlock);
    const table = Math.ceil((blocks * 8) / clusterBytes);
    if (blocks === blockCount && table === tableClusters) break;
    blockCount = blocks;
    tableClusters = table;
  }
  if (tableClusters * clusterBytes > LIMITS.refcountTableBytes)
    throw new ParavirtError('unsupported', `${file.path} is too large to be repaired.`, 'Use `qemu-img check -r all`.');
  usage.add(start, blockCount + tableClusters);
  const table = new Uint8Array(tableClusters * clusterBytes);
  const tableView = new DataView(table.buffer);
  const most = maxRefcount(header.refcountOrder);
  const end = (start + blockCount + tableClusters) * clusterBytes;
  if (file.sizeBytes < end) await file.resize(end);
  for (let index = 0; index < blockCount; index++) {
    const block = new Uint8Array(clusterBytes);
    const view = new DataView(block.buffer);
    for (let entry = 0; entry < perBlock; entry++) {
      const count = usage.get(index * perBlock + entry);
      if (count > most)
        throw new ParavirtError('unsupported', `${file.path} uses a cluster too often.`, 'Convert it to a new image.');
      if (count > 0) setRefcount(view, header.refcountOrder, entry, count);
    }
    const position = (start + index) * clusterBytes;
    await file.writev([block], position);
    setU64(tableView, index * 8, position);
  }
  const tableAt = (start + blockCount) * clusterBytes;
  await file.writev([table], tableAt);
  await file.sync();
  await writeRefcountTablePlace(file, tableAt, tableClusters);
  await file.sync();
}

async function forgetOld(file: ImageFile, header: Header, usage: UsageCount): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  const bytes = new Uint8Array(header.refcountTableClusters * clusterBytes);
  await file.readv([bytes], header.refcountTableOffset);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 8) {
    const position = u64(view, at);
    if (position > 0 && position % clusterBytes === 0 && usage.get(position / clusterBytes) === 1)
      usage.clear(position / clusterBytes, 1);
  }
  usage.clear(header.refcountTableOffset / clusterBytes, header.refcountTableClusters);
}
