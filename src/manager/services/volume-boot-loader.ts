/** Whether a disk brings a boot loader: what an installer leaves on it when it is done. */
import {openChain} from '../../paravirt/block/chain.js';
import type {DiskReader} from '../bootable/disk-reader.js';
import {findEfiPartitions} from '../bootable/efi-partitions.js';
import {hasFatFile} from '../bootable/fat.js';
import type {DiskPlan} from '../hypervisor/contract.js';

/** Where firmware without stored variables looks, ours included. Source: UEFI 2.10 §3.5.1.1 */
const BOOT_LOADER = 'EFI/BOOT/BOOTRISCV64.EFI';

/** Looks at a disk that nobody writes. Errors: those of images that cannot be read */
export async function hasBootLoader(images: DiskPlan['images']): Promise<boolean> {
  await using disk = await openChain(images, true);
  const read: DiskReader = async (offset, length) => {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > disk.sizeBytes) return undefined;
    // Formats read whole sectors.
    const start = offset - (offset % 512);
    const bytes = new Uint8Array(Math.min(Math.ceil((offset + length - start) / 512) * 512, disk.sizeBytes - start));
    await disk.readv([bytes], start);
    return bytes.subarray(offset - start, offset - start + length);
  };
  for (const partition of await findEfiPartitions(read))
    if (await hasFatFile(read, partition, BOOT_LOADER)) return true;
  return false;
}
