import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));
const everything = ['test/**/*.test.ts', 'test/**/*.test.tsx'];

/** The engine's tests that run guests and leave their tier open: each runs once in every one (`test/support/tier.ts`). */
const guestTests = readdirSync(join(root, 'test/engine'), {recursive: true, encoding: 'utf8'})
  .map((file) => `test/engine/${file}`)
  .filter((file) => file.endsWith('.test.ts') && runsGuests(join(root, file)));

function runsGuests(file: string): boolean {
  const text = readFileSync(file, 'utf8');
  return (
    /from '[./]*\/support\/(bare-guest|bare-machine)\.js'/.test(text) &&
    !/import \{.*\b(REGIONS|defaultRegionSettings)\b/.test(text)
  );
}

const tiers = ['interpreter', 'regions', 'mixed'].map((tier) => ({
  extends: true as const,
  test: {name: tier, include: guestTests, env: {VIV_TEST_TIER: tier}},
}));

export default defineConfig({
  test: {
    projects: [{extends: true, test: {name: 'once', include: everything, exclude: guestTests}}, ...tiers],
    // Workers and daemons run from the bundle, so every run starts from a fresh one.
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more parallel files only makes guests starve each other.
    maxWorkers: 2,
  },
});
