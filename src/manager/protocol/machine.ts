/** Machines of the fleet: definition, life cycle, and the notifications that keep a client's mirror of the list. */
import * as z from 'zod';
import {defineNotification, defineRequest} from './define.js';
import {
  egressQuestionSchema,
  egressRuleSchema,
  egressSchema,
  MAX_EGRESS_QUESTIONS,
  MAX_EGRESS_RULES,
} from './egress.js';
import {jobSchema} from './job.js';
import {labelChangeSchema, labelsSchema} from './labels.js';

/** States a machine can be in; `machine/lifecycle.ts` in the daemon draws the transitions. */
export const machineStateSchema = z.enum([
  'defined',
  'starting',
  'running',
  'paused',
  'stopping',
  'saving',
  'saved',
  'crashed',
  'broken',
]);
/** See `machineStateSchema`. `broken`: its machine.json cannot be read; nothing was deleted. */
export type MachineState = z.output<typeof machineStateSchema>;

/** What can be asked of a machine. */
export const machineVerbSchema = z.enum([
  'start',
  'pause',
  'resume',
  'shutdown',
  'kill',
  'save',
  'snapshot',
  'restore',
  'fork',
  'clone',
  'rename',
  'remove',
  'console',
]);
/** See `machineVerbSchema`. */
export type MachineVerb = z.output<typeof machineVerbSchema>;

/** Whether a verb can be used now, and if not, the reason to show beside the greyed key. */
export const permissionSchema = z.discriminatedUnion('isAllowed', [
  z.object({isAllowed: z.literal(true)}),
  z.object({isAllowed: z.literal(false), reason: z.string()}),
]);
/** See `permissionSchema`. */
export type Permission = z.output<typeof permissionSchema>;

/** Disks made anew get this many bytes at most: 2 TiB, sparse. */
export const MAX_NEW_DISK_BYTES = 2 ** 41;

/**
 * What a machine boots.
 * Shape: paths are absolute host paths, or lie in the machine's own folder; `commandLine` replaces the image's own when
 * given, and `diskBytes` says how large the disk is that the image brings; with `takesHostname` the machine's name is added to it, as the guest's host name. A boot loader
 * at `loaderPath` runs in S-mode: it starts the kernel as an EFI program, or what is on the machine's disks
 */
export const bootSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('image'),
    image: z.string().min(1).max(64),
    commandLine: z.string().max(2047).optional(),
    diskBytes: z.number().int().min(512).max(MAX_NEW_DISK_BYTES).multipleOf(512).optional(),
  }),
  z.object({
    kind: z.literal('linux'),
    kernelPath: z.string().min(1).max(4096),
    initrdPath: z.string().min(1).max(4096).optional(),
    commandLine: z.string().max(2047).default('console=hvc0'),
    takesHostname: z.boolean().optional(),
    loaderPath: z.string().min(1).max(4096).optional(),
    /** It installs a system: once it has ended by itself, and a disk has a boot loader, the machine boots from its disks. */
    isInstaller: z.boolean().optional(),
    /** The image that the files are from, for people. */
    origin: z
      .string()
      .max(64)
      .regex(/^\P{Cc}*$/u)
      .optional(),
  }),
  z.object({
    kind: z.literal('disk'),
    loaderPath: z.string().min(1).max(4096),
    origin: z
      .string()
      .max(64)
      .regex(/^\P{Cc}*$/u)
      .optional(),
  }),
  z.object({kind: z.literal('firmware'), elfPath: z.string().min(1).max(4096)}),
]);
/** See `bootSchema`. */
export type Boot = z.output<typeof bootSchema>;

/** Formats a disk image can have. Recorded when a disk is attached, never guessed: a guest can write what it likes. */
export const diskFormatSchema = z.enum(['raw', 'qcow2']);
/** See `diskFormatSchema`. */
export type DiskFormat = z.output<typeof diskFormatSchema>;

/** A disk image. A relative `path` lies in the machine's own folder. */
export const diskSchema = z.object({
  path: z.string().min(1).max(4096),
  // Definitions that say nothing are from the time when every disk was raw.
  format: diskFormatSchema.default('raw'),
  isReadOnly: z.boolean().default(false),
  /** Images it may stand on wherever they lie: they were attached themselves before overlays were put on them. */
  backingFiles: z.array(z.string().min(1).max(4096)).max(64).optional(),
  /** What was attached, when layers of snapshots lie over it. */
  attached: z.object({path: z.string().min(1).max(4096), format: diskFormatSchema}).optional(),
});
/** See `diskSchema`. */
export type Disk = z.output<typeof diskSchema>;

