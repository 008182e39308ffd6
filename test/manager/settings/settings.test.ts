import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import configuration from '../../../configs/daemon.json' with {type: 'json'};
import {checkRegionSettings, REGION_LIMITS, type RegionSettings} from '../../../src/engine/tiers.js';
import {MAX_HOT_THRESHOLD} from '../../../src/manager/protocol/machine.js';
import {loadSettings, settingsSchema} from '../../../src/manager/settings/settings.js';

const bounds = Object.keys(REGION_LIMITS) as (keyof RegionSettings)[];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-settings-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

/** Settings with one section overridden as a user would. */
async function override(section: string, values: Record<string, unknown>) {
  const path = join(folder, 'daemon.json');
  await writeFile(path, JSON.stringify({[section]: values}));
  return loadSettings(path);
}

describe('bounds of compiled code', () => {
  it('are what the defaults say until one is overridden', async () => {
    expect((await override('console', {})).regions).toEqual(configuration.regions);
    const {regions, machines} = await override('regions', {maxRegions: 5});
    expect(regions).toEqual({...configuration.regions, maxRegions: 5});
    expect(machines.defaultTier).toBe('auto');
  });

  it.each(bounds)('%s is taken from least to most, by the settings as by the engine', async (name) => {
    const [least, most] = REGION_LIMITS[name];
    for (const value of [least, most]) {
      const {regions} = await override('regions', {[name]: value});
      expect(checkRegionSettings(regions)[name]).toBe(value);
    }
    for (const value of [least - 1, most + 1, least + 0.5, 'many']) {
      await expect(override('regions', {[name]: value})).rejects.toMatchObject({
        code: 'bad-setting',
        message: expect.stringContaining(`regions.${name}`),
        hint: expect.stringContaining('configs/daemon.json'),
      });
      const wrong = {...configuration.regions, [name]: value};
      expect(() => checkRegionSettings(wrong as RegionSettings)).toThrow(expect.objectContaining({code: 'bad-spec'}));
    }
  });

  it('have the most that a single machine can ask for', () => {
    expect(REGION_LIMITS.hotThreshold).toEqual([1, MAX_HOT_THRESHOLD]);
  });
});

it.each([
  ['defaultTier', 'warp'],
  ['defaultHartCount', 17],
  ['defaultHartCount', 0],
])('machines.%s cannot be %s', async (name, value) => {
  await expect(override('machines', {[name]: value})).rejects.toMatchObject({
    code: 'bad-setting',
    message: expect.stringContaining(`machines.${name}`),
  });
  expect(settingsSchema.safeParse(configuration).success).toBe(true);
});
