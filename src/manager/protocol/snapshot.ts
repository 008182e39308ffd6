/** Snapshots of machines: states that stay until they are removed, in a tree. */
import * as z from 'zod';
import {terminalSizeSchema} from './console.js';
import {defineRequest} from './define.js';
import {jobSchema} from './job.js';
import {machineRefSchema, machineSchema} from './machine.js';

/** Most snapshots one machine may have. */
export const MAX_SNAPSHOTS = 1000;
/** Longest note. Units: UTF-16 code units */
export const MAX_NOTE_LENGTH = 1000;

/**
 * Who a snapshot is of: `snapshot`s are taken by name and stay; `checkpoint`s are taken by the timeline and go when their
 * time or room is up; an `undo` point is what was there before it was replaced, and goes with the next.
 */
export const snapshotKindSchema = z.enum(['snapshot', 'checkpoint', 'undo']);
/** See `snapshotKindSchema`. */
export type SnapshotKind = z.output<typeof snapshotKindSchema>;

/**
 * A snapshot. `parentId`: the snapshot that the machine had been taken at or gone back to last; `isCurrent`: the machine
 * descends from this one now. `fileBytes` is what it takes for itself: memory that is as its parent's was is the parent's.
 * Units: bytes; times are milliseconds since 1970; `pausedMs` is how long the guest stood still
 */
export const snapshotSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: snapshotKindSchema,
  note: z.string().optional(),
  parentId: z.string().optional(),
  createdAtMs: z.number(),
  memoryBytes: z.number(),
  hartCount: z.number().int(),
  fileBytes: z.number(),
  touchedBytes: z.number(),
  pausedMs: z.number(),
  /** Size of the console then. */
  screenSize: terminalSizeSchema,
  isCurrent: z.boolean(),
});
/** See `snapshotSchema`. */
export type Snapshot = z.output<typeof snapshotSchema>;

/** A snapshot of a machine by id or by name; an id wins. */
export const snapshotRefSchema = z.string().min(1).max(256);
const snapshotParams = {machine: machineRefSchema, snapshot: snapshotRefSchema};
const nameAndNote = {
  name: z.string().max(1024).optional(),
  note: z.string().max(MAX_NOTE_LENGTH).optional(),
};

/**
 * Takes a snapshot of a running or paused machine, named `snapshot-1` and so on when no name is given.
 * Errors: wrong-state, bad-name, name-taken, bad-request (too many), disk-full, storage-failed, machine-failed
 */
export const snapshotCreate = defineRequest(
  'snapshot/create',
  z.object({machine: machineRefSchema, ...nameAndNote}),
  z.object({snapshot: snapshotSchema}),
);

/** The snapshots of a machine, oldest first; `broken` has a sentence for each that cannot be read. */
export const snapshotList = defineRequest(
  'snapshot/list',
  z.object({machine: machineRefSchema}),
  z.object({snapshots: z.array(snapshotSchema), broken: z.array(z.string())}),
);

/**
 * What the console showed: text with escape sequences for an empty terminal of the snapshot's `screenSize`; empty where it
 * is not known. Errors: snapshot-not-found
 */
export const snapshotScreen = defineRequest(
  'snapshot/screen',
  z.object(snapshotParams),
  z.object({snapshot: snapshotSchema, screen: z.string()}),
);

/**
 * Gives a snapshot another name or note, and keeps it: a checkpoint or undo point becomes a snapshot.
 * Errors: snapshot-not-found, bad-name, name-taken
 */
export const snapshotKeep = defineRequest(
  'snapshot/keep',
  z.object({...snapshotParams, ...nameAndNote}),
  z.object({snapshot: snapshotSchema}),
);

/** A machine that went back to `snapshot`; `undo` is what was there before, where that could be kept. */
const restoredSchema = z.object({
  machine: machineSchema,
  job: jobSchema.optional(),
  snapshot: snapshotSchema,
  undo: snapshotSchema.optional(),
});

/**
 * Lets a machine go on from a snapshot. `discardsPresent` must be true for a machine that runs or is saved, whose present
 * state stays as an undo point where it can be taken, and for one that is off and has disks that were written. Errors: snapshot-not-found, wrong-state, bad-snapshot (also: the
 * machine is another now), and as `machineStart`
 */
export const snapshotRestore = defineRequest(
  'snapshot/restore',
  z.object({...snapshotParams, discardsPresent: z.boolean().default(false)}),
  restoredSchema,
);

/**
 * Lets a machine go on from the newest state that is not newer than `atMs`, else from the oldest. What runs or is saved stays
 * as an undo point; `discardsPresent` must be true for a machine that is off and whose disks were written since.
 * Errors: snapshot-not-found when there is none, and as `snapshotRestore`
 */
export const machineRewind = defineRequest(
  'machine/rewind',
  z.object({machine: machineRefSchema, atMs: z.number(), discardsPresent: z.boolean().default(false)}),
  restoredSchema,
);

/** Removes a snapshot for good; those below it move up. Errors: snapshot-not-found */
export const snapshotRemove = defineRequest(
  'snapshot/remove',
  z.object(snapshotParams),
  z.object({snapshot: snapshotSchema}),
);