/** Smallest guest RAM that is accepted. Units: bytes. */
export const MIN_MEMORY_BYTES = 8 * 1024 * 1024;
/** Most harts one machine may have. */
export const MAX_HARTS = 8;
/** Most disks one machine may have: the virtio-mmio slots that console, ports, entropy and network leave. */
export const MAX_DISKS = 5;

/** What a share may be called: the guest mounts it by this name, below /mnt where it does so by itself. */
export const SHARE_TAG = /^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$/;

/** A folder of the host that the guest sees. `path` is absolute and free of symbolic links. */
export const shareSchema = z.object({
  path: z.string().min(1).max(4096),
  tag: z.string().regex(SHARE_TAG, 'is no tag of a share'),
  isReadOnly: z.boolean().default(true),
});
/** See `shareSchema`. */
export type Share = z.output<typeof shareSchema>;

/** How guest code runs: all interpreted, all compiled at once (for tests, slow), or compiled where it is hot. */
export const tierSchema = z.enum(['interpreter', 'regions', 'auto']);
/** See `tierSchema`. */
export type Tier = z.output<typeof tierSchema>;
/** Most arrivals that can be asked for before code is hot. */
export const MAX_HOT_THRESHOLD = 30_000;

/** Shortest time between checkpoints. Units: milliseconds */
export const MIN_CHECKPOINT_INTERVAL_MS = 1000;
/** Longest time between checkpoints. Units: milliseconds */
export const MAX_CHECKPOINT_INTERVAL_MS = 86_400_000;
/** Smallest room for checkpoints. Units: bytes */
export const MIN_CHECKPOINT_BUDGET_BYTES = 1_048_576;

/** How a machine's timeline differs from the daemon's settings. Units: milliseconds between checkpoints; bytes of all */
export const timelineChoiceSchema = z.object({
  isEnabled: z.boolean().optional(),
  intervalMs: z.number().int().min(MIN_CHECKPOINT_INTERVAL_MS).max(MAX_CHECKPOINT_INTERVAL_MS).optional(),
  budgetBytes: z.number().int().min(MIN_CHECKPOINT_BUDGET_BYTES).optional(),
});
/** See `timelineChoiceSchema`. */
export type TimelineChoice = z.output<typeof timelineChoiceSchema>;

/** Most port forwards one machine may have. */
export const MAX_FORWARDS = 64;

/** A port of the host, at one of its addresses, that leads to a port of the guest; of TCP unless it says otherwise. */
export const portForwardSchema = z.object({
  address: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  hostPort: z.number().int().min(1).max(65535),
  guestPort: z.number().int().min(1).max(65535),
  protocol: z.literal('udp').optional(),
});
/** See `portForwardSchema`. */
export type PortForward = z.output<typeof portForwardSchema>;

/** How slow and how fast a network can be made. Units: bytes a second */
export const MIN_NETWORK_RATE = 8192;
export const MAX_NETWORK_RATE = 2 ** 40;

/** What a private switch may be called. */
export const SWITCH_NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
/** Last bytes of the addresses of machines on a switch: 10.0.2.15 and so on. */
export const SWITCH_NUMBERS = {first: 15, last: 78} as const;

/**
 * A private switch: machines of the same name have each other for neighbours. `number` is the last byte of the machine's
 * address, chosen by the daemon.
 */
export const networkSwitchSchema = z.object({
  name: z.string().regex(SWITCH_NAME, 'is no name of a switch'),
  number: z.number().int().min(SWITCH_NUMBERS.first).max(SWITCH_NUMBERS.last).optional(),
});
/** See `networkSwitchSchema`. */
export type SwitchPlace = z.output<typeof networkSwitchSchema>;

/**
 * A machine's network. `user`: one of its own, behind the host's user. `egress`: whether it reaches anything beyond that, where
 * none of the `rules` says;
 * `allowsHostLoopback`: whether the gateway's address leads to the host's own 127.0.0.1; `bytesPerSecond`: what may pass the
 * card in each direction, as fast as it goes when left out.
 */
