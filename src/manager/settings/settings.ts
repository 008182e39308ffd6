/**
 * The daemon's settings. configs/daemon.json lists every one with its default, the unit at the end of its name;
 * daemon.json in the home folder overrides single values.
 */
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as z from 'zod';
import {packageFolder} from '../bundle.js';
import {ManagerError} from '../protocol/errors.js';
import {MAX_HARTS, MAX_HOT_THRESHOLD, MIN_MEMORY_BYTES, tierSchema, timelineChoiceSchema} from '../protocol/machine.js';

const bytes = z.number().int().min(0);
const count = z.number().int().min(1);

/** Shape of configs/daemon.json; configs/schema/daemon.json is generated from it. */
export const settingsSchema = z.strictObject({
  machines: z.strictObject({
    defaultMemoryBytes: bytes.min(MIN_MEMORY_BYTES).multipleOf(4096),
    defaultHartCount: count.max(MAX_HARTS),
    defaultTier: tierSchema,
    shutdownTimeoutMs: z.number().int().min(0).max(86_400_000),
    /** What becomes of running machines when the daemon gets SIGTERM, as at the host's shutdown. */
    onSignal: z.enum(['save', 'keep']),
    startTimeoutMs: z.number().int().min(1000).max(3_600_000),
    /** How long a process waits for the next machine after one was started, to be there at once. 0: none does. */
    spareIdleMs: z.number().int().min(0).max(86_400_000),
    /** Left to the host when a machine's memory is weighed against what is free. */
    hostMemoryReserveBytes: bytes,
  }),
  /** Bounds of compiled guest code, for each machine. */
  regions: z.strictObject({
    /** Arrivals at a piece of code that make it hot, unless a machine says otherwise. */
    hotThreshold: count.max(MAX_HOT_THRESHOLD),
    /** Guest instructions compiled as one region. */
    maxOps: z.number().int().min(16).max(2000),
    /** Regions at a time; the oldest go first. */
    maxRegions: count.max(65_535),
    /** WebAssembly of all regions; the machine code that the host makes of it takes about three times as much. */
    maxBytes: bytes.min(65_536).max(268_435_456),
  }),
  /** Checkpoints of running machines; a machine may say otherwise. */
  timeline: z.strictObject({
    isEnabled: z.boolean(),
    /** Time between checkpoints of a machine that does something. */
    intervalMs: timelineChoiceSchema.shape.intervalMs.unwrap(),
    /** What checkpoints of one machine may take; the oldest go first. */
    budgetBytes: timelineChoiceSchema.shape.budgetBytes.unwrap(),
    /** Checkpoints of one machine. */
    maxCount: count.max(500),
  }),
  console: z.strictObject({
    scrollbackBytes: bytes.min(4096).max(1_048_576),
    /** console.log is moved to console.log.1 when it reaches this. */
    logMaxBytes: bytes.min(65_536),
    /** What all viewers of all consoles together are sent of floods in a second; who is behind skips what scrollback has not. */
    floodBytesPerSecond: bytes.min(1_048_576).max(1_073_741_824),
    isPtyEnabled: z.boolean(),
    defaultColumns: count.max(1000),
    defaultRows: count.max(1000),
  }),
  metrics: z.strictObject({
    intervalMs: z.number().int().min(100).max(60_000),
  }),
  server: z.strictObject({
    maxClients: count,
    maxMessageBytes: bytes.min(2_097_152),
    maxBufferedBytes: bytes.min(2_097_152),
    maxPendingRequests: count,
  }),
  /** The SSH server, on the loopback interface. */
  ssh: z.strictObject({
    isEnabled: z.boolean(),
    /** 0: any that is free; `viv daemon status` tells which. */
    port: z.number().int().min(0).max(65_535),
  }),
  events: z.strictObject({keptCount: count}),
  jobs: z.strictObject({keptCount: count}),
  disks: z.strictObject({
    /** Folders below which backing images may lie, besides the folder of the disk that stands on them. */
    backingFolders: z.array(z.string().min(1).max(4096)).max(64),
  }),
  images: z.strictObject({
    /** Package mirror; empty: the host's own. */
    debianMirror: z.string(),
  }),
});
/** All settings. */
export type Settings = z.output<typeof settingsSchema>;

const overridesSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

/** Reads the defaults and the user's overrides. Errors: bad-setting, naming the file and the setting */
export async function loadSettings(overridesPath: string): Promise<Settings> {
  const defaultsPath = join(packageFolder(), 'configs', 'daemon.json');
  const defaults = overridesSchema.parse(JSON.parse(await readFile(defaultsPath, 'utf8')));
  const overrides = await readOverrides(overridesPath);
  const merged: Record<string, Record<string, unknown>> = {...defaults};
  for (const [section, values] of Object.entries(overrides)) merged[section] = {...defaults[section], ...values};
  const settings = settingsSchema.safeParse(merged);
  if (settings.success) return settings.data;
  throw badSetting(overridesPath, settings.error);
}

async function readOverrides(path: string): Promise<z.output<typeof overridesSchema>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return {};
    throw thrown;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ManagerError('bad-setting', `${path} is not JSON.`, 'Repair it, or delete it to use the defaults.');
  }
  const overrides = overridesSchema.safeParse(json);
  if (!overrides.success) throw badSetting(path, overrides.error);
  return overrides.data;
}

function badSetting(path: string, error: z.ZodError): ManagerError {
  const issue = error.issues[0];
  const name = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys : [])].join('.');
  return new ManagerError(
    'bad-setting',
    `${path}: the setting ${name || '(all)'} is wrong: ${issue?.message ?? 'invalid'}.`,
    'configs/daemon.json lists all settings with their defaults.',
  );
}
