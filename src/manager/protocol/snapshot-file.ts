/** Snapshots as files that restore on other hosts. Paths are those of the daemon's host, absolute. */
import * as z from 'zod';
import {defineRequest} from './define.js';
import {jobSchema} from './job.js';
import {machineRefSchema} from './machine.js';
import {snapshotRefSchema} from './snapshot.js';

const pathSchema = z.string().min(1).max(4096);

/**
 * Writes a snapshot into a new file, with all that it needs: memory, disks and what the machine boots. The file is there
 * when it is whole. The machine may run, change or go meanwhile.
 * Errors: machine-not-found, snapshot-not-found, bad-request (the path), file-not-found, image-not-built; in the job:
 * disk-full, disk-in-use, bad-disk, bad-snapshot
 */
export const snapshotExport = defineRequest(
  'snapshot/export',
  z.object({machine: machineRefSchema, snapshot: snapshotRefSchema, path: pathSchema}),
  z.object({job: jobSchema}),
);

/**
 * Makes a machine of such a file: saved, so that it goes on from the snapshot, which it has as well. Without a name it has
 * the one it had, or another when that is taken. It is there, as `machineId`, once the job is done, and not before.
 * Errors: file-not-found, bad-snapshot, bad-name; in the job: those and name-taken, bad-disk, bad-kernel, bad-firmware,
 * not-enough-memory, disk-full
 */
export const snapshotImport = defineRequest(
  'snapshot/import',
  z.object({path: pathSchema, name: z.string().max(1024).optional()}),
  z.object({job: jobSchema, machineId: z.string()}),
);
