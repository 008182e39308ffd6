// Bundles the program into dist/: one entry per process or thread kind, shared code in chunks.
import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import * as esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Bundle entries: output name → source. Each is the start file of one process or worker thread. */
export const entries = {
  viv: 'src/tui/main.tsx',
  vivd: 'src/manager/main.ts',
  machine: 'src/manager/hypervisor/builtin/machine-main.ts',
  hart: 'src/manager/hypervisor/builtin/hart-main.ts',
  'engine-hart': 'src/engine/hart/worker.ts',
};

/** Builds every entry into dist/. Throws with esbuild's message when a source does not compile. */
export async function build() {
  const points = Object.fromEntries(
    Object.entries(entries)
      .map(([name, source]) => [name, join(root, source)])
      .filter(([, source]) => existsSync(source)),
  );
  await rm(join(root, 'dist'), {recursive: true, force: true});
  await esbuild.build({
    entryPoints: points,
    outdir: join(root, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    jsx: 'automatic',
    sourcemap: true,
    // Native addons and the development-only React inspector cannot be bundled.
    external: ['node-pty', 'react-devtools-core', 'blessed', 'blessed-contrib'],
    define: {'process.env.NODE_ENV': '"production"'},
    // CommonJS parts of the bundle (blessed among them) still ask for `require`.
    banner: {js: "import {createRequire as __cr} from 'node:module';const require=__cr(import.meta.url);"},
    logLevel: 'error',
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await build();
