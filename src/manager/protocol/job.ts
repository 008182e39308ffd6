/** Long work: progress, cancelling, and how it ended. After a cancel nothing half-made stays. */
import * as z from 'zod';
import {defineNotification, defineRequest} from './define.js';

/** Where a job stands; the last three are final. */
export const jobStateSchema = z.enum(['running', 'done', 'failed', 'cancelled']);
/** See `jobStateSchema`. */
export type JobState = z.output<typeof jobStateSchema>;

/**
 * A job. `stage` is a short phrase for people; `done` and `total` count `unit`s of this stage, `total` missing when it
 * is not known. `subject` names what it works on (an image, a file). `error` and `hint` are set when it failed.
 * Units: times are milliseconds since 1970
 */
export const jobSchema = z.object({
  id: z.string(),
  kind: z.enum(['image-build', 'image-from', 'image-import', 'disk', 'snapshot-export', 'snapshot-import']),
  subject: z.string(),
  state: jobStateSchema,
  stage: z.string(),
  done: z.number(),
  total: z.number().optional(),
  unit: z.enum(['bytes', 'steps']),
  bytesPerSecond: z.number().optional(),
  startedAtMs: z.number(),
  endedAtMs: z.number().optional(),
  error: z.object({code: z.string(), message: z.string(), hint: z.string()}).optional(),
});
/** See `jobSchema`. */
export type Job = z.output<typeof jobSchema>;

/** Running jobs and the latest finished ones, newest last. */
export const jobList = defineRequest('job/list', z.object({}), z.object({jobs: z.array(jobSchema)}));

/** Asks a job to stop; resolves with the job once it has ended. Cancelling an ended job changes nothing. Errors: job-not-found */
export const jobCancel = defineRequest('job/cancel', z.object({jobId: z.string()}), z.object({job: jobSchema}));

/** Resolves with the job once it has ended, however it did. Errors: job-not-found */
export const jobWait = defineRequest('job/wait', z.object({jobId: z.string()}), z.object({job: jobSchema}));

/** Topic `jobs`: a job started or moved on; at most 10 a second for one job. */
export const jobProgressed = defineNotification('job/progressed', z.object({job: jobSchema}));

/** Topic `jobs`: a job ended; `job.state` says how. */
export const jobFinished = defineNotification('job/finished', z.object({job: jobSchema}));
