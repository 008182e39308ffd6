/** The disks of machines: makes them, checks those that are attached, and finds all images that one is made of. */
import {open} from 'node:fs/promises';
import {dirname, isAbsolute, join} from 'node:path';
import {findFormat, resolveChain} from '../../paravirt/block/chain.js';
import {createImage} from '../../paravirt/block/create-image.js';
import {HostFile} from '../../paravirt/block/host-file.js';
import {translateHostError} from '../hypervisor/builtin/host-errors.js';
import {type DiskPlan, OVERLAY_FORMAT} from '../hypervisor/contract.js';
import {ManagerError} from '../protocol/errors.js';
import type {Disk, DiskFormat} from '../protocol/machine.js';
import type {HeldImages, ImageLocks} from '../store/image-locks.js';
import type {ProcessIdentity} from '../store/process-identity.js';
import {checkReadable} from './boot-files.js';
import {foldImage} from './volume-copy.js';

/** What the settings say of disks. */
export interface VolumeSettings {
  /** Folders below which backing images may lie, besides the disk's own. */
  readonly backingFolders: readonly string[];
}

const QCOW2_MAGIC = 'QFI\xfb';

/** See the module. */
export class Volumes {
  readonly #settings: VolumeSettings;
  readonly #locks: ImageLocks;

  constructor(settings: VolumeSettings, locks: ImageLocks) {
    this.#settings = settings;
    this.#locks = locks;
  }

  /** Makes a new, empty disk. Errors: disk-full, bad-disk */
  async create(path: string, format: DiskFormat, sizeBytes: number): Promise<void> {
    await createImage(path, format, {sizeBytes}).catch(rethrow);
  }

  /** Makes an empty layer over what `reference` names, of the size of an image or larger. Errors: disk-full, bad-disk */
  async createLayer(
    path: string,
    reference: {readonly path: string; readonly format: DiskFormat},
    sized: DiskPlan['images'][number],
    leastBytes = 0,
  ): Promise<void> {
    try {
      await using file = await HostFile.open(sized.path, true);
      const inspected = await findFormat(sized.format).inspect(file);
      const sizeBytes = Math.max(inspected.sizeBytes, leastBytes);
      await createImage(path, OVERLAY_FORMAT, {sizeBytes, backing: reference});
    } catch (thrown) {
      rethrow(thrown);
    }
  }

  /**
   * Writes what the first image of a chain holds into the second, durably. Both show the same then.
   * Errors: disk-full, cancelled
   */
  async fold(chain: DiskPlan['images'], signal: AbortSignal): Promise<void> {
    await foldImage(chain, {signal}).catch(rethrow);
  }

  /**
   * Refuses a disk that could not be used as it is recorded. A file that looks like qcow2 and is called raw is refused
   * as well: a guest would see the image's tables, and whoever wrote them may have meant to be believed.
   * Errors: file-not-found, bad-disk
   */
  async check(disk: Disk, isFormatGiven: boolean): Promise<void> {
    const {path, format} = disk;
    await checkReadable(path, 'disk');
    if (format === 'raw' && !isFormatGiven && (await beginning(path)) === QCOW2_MAGIC)
      throw new ManagerError(
        'bad-disk',
        `${path} begins like a qcow2 image, and its name does not say so.`,
        `Say what it is: --disk ${path},format=qcow2 or --disk ${path},format=raw.`,
      );
    await this.#resolve(path, disk);
  }

  /** All images of a machine's disks. Errors: file-not-found, bad-disk */
  async plan(folder: string, disks: readonly Disk[]): Promise<readonly DiskPlan[]> {
    const plans: DiskPlan[] = [];
    for (const disk of disks) {
      const path = isAbsolute(disk.path) ? disk.path : join(folder, disk.path);
      await checkReadable(path, 'disk');
      plans.push({images: await this.#resolve(path, disk), isReadOnly: disk.isReadOnly});
    }
    return plans;
  }

  /** Takes a machine's images: the tops to write, what they stand on to read. Errors: disk-in-use */
  acquire(plans: readonly DiskPlan[], owner: string): HeldImages {
    return this.#locks.acquire(usesOf(plans), owner);
  }

  /** Takes them for a process that has some of them already; what it had before ends with `held`. Errors: disk-in-use */
  acquireFor(process: ProcessIdentity, plans: readonly DiskPlan[], owner: string): HeldImages {
    return this.#locks.acquire(usesOf(plans), owner, process);
  }

  #resolve(path: string, {format, backingFiles = [], attached}: Disk): Promise<DiskPlan['images']> {
    // What was attached stands where it stood, whatever lies over it.
    const own = attached !== undefined && isAbsolute(attached.path) ? [dirname(attached.path)] : [];
    const allowedFolders = [...this.#settings.backingFolders, ...own];
    return resolveChain(path, format, {allowedFolders, allowedFiles: backingFiles}).catch(rethrow);
  }
}

function usesOf(plans: readonly DiskPlan[]) {
  return plans.flatMap(({images, isReadOnly}) =>
    images.map(({path}, depth) => ({path, isWriting: depth === 0 && !isReadOnly})),
  );
}

async function beginning(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const {buffer, bytesRead} = await file.read(Buffer.alloc(QCOW2_MAGIC.length), 0, QCOW2_MAGIC.length, 0);
  return buffer.toString('latin1', 0, bytesRead);
}

function rethrow(thrown: unknown): never {
  throw translateHostError(thrown, 'bad-kernel');
}
