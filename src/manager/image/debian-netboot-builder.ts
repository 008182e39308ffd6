/** Builds an image of kind `debian-netboot` into a folder: Debian's installer, as its package has it. */
import {join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {Apt} from './apt.js';
import {StageProgress} from './build-progress.js';
import {type BuilderContext, writeSynced} from './builder-context.js';
import {visitPackage} from './debian-package.js';
import {throwIfCancelled} from './host-process.js';
import type {ImageRecord} from './image-record.js';
import type {LoadedRecipe} from './recipe.js';

/** Names of the two files in a folder of netboot images. */
const KERNEL = 'linux';
const INITRD = 'initrd.gz';

/**
 * Fills `folder` (which exists and is empty) with `kernel`, `initrd` and `image.json`.
 * Errors: as listed for `ImageStore.buildImage`; `folder` may then hold anything and is the caller's to remove
 */
export async function buildDebianNetboot(
  folder: string,
  {recipe, digest}: LoadedRecipe<'debian-netboot'>,
  context: BuilderContext,
): Promise<void> {
  const {onProgress, signal, environment} = context;
  const {suite, component, installerPackage, installerFolder} = recipe;
  const apt = await Apt.open({...context, folder: context.aptFolder, suite, component, architecture: 'riscv64'});
  const update = new StageProgress('update package lists', 'steps', 100, onProgress);
  await apt.update((fraction) => update.set(fraction * 100));
  const item = await apt.describe(installerPackage);
  const progress = new StageProgress('download packages', 'bytes', item.sizeBytes, onProgress);
  const path = await apt.download(item, (fraction) => progress.set(fraction * item.sizeBytes));
  progress.set(item.sizeBytes);

  const unpack = new StageProgress('unpack', 'bytes', undefined, onProgress);
  const files = new Map<string, Uint8Array>();
  await visitPackage(path, {environment, signal}, async (entry) => {
    unpack.add(entry.sizeBytes);
    const name = entry.path.startsWith(`${installerFolder}/`) ? entry.path.slice(installerFolder.length + 1) : '';
    if (entry.kind === 'file' && (name === KERNEL || name === INITRD)) files.set(name, await entry.bytes());
  });
  const kernel = files.get(KERNEL);
  const initrd = files.get(INITRD);
  if (kernel === undefined || initrd === undefined)
    throw new ManagerError(
      'image-build-failed',
      `The package ${installerPackage} has no ${KERNEL} and ${INITRD} in ${installerFolder}.`,
      'Check installerFolder in the image recipe.',
    );
  const record: ImageRecord = {
    version: 1,
    name: recipe.name,
    digest,
    kernelVersion: item.version,
    commandLine: recipe.commandLine,
    execCommandLine: '',
    memoryBytes: recipe.memoryMiB * 2 ** 20,
    kernelBytes: kernel.length,
    initrdBytes: initrd.length,
    packages: [{name: item.name, version: item.version, sha256: item.sha256}],
    builtAtMs: Date.now(),
  };
  await writeSynced(join(folder, 'kernel'), kernel);
  await writeSynced(join(folder, 'initrd'), initrd);
  await writeSynced(join(folder, 'image.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  throwIfCancelled(signal);
}
