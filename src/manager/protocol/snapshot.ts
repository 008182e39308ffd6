/** Snapshots of machines: states that stay until they are removed, in a tree. */
import {z} from 'zod';
import {defineRequest} from './define.js';
import {jobSchema} from './job.js';
import {machineRefSchema, machineSchema} from './machine.js';

/** Most snapshots one machine may have. */
export const MAX_SNAPSHOTS = 1000;
/** Longest note. Units: UTF-16 code units */
export const MAX_NOTE_LENGTH = 1000;

/**
 * A snapshot. `parentId`: the snapshot that the machine had been taken at or gone back to last; `isCurrent`: the machine
 * descends from this one now. Units: bytes; times are milliseconds since 1970; `pausedMs` is how long the guest stood still
 */
export const snapshotSchema = z.object({
  id: z.string(),
  name: z.string(),
  note: z.string().optional(),
  parentId: z.string().optional(),
  createdAtMs: z.number(),
  memoryBytes: z.number(),
  hartCount: z.number().int(),
  fileBytes: z.number(),
  touchedBytes: z.number(),
  pausedMs: z.number(),
  isCurrent: z.boolean(),
});
/** See `snapshotSchema`. */
export type Snapshot = z.output<typeof snapshotSchema>;

/** A snapshot of a machine by id or by name; an id wins. */
export const snapshotRefSchema = z.string().min(1).max(256);
const snapshotParams = {machine: machineRefSchema, snapshot: snapshotRefSchema};

/**
 * Takes a snapshot of a running or paused machine, named `snapshot-1` and so on when no name is given.
 * Errors: wrong-state, not-supported (it writes a disk), bad-name, name-taken, bad-request (too many), disk-full,
 * storage-failed, machine-failed
 */
export const snapshotCreate = defineRequest(
  'snapshot/create',
  z.object({
    machine: machineRefSchema,
    name: z.string().max(1024).optional(),
    note: z.string().max(MAX_NOTE_LENGTH).optional(),
  }),
  z.object({snapshot: snapshotSchema}),
);

/** The snapshots of a machine, oldest first; `broken` has a sentence for each that cannot be read. */
export const snapshotList = defineRequest(
  'snapshot/list',
  z.object({machine: machineRefSchema}),
  z.object({snapshots: z.array(snapshotSchema), broken: z.array(z.string())}),
);

/**
 * Lets a machine go on from a snapshot. `discardsPresent` must be true for a machine that runs or is saved: that state is
 * lost then. Errors: snapshot-not-found, wrong-state, bad-snapshot (also: the machine is another now), and as `machineStart`
 */
export const snapshotRestore = defineRequest(
  'snapshot/restore',
  z.object({...snapshotParams, discardsPresent: z.boolean().default(false)}),
  z.object({machine: machineSchema, job: jobSchema.optional()}),
);

/** Removes a snapshot for good; those below it move up. Errors: snapshot-not-found */
export const snapshotRemove = defineRequest(
  'snapshot/remove',
  z.object(snapshotParams),
  z.object({snapshot: snapshotSchema}),
);
