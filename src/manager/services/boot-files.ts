/** Checks and finds what a machine boots from, before any process is started for it. */
import {constants} from 'node:fs';
import {access, link, mkdir, stat} from 'node:fs/promises';
import {freemem, totalmem} from 'node:os';
import {dirname, isAbsolute, join, resolve} from 'node:path';
import {bootParts, withBootPaths} from '../bootable/boot-paths.js';
import type {BootFiles} from '../hypervisor/contract.js';
import {type BuiltImage, imageCommandLine, namedCommandLine} from '../image/image-record.js';
import {ManagerError} from '../protocol/errors.js';
import type {Boot} from '../protocol/machine.js';
import {syncFolder} from '../store/atomic-file.js';

/** A boot that needs no image. */
export type OwnBoot = Exclude<Boot, {kind: 'image'}>;

/** Errors: file-not-found */
export async function checkReadable(path: string, what: string): Promise<void> {
  if (!isAbsolute(path))
    throw new ManagerError('file-not-found', `The path of the ${what}, ${path}, is not absolute.`, 'Give a full path.');
  try {
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    await access(path, constants.R_OK);
  } catch (thrown) {
    const isMissing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    const detail = isMissing ? 'there is no such file' : thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `The ${what} ${path} cannot be read: ${detail}.`, 'Check the path.');
  }
}

/** Checks the files a boot names itself. Errors: file-not-found */
export async function checkBoot(boot: Boot): Promise<void> {
  if (boot.kind === 'firmware') await checkReadable(boot.elfPath, 'firmware');
  if (boot.kind === 'disk') await checkReadable(boot.loaderPath, 'boot loader');
  if (boot.kind !== 'linux') return;
  await checkReadable(boot.kernelPath, 'kernel');
  if (boot.initrdPath !== undefined) await checkReadable(boot.initrdPath, 'initial RAM disk');
  if (boot.loaderPath !== undefined) await checkReadable(boot.loaderPath, 'boot loader');
}

/** A boot with its files' absolute paths; those that lie in the machine's folder are relative before. */
export function absoluteBoot(boot: OwnBoot, folder: string): OwnBoot {
  return withBootPaths(boot, (path) => resolve(folder, path));
}

/** The files of a boot that needs no image, for a machine of that folder and name. Errors: file-not-found */
export async function resolveOwnFiles(
  boot: OwnBoot,
  {folder, name}: {readonly folder: string; readonly name: string},
): Promise<BootFiles> {
  const found = absoluteBoot(boot, folder);
  await checkBoot(found);
  if (found.kind === 'firmware') return {kind: 'firmware', elfPath: found.elfPath};
  if (found.kind === 'disk') return {kind: 'disk', loaderPath: found.loaderPath};
  const {kernelPath, initrdPath, loaderPath, commandLine: own, takesHostname = false} = found;
  const commandLine = takesHostname ? namedCommandLine(own, name) : own;
  return {
    ...{kind: 'linux', kernelPath, commandLine},
    ...(initrdPath === undefined ? {} : {initrdPath}),
    ...(loaderPath === undefined ? {} : {loaderPath}),
  };
}

/** Gives the boot files in a machine's folder to another, whose folder is in the making: both have them from then on. */
export async function shareOwnFiles(boot: Boot, from: string, to: string): Promise<void> {
  if (boot.kind === 'image') return;
  for (const path of Object.values(bootParts(boot))) {
    if (isAbsolute(path)) continue;
    await mkdir(dirname(join(to, path)), {recursive: true, mode: 0o700});
    await link(join(from, path), join(to, path));
    await syncFolder(dirname(join(to, path)));
  }
}

/** The files of a built image; the guest takes the machine's name as its host name. */
export function imageFiles(image: BuiltImage, commandLine: string | undefined, hostname: string): BootFiles {
  const {kernelPath, initrdPath, loaderPath} = image;
  if (image.kernelBytes === undefined) return {kind: 'disk', loaderPath};
  return {
    ...{kind: 'linux', kernelPath, initrdPath},
    commandLine: commandLine ?? imageCommandLine(image, {mode: 'shell', hostname}),
    ...(image.loaderBytes === undefined ? {} : {loaderPath}),
  };
}

/** Errors: not-enough-memory when the host could not give it at all */
export function checkMemoryExists(memoryBytes: number): void {
  const most = hostMemoryBytes();
  if (memoryBytes <= most) return;
  throw new ManagerError(
    'not-enough-memory',
    `The machine wants ${mebibytes(memoryBytes)} of memory, the host has ${mebibytes(most)}.`,
    'Give it less with `--memory`.',
  );
}

/** Errors: not-enough-memory when the host cannot give it now */
export function checkMemoryFree(memoryBytes: number, reserveBytes: number): void {
  checkMemoryExists(memoryBytes);
  const free = Math.max(0, freemem() - reserveBytes);
  if (memoryBytes <= free) return;
  throw new ManagerError(
    'not-enough-memory',
    `The machine wants ${mebibytes(memoryBytes)} of memory, the host has ${mebibytes(free)} to give now.`,
    'Shut down another machine, or give this one less.',
  );
}

/** What the host, or the control group this process is confined to, has. */
function hostMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1_048_576)} MiB`;
}
