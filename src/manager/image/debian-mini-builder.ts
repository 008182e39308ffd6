/** Builds an image of kind `debian-initramfs` into a folder: packages, kernel, initramfs, record. */
import {mkdtemp, open, rm, statfs, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {Apt} from './apt.js';
import {type BuildProgress, type ProgressListener, StageProgress} from './build-progress.js';
import {findApplets} from './busybox-applets.js';
import {type PackageTools, visitPackage} from './debian-package.js';
import {throwIfCancelled} from './host-process.js';
import type {ImageRecord} from './image-record.js';
import {buildInitramfs} from './initramfs.js';
import {unpackKernelPackage} from './kernel-package.js';
import type {LoadedRecipe} from './recipe.js';

/** What a build works with. */
export interface BuilderContext {
  /** An existing folder for packages and apt's state; outlives the build. */
  readonly aptFolder: string;
  readonly mirror: string | undefined;
  readonly keyring: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ProgressListener;
}

/** Room for the package, its unpacked modules and the result, beyond the size of the package itself. */
const SCRATCH_BYTES = 200e6;

/**
 * Fills `folder` (which exists and is empty) with `kernel`, `initrd` and `image.json`.
 * Errors: as listed for `ImageStore.buildImage`; `folder` may then hold anything and is the caller's to remove
 */
export async function buildDebianInitramfs(
  folder: string,
  {recipe, guestFiles, digest}: LoadedRecipe,
  context: BuilderContext,
): Promise<void> {
  const {onProgress, signal} = context;
  const tools: PackageTools = {environment: context.environment, signal};
  const {suite, component} = recipe;
  const apt = await Apt.open({...context, folder: context.aptFolder, suite, component, architecture: 'riscv64'});

  const update = new StageProgress('update package lists', 'steps', 100, onProgress);
  await apt.update((fraction) => update.set(fraction * 100));
  const kernelItem = await apt.describe(await apt.resolveMetapackage(recipe.kernelPackage, 'linux-image-'));
  const busyboxItem = await apt.describe(recipe.busyboxPackage);
  await checkSpace(folder, kernelItem.sizeBytes + busyboxItem.sizeBytes + SCRATCH_BYTES);

  const download = async (item: typeof kernelItem, stage: BuildProgress['stage']) => {
    const progress = new StageProgress(stage, 'bytes', item.sizeBytes, onProgress);
    const path = await apt.download(item, (fraction) => progress.set(fraction * item.sizeBytes));
    progress.set(item.sizeBytes);
    return path;
  };
  const kernelPackage = await download(kernelItem, 'download kernel');
  const busyboxPackage = await download(busyboxItem, 'download busybox');

  const scratch = await mkdtemp(join(folder, 'scratch-'));
  const unpack = new StageProgress('unpack', 'bytes', undefined, onProgress);
  const unpacked = await unpackKernelPackage(kernelPackage, scratch, tools, (bytes) => unpack.add(bytes));
  await using modules = unpacked.modules;
  const busybox = await unpackBusybox(busyboxPackage, tools);

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
    packages: [kernelItem, busyboxItem].map(({name, version, sha256}) => ({name, version, sha256})),
    builtAtMs: Date.now(),
  };
  await writeSynced(join(folder, 'kernel'), unpacked.kernel);
  await writeSynced(join(folder, 'initrd'), initrd);
  await writeSynced(join(folder, 'image.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  throwIfCancelled(signal);
}

async function unpackBusybox(path: string, tools: PackageTools): Promise<Uint8Array> {
  let program: Uint8Array | undefined;
  await visitPackage(path, tools, async (entry) => {
    if (entry.kind === 'file' && /^(usr\/)?bin\/busybox$/.test(entry.path)) program = await entry.bytes();
  });
  if (program !== undefined) return program;
  throw new ManagerError(
    'image-build-failed',
    `The package ${path} holds no busybox.`,
    'Check busyboxPackage in the image recipe.',
  );
}

async function checkSpace(folder: string, neededBytes: number): Promise<void> {
  const {bavail, bsize} = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new ManagerError(
    'disk-full',
    `Building the image needs ${megabytes(neededBytes)} of disk, and ${megabytes(freeBytes)} are free below ${folder}.`,
    'Free some space and try again.',
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

async function writeSynced(path: string, data: Uint8Array | string): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await writeFile(file, data);
    await file.sync();
  } finally {
    await file.close();
  }
}
