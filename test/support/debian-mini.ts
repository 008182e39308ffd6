import {mkdirSync, symlinkSync} from 'node:fs';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {builtInCatalogDir, ImageStore} from '../../src/manager/image/image-store.js';
import {findPackageRoot} from '../../src/manager/image/package-root.js';
import {noMachines} from './image-machines.js';

/**
 * Cache folder that all tests and runs share, so that packages are fetched and the image is built once. Give it to a
 * daemon under test as its image cache; its lock makes several builders take turns.
 */
export const testImageCache: string = join(
  findPackageRoot(import.meta.url),
  'node_modules',
  '.cache',
  'vivarium-images',
);

/** The image debian-mini, built by the first test that asks. */
export function builtDebianMini(): Promise<BuiltImage> {
  return new ImageStore({
    catalogDirs: [builtInCatalogDir()],
    cacheDir: testImageCache,
    machines: noMachines,
  }).buildImage('debian-mini');
}

/** Makes `folder` a cache of its own that uses the packages (and the lock) of the shared one. */
export function shareTestPackages(folder: string): void {
  const packages = join(testImageCache, 'apt');
  mkdirSync(packages, {recursive: true});
  mkdirSync(folder, {recursive: true});
  symlinkSync(packages, join(folder, 'apt'));
}
