/**
 * How guest code is run: which tiers there are, and the bounds of the second. All are settings of a machine; what they
 * default to stands in `configs/daemon.json`.
 */

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

/** What a machine gets that says nothing else. */
export const defaultRegionSettings: RegionSettings = {
  hotThreshold: 8000,
  maxOps: 600,
  maxRegions: 8000,
  maxBytes: 16 * 1024 ** 2,
};
