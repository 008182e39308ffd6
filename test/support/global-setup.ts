import {mkdtemp, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {build} from '../../scripts/build.js';
import {RUN_FOLDER_VARIABLE} from './run-bundle.js';

let folder: string | undefined;

/** Builds the bundle once per test run: workers, daemons and the launcher under test all start from `dist/`. */
export async function setup(): Promise<void> {
  // Inside the checkout, so that packages that are not bundled are found; one for each run, for several may go on at once.
  folder = await mkdtemp(join(import.meta.dirname, '../../node_modules/.test-run-'));
  process.env[RUN_FOLDER_VARIABLE] = folder;
  await build();
}

/** Takes away what the files of the run have shared. */
export async function teardown(): Promise<void> {
  if (folder !== undefined) await rm(folder, {recursive: true, force: true, maxRetries: 3});
}
