import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/**
 * The folder of the installed package, found by walking up from a module's own address, so that it is the same from
 * `src/` and from the bundle in `dist/`.
 * Errors: throws when no folder above holds the package's own package.json (a broken installation)
 */
export function findPackageRoot(moduleUrl: string): string {
  let folder = dirname(fileURLToPath(moduleUrl));
  for (;;) {
    if (packageName(join(folder, 'package.json')) === 'vivarium') return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json of vivarium above ${fileURLToPath(moduleUrl)}`);
    folder = parent;
  }
}

function packageName(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined; // no such file at this level: look further up
  }
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest !== 'object' || manifest === null || !('name' in manifest)) return undefined;
  return typeof manifest.name === 'string' ? manifest.name : undefined;
}
