/**
 * How guest code is run: which tiers there are, and the bounds of the second. All are settings of a machine; what they
 * default to stands in `configs/daemon.json`, nowhere else.
 */
import {EngineError} from './error.js';

/**
 * `interpreter`: nothing is compiled. `auto`: hot code becomes regions, compiled beside the harts. `regions`: everything
 * that is arrived at is compiled at once, on the hart's own thread; for tests, slow.
 */
export type Tier = 'interpreter' | 'regions' | 'auto';

/** Bounds of region making. */
export interface RegionSettings {
  /** Arrivals that make an op hot. */
  readonly hotThreshold: number;
  /** Guest ops of one region. */
  readonly maxOps: number;
  /** Regions of one machine at a time. */
  readonly maxRegions: number;
  /** Bytes of modules (as WebAssembly, not machine code) of one machine at a time. */
  readonly maxBytes: number;
}

/** Most targets of an indirect jump inside a region; bounds its jump tables. */
export const MAX_JUMP_TARGETS = 128;

/** What each of the bounds can be, least and most. */
export const REGION_LIMITS: Readonly<Record<keyof RegionSettings, readonly [least: number, most: number]>> = {
  // An op's count shares 16 bits with a mark.
  hotThreshold: [1, 30_000],
  // One block at least; V8's time for a function grows faster than the function.
  maxOps: [16, 2000],
  // Table indices are 16 bits in side cells, and 0 is none.
  maxRegions: [1, 65_535],
  // A module of one short region at least; the most is a fifth of what V8 commits to code of a whole process.
  maxBytes: [65_536, 256 * 1024 ** 2],
};

/** Passes usable bounds on. Errors: EngineError bad-spec, naming the bound */
export function checkRegionSettings(settings: RegionSettings): RegionSettings {
  for (const name of ['hotThreshold', 'maxOps', 'maxRegions', 'maxBytes'] as const) {
    const [least, most] = REGION_LIMITS[name];
    const value = settings[name];
    if (!Number.isInteger(value) || value < least || value > most)
      throw new EngineError(
        'bad-spec',
        `Regions cannot have ${name} ${value}.`,
        `Give a whole number from ${least} to ${most}.`,
      );
  }
  return settings;
}
