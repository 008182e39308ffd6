/** Bundles of test programs that all files of a test run share: made by the first that asks, gone after the run. */
import {existsSync} from 'node:fs';
import {mkdtemp, rename, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as esbuild from 'esbuild';

/** Names the folder of a test run to its worker processes. */
export const RUN_FOLDER_VARIABLE = 'VIV_TEST_RUN_FOLDER';

const asked = new Map<string, Promise<string>>();

/**
 * The path of a program of this folder as a bundle, made with these options. Outside of a test run it is this process's
 * own, and gone with it.
 */
export function bundleOfRun(source: string, options: esbuild.BuildOptions): Promise<string> {
  const path = asked.get(source) ?? make(source, options);
  asked.set(source, path);
  return path;
}

async function make(source: string, options: esbuild.BuildOptions): Promise<string> {
  const name = source.replace(/\.ts$/, '');
  const run = process.env[RUN_FOLDER_VARIABLE] ?? (await ownFolder());
  const shared = join(run, name);
  const program = join(shared, `${name}.mjs`);
  if (existsSync(shared)) return program;
  // Two files may ask at once: each makes the whole of it aside, and the first to be done stays.
  const made = await mkdtemp(`${shared}-`);
  const entryPoints = [join(import.meta.dirname, source)];
  await esbuild.build({...options, entryPoints, outdir: made, outExtension: {'.js': '.mjs'}});
  await rename(made, shared).catch(async (error: NodeJS.ErrnoException) => {
    await rm(made, {recursive: true});
    if (!existsSync(program)) throw error;
  });
  return program;
}

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-bundle-'));
  process.once('exit', () => void rm(folder, {recursive: true, force: true}).catch(() => undefined));
  return folder;
}
