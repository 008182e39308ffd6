/** The table of internal snapshots. They are kept as they are: read for their clusters, never changed. */
import type {ImageFile} from '../../image-file.js';
import {corrupt, type Header} from './header.js';
import {LIMITS, u64} from './layout.js';

const FIXED_BYTES = 40;

/** One internal snapshot. */
export interface InternalSnapshot {
  readonly id: string;
  readonly name: string;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly atMs: number;
  readonly vmStateBytes: number;
}

/** All snapshots, and how many bytes their table takes. Errors: corrupt */
export async function readSnapshots(
  file: ImageFile,
  header: Header,
): Promise<{readonly snapshots: readonly InternalSnapshot[]; readonly tableBytes: number}> {
  const {snapshotCount, snapshotsOffset, clusterBits} = header;
  if (snapshotCount === 0) return {snapshots: [], tableBytes: 0};
  const clusterBytes = 2 ** clusterBits;
  const bytes = new Uint8Array(Math.min(LIMITS.snapshotTableBytes, Math.max(0, file.sizeBytes - snapshotsOffset)));
  await file.readv([bytes], snapshotsOffset);
  const view = new DataView(bytes.buffer);
  const text = new TextDecoder();
  const snapshots: InternalSnapshot[] = [];
  let at = 0;
  let l1Bytes = 0;
  for (let index = 0; index < snapshotCount; index++) {
    if (at + FIXED_BYTES > bytes.length) throw corrupt(file.path, 'its snapshot table is cut off');
    const idBytes = view.getUint16(at + 12);
    const nameBytes = view.getUint16(at + 14);
    const extraBytes = view.getUint32(at + 36);
    const idAt = at + FIXED_BYTES + extraBytes;
    const end = idAt + idBytes + nameBytes;
    const l1Offset = u64(view, at);
    const l1Entries = view.getUint32(at + 8);
    l1Bytes += l1Entries * 8;
    if (end > bytes.length || extraBytes > 1024 || l1Bytes > LIMITS.snapshotL1Bytes)
      throw corrupt(file.path, `snapshot ${index} does not fit into its table`);
    if (l1Entries > 0 && (l1Offset % clusterBytes !== 0 || l1Offset + l1Entries * 8 > file.sizeBytes + clusterBytes))
      throw corrupt(file.path, `snapshot ${index} has its table outside the file`);
    snapshots.push({
      id: text.decode(bytes.subarray(idAt, idAt + idBytes)),
      name: text.decode(bytes.subarray(idAt + idBytes, end)),
      l1Offset,
      l1Entries,
      atMs: view.getUint32(at + 16) * 1000,
      vmStateBytes: extraBytes >= 8 ? u64(view, at + FIXED_BYTES) : view.getUint32(at + 32),
    });
    at = Math.ceil(end / 8) * 8;
  }
  return {snapshots, tableBytes: at};
}
