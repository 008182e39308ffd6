/**
 * The tier that guests of the engine's tests run in: the whole suite runs once in each (`vitest.config.ts` has a project
 * for each). `interpreter` unless VIV_TEST_TIER says `regions` (everything compiled at once) or `mixed` (compiled beside
 * the harts after a few arrivals).
 */
import configuration from '../../configs/daemon.json' with {type: 'json'};
import type {RegionSettings, Tier} from '../../src/engine/tiers.js';

/** What machines get that say nothing else. */
export const defaultRegionSettings: RegionSettings = configuration.regions;

/** What a machine's specification says about tiers. */
export interface TestTier {
  readonly tier: Tier;
  readonly regions: RegionSettings;
}

/** Nothing is compiled. */
export const INTERPRETER: TestTier = {tier: 'interpreter', regions: defaultRegionSettings};

/** Everything that is arrived at by a jump is compiled at once. */
export const REGIONS: TestTier = {tier: 'regions', regions: {...defaultRegionSettings, hotThreshold: 1}};

/** The tier of this run. */
export function testTier(): TestTier {
  const name = process.env['VIV_TEST_TIER'] ?? 'interpreter';
  switch (name) {
    case 'interpreter':
      return INTERPRETER;
    case 'regions':
      return REGIONS;
    case 'mixed':
      return {tier: 'auto', regions: {...defaultRegionSettings, hotThreshold: 3}};
    default:
      throw new Error(`VIV_TEST_TIER is "${name}", not interpreter, regions or mixed`);
  }
}
