/** Images: what recipes there are, which are built, building one as a job. */
import * as z from 'zod';
import {defineRequest} from './define.js';
import {importSchema} from './image-import.js';
import {jobSchema} from './job.js';
import {machineRefSchema} from './machine.js';

/** The image of machines that boot what is on their disks. */
export const DISK_IMAGE = 'u-boot';

/**
 * A recipe and what became of it, or an image that was made from a machine or imported. `sizeBytes` and `builtAtMs` are set when it is
 * ready; `machine` when it was made from one: machines of the same memory size and number of CPUs go on from what runs in it
 * when it `isWarm`. `defaults` is what machines of it have unless they say otherwise, with `diskBytes` where it brings a disk
 * whose size can be chosen. `downloadBytes`: about how much is fetched to build it when nothing was fetched before.
 */
export const imageSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  state: z.enum(['available', 'building', 'ready']),
  sizeBytes: z.number().optional(),
  builtAtMs: z.number().optional(),
  jobId: z.string().optional(),
  /** Its machines need a disk: to install onto, or one that has a boot loader. */
  needsDisk: z.enum(['empty', 'bootable']).optional(),
  machine: z.object({memoryBytes: z.number(), hartCount: z.number().int(), isWarm: z.boolean()}).optional(),
  defaults: z
    .object({memoryBytes: z.number(), hartCount: z.number().int(), diskBytes: z.number().optional()})
    .optional(),
  downloadBytes: z.number().optional(),
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

/**
 * Makes an image from a machine that runs (it goes on), is off or saved, or from a snapshot: its disks as they are then, what
 * it boots, and its memory if it had any. Without a name it is called as the machine. It is there once the job is done.
 * Errors: machine-not-found, snapshot-not-found, wrong-state, bad-name, name-taken, image-not-built, disk-full; in the job:
 * disk-full, disk-in-use, bad-disk
 */
export const imageFrom = defineRequest(
  'image/from',
  z.object({
    machine: machineRefSchema,
    image: z.string().max(1024).optional(),
    snapshot: z.string().min(1).max(256).optional(),
  }),
  z.object({job: jobSchema, image: z.string()}),
);

/**
 * Makes an image of files that are there already, see `importSchema`. It is there once the job is done.
 * Errors: bad-name, name-taken, bad-request, bad-memory-size; in the job: file-not-found, bad-kernel, bad-firmware, bad-disk,
 * disk-in-use, disk-full, download-failed, checksum-mismatch
 */
export const imageImport = defineRequest(
  'image/import',
  z.object({image: z.string().max(1024), from: importSchema}),
  z.object({job: jobSchema, image: z.string()}),
);

/** Deletes a built image; the recipe stays. One made from a machine is gone; machines made of it stay whole. Errors: image-not-found, image-not-built, image-in-use */
export const imageRemove = defineRequest(
  'image/remove',
  z.object({image: z.string().min(1).max(256)}),
  z.object({freedBytes: z.number()}),
);
