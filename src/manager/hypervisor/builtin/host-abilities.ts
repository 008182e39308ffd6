/** What the built-in machine makes use of where the host has it. */
import {hostFuses} from '../../../engine/codegen/host-fusion.js';

/** True when guests' fused multiply-adds are the host's own; else they are computed exactly in many steps. */
export function usesHostFusion(): boolean {
  return hostFuses();
}