export const networkSchema = z.object({
  kind: z.enum(['user', 'none']).default('user'),
  egress: egressSchema.default('allow'),
  rules: z.array(egressRuleSchema).max(MAX_EGRESS_RULES).optional(),
  allowsHostLoopback: z.boolean().default(false),
  forwards: z.array(portForwardSchema).max(MAX_FORWARDS).default([]),
  switch: networkSwitchSchema.optional(),
  bytesPerSecond: z.number().int().min(MIN_NETWORK_RATE).max(MAX_NETWORK_RATE).optional(),
});
/** See `networkSchema`. */
export type Network = z.output<typeof networkSchema>;

// Without the defaults: what is left out of a change stays as it is.
const networkChangeSchema = z.object({
  kind: networkSchema.shape.kind.removeDefault().optional(),
  egress: networkSchema.shape.egress.removeDefault().optional(),
  rules: networkSchema.shape.rules,
  allowsHostLoopback: networkSchema.shape.allowsHostLoopback.removeDefault().optional(),
  bytesPerSecond: networkSchema.shape.bytesPerSecond,
});

/** The network of machines that say nothing of it. */
export const defaultNetwork: Network = networkSchema.parse({});

/**
 * What a machine is made of. Without `tier` or `hotThreshold` those of the daemon's settings hold at each start, and
 * without `timeline` its settings for checkpoints do.
 * Units: memory in bytes, a multiple of 4096
 */
export const machineConfigSchema = z.object({
  memoryBytes: z.number().int().min(MIN_MEMORY_BYTES).multipleOf(4096),
  hartCount: z.number().int().min(1).max(MAX_HARTS),
  tier: tierSchema.optional(),
  hotThreshold: z.number().int().min(1).max(MAX_HOT_THRESHOLD).optional(),
  boot: bootSchema,
  disks: z.array(diskSchema).max(MAX_DISKS),
  /** Disks and shares take places of one kind: together no more than `MAX_DISKS`. */
  shares: z.array(shareSchema).max(MAX_DISKS).optional(),
  timeline: timelineChoiceSchema.optional(),
  /** A machine of before there were networks has the default one from its next boot on. */
  network: networkSchema.optional(),
});
/** See `machineConfigSchema`. */
export type MachineConfig = z.output<typeof machineConfigSchema>;

/** A machine's state in a file of its folder. Units: bytes; `touchedBytes` of RAM were ever written by the guest */
export const savedStateSchema = z.object({
  atMs: z.number(),
  fileBytes: z.number(),
  touchedBytes: z.number(),
  /** The files it lies in, by their names less `.state`. */
  memoryId: z.uuid(),
  sources: z.array(z.uuid()).max(1000),
  /** The images that the machine wrote, as it left them: with others its memory would make no sense. */
  images: z.array(z.object({path: z.string(), sizeBytes: z.number(), changedAtMs: z.number()})).optional(),
  /** It was taken of another machine: the guest gets this one's name. */
  isCopied: z.boolean().optional(),
});
/** See `savedStateSchema`. */
export type SavedState = z.output<typeof savedStateSchema>;

/**
 * A machine as clients see it. `config` is missing when the machine is broken. `reason` is one sentence: why it
 * crashed or is broken, what it waits for while starting, or that it ignored a shutdown request.
 * Units: times are milliseconds since 1970
 */
export const machineSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: machineStateSchema,
  reason: z.string().optional(),
  driver: z.string(),
  config: machineConfigSchema.optional(),
  labels: labelsSchema.optional(),
  createdAtMs: z.number(),
  startedAtMs: z.number().optional(),
  pid: z.number().int().optional(),
  ptyPath: z.string().optional(),
  folder: z.string(),
  /** What `start` goes on from. */
  saved: savedStateSchema.optional(),
  /** What its guest waits for, the oldest first; missing when it waits for nothing. */
  questions: z.array(egressQuestionSchema).max(MAX_EGRESS_QUESTIONS).optional(),
  verbs: z.record(machineVerbSchema, permissionSchema),
});
/** See `machineSchema`. */
export type Machine = z.output<typeof machineSchema>;

/** A machine by id or by name; an id wins. */
export const machineRefSchema = z.string().min(1).max(256);
const machineParams = z.object({machine: machineRefSchema});

