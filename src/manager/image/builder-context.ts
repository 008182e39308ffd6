/** What builds of images work with, and what they all do. */
import {open, statfs, writeFile} from 'node:fs/promises';
import {ManagerError} from '../protocol/errors.js';
import type {Apt, AptPackage} from './apt.js';
import {type BuildStage, type ProgressListener, StageProgress} from './build-progress.js';
import {type PackageTools, visitPackage} from './debian-package.js';
import {type UnpackedKernel, unpackKernelPackage} from './kernel-package.js';
import type {MachineRun} from './machine-run.js';
import type {RecipeOf} from './recipe.js';

/** What a build works with. */
export interface BuilderContext {
  /** An existing folder for packages and apt's state; outlives the build. */
  readonly aptFolder: string;
  readonly mirror: string | undefined;
  readonly keyring: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ProgressListener;
  /** Runs the machine that makes a disk. */
  readonly runMachine: MachineRun;
  /** Where the console of a machine that failed is written. */
  readonly logPath: string;
}

/** Kernel and busybox, as every image has them. Dispose `modules` when they are not needed any more. */
export interface BootParts {
  readonly kernel: UnpackedKernel;
  readonly busybox: Uint8Array;
  readonly packages: readonly AptPackage[];
}

/**
 * Fetches and unpacks kernel and busybox; the package lists are there. `scratch` is an empty folder.
 * Errors: as listed for `ImageStore.buildImage`
 */
export async function fetchBootParts(
  apt: Apt,
  recipe: RecipeOf<'debian-initramfs' | 'debian-disk'>,
  scratch: string,
  {onProgress, signal, environment}: BuilderContext,
  otherBytes: number,
): Promise<BootParts> {
  const tools: PackageTools = {environment, signal};
  const kernelItem = await apt.describe(await apt.resolveMetapackage(recipe.kernelPackage, 'linux-image-'));
  const busyboxItem = await apt.describe(recipe.busyboxPackage);
  await checkSpace(scratch, kernelItem.sizeBytes + busyboxItem.sizeBytes + otherBytes);
  const download = async (item: AptPackage, stage: BuildStage) => {
    const progress = new StageProgress(stage, 'bytes', item.sizeBytes, onProgress);
    const path = await apt.download(item, (fraction) => progress.set(fraction * item.sizeBytes));
    progress.set(item.sizeBytes);
    return path;
  };
  const kernelPackage = await download(kernelItem, 'download kernel');
  const busyboxPackage = await download(busyboxItem, 'download busybox');
  const unpack = new StageProgress('unpack', 'bytes', undefined, onProgress);
  const busybox = await unpackBusybox(busyboxPackage, tools);
  const kernel = await unpackKernelPackage(kernelPackage, scratch, tools, (bytes) => unpack.add(bytes));
  return {kernel, busybox, packages: [kernelItem, busyboxItem]};
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

/** Writes a new file, durably. */
export async function writeSynced(path: string, data: Uint8Array | string): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await writeFile(file, data);
    await file.sync();
  } finally {
    await file.close();
  }
}
