/** Finds the start files in `dist/`, from the bundle itself and from the sources (tests). */
import {existsSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The folder that has package.json, configs/ and dist/. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Absolute path of a bundled start file: `vivd`, `machine`, `hart`. */
export function bundledEntry(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return join(basename(here) === 'dist' ? here : join(packageFolder(), 'dist'), `${name}.js`);
}
