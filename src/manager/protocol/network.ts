/** Networks of machines: what is changed while they run. What a machine has stands in its definition (`networkSchema`). */
import * as z from 'zod';
import {bytesSchema} from './console.js';
import {defineRequest} from './define.js';
import {egressRuleSchema, egressSchema, egressTargetSchema, egressVerdictSchema} from './egress.js';
import {machineRefSchema, machineSchema, portForwardSchema} from './machine.js';

/**
 * Forwards a port of the host to the guest, now if the machine runs, and whenever it does from then on.
 * Errors: machine-not-found, machine-broken, port-in-use, bad-request, not-supported, machine-failed, storage-failed
 */
export const networkForward = defineRequest(
  'network/forward',
  z.object({machine: machineRefSchema, forward: portForwardSchema}),
  z.object({machine: machineSchema}),
);

/**
 * Takes a port forward back, by the host's port and protocol; connections that are there stay. Without an address, the one forward of
 * that port. Errors: machine-not-found, machine-broken, bad-request, machine-failed, storage-failed
 */
export const networkUnforward = defineRequest(
  'network/unforward',
  z.object({
    machine: machineRefSchema,
    hostPort: portForwardSchema.shape.hostPort,
    address: z.string().max(64).optional(),
    protocol: portForwardSchema.shape.protocol,
  }),
  z.object({machine: machineSchema}),
);

/**
 * Makes a rule about where the guest may go, before all others and in the place of one about the same; what waits and what is
 * open is looked at by it at once. Errors: machine-not-found, machine-broken, bad-request, not-supported, machine-failed, storage-failed
 */
export const networkRule = defineRequest(
  'network/rule',
  z.object({machine: machineRefSchema, rule: egressRuleSchema}),
  z.object({machine: machineSchema}),
);

/** Takes a rule back. Errors: machine-not-found, machine-broken, bad-request, not-supported, machine-failed, storage-failed */
export const networkUnrule = defineRequest(
  'network/unrule',
  z.object({machine: machineRefSchema, target: egressTargetSchema}),
  z.object({machine: machineSchema}),
);

/** Says what holds where no rule does. Errors: machine-not-found, machine-broken, not-supported, machine-failed, storage-failed */
export const networkPolicy = defineRequest(
  'network/policy',
  z.object({machine: machineRefSchema, egress: egressSchema}),
  z.object({machine: machineSchema}),
);

/**
 * Answers a question of a guest: for what waits and for a minute, or by a rule. Errors: machine-not-found, bad-request when it does
 * not wait any more, not-supported, machine-failed, storage-failed
 */
export const networkAnswer = defineRequest(
  'network/answer',
  z.object({
    machine: machineRefSchema,
    questionId: z.uuid(),
    verdict: egressVerdictSchema,
    isAlways: z.boolean().default(false),
  }),
  z.object({machine: machineSchema}),
);

/** Largest part of a frame that a capture can keep, which is all of any. Units: bytes */
export const MAX_SNAP_BYTES = 65_589;
/** Frames and their bytes in one answer; at least one frame is in it, however long. */
export const MAX_CAPTURE_FRAMES = 512;
export const MAX_CAPTURE_BYTES = 262_144;
/** Captures of one machine at a time. */
export const MAX_CAPTURES = 8;
/** How long an answer may wait for a frame, and how long a capture lives that nobody asks for frames. Units: milliseconds */
export const MAX_CAPTURE_WAIT_MS = 10_000;
export const CAPTURE_LEASE_MS = 60_000;

/** What a capture is asked for; see `networkCapture`. */
export const captureRequestSchema = z.object({
  captureId: z.uuid(),
  isFirst: z.boolean().default(false),
  isLast: z.boolean().default(false),
  snapBytes: z.number().int().min(1).max(MAX_SNAP_BYTES).default(MAX_SNAP_BYTES),
  waitMs: z.number().int().min(0).max(MAX_CAPTURE_WAIT_MS).default(0),
});
/** See `captureRequestSchema`. */
export type CaptureRequest = z.output<typeof captureRequestSchema>;

/** An Ethernet frame. Units: microseconds since 1970; `data` may be the beginning of its `frameBytes` only */
export const capturedFrameSchema = z.object({
  atUs: z.number().int().min(0),
  direction: z.enum(['received', 'sent']),
  frameBytes: z.number().int().min(0).max(MAX_SNAP_BYTES),
  data: bytesSchema,
});

/**
 * Frames, oldest first. Of `seenCount` that passed since the beginning, `droppedCount` were lost because nobody took them in
 * time, and `waitingCount` can be taken next.
 */
export const captureAnswerSchema = z.object({
  frames: z.array(capturedFrameSchema).max(MAX_CAPTURE_FRAMES),
  seenCount: z.number().int(),
  droppedCount: z.number().int(),
  waitingCount: z.number().int(),
});
/** See `captureAnswerSchema`. */
export type CaptureAnswer = z.output<typeof captureAnswerSchema>;

/**
 * Captures what a running machine's network card receives and sends. `isFirst` begins it, under a number that the client
 * chooses; each further request takes the frames since the one before, or waits for one; after `isLast` no more are captured,
 * and it is over when none wait. A request that is cancelled ends it at once. Frames wait in the machine's process only, in a bounded buffer: whoever
 * asks too seldom loses some. Errors: machine-not-found, wrong-state, not-supported, bad-request, machine-failed
 */
export const networkCapture = defineRequest(
  'network/capture',
  captureRequestSchema.extend({machine: machineRefSchema}),
  captureAnswerSchema,
);

/** Connections that one answer tells of; the newest. */
export const MAX_FLOWS_TOLD = 256;

/** One connection, or one peer of a UDP socket of the guest. Units: bytes of payload as the guest sees it */
export const networkFlowSchema = z.object({
  protocol: z.enum(['tcp', 'udp']),
  state: z.enum(['connecting', 'opening', 'open', 'half-closed', 'closing']),
  guestAddress: z.string().max(64),
  guestPort: z.number().int(),
  peerAddress: z.string().max(64),
  peerPort: z.number().int(),
  receivedBytes: z.number(),
  sentBytes: z.number(),
});
/** See `networkFlowSchema`. */
export type NetworkFlow = z.output<typeof networkFlowSchema>;

/**
 * A network card and what passes it. `isUp`: the guest's driver is there; `addresses` were leased to the guest; counters
 * begin with the guest's boot. Units: bytes of frames, as the guest sees it
 */
export const networkStatusSchema = z.object({
  mac: z.string().max(32),
  isUp: z.boolean(),
  addresses: z.array(z.string().max(64)).max(64),
  receivedBytes: z.number(),
  receivedFrames: z.number(),
  sentBytes: z.number(),
  sentFrames: z.number(),
  droppedFrames: z.number(),
  flows: z.array(networkFlowSchema).max(MAX_FLOWS_TOLD),
  flowCount: z.number().int(),
});
/** See `networkStatusSchema`. */
export type NetworkStatus = z.output<typeof networkStatusSchema>;

/** The network of a running machine at this moment. Errors: machine-not-found, wrong-state, not-supported, machine-failed */
export const networkStatus = defineRequest(
  'network/status',
  z.object({machine: machineRefSchema}),
  z.object({status: networkStatusSchema}),
);
