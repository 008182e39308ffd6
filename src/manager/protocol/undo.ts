/** Taking back what was done to machines last. */
import * as z from 'zod';
import {defineRequest} from './define.js';
import {jobSchema} from './job.js';
import {machineSchema} from './machine.js';

/** Most actions that are remembered. */
export const MAX_UNDO = 50;

/**
 * Takes back the last removal, force-off, restore, rewind, renaming or change of its make that can be taken back, and forgets
 * it; `message` is one sentence on what that was. Errors: nothing-to-undo, and what stands in the way now
 */
export const undoLast = defineRequest(
  'undo/last',
  z.object({}),
  z.object({machine: machineSchema, message: z.string(), job: jobSchema.optional()}),
);
