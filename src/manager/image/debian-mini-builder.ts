/** Builds an image of kind `debian-initramfs` into a folder: packages, kernel, initramfs, record. */
import {mkdtemp, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {Apt} from './apt.js';
import {StageProgress} from './build-progress.js';
import {type BuilderContext, fetchBootParts, writeSynced} from './builder-context.js';
import {findApplets} from './busybox-applets.js';
import {throwIfCancelled} from './host-process.js';
import type {ImageRecord} from './image-record.js';
import {buildInitramfs} from './initramfs.js';
import type {LoadedRecipe} from './recipe.js';

/** Room for the package, its unpacked modules and the result, beyond the size of the package itself. */
const SCRATCH_BYTES = 200e6;

/**
 * Fills `folder` (which exists and is empty) with `kernel`, `initrd` and `image.json`.
 * Errors: as listed for `ImageStore.buildImage`; `folder` may then hold anything and is the caller's to remove
 */
export async function buildDebianInitramfs(
  folder: string,
  {recipe, guestFiles, digest}: LoadedRecipe<'debian-initramfs'>,
  context: BuilderContext,
): Promise<void> {
  const {onProgress, signal} = context;
  const {suite, component} = recipe;
  const apt = await Apt.open({...context, folder: context.aptFolder, suite, component, architecture: 'riscv64'});
  const update = new StageProgress('update package lists', 'steps', 100, onProgress);
  await apt.update((fraction) => update.set(fraction * 100));
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  const {kernel: unpacked, busybox, packages} = await fetchBootParts(apt, recipe, scratch, context, SCRATCH_BYTES);
  await using modules = unpacked.modules;

  new StageProgress('initramfs', 'steps', undefined, onProgress);
  const bootModules = await modules.withDependencies(recipe.modules.boot);
  const bootNames = new Set(bootModules.map((module) => module.name));
  const onDemand = await modules.withDependencies(recipe.modules.onDemand);
  const initrd = buildInitramfs({
    busybox,
    applets: findApplets(busybox),
    kernelVersion: unpacked.version,
    bootModules,
    onDemandModules: onDemand.filter((module) => !bootNames.has(module.name)),
    guestFiles,
  });
  await rm(scratch, {recursive: true});

  const record: ImageRecord = {
    version: 1,
    name: recipe.name,
    digest,
    kernelVersion: unpacked.version,
    commandLine: recipe.commandLine,
    execCommandLine: recipe.execCommandLine,
    memoryBytes: recipe.memoryMiB * 2 ** 20,
    kernelBytes: unpacked.kernel.length,
    initrdBytes: initrd.length,
    packages: packages.map(({name, version, sha256}) => ({name, version, sha256})),
    builtAtMs: Date.now(),
  };
  await writeSynced(join(folder, 'kernel'), unpacked.kernel);
  await writeSynced(join(folder, 'initrd'), initrd);
  await writeSynced(join(folder, 'image.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  throwIfCancelled(signal);
}
