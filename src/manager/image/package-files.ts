/** Single files of Debian packages, fetched for an image. */
import {ManagerError} from '../protocol/errors.js';
import type {Apt, AptPackage} from './apt.js';
import {StageProgress} from './build-progress.js';
import type {BuilderContext} from './builder-context.js';
import {visitPackage} from './debian-package.js';

/** Paths in a package, relative to its root. */
export interface WantedFiles {
  readonly packageName: string;
  readonly paths: readonly string[];
}

/** Files of one package, by their paths. */
export interface FetchedFiles {
  readonly item: AptPackage;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Fetches packages and takes the files out of them.
 * Errors: as `Apt.download`; image-build-failed when a package has no such file
 */
export async function fetchPackageFiles(
  apt: Apt,
  wanted: readonly WantedFiles[],
  {onProgress, signal, environment}: Pick<BuilderContext, 'onProgress' | 'signal' | 'environment'>,
): Promise<FetchedFiles[]> {
  const items: AptPackage[] = [];
  for (const {packageName} of wanted) items.push(await apt.describe(packageName));
  const total = items.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  const progress = new StageProgress('download packages', 'bytes', total, onProgress);
  const paths: string[] = [];
  let before = 0;
  for (const item of items) {
    paths.push(await apt.download(item, (fraction) => progress.set(before + fraction * item.sizeBytes)));
    before += item.sizeBytes;
    progress.set(before);
  }
  const unpack = new StageProgress('unpack', 'bytes', undefined, onProgress);
  const fetched: FetchedFiles[] = [];
  for (const [index, {packageName, paths: names}] of wanted.entries()) {
    const files = new Map<string, Uint8Array>();
    await visitPackage(paths[index]!, {environment, signal}, async (entry) => {
      unpack.add(entry.sizeBytes);
      if (entry.kind === 'file' && names.includes(entry.path)) files.set(entry.path, await entry.bytes());
    });
    const missing = names.find((name) => !files.has(name));
    if (missing !== undefined)
      throw new ManagerError(
        'image-build-failed',
        `The package ${packageName} has no file ${missing}.`,
        'Correct the path in the image recipe.',
      );
    fetched.push({item: items[index]!, files});
  }
  return fetched;
}