/** A disk that is there already, or one to be made. */
export const diskParamSchema = z.union([
  diskSchema.extend({format: diskFormatSchema.optional()}),
  z.object({
    newSizeBytes: z.number().int().min(512).max(MAX_NEW_DISK_BYTES).multipleOf(512),
    format: diskFormatSchema.default('qcow2'),
  }),
]);

/** Longest text of a seed. Units: characters */
export const MAX_SEED_CHARS = 262_144;

/**
 * A disk that tells cloud-init in the guest who it is (its NoCloud data source): the machine's name, and what the user wants;
 * without `userData` the keys of who may log in here.
 */
export const seedSchema = z.object({
  userData: z.string().max(MAX_SEED_CHARS).optional(),
  networkConfig: z.string().max(MAX_SEED_CHARS).optional(),
});

/** Longest answers to an installer's questions. Units: characters */
export const MAX_PRESEED_CHARS = 262_144;

/** Answers to an installer's questions, as `debconf-set-selections` reads them. */
export const preseedSchema = z
  .string()
  .max(MAX_PRESEED_CHARS, `is longer than ${MAX_PRESEED_CHARS} characters`)
  .regex(/^(?:[^\p{Cc}]|[\t\r\n])*$/u, 'is not text');

/**
 * Defines a machine without starting it. A disk whose format is left out is raw, unless it looks like something else:
 * that is refused. No name: one like `brave-otter`. Sizes left out come from the image or from
 * configs/daemon.json. Of an image that was made from a machine it is `saved`, when it is of the same make: it goes on from what
 * ran there; else `note` says in one sentence why it boots.
 * Errors: bad-name, name-taken, image-not-found, file-not-found, bad-memory-size, not-enough-memory, bad-kernel,
 * bad-firmware, bad-disk, bad-share, disk-full, bad-request (hart count, tier, threshold)
 */
export const machineCreate = defineRequest(
  'machine/create',
  z.object({
    name: z.string().max(1024).optional(),
    boot: bootSchema,
    memoryBytes: z.number().optional(),
    hartCount: z.number().optional(),
    tier: z.string().max(64).optional(),
    hotThreshold: z.number().optional(),
    disks: z.array(diskParamSchema).max(MAX_DISKS).default([]),
    network: networkSchema.optional(),
    shares: z.array(shareSchema).max(MAX_DISKS).default([]),
    seed: seedSchema.optional(),
    /** Answers for an image that installs. */
    preseed: preseedSchema.optional(),
    labels: labelsSchema.optional(),
  }),
  z.object({machine: machineSchema, note: z.string().optional()}),
);

/**
 * Starts a defined or crashed machine and resolves when it runs. When its image has yet to be built, it resolves at
 * once with that `job`, the machine stays `starting`, and it runs (or goes back to `defined`) when the job finishes.
 * `from`: `saved` only goes on from a saved state, `boot` boots and discards one, `any` does what there is to do. A saved
 * state is gone once its guest runs; when the start fails it stays.
 * Errors: wrong-state, not-enough-memory, bad-kernel, bad-firmware, bad-disk, bad-snapshot, file-not-found, machine-failed
 */
export const machineStart = defineRequest(
  'machine/start',
  z.object({machine: machineRefSchema, from: z.enum(['any', 'saved', 'boot']).default('any')}),
  z.object({machine: machineSchema, job: jobSchema.optional()}),
);

/** Stops guest time. Errors: wrong-state */
export const machinePause = defineRequest('machine/pause', machineParams, z.object({machine: machineSchema}));

/** Lets guest time go on. Errors: wrong-state */
export const machineResume = defineRequest('machine/resume', machineParams, z.object({machine: machineSchema}));

/**
 * Asks the guest to power off and resolves when it has.
 * Errors: wrong-state, shutdown-timeout (the machine is then `running` again; `machineKill` forces it)
 */
export const machineShutdown = defineRequest(
  'machine/shutdown',
  z.object({
    machine: machineRefSchema,
    timeoutMs: z
      .number()
      .int()
      .min(0)
      .max(24 * 3600_000)
      .optional(),
  }),
  z.object({machine: machineSchema}),
);

/** Pulls the plug. Also ends a start that waits for its image. Errors: wrong-state */
export const machineKill = defineRequest('machine/kill', machineParams, z.object({machine: machineSchema}));

/**
 * Writes the machine's state to a file and ends its process; `machineStart` goes on from there. When it fails the
 * machine is as before. Errors: wrong-state, not-supported, disk-full, storage-failed, machine-failed
 */
