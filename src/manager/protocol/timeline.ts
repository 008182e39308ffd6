/** Timelines of machines: checkpoints that the daemon takes by itself, and keeps within bounds. */
import * as z from 'zod';
import {defineNotification, defineRequest} from './define.js';
import {machineRefSchema, timelineChoiceSchema} from './machine.js';

/**
 * How checkpoints of a machine are taken now. `usedBytes` would be free without them. `problem` is one sentence: why the
 * last one failed; it is tried again, ever more seldom.
 * Units: milliseconds between checkpoints; bytes of all of them
 */
export const timelineSchema = z.object({
  isEnabled: z.boolean(),
  intervalMs: z.number(),
  budgetBytes: z.number(),
  maxCount: z.number().int(),
  usedBytes: z.number(),
  problem: z.string().optional(),
});
/** See `timelineSchema`. */
export type Timeline = z.output<typeof timelineSchema>;

/** How checkpoints of a machine are taken. Errors: machine-not-found */
export const timelineShow = defineRequest(
  'timeline/show',
  z.object({machine: machineRefSchema}),
  z.object({timeline: timelineSchema}),
);

/**
 * Changes how checkpoints of a machine are taken, also while it runs. What is left out stays; `null` goes back to the
 * daemon's settings. Checkpoints that are there stay. Errors: machine-not-found, machine-broken, storage-failed
 */
export const timelineChange = defineRequest(
  'timeline/change',
  z.object({
    machine: machineRefSchema,
    isEnabled: timelineChoiceSchema.shape.isEnabled.nullable(),
    intervalMs: timelineChoiceSchema.shape.intervalMs.nullable(),
    budgetBytes: timelineChoiceSchema.shape.budgetBytes.nullable(),
  }),
  z.object({timeline: timelineSchema}),
);

/** Topic `snapshots`: snapshots of a machine were taken, changed or removed, or how its checkpoints are taken has changed. */
export const timelineChanged = defineNotification('timeline/changed', z.object({machineId: z.string()}));
