import {build} from '../../scripts/build.js';

/** Builds the bundle once per test run: workers, daemons and the launcher under test all start from `dist/`. */
export async function setup(): Promise<void> {
  await build();
}
