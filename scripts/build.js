// Bundles the program into dist/: one entry per process or thread kind, shared code in chunks.
import {existsSync} from 'node:fs';
import {readFile, rename, rm, utimes} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import * as esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Bundle entries: output name → source. Each is the start file of one process; what they share lies in chunks. */
const programs = {
  viv: 'src/tui/main.tsx',
  vivd: 'src/manager/main.ts',
};

/**
 * Start files of machine processes and their threads. Each is one file: that a machine is there sooner (measured: 255 ms to
 * its socket, 300 ms from chunks) is worth the room.
 */
const machineParts = {
  machine: 'src/manager/hypervisor/builtin/machine-main.ts',
  hart: 'src/manager/hypervisor/builtin/hart-main.ts',
  compiler: 'src/engine/compiler/worker-main.ts',
  'engine-hart': 'src/engine/hart/worker-main.ts',
};

/**
 * yoga-layout asks `fetch` for the bytes that it has in itself, and the first `fetch` of a process loads Node's HTTP client:
 * 45 ms before the UI's first frame. Without one it takes them as they are.
 */
const withoutFetch = {
  name: 'yoga-without-fetch',
  setup(build) {
    build.onLoad({filter: /yoga-wasm-base64-esm\.js$/}, async ({path}) => ({
      contents: `const fetch = undefined;\n${await readFile(path, 'utf8')}`,
      loader: 'js',
    }));
  },
};

/** What every bundle of the project is made with. */
export const bundleOptions = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  jsx: 'automatic',
  sourcemap: true,
  // Native addons and the development-only React inspector cannot be bundled; blessed finds files beside its own, and
  // ssh2 asks for native addons that need not be there.
  external: ['node-pty', 'react-devtools-core', 'blessed', 'blessed-contrib', 'ssh2'],
  define: {'process.env.NODE_ENV': '"production"'},
  // CommonJS parts of the bundle still ask for `require`.
  banner: {js: "import {createRequire as __cr} from 'node:module';const require=__cr(import.meta.url);"},
  logLevel: 'error',
  plugins: [withoutFetch],
};

/**
 * Builds every entry into dist/. Throws with esbuild's message when a source does not compile; dist/ is then as before.
 * The new bundle is made beside the old one and takes its place at once, so that a `viv` started meanwhile has either.
 */
export async function build() {
  const startedAt = new Date();
  const made = join(root, `.dist-${process.pid}`);
  try {
    await bundle(made);
    // A source changed while the bundle was made is newer than it.
    await utimes(join(made, 'viv.js'), startedAt, startedAt);
    await replaceDist(made);
  } finally {
    await rm(made, {recursive: true, force: true});
  }
}

async function replaceDist(made) {
  const old = `${made}-old`;
  for (let attempt = 0; ; attempt++) {
    await rename(join(root, 'dist'), old).catch(ignoreMissing);
    try {
      await rename(made, join(root, 'dist'));
      break;
    } catch (error) {
      // Another build came between the two steps; its bundle is as new as ours, and the next try replaces it.
      if (attempt >= 5) throw error;
    } finally {
      await rm(old, {recursive: true, force: true});
    }
  }
}

function ignoreMissing(error) {
  if (error.code !== 'ENOENT') throw error;
}

async function bundle(outdir) {
  // Less to read at each start; lines of some length, so that what is told of an error's place says something.
  const dense = {...bundleOptions, minifyWhitespace: true, minifySyntax: true, lineLimit: 160};
  await esbuild.build({...dense, entryPoints: pathsOf(programs), outdir});
  await esbuild.build({...dense, splitting: false, entryPoints: pathsOf(machineParts), outdir});
}

function pathsOf(entries) {
  return Object.fromEntries(
    Object.entries(entries)
      .map(([name, source]) => [name, join(root, source)])
      .filter(([, source]) => existsSync(source)),
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await build().catch((error) => {
    // esbuild has already printed what does not compile.
    if (!error.errors) console.error(error);
    process.exitCode = 1;
  });
