/** Finds the start files in `dist/`, from the bundle itself and from the sources (tests). */
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {findPackageRoot} from './image/package-root.js';

/** The folder that has package.json, configs/ and dist/. */
export function packageFolder(): string {
  return findPackageRoot(import.meta.url);
}

/** Absolute path of a bundled start file: `vivd`, `machine`, `hart`. */
export function bundledEntry(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return join(basename(here) === 'dist' ? here : join(packageFolder(), 'dist'), `${name}.js`);
}
