/** The fleet's diary: what happened, in order, kept on disk, so that a client catches up after a gap. */
import * as z from 'zod';
import {consoleActivitySchema} from './console.js';
import {defineNotification, defineRequest} from './define.js';
import {jobSchema} from './job.js';
import {machineRefSchema, machineSchema} from './machine.js';

/** Kinds of events, past tense. */
export const eventKindSchema = z.enum([
  'daemon-started',
  'daemon-stopped',
  'machine-created',
  'machine-started',
  'machine-paused',
  'machine-resumed',
  'machine-rebooted',
  'machine-installed',
  'machine-saved',
  'machine-restored',
  'save-failed',
  'machine-forked',
  'machine-cloned',
  'snapshot-taken',
  'snapshot-removed',
  'snapshot-exported',
  'snapshot-imported',
  'checkpoint-failed',
  'disk-failed',
  'egress-asked',
  'egress-answered',
  'machine-stopping',
  'machine-stopped',
  'machine-killed',
  'machine-crashed',
  'machine-found',
  'machine-broken',
  'machine-renamed',
  'machine-changed',
  'machine-removed',
  'machine-unremoved',
  'shutdown-ignored',
  'start-failed',
  'image-built',
  'image-build-failed',
  'image-removed',
]);
/** See `eventKindSchema`. */
export type EventKind = z.output<typeof eventKindSchema>;

/** One thing that happened. `seq` grows by one an event over the daemon's lives; `message` is one sentence. */
export const fleetEventSchema = z.object({
  seq: z.number().int(),
  atMs: z.number(),
  kind: eventKindSchema,
  machineId: z.string().optional(),
  machineName: z.string().optional(),
  message: z.string(),
});
/** See `fleetEventSchema`. */
export type FleetEvent = z.output<typeof fleetEventSchema>;

/** Most events one answer carries. */
export const MAX_EVENTS = 1000;

/**
 * Events after `seq`, oldest first. `isReloadNeeded` is true when some of them are no longer kept. Without `seq`: the
 * newest `limit`. Errors: machine-not-found
 */
export const eventsSince = defineRequest(
  'events/since',
  z.object({
    seq: z.number().int().min(0).optional(),
    machine: machineRefSchema.optional(),
    limit: z.number().int().min(1).max(MAX_EVENTS).default(MAX_EVENTS),
  }),
  z.object({events: z.array(fleetEventSchema), isReloadNeeded: z.boolean(), lastSeq: z.number().int()}),
);

/** What a connection may be told about without asking. Consoles are told through `consoleAttach`. */
export const topicSchema = z.enum(['fleet', 'metrics', 'jobs', 'events', 'snapshots', 'consoles']);
/** See `topicSchema`. */
export type Topic = z.output<typeof topicSchema>;

/**
 * Chooses the notifications of this connection and answers with everything a mirror starts from. Nothing happens
 * between the answer and the first notification, so `fleetSeq` + 1 is the next one.
 */
export const subscribe = defineRequest(
  'events/subscribe',
  z.object({topics: z.array(topicSchema).max(8)}),
  z.object({
    fleetSeq: z.number(),
    machines: z.array(machineSchema),
    jobs: z.array(jobSchema),
    lastEventSeq: z.number().int(),
    /** How much the consoles have printed that were opened so far: what is not beyond that is not new. */
    consoles: z.array(consoleActivitySchema),
  }),
);

/** Topic `events`: something happened. */
export const eventHappened = defineNotification('events/happened', z.object({event: fleetEventSchema}));
