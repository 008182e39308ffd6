import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect, it} from 'vitest';
import {findPackageRoot} from '../../../src/manager/image/package-root.js';

it('finds one package root from the sources and from the bundle', () => {
  const root = process.cwd();
  for (const path of ['src/manager/image/package-root.ts', 'dist/vivd.js', 'dist/chunk.js'])
    expect(findPackageRoot(pathToFileURL(join(root, path)).href)).toBe(root);
});

it('says so when there is none above', () => {
  const folder = mkdtempSync(join(tmpdir(), 'viv-root-'));
  try {
    expect(() => findPackageRoot(pathToFileURL(join(folder, 'vivd.js')).href)).toThrow(/package.json/);
  } finally {
    rmSync(folder, {recursive: true});
  }
});
