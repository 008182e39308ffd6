/** The disk of a machine that goes when its run ends: a layer over its image's, in a folder that goes with it. */
import {mkdir, mkdtemp, readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {OVERLAY_FORMAT} from '../hypervisor/contract.js';
import type {BuiltImage} from '../image/image-record.js';
import type {Disk} from '../protocol/machine.js';
import {identifyProcess} from '../store/process-identity.js';
import type {Volumes} from './volumes.js';

/** See the module. Dispose it when nobody uses the disk any more. */
export class ThrowawayDisk implements AsyncDisposable {
  /** None for an image without a disk. */
  readonly disks: readonly Disk[];
  readonly #folder: string | undefined;

  private constructor(disks: readonly Disk[], folder: string | undefined) {
    this.disks = disks;
    this.#folder = folder;
  }

  /** Makes it below `runs`, where what runs left that were killed goes. Errors: disk-full */
  static async over(image: BuiltImage, volumes: Volumes, runs: string): Promise<ThrowawayDisk> {
    if (image.disk === undefined) return new ThrowawayDisk([], undefined);
    await mkdir(runs, {recursive: true, mode: 0o700});
    for (const name of await readdir(runs))
      if (identifyProcess(Number(name.split('-')[0])) === undefined)
        await rm(join(runs, name), {recursive: true, force: true});
    const folder = await mkdtemp(join(runs, `${process.pid}-`));
    const path = join(folder, 'layer.qcow2');
    const below = {path: image.diskPath, format: OVERLAY_FORMAT};
    try {
      await volumes.createLayer(path, {path: image.diskPath, format: OVERLAY_FORMAT}, below);
    } catch (thrown) {
      await rm(folder, {recursive: true, force: true});
      throw thrown;
    }
    return new ThrowawayDisk([{path, format: 'qcow2', isReadOnly: false, backingFiles: [image.diskPath]}], folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, {recursive: true, force: true});
  }
}
