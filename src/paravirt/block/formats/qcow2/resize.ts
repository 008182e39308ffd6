/** Room for more disk in the L1 table. */
import {ParavirtError} from '../../../error.js';
import {SECTOR_BYTES} from '../../contract.js';
import {writeL1Place, writeSize} from './header.js';
import type {Qcow2Parts} from './image.js';
import {LIMITS} from './layout.js';

/** Errors: bad-option, when the image cannot have that size */
export function checkResize({header, file, allocator}: Qcow2Parts, sizeBytes: number): void {
  if (allocator === undefined)
    throw new ParavirtError('no-permission', `${file.path} is read-only.`, 'Open it to write.');
  if (header.snapshotCount > 0)
    throw new ParavirtError(
      'bad-option',
      `${file.path} has internal snapshots, which keep their size.`,
      'Delete them with `qemu-img snapshot -d`, or convert the disk to a new image.',
    );
  const bytesPerEntry = 2 ** header.clusterBits * (2 ** header.clusterBits / 8);
  if (sizeBytes > 0 && sizeBytes % SECTOR_BYTES === 0 && sizeBytes / bytesPerEntry <= LIMITS.l1Bytes / 8) return;
  throw new ParavirtError(
    'bad-option',
    `${file.path} cannot have ${sizeBytes} bytes.`,
    'Use a multiple of 512; small clusters bound the size, larger ones allow more.',
  );
}

/** Enlarges the L1 table where needed, then the disk; durable when it resolves. No request is under way. */
export async function growImage({file, header, mapping, allocator, metadata}: Qcow2Parts, sizeBytes: number) {
  const {clusterBytes, entriesPerTable} = mapping;
  const needed = Math.ceil(sizeBytes / (clusterBytes * entriesPerTable));
  if (needed > mapping.l1Entries && allocator !== undefined) {
    const old = mapping.l1;
    const bytes = new Uint8Array(Math.min(LIMITS.l1Bytes / 8, Math.ceil(needed * 1.25)) * 8);
    bytes.set(old.bytes);
    const clusters = Math.ceil(bytes.length / clusterBytes);
    const run = await allocator.takeTogether(clusters);
    const offset = run.first * clusterBytes;
    await file.writev([bytes], offset);
    await file.sync();
    metadata.addStretch(run.first, clusters);
    await writeL1Place(file, offset, bytes.length / 8);
    await file.sync();
    mapping.replaceL1(offset, bytes);
    const oldClusters = Math.ceil(header.l1Entries === 0 ? 0 : old.bytes.length / clusterBytes);
    metadata.removeStretch(old.offset / clusterBytes);
    if (oldClusters > 0) allocator.release({first: old.offset / clusterBytes, count: oldClusters});
  }
  await writeSize(file, sizeBytes);
  await file.sync();
}
