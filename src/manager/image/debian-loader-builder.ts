/** Builds an image of kind `debian-loader` into a folder: a boot loader for what is on a machine's disks. */
import {join} from 'node:path';
import {Apt} from './apt.js';
import {StageProgress} from './build-progress.js';
import {type BuilderContext, writeSynced} from './builder-context.js';
import {throwIfCancelled} from './host-process.js';
import type {ImageRecord} from './image-record.js';
import {fetchPackageFiles} from './package-files.js';
import type {LoadedRecipe} from './recipe.js';

/**
 * Fills `folder` (which exists and is empty) with `loader.elf` and `image.json`.
 * Errors: as listed for `ImageStore.buildImage`; `folder` may then hold anything and is the caller's to remove
 */
export async function buildDebianLoader(
  folder: string,
  {recipe, digest}: LoadedRecipe<'debian-loader'>,
  context: BuilderContext,
): Promise<void> {
  const {onProgress, signal} = context;
  const {suite, component, loaderPackage, loaderFile} = recipe;
  const apt = await Apt.open({...context, folder: context.aptFolder, suite, component, architecture: 'riscv64'});
  const update = new StageProgress('update package lists', 'steps', 100, onProgress);
  await apt.update((fraction) => update.set(fraction * 100));
  const [fetched] = await fetchPackageFiles(apt, [{packageName: loaderPackage, paths: [loaderFile]}], context);
  const {item, files} = fetched!;
  const loader = files.get(loaderFile)!;
  const record: ImageRecord = {
    version: 1,
    name: recipe.name,
    digest,
    kernelVersion: item.version,
    commandLine: '',
    execCommandLine: '',
    memoryBytes: recipe.memoryMiB * 2 ** 20,
    loaderBytes: loader.length,
    packages: [{name: item.name, version: item.version, sha256: item.sha256}],
    builtAtMs: Date.now(),
  };
  await writeSynced(join(folder, 'loader.elf'), loader);
  await writeSynced(join(folder, 'image.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  throwIfCancelled(signal);
}
