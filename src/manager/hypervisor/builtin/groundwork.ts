/** The groundwork of machines of ours: threads and code that are there before the machine is known. */
import {pathToFileURL} from 'node:url';
import * as z from 'zod';
import type {CodeKeeper} from '../../../engine/codegen/interpreter-source.js';
import {Groundwork} from '../../../engine/groundwork.js';
import {standardPlatform} from '../../../engine/platform/standard-platform.js';
import {virtioMmio} from '../../../paravirt/transport/mmio.js';
import {bundledEntry} from '../../bundle.js';
import {tierSchema} from '../../protocol/machine.js';
import type {Launch} from './link.js';
import {machineModels} from './machine-models.js';

/** What a machine will likely be like, as far as its code depends on it. */
export const shapeHintSchema = z.object({
  memoryBytes: z.number().int(),
  hartCount: z.number().int().min(1),
  tier: tierSchema,
  virtioDevices: z.number().int().min(0),
  hasSbi: z.boolean(),
});
/** See `shapeHintSchema`. */
export type ShapeHint = z.output<typeof shapeHintSchema>;

/** Console, ports, random numbers, balloon and sockets: every machine has them. */
const USUAL_DEVICES = 5;

/** What of a launch, or of another plan, a machine's shape depends on. */
export type ShapedPlan = Pick<Launch, 'memoryBytes' | 'hartCount' | 'tier'> & {
  readonly disks: readonly unknown[];
  readonly shares: readonly unknown[];
  readonly network?: {readonly kind: 'user' | 'none'} | undefined;
  readonly boot: {readonly kind: 'linux' | 'disk' | 'firmware'};
};

/** That of a machine like the one of a launch. */
export function shapeOf({memoryBytes, hartCount, tier, disks, shares, network, boot}: ShapedPlan): ShapeHint {
  const cards = network?.kind === 'user' ? 1 : 0;
  const virtioDevices = USUAL_DEVICES + disks.length + shares.length + cards;
  return {memoryBytes, hartCount, tier, virtioDevices, hasSbi: boot.kind !== 'firmware'};
}

/** With nothing laid yet. */
export function openGroundwork(keeper?: CodeKeeper): Groundwork {
  return new Groundwork(pathToFileURL(bundledEntry('hart')), keeper);
}

/** Begins what a machine of that shape needs. Errors: EngineError for wrong bounds */
export function layGroundwork({virtioDevices, ...shape}: ShapeHint, groundwork = openGroundwork()): Groundwork {
  // Their addresses do not matter.
  const devices = Array.from({length: virtioDevices}, (_, i) => ({
    kind: virtioMmio.kind,
    address: i,
    irq: i,
    options: undefined,
  }));
  groundwork.lay({...shape, devices: [...standardPlatform(), ...devices]}, machineModels);
  return groundwork;
}
