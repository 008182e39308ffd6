/**
 * Finds the EFI system partitions of a disk, in a table of either kind. A guest wrote it, so nothing of it is believed beyond the
 * bounds below; checksums are not looked at, since nothing is made of what is found but a look into it.
 * Source: UEFI 2.10 §5.2.3 (MBR), §5.3 (GPT)
 */
import {type DiskReader, viewOf} from './disk-reader.js';

const SECTOR_BYTES = 512;
const MBR_SIGNATURE = 0xaa55;
const MBR_ENTRIES_AT = 446;
const MBR_ENTRY_BYTES = 16;
const MBR_TYPE_EFI = 0xef;
const GPT_SIGNATURE = 'EFI PART';
/** C12A7328-F81F-11D2-BA4B-00A0C93EC93B as it lies on disk. */
const EFI_SYSTEM = '28732ac11ff8d211ba4b00a0c93ec93b';
/** Entries of a table that are looked at; partitioning programs make 128. */
const ENTRIES_MAX = 256;
const ENTRY_BYTES_MAX = 4096;

/** Starts of the partitions. Units: bytes from the disk's start */
export async function findEfiPartitions(read: DiskReader): Promise<readonly number[]> {
  const [boot, header] = [await read(0, SECTOR_BYTES), await read(SECTOR_BYTES, SECTOR_BYTES)];
  if (boot === undefined || viewOf(boot).getUint16(510, true) !== MBR_SIGNATURE) return [];
  if (header !== undefined && Buffer.from(header).toString('latin1', 0, 8) === GPT_SIGNATURE)
    return fromGpt(header, read);
  const view = viewOf(boot);
  return [0, 1, 2, 3]
    .map((index) => MBR_ENTRIES_AT + index * MBR_ENTRY_BYTES)
    .filter((at) => view.getUint8(at + 4) === MBR_TYPE_EFI)
    .map((at) => view.getUint32(at + 8, true) * SECTOR_BYTES);
}

async function fromGpt(header: Uint8Array, read: DiskReader): Promise<number[]> {
  const view = viewOf(header);
  const tableAt = Number(view.getBigUint64(72, true)) * SECTOR_BYTES;
  const count = Math.min(view.getUint32(80, true), ENTRIES_MAX);
  const entryBytes = view.getUint32(84, true);
  if (entryBytes < 128 || entryBytes > ENTRY_BYTES_MAX) return [];
  const table = await read(tableAt, count * entryBytes);
  if (table === undefined) return [];
  const starts: number[] = [];
  for (let at = 0; at < table.length; at += entryBytes) {
    if (Buffer.from(table).toString('hex', at, at + 16) !== EFI_SYSTEM) continue;
    starts.push(Number(viewOf(table).getBigUint64(at + 32, true)) * SECTOR_BYTES);
  }
  return starts;
}
