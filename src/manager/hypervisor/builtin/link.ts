/**
 * What the daemon and a machine process say to each other over the machine's private socket, and the file that tells
 * the process what to be. Daemon and process can be of different versions: the process outlives an upgrade.
 */
import * as z from 'zod';
import {CHAIN_DEPTH_MAX} from '../../../paravirt/block/chain.js';
import {PUNCH_RANGES_MAX} from '../../../paravirt/block/punch-holes.js';
import {PORTS_MAX} from '../../../paravirt/net/switch.js';
import {MODE_MASK} from '../../../paravirt/share/attributes.js';
import {DEPTH_MAX} from '../../../paravirt/share/host-folder.js';
import {NAME_BYTES_MAX, TARGET_BYTES_MAX} from '../../../paravirt/share/operation.js';
import {AGENT_TIMEOUT_MAX_MS} from '../../agent/agent-session.js';
import {bytesSchema, terminalSizeSchema} from '../../protocol/console.js';
import {defineNotification, defineRequest} from '../../protocol/define.js';
import {
  egressQuestionSchema,
  egressRuleSchema,
  egressSchema,
  egressVerdictSchema,
  MAX_EGRESS_QUESTIONS,
  MAX_EGRESS_RULES,
} from '../../protocol/egress.js';
import {
  MAX_HARTS,
  networkSchema,
  networkSwitchSchema,
  portForwardSchema,
  shareSchema,
  tierSchema,
} from '../../protocol/machine.js';
import {codeCountersSchema, guestMemorySchema} from '../../protocol/metrics.js';
import {captureAnswerSchema, captureRequestSchema, networkStatusSchema} from '../../protocol/network.js';
import {guestProfileSchema, MAX_PROFILE_MS, MIN_PROFILE_MS} from '../../protocol/profile.js';
import {SOURCES_MAX} from './saved/format.js';

/** Grows when an older daemon or process would misread a message. */
export const LINK_VERSION = 2;

/** Content of launch.json in the machine's folder. All paths are absolute. */
export const launchSchema = z.object({
  linkVersion: z.literal(LINK_VERSION),
  id: z.string(),
  name: z.string(),
  socketPath: z.string(),
  folder: z.string(),
  memoryBytes: z.number().int(),
  hartCount: z.number().int(),
  tier: tierSchema,
  regions: z.object({
    hotThreshold: z.number().int(),
    maxOps: z.number().int(),
    maxRegions: z.number().int(),
    maxBytes: z.number().int(),
  }),
  boot: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('linux'),
      kernelPath: z.string(),
      initrdPath: z.string().optional(),
      commandLine: z.string(),
      loaderPath: z.string().optional(),
    }),
    z.object({kind: z.literal('disk'), loaderPath: z.string()}),
    z.object({kind: z.literal('firmware'), elfPath: z.string()}),
  ]),
  disks: z.array(
    z.object({images: z.array(z.object({path: z.string(), format: z.string()})).min(1), isReadOnly: z.boolean()}),
  ),
  // Missing in files that older daemons wrote, whose machines had none.
  network: networkSchema.optional(),
  shares: z.array(shareSchema).default([]),
  size: terminalSizeSchema,
  savedPath: z.string().optional(),
  /** Files of saved states that the daemon knows to be as they were written, see `written-states.ts`. */
  soundStates: z.array(z.string()).default([]),
  newGuestName: z.string().optional(),
  scrollbackBytes: z.number().int(),
  logMaxBytes: z.number().int(),
  sampleIntervalMs: z.number().int(),
});
/** See `launchSchema`. */
export type Launch = z.output<typeof launchSchema>;

/** How a run ended; also the content of end.json, which a daemon that was not there reads later. */
export const endSchema = z.discriminatedUnion('kind', [
  z.object({kind: z.literal('powered-off'), status: z.number().int()}),
  z.object({kind: z.literal('crashed'), reason: z.string()}),
]);

