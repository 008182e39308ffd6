/**
 * A module of regions: many functions in one, because a module costs far more than a function.
 */
import {concurrencyOf} from '../atomics.js';
import {importExactFunctions} from '../exact-functions.js';
import {type MemoryLimits, ModuleBuilder} from '../wasm/module.js';
import {REGION_IMPORTS, REGION_SIGNATURE} from './abi.js';
import type {RegionModule} from './emitter.js';
import {emitRegion, type RegionPlan} from './region.js';

/** The binary module; region i is exported as `r<i>`. `hasFusion` is what `host-fusion.ts` found out. */
export function buildRegions(
  plans: readonly RegionPlan[],
  memory: MemoryLimits,
  hartCount: number,
  hasFusion: boolean,
): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder(memory);
  builder.importTable();
  const hasFloat = plans.some(({blocks}) => blocks.some(({block}) => block.ops.some(({record}) => record.isFloat)));
  const readAddress = builder.import('readAddress', REGION_IMPORTS.readAddress);
  const writeAddress = builder.import('writeAddress', REGION_IMPORTS.writeAddress);
  const time = builder.import('time', REGION_IMPORTS.time);
  const exactFunctions = hasFloat ? importExactFunctions(builder) : {};
  const module: RegionModule = {
    regionType: builder.typeIndex(REGION_SIGNATURE),
    readAddress,
    writeAddress,
    time,
    exactFunctions,
    hasFusion,
    concurrency: concurrencyOf(hartCount),
  };
  for (const [index, plan] of plans.entries())
    emitRegion(builder.function(`r${index}`, REGION_SIGNATURE, true), module, plan);
  return builder.finish();
}
