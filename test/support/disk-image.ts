/** A built image with a disk, as the build of `debian` leaves one, with next to nothing in it. */
import {mkdir, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {ImageRecord} from '../../src/manager/image/image-record.js';
import {builtInCatalogDir} from '../../src/manager/image/image-store.js';
import {loadRecipe} from '../../src/manager/image/recipe.js';
import {createImage} from '../../src/paravirt/block/create-image.js';
import {scriptedKernel} from './daemon.js';

/** Size of its disk. Units: bytes */
export const DISK_BYTES = 64 << 20;
/** Its initramfs. */
export const INITRD = Buffer.from('an initramfs!');

/** Puts it into a cache, as `debian`; its folder. */
export async function putDiskImage(cache: string): Promise<string> {
  const {digest} = await loadRecipe([builtInCatalogDir()], 'debian');
  const folder = join(cache, 'images/debian', `${digest.slice(0, 16)}-${Date.now()}`);
  await mkdir(folder, {recursive: true});
  const kernel = Buffer.from(scriptedKernel('run'), 'latin1');
  await writeFile(join(folder, 'kernel'), kernel);
  await writeFile(join(folder, 'initrd'), INITRD);
  await createImage(join(folder, 'disk.qcow2'), 'qcow2', {sizeBytes: DISK_BYTES});
  const record: ImageRecord = {
    ...{version: 1, name: 'debian', digest, kernelVersion: '6.12', commandLine: 'root=/dev/vda', execCommandLine: ''},
    ...{memoryBytes: 64 << 20, kernelBytes: kernel.length, initrdBytes: INITRD.length, packages: [], builtAtMs: 1},
    disk: {sizeBytes: DISK_BYTES, fileBytes: (await stat(join(folder, 'disk.qcow2'))).size},
  };
  await writeFile(join(folder, 'image.json'), JSON.stringify(record));
  return folder;
}
