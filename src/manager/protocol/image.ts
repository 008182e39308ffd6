/** Images: what recipes there are, which are built, building one as a job. */
import {z} from 'zod';
import {defineRequest} from './define.js';
import {jobSchema} from './job.js';

/** A recipe and what became of it. `sizeBytes` and `builtAtMs` are set when it is ready. */
export const imageSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  state: z.enum(['available', 'building', 'ready']),
  sizeBytes: z.number().optional(),
  builtAtMs: z.number().optional(),
  jobId: z.string().optional(),
});
/** See `imageSchema`. */
export type Image = z.output<typeof imageSchema>;

/** The catalog, by name. */
export const imageList = defineRequest('image/list', z.object({}), z.object({images: z.array(imageSchema)}));

/**
 * Builds an image, or joins the build that is under way. `isForced` builds one that is ready anew.
 * Errors: image-not-found; what goes wrong later is in the job
 */
export const imageBuild = defineRequest(
  'image/build',
  z.object({image: z.string().min(1).max(256), isForced: z.boolean().default(false)}),
  z.object({job: jobSchema}),
);

/** Deletes a built image; the recipe stays. Errors: image-not-found, image-not-built, image-in-use */
export const imageRemove = defineRequest(
  'image/remove',
  z.object({image: z.string().min(1).max(256)}),
  z.object({freedBytes: z.number()}),
);
