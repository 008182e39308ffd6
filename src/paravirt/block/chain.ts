/**
 * Chains of images: the top one, and below it what each header names. Headers are not trusted: a backing image is opened
 * only inside allowed folders, only as the format its header records (never guessed from content, which a guest may have
 * written), a bounded number of times deep and never twice.
 */
import {realpath} from 'node:fs/promises';
import {dirname, resolve, sep} from 'node:path';
import {ParavirtError} from '../error.js';
import type {BlockBackend, BlockFormat} from './contract.js';
import * as registry from './formats/registry.js';
import {openError} from './host-error.js';
import {HostFile} from './host-file.js';
import type {ImageFile} from './image-file.js';

/** The most images in one chain: bounds memory and the time of a read that goes all the way down. */
export const CHAIN_DEPTH_MAX = 64;

/** One image of a chain, with everything that is needed to open it. */
export interface ChainImage {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  readonly format: string;
}

/** What may be opened besides the top image. */
export interface ChainPolicy {
  /** Folders below which backing images may lie; the top image's own folder is always one. */
  readonly allowedFolders: readonly string[];
  /** Images elsewhere that somebody attached by name before overlays were put on them. */
  readonly allowedFiles?: readonly string[];
}

const formats = new Map<string, BlockFormat>(Object.values(registry).map((format) => [format.name, format]));

/** Names of all formats. */
export const formatNames: readonly string[] = [...formats.keys()];

/** Errors: bad-option for a format we do not have */
export function findFormat(name: string): BlockFormat {
  const format = formats.get(name);
  if (format !== undefined) return format;
  throw new ParavirtError(
    'bad-option',
    `There is no image format ${JSON.stringify(name.slice(0, 40))}.`,
    `Use one of ${formatNames.join(', ')}.`,
  );
}

/**
 * Follows the headers from `path` on: the images of the chain, top first. Nothing but headers is read.
 * Errors: not-found, no-permission, corrupt, unsupported, bad-option
 */
export async function resolveChain(path: string, format: string, policy: ChainPolicy): Promise<readonly ChainImage[]> {
  const top = await real(path);
  const allowed = {
    folders: [dirname(top), ...(await Promise.all(policy.allowedFolders.map(realOrSame)))],
    files: await Promise.all((policy.allowedFiles ?? []).map(realOrSame)),
  };
  const images: ChainImage[] = [];
  let next: ChainImage | undefined = {path: top, format};
  while (next !== undefined) {
    const {path: at, format: name} = next;
    if (images.some((image) => image.path === at))
      throw new ParavirtError('corrupt', `The disk image ${top} stands on itself.`, 'Rebase one image of the chain.');
    if (images.length === CHAIN_DEPTH_MAX)
      throw new ParavirtError(
        'unsupported',
        `The disk image ${top} stands on more than ${CHAIN_DEPTH_MAX} others.`,
        'Shorten the chain: commit or convert it.',
      );
    images.push(next);
    next = await backingOf(at, findFormat(name), allowed);
  }
  return images;
}

interface AllowedPlaces {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** How images' files are opened. */
export type FileOpener = (path: string, isReadOnly: boolean) => Promise<ImageFile>;

/** Opens a chain that was resolved; only the top image is ever written. Errors: those of the formats */
export async function openChain(
  images: readonly ChainImage[],
  isReadOnly: boolean,
  openFile: FileOpener = HostFile.open,
): Promise<BlockBackend> {
  let backing: BlockBackend | undefined;
  for (const [depth, {path, format}] of [...images.entries()].reverse()) {
    try {
      const isBelow = depth > 0;
      const file = await openFile(path, isBelow || isReadOnly);
      const below: BlockBackend | undefined = backing;
      backing = undefined;
      backing = await findFormat(format).open(file, {
        isReadOnly: isBelow || isReadOnly,
        ...(below === undefined ? {} : {backing: below}),
      });
    } catch (error) {
      await backing?.[Symbol.asyncDispose]();
      throw error;
    }
  }
  if (backing === undefined) throw new Error('a chain has at least one image');
  return backing;
}

/** Opens an image to be written on top of a disk that is open. Errors: those of the format */
export async function openOverlay(
  {path, format}: ChainImage,
  backing: BlockBackend,
  openFile: FileOpener = HostFile.open,
): Promise<BlockBackend> {
  return findFormat(format).open(await openFile(path, false), {isReadOnly: false, backing});
}

/** Opens a chain to be stood on. Errors: those of the formats */
export function openBelow(images: readonly ChainImage[]): Promise<BlockBackend> {
  return openChain(images, true);
}

async function backingOf(path: string, format: BlockFormat, allowed: AllowedPlaces): Promise<ChainImage | undefined> {
  await using file = await HostFile.open(path, true);
  const {backing} = await format.inspect(file);
  if (backing === undefined) return undefined;
  const shown = JSON.stringify(backing.path.slice(0, 200));
  if (/^[a-z][a-z0-9+.-]*:/i.test(backing.path))
    throw new ParavirtError(
      'unsupported',
      `The backing image ${shown} of ${path} is no file of this host.`,
      'Convert the disk to an image of its own.',
    );
  if (backing.format === undefined)
    throw new ParavirtError(
      'unsupported',
      `${path} does not say which format its backing image ${shown} has, and formats are never guessed.`,
      'Record it: `viv disk rebase --unsafe --backing FILE --backing-format FORMAT IMAGE`.',
    );
  const found = await real(resolve(dirname(path), backing.path));
  if (!allowed.files.includes(found) && !allowed.folders.some((folder) => isInside(found, folder)))
    throw new ParavirtError(
      'no-permission',
      `The backing image ${shown} of ${path} lies outside the folders that may be used.`,
      'Move it beside the disk, or name its folder in the setting disks.backingFolders.',
    );
  return {path: found, format: findFormat(backing.format).name};
}

const isInside = (path: string, folder: string): boolean =>
  path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw openError(error, path);
  }
}

async function realOrSame(path: string): Promise<string> {
  // A folder that is not there allows nothing.
  return realpath(path).catch(() => resolve(path));
}
