import {mkdtemp, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {afterAll, beforeAll} from 'vitest';
import {TerminalSession} from './terminal.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The bundled program that runs the real TUI over a scripted fleet. */
export interface TuiProgram extends AsyncDisposable {
  /** Opens it at a terminal, with preferences of its own. `fleet` is a list like `web-1:running,db:defined`. */
  open(fleet: string, size?: {columns: number; rows: number}, env?: Readonly<Record<string, string>>): TerminalSession;
}

/** Bundles the program once for a test file. */
export async function bundleTui(): Promise<TuiProgram> {
  // Inside the checkout, so that packages that are not bundled are found.
  const folder = await mkdtemp(join(root, 'node_modules/.tui-test-'));
  await build({
    entryPoints: [join(root, 'test/support/tui-program.ts')],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    jsx: 'automatic',
    external: ['node-pty', 'react-devtools-core', 'blessed', 'blessed-contrib'],
    define: {'process.env.NODE_ENV': '"production"'},
    banner: {js: "import {createRequire as __cr} from 'node:module';const require=__cr(import.meta.url);"},
    logLevel: 'error',
  });
  let opened = 0;
  return {
    open: (fleet, size = {columns: 120, rows: 35}, env = {}) =>
      new TerminalSession({
        command: process.execPath,
        args: [join(folder, 'tui-program.js')],
        env: {FLEET: fleet, HOME: folder, XDG_CONFIG_HOME: join(folder, `config-${++opened}`), ...env},
        ...size,
      }),
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  };
}

/** The program for the tests of one file: bundled before them, gone after. */
export function tuiOfFile(): Pick<TuiProgram, 'open'> {
  let program: TuiProgram;
  beforeAll(async () => {
    program = await bundleTui();
  });
  afterAll(() => program[Symbol.asyncDispose]());
  return {open: (...args) => program.open(...args)};
}
