// Bundles the benchmark runner beside the program and runs it with the arguments of `npm run bench`.
import {spawnSync} from 'node:child_process';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import * as esbuild from 'esbuild';
import {build, bundleOptions} from './build.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await build();
await esbuild.build({
  ...bundleOptions,
  entryPoints: {bench: join(root, 'test/bench/run.ts'), scripted: join(root, 'test/support/scripted-machine.ts')},
  // Of the tests' support, which bundles as well.
  external: [...(bundleOptions.external ?? []), 'esbuild'],
  outdir: join(root, 'dist'),
  splitting: false,
});
const {status} = spawnSync(process.execPath, [join(root, 'dist/bench.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