/** Greets; the process answers with where it stands. */
export const linkHello = defineRequest(
  'link/hello',
  z.object({linkVersion: z.number().int()}),
  z.object({
    linkVersion: z.number().int(),
    id: z.string(),
    isStarted: z.boolean(),
    isPaused: z.boolean(),
    haltReason: z.string().optional(),
    diskTops: z.array(z.string()).max(64),
    startedAtMs: z.number(),
    /** It knows `linkAgent`. */
    hasAgent: z.boolean().default(false),
    /** It knows `linkCapture` and `linkNetwork`. */
    hasCapture: z.boolean().default(false),
    /** Its place on a private switch: it takes a second connection, for frames. */
    switch: networkSwitchSchema.optional(),
    /** It knows `guest-stream.ts`. */
    hasStreams: z.boolean().default(false),
    /** It knows `linkEgress` and `linkAnswer`. */
    hasEgress: z.boolean().default(false),
  }),
);

/**
 * Builds the machine; its guest waits for `linkRun`, or runs at once for older daemons.
 * Errors: bad-kernel, bad-firmware, bad-disk, bad-snapshot, not-enough-memory
 */
export const linkBoot = defineRequest(
  'link/boot',
  z.object({waits: z.boolean().default(false)}),
  z.object({startedAtMs: z.number()}),
);

/** Lets the guest run that was built. Errors: wrong-state */
export const linkRun = defineRequest('link/run', z.object({}), z.object({startedAtMs: z.number()}));

/** From now on console bytes from `sinceOffset` on and counters are sent on this connection. */
export const linkAttach = defineRequest('link/attach', z.object({sinceOffset: z.number()}), z.object({}));

/** Stops guest time. */
export const linkPause = defineRequest('link/pause', z.object({}), z.object({}));

/** Lets guest time go on. */
export const linkResume = defineRequest('link/resume', z.object({}), z.object({}));

/** Asks the guest to power off. */
export const linkShutdown = defineRequest('link/shutdown', z.object({}), z.object({}));

/** Asks the guest agent; `answer` is what it returned, as JSON values. Errors: no-agent, agent-too-old, agent-failed */
export const linkAgent = defineRequest(
  'link/agent',
  z.object({
    command: z.string().min(1).max(64),
    arguments: z.record(z.string(), z.unknown()).optional(),
    timeoutMs: z.number().int().min(1).max(AGENT_TIMEOUT_MAX_MS),
  }),
  z.object({answer: z.unknown()}),
);

/**
 * Writes the machine's state into a new file of its folder; not synced, the process may not do that. See `SaveRequest`.
 * Errors: disk-full, storage-failed, wrong-state
 */
export const linkSave = defineRequest(
  'link/save',
  z.object({
    path: z.string(),
    id: z.string(),
    keptIds: z.array(z.string()),
    overlays: z.array(z.object({disk: z.number().int(), path: z.string()})),
    packing: z.enum(['small', 'quick']),
    passes: z.boolean(),
  }),
  z.object({
    fileBytes: z.number(),
    touchedBytes: z.number(),
    pausedMs: z.number(),
    sources: z.array(z.uuid()).max(SOURCES_MAX),
  }),
);

/** The image on top of each disk: asked for after a save that failed. */
export const linkDisks = defineRequest('link/disks', z.object({}), z.object({diskTops: z.array(z.string()).max(64)}));

/** Has a disk stand on other images below its top, that show the same. Errors: bad-disk, file-not-found */
export const linkRechain = defineRequest(
  'link/rechain',
  z.object({
    disk: z.number().int().min(0),
    images: z.array(z.object({path: z.string(), format: z.string()})).max(CHAIN_DEPTH_MAX),
  }),
  z.object({}),
);

/** Adds or removes a port forward while the guest runs. Errors: port-in-use, bad-request, not-supported */
export const linkForward = defineRequest(
  'link/forward',
  z.object({forward: portForwardSchema, isWanted: z.boolean()}),
  z.object({}),
);

/** Changes where the guest may go. Errors: not-supported */
export const linkEgress = defineRequest(
  'link/egress',
  z.object({egress: egressSchema, rules: z.array(egressRuleSchema).max(MAX_EGRESS_RULES)}),
  z.object({}),
);

/** Answers a question of the guest for now. */
export const linkAnswer = defineRequest(
  'link/answer',
  z.object({id: z.uuid(), verdict: egressVerdictSchema}),
  z.object({isAnswered: z.boolean()}),
);

/** See `networkCapture`. Errors: bad-request, not-supported */
export const linkCapture = defineRequest('link/capture', captureRequestSchema, captureAnswerSchema);

