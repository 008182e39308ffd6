/** Builds an image of kind `debian-netboot` into a folder: Debian's installer, as its package has it, and a boot loader for it. */
import {join} from 'node:path';
import {Apt} from './apt.js';
import {StageProgress} from './build-progress.js';
import {type BuilderContext, writeSynced} from './builder-context.js';
import {throwIfCancelled} from './host-process.js';
import type {ImageRecord} from './image-record.js';
import {fetchPackageFiles} from './package-files.js';
import {mirrorAnswers} from './preseed.js';
import type {LoadedRecipe} from './recipe.js';

/** Names of the two files in a folder of netboot images. */
const KERNEL = 'linux';
const INITRD = 'initrd.gz';

/**
 * Fills `folder` (which exists and is empty) with `kernel`, `initrd`, `loader.elf` and `image.json`.
 * Errors: as listed for `ImageStore.buildImage`; `folder` may then hold anything and is the caller's to remove
 */
export async function buildDebianNetboot(
  folder: string,
  {recipe, digest}: LoadedRecipe<'debian-netboot'>,
  context: BuilderContext,
): Promise<void> {
  const {onProgress, signal} = context;
  const {suite, component, installerPackage, installerFolder, loaderPackage, loaderFile} = recipe;
  const apt = await Apt.open({...context, folder: context.aptFolder, suite, component, architecture: 'riscv64'});
  const update = new StageProgress('update package lists', 'steps', 100, onProgress);
  await apt.update((fraction) => update.set(fraction * 100));
  const [kernelPath, initrdPath] = [`${installerFolder}/${KERNEL}`, `${installerFolder}/${INITRD}`];
  const fetched = await fetchPackageFiles(
    apt,
    [
      {packageName: installerPackage, paths: [kernelPath, initrdPath]},
      {packageName: loaderPackage, paths: [loaderFile]},
    ],
    context,
  );
  const [installer, loaders] = [fetched[0]!, fetched[1]!];
  const files = {
    kernel: installer.files.get(kernelPath)!,
    initrd: installer.files.get(initrdPath)!,
    'loader.elf': loaders.files.get(loaderFile)!,
  };
  const record: ImageRecord = {
    version: 1,
    name: recipe.name,
    digest,
    kernelVersion: installer.item.version,
    commandLine: recipe.commandLine,
    execCommandLine: '',
    memoryBytes: recipe.memoryMiB * 2 ** 20,
    kernelBytes: files.kernel.length,
    initrdBytes: files.initrd.length,
    loaderBytes: files['loader.elf'].length,
    isInstaller: true,
    preseed: mirrorAnswers(await apt.installSource()),
    packages: fetched.map(({item: {name, version, sha256}}) => ({name, version, sha256})),
    builtAtMs: Date.now(),
  };
  for (const [name, bytes] of Object.entries(files)) await writeSynced(join(folder, name), bytes);
  await writeSynced(join(folder, 'image.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  throwIfCancelled(signal);
}
