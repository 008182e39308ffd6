/** What the disks of a machine are made of, on the host. */
import * as z from 'zod';
import {defineRequest} from './define.js';
import {diskFormatSchema, machineRefSchema} from './machine.js';

/** One image of a chain. Units: bytes; `usedBytes` is the room that it takes on the host */
export const diskLayerSchema = z.object({path: z.string(), format: diskFormatSchema, usedBytes: z.number()});
/** See `diskLayerSchema`. */
export type DiskLayer = z.output<typeof diskLayerSchema>;

/**
 * A disk: its images, the one that is written first; `problem` says in one sentence why they cannot be told.
 * Units: bytes; `sizeBytes` is what the guest sees
 */
export const diskStatusSchema = z.object({
  path: z.string(),
  isReadOnly: z.boolean(),
  sizeBytes: z.number().optional(),
  layers: z.array(diskLayerSchema),
  problem: z.string().optional(),
});
/** See `diskStatusSchema`. */
export type DiskStatus = z.output<typeof diskStatusSchema>;

/** The disks of a machine, running or not, in the guest's order. Errors: machine-not-found */
export const machineDisks = defineRequest(
  'machine/disks',
  z.object({machine: machineRefSchema}),
  z.object({disks: z.array(diskStatusSchema)}),
);