/** Tells the machines on its private switch. */
export const linkSiblings = defineRequest(
  'link/siblings',
  z.object({siblings: z.array(z.object({name: z.string().max(64), address: z.ipv4()})).max(PORTS_MAX)}),
  z.object({}),
);

/** See `networkStatus`. Errors: not-supported */
export const linkNetwork = defineRequest('link/network', z.object({}), z.object({status: networkStatusSchema}));

/** Console input. */
export const linkInput = defineRequest('link/input', z.object({data: bytesSchema}), z.object({}));

/** Size of the guest's terminal. */
export const linkResize = defineRequest('link/resize', z.object({size: terminalSizeSchema}), z.object({}));

/**
 * From the process to the daemon: syncs a disk of this machine, which the process may not do itself.
 * Errors: file-not-found for any other file; disk-full, storage-failed
 */
export const linkSync = defineRequest('link/sync', z.object({path: z.string().min(1).max(4096)}), z.object({}));

/** From the process to the daemon: parts of a disk of this machine hold nothing, the host may have their room. */
export const linkPunch = defineRequest(
  'link/punch',
  z.object({
    path: z.string().min(1).max(4096),
    ranges: z
      .array(z.object({position: z.number().int().min(0), length: z.number().int().min(1)}))
      .max(PUNCH_RANGES_MAX),
  }),
  z.object({}),
);

const shareNames = z.array(z.string().min(1).max(NAME_BYTES_MAX)).max(DEPTH_MAX + 1);

/**
 * From the process to the daemon: does in a shared folder of this machine, an index, what the process may not do itself.
 * Answers with 0, or with the number of an error. See `DeputyTask`
 */
export const linkShare = defineRequest(
  'link/share',
  z.object({
    share: z.number().int().min(0),
    task: z.discriminatedUnion('kind', [
      z.object({kind: z.literal('sync'), names: shareNames, isDataOnly: z.boolean()}),
      z.object({kind: z.literal('chmod'), names: shareNames, mode: z.number().int().min(0).max(MODE_MASK)}),
      z.object({kind: z.literal('symlink'), names: shareNames, target: z.string().min(1).max(TARGET_BYTES_MAX)}),
      z.object({kind: z.literal('link'), names: shareNames, newNames: shareNames}),
      z.object({kind: z.literal('rename'), names: shareNames, newNames: shareNames}),
    ]),
  }),
  z.object({errno: z.number().int().min(0)}),
);

/** Samples the guest for a while; answers then. */
export const linkProfile = defineRequest(
  'link/profile',
  z.object({durationMs: z.number().int().min(MIN_PROFILE_MS).max(MAX_PROFILE_MS)}),
  guestProfileSchema,
);

/** Console output. */
export const linkOutput = defineNotification('link/output', z.object({offset: z.number(), data: bytesSchema}));

/** Counters since the start; see `RunCounters`. */
export const linkCounters = defineNotification(
  'link/counters',
  z.object({
    atMs: z.number(),
    elapsedNs: z.number(),
    activeNs: z.number(),
    instructions: z.number(),
    memoryTouchedBytes: z.number(),
    residentBytes: z.number(),
    diskReadBytes: z.number(),
    diskWrittenBytes: z.number(),
    netReceivedBytes: z.number(),
    netSentBytes: z.number(),
    diskReadOperations: z.number().optional(),
    diskWriteOperations: z.number().optional(),
    netReceivedPackets: z.number().optional(),
    netSentPackets: z.number().optional(),
    interrupts: z.number().optional(),
    hostCpuNs: z.number().optional(),
    harts: z
      .array(z.object({activeNs: z.number(), instructions: z.number()}))
      .max(MAX_HARTS)
      .optional(),
    guestMemory: guestMemorySchema.optional(),
    code: codeCountersSchema.optional(),
  }),
);

/** The guest rebooted. */
export const linkRebooted = defineNotification('link/rebooted', z.object({}));

/** The guest was paused because a disk of the host failed. */
export const linkHalted = defineNotification('link/halted', z.object({reason: z.string()}));

/** What the guest waits for an answer about, all of it; sent when that changes, and to a daemon that comes. */
export const linkQuestions = defineNotification(
  'link/questions',
  z.object({questions: z.array(egressQuestionSchema).max(MAX_EGRESS_QUESTIONS)}),
);

/** The run ended; the process ends after this. */
export const linkEnded = defineNotification('link/ended', z.object({end: endSchema}));
