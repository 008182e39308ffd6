/**
 * A module of regions: many functions in one, because a module costs far more than a function.
 */
import {softfloatSignatures} from '../../softfloat/softfloat.js';
import {concurrencyOf} from '../atomics.js';
import {type MemoryLimits, ModuleBuilder} from '../wasm/module.js';
import {REGION_IMPORTS, REGION_SIGNATURE} from './abi.js';
import type {RegionModule} from './emitter.js';
import {emitRegion, type RegionPlan} from './region.js';

/** The binary module; region i is exported as `r<i>`. */
export function buildRegions(
  plans: readonly RegionPlan[],
  memory: MemoryLimits,
  hartCount: number,
): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder(memory);
  builder.importTable();
  const hasFloat = plans.some(({blocks}) => blocks.some(({block}) => block.ops.some(({record}) => record.isFloat)));
  const softfloat: Record<string, RegionModule['softfloat'][string]> = {};
  const readAddress = builder.import('readAddress', REGION_IMPORTS.readAddress);
  const writeAddress = builder.import('writeAddress', REGION_IMPORTS.writeAddress);
  const time = builder.import('time', REGION_IMPORTS.time);
  if (hasFloat) {
    for (const [name, {signature, takesRounding}] of Object.entries(softfloatSignatures()))
      softfloat[name] = {...builder.import(name, signature), takesRounding};
  }
  const module: RegionModule = {
    regionType: builder.typeIndex(REGION_SIGNATURE),
    readAddress,
    writeAddress,
    time,
    softfloat,
    concurrency: concurrencyOf(hartCount),
  };
  for (const [index, plan] of plans.entries())
    emitRegion(builder.function(`r${index}`, REGION_SIGNATURE, true), module, plan);
  return builder.finish();
}