export const machineSave = defineRequest('machine/save', machineParams, z.object({machine: machineSchema}));

/**
 * Makes a second running machine of a running or paused one, which goes on, or of a snapshot: same make, memory, processes,
 * disks and console, and a name of its own. When it cannot be started it is there, `saved`.
 * Errors: as `machineSave` and `machineStart`; bad-name, name-taken, snapshot-not-found, bad-snapshot
 */
export const machineFork = defineRequest(
  'machine/fork',
  z.object({
    machine: machineRefSchema,
    name: z.string().max(1024).optional(),
    snapshot: z.string().min(1).max(256).optional(),
  }),
  z.object({machine: machineSchema, job: jobSchema.optional()}),
);

/**
 * Makes a second machine with the disks of one that is off, and with its saved state when it has one. Neither is started.
 * Errors: wrong-state, bad-name, name-taken, disk-full, storage-failed
 */
export const machineClone = defineRequest(
  'machine/clone',
  z.object({machine: machineRefSchema, name: z.string().max(1024).optional()}),
  z.object({machine: machineSchema}),
);

/** Gives a machine another name, in any state but broken. Errors: bad-name, name-taken */
export const machineRename = defineRequest(
  'machine/rename',
  z.object({machine: machineRefSchema, name: z.string().max(1024)}),
  z.object({machine: machineSchema}),
);

/** Changes the group and the tags of a machine, in any state but broken. Errors: bad-request */
export const machineLabel = defineRequest(
  'machine/label',
  labelChangeSchema.extend({machine: machineRefSchema}),
  z.object({machine: machineSchema}),
);

/**
 * Changes what a machine that is off is made of; what is left out stays. `commandLine: null` leaves it to the image again.
 * Units: memory in bytes. Errors: wrong-state, bad-memory-size, not-enough-memory, bad-request (hart count, tier, command line)
 */
export const machineEdit = defineRequest(
  'machine/edit',
  z.object({
    machine: machineRefSchema,
    memoryBytes: z.number().optional(),
    hartCount: z.number().optional(),
    tier: tierSchema.optional(),
    commandLine: z.string().max(2047).nullable().optional(),
    network: networkChangeSchema.optional(),
  }),
  z.object({machine: machineSchema}),
);

/** Adds a disk to a machine that is not running, as the last one. Errors: wrong-state, file-not-found, bad-disk, disk-full */
export const machineAttachDisk = defineRequest(
  'machine/attachDisk',
  z.object({machine: machineRefSchema, disk: diskParamSchema}),
  z.object({machine: machineSchema}),
);

/**
 * Takes a disk away from a machine that is not running: by its place, from 0, or its path. The file stays; `path` says
 * where. Errors: wrong-state, bad-request
 */
export const machineDetachDisk = defineRequest(
  'machine/detachDisk',
  z.object({machine: machineRefSchema, disk: z.union([z.number().int().min(0), z.string().min(1).max(4096)])}),
  z.object({machine: machineSchema, path: z.string()}),
);

/** Moves a stopped machine to the trash, from which `machineUnremove` brings it back. Errors: wrong-state */
export const machineRemove = defineRequest(
  'machine/remove',
  machineParams,
  z.object({id: z.string(), name: z.string()}),
);

/** Brings a removed machine back, by id, or the one removed last. Errors: machine-not-found, name-taken */
export const machineUnremove = defineRequest(
  'machine/unremove',
  z.object({id: z.string().max(256).optional()}),
  z.object({machine: machineSchema}),
);

/** The whole fleet, by name. `seq` is that of the last `machineChanged`/`machineRemoved` contained. */
export const machineList = defineRequest(
  'machine/list',
  z.object({}),
  z.object({seq: z.number(), machines: z.array(machineSchema)}),
);

/** One machine. Errors: machine-not-found */
export const machineShow = defineRequest('machine/show', machineParams, z.object({machine: machineSchema}));

/** Topic `fleet`: a machine was added or differs from what was sent before. `seq` grows by one per fleet notification. */
export const machineChanged = defineNotification(
  'machine/changed',
  z.object({seq: z.number(), machine: machineSchema}),
);

/** Topic `fleet`: a machine left the list. */
export const machineRemoved = defineNotification('machine/removed', z.object({seq: z.number(), id: z.string()}));
