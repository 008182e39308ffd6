/** Disks as single, compressed qcow2 images: what they show, whatever chain of images that is, and nothing they stand on. */
import {openChain} from '../../paravirt/block/chain.js';
import {FileWindow} from '../../paravirt/block/file-window.js';
import {checkQcow2} from '../../paravirt/block/formats/qcow2/check.js';
import {Qcow2Image} from '../../paravirt/block/formats/qcow2/image.js';
import {qcow2} from '../../paravirt/block/formats/qcow2/qcow2.js';
import {HostFile} from '../../paravirt/block/host-file.js';
import type {FilePlace} from '../archive/manifest.js';
import type {DiskWork} from '../client/disk-tools.js';
import {translateHostError} from '../hypervisor/builtin/host-errors.js';
import type {DiskPlan} from '../hypervisor/contract.js';
import {ManagerError} from '../protocol/errors.js';
import {copyCompressed} from './volume-copy.js';

/** Writes what a disk shows, at a file's end. Errors: disk-full, bad-disk, cancelled */
export async function flattenDisk(
  images: DiskPlan['images'],
  {path, offset}: FilePlace,
  work: DiskWork,
): Promise<void> {
  try {
    await using from = await openChain(images, true);
    const file = new FileWindow(await HostFile.open(path, false), offset);
    // Whoever opens it closes it, and it may not come to that.
    await qcow2.create(file, {sizeBytes: from.sizeBytes, compression: 'zstd'}).catch(async (thrown: unknown) => {
      await file[Symbol.asyncDispose]();
      throw thrown;
    });
    await using to = await qcow2.open(file, {isReadOnly: false});
    if (!(to instanceof Qcow2Image)) throw new Error('a qcow2 image is no qcow2 image');
    await copyCompressed(from, to, work);
  } catch (thrown) {
    throw translateHostError(thrown, 'bad-kernel');
  }
}

/** Size of a disk. Errors: bad-disk, file-not-found */
export async function diskSizeOf(images: DiskPlan['images']): Promise<number> {
  try {
    await using disk = await openChain(images, true);
    return disk.sizeBytes;
  } catch (thrown) {
    throw translateHostError(thrown, 'bad-kernel');
  }
}

/**
 * Refuses an image from elsewhere that is no sound qcow2 image of that size, or that stands on anything: a guest would see
 * files of this host. Errors: bad-disk, cancelled
 */
export async function checkFlatDisk(path: string, sizeBytes: number, signal?: AbortSignal): Promise<void> {
  try {
    await using file = await HostFile.open(path, true);
    const {backing, sizeBytes: actual} = await qcow2.inspect(file);
    if (backing !== undefined) throw unsound(path, 'it stands on another image');
    if (actual !== sizeBytes) throw unsound(path, 'it has another size than the file says');
    const {errorCount} = await checkQcow2(file, {repairs: false, ...(signal === undefined ? {} : {signal})});
    if (errorCount > 0) throw unsound(path, 'its tables are damaged');
  } catch (thrown) {
    throw translateHostError(thrown, 'bad-kernel');
  }
}

function unsound(path: string, what: string): ManagerError {
  return new ManagerError('bad-disk', `The disk ${path} cannot be used: ${what}.`, 'Export it again.');
}
