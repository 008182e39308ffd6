/**
 * What describes a machine that was packed up: as `manifest.json` in an exported file or in the folder of an image that was
 * made from a machine. With it go the parts that it lists, under fixed names:
 *
 *   screen             text with escape sequences, for a terminal of `screenSize`  │ only with a `state`
 *   memory.state       what the driver goes on from; stands alone                  │
 *   kernel, initrd     and loader.elf, which starts them; or that alone, for what is on disks; or firmware.elf
 *   disk0.qcow2 …      its disks in order; none stands on anything
 *
 * It may come from anywhere: nothing in it is a path, and everything has a bound.
 */
import {createHash} from 'node:crypto';
import * as z from 'zod';
import {SCREEN_TEXT_MAX} from '../console/console-screen.js';
import {terminalSizeSchema} from '../protocol/console.js';
import {egressRuleSchema, MAX_EGRESS_RULES} from '../protocol/egress.js';
import {ManagerError} from '../protocol/errors.js';
import {
  MAX_DISKS,
  MAX_HARTS,
  MAX_HOT_THRESHOLD,
  MAX_NEW_DISK_BYTES,
  MIN_MEMORY_BYTES,
  networkSchema,
  tierSchema,
} from '../protocol/machine.js';
import {MAX_NOTE_LENGTH} from '../protocol/snapshot.js';

/** Grows when an older reader would misread a manifest. */
export const MANIFEST_VERSION = 1;
/** Name of the manifest, and of the file with its SHA-256 as sha256sum writes it. */
export const MANIFEST_NAME = 'manifest.json';
export const DIGEST_NAME = 'manifest.sha256';
/** Longest manifest. Units: bytes */
export const MANIFEST_BYTES_MAX = 131_072;

/** Names of images. */
export const IMAGE_NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;

const FORMAT = 'vivarium-machine';
const MOST_MEMORY_BYTES = 2 ** 40;
const BOOT_FILE_BYTES_MAX = 2 ** 30;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const time = z.number().min(0).max(8.64e15);
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Notes are shown on terminals. */
const note = z
  .string()
  .max(MAX_NOTE_LENGTH)
  .regex(/^\P{Cc}*$/u);

const denialSchema = egressRuleSchema.extend({verdict: z.literal('deny')}).strict();

const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(MANIFEST_VERSION),
  /** The version of Vivarium that wrote it, for people. */
  writer: z.string().max(64),
  packedAtMs: time,
  /** What it is, for people; without one it was made from the machine. */
  title: z
    .string()
    .min(1)
    .max(60)
    .regex(/^\P{Cc}*$/u)
    .optional(),
  machine: z.strictObject({
    name,
    memoryBytes: z.number().int().min(MIN_MEMORY_BYTES).max(MOST_MEMORY_BYTES).multipleOf(4096),
    hartCount: z.number().int().min(1).max(MAX_HARTS),
    tier: tierSchema.optional(),
    hotThreshold: z.number().int().min(1).max(MAX_HOT_THRESHOLD).optional(),
    /** Where it differs from what machines have; never what would open the host to it. */
    network: z
      .strictObject({
        ...{kind: networkSchema.shape.kind, egress: networkSchema.shape.egress},
        /** Those that deny; at most 256 names, so that they fit. */
        rules: z.array(denialSchema).max(MAX_EGRESS_RULES).optional(),
      })
      .optional(),
    /** The image that it booted from, for people. */
    image: z.string().regex(IMAGE_NAME).optional(),
  }),
  boot: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('linux'),
      commandLine: z.string().max(2047),
      /** The machine's name is added to the command line, as its host name. */
      takesHostname: z.boolean(),
      hasInitrd: z.boolean(),
      hasLoader: z.boolean().optional(),
      isInstaller: z.boolean().optional(),
    }),
    z.strictObject({kind: z.literal('disk')}),
    z.strictObject({kind: z.literal('firmware')}),
  ]),
  disks: z
    .array(
      z.strictObject({
        sizeBytes: z.number().int().min(512).max(MAX_NEW_DISK_BYTES).multipleOf(512),
        isReadOnly: z.boolean(),
      }),
    )
    .max(MAX_DISKS),
  state: z
    .strictObject({
      name,
      note: note.optional(),
      createdAtMs: time,
      touchedBytes: bytes,
      pausedMs: z.number().min(0),
      screenSize: terminalSizeSchema,
    })
    .optional(),
  parts: z
    .array(z.strictObject({name: z.string().max(32), sizeBytes: bytes, sha256: z.string().regex(/^[0-9a-f]{64}$/)}))
    .max(16),
});
/** See the module. */
export type Manifest = z.output<typeof manifestSchema>;
/** One of the files that go with it. */
export type Part = Manifest['parts'][number];
/** What is known before the parts are written. */
export type ManifestDraft = Omit<Manifest, 'format' | 'version' | 'parts'>;

/** Where parts are written, each in its turn. */
export interface PartWriter {
  /** Adds the next part from its bytes. Errors: system errors of writing pass through */
  stream(name: string, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  /** Adds the next part: `write` puts it into a file that is there, from a place on, which is the file's end. */
  place(name: string, write: (place: FilePlace) => Promise<void>, signal?: AbortSignal): Promise<void>;
}

/** A place in a file. Units: bytes */
export interface FilePlace {
  readonly path: string;
  readonly offset: number;
}

const envelopeSchema = z.looseObject({format: z.literal(FORMAT), version: z.number().int().min(1)});

/** Names of the parts, in their order. */
export function partNames({boot, disks, state}: Pick<Manifest, 'boot' | 'disks' | 'state'>): string[] {
  return [
    ...(state === undefined ? [] : ['screen', 'memory.state']),
    ...bootPartNames(boot),
    ...disks.map((_, index) => diskPart(index)),
  ];
}

function bootPartNames(boot: Manifest['boot']): string[] {
  if (boot.kind === 'firmware') return ['firmware.elf'];
  if (boot.kind === 'disk') return ['loader.elf'];
  return ['kernel', ...(boot.hasInitrd ? ['initrd'] : []), ...(boot.hasLoader ? ['loader.elf'] : [])];
}

/** Name of a disk's part. */
export function diskPart(index: number): string {
  return `disk${index}.qcow2`;
}

/** The manifest as it is written, of `length` bytes where that is given. */
export function encodeManifest(draft: ManifestDraft, parts: readonly Part[], length?: number): Buffer {
  const manifest: Manifest = {format: FORMAT, version: MANIFEST_VERSION, ...draft, parts: [...parts]};
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  return Buffer.from(length === undefined ? text : text.padEnd(length - Buffer.byteLength(text) + text.length));
}

/** How long the manifest may get at most once its parts are known. */
export function reservedLength(draft: ManifestDraft): number {
  const longest = {sizeBytes: Number.MAX_SAFE_INTEGER, sha256: '0'.repeat(64)};
  return encodeManifest(
    draft,
    partNames(draft).map((part) => ({name: part, ...longest})),
  ).length;
}

/** The line of the file beside it. */
export function encodeDigest(manifest: Uint8Array): Buffer {
  return Buffer.from(`${createHash('sha256').update(manifest).digest('hex')}  ${MANIFEST_NAME}\n`);
}

/** `where` is what is refused by name. Errors: bad-snapshot */
export function parseManifest(content: Uint8Array, where: string): Manifest {
  const json = parseJson(content);
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) throw refused(where, 'it holds no machine that was exported');
  const {version} = envelope.data;
  if (version !== MANIFEST_VERSION)
    throw new ManagerError(
      'bad-snapshot',
      `${where} was written by ${version > MANIFEST_VERSION ? 'a newer' : 'another'} Vivarium (format ${version}, this one knows ${MANIFEST_VERSION}).`,
      'Update Vivarium; the file was left as it is.',
    );
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refused(where, `its manifest makes no sense (${issue?.path.join('.') || 'content'})`);
  }
  const manifest = parsed.data;
  const isListed = partNames(manifest).join() === manifest.parts.map((part) => part.name).join();
  if (!isListed) throw refused(where, 'its manifest lists other files than the machine needs');
  const large = manifest.parts.find((part) => part.sizeBytes > mostBytes(part.name, manifest));
  if (large !== undefined) throw refused(where, `its ${large.name} is larger than it can be`);
  return manifest;
}

/** `what` is a clause. */
export function refused(where: string, what: string): ManagerError {
  return new ManagerError(
    'bad-snapshot',
    `${where} cannot be used: ${what}.`,
    'Export it again, or copy the file once more.',
  );
}

/** Headers and tables come on top of what a part holds. */
function mostBytes(part: string, {machine, disks}: Manifest): number {
  if (part === 'screen') return 4 * SCREEN_TEXT_MAX;
  const tables = 2 ** 26;
  if (part === 'memory.state') return machine.memoryBytes + tables;
  const disk = disks.find((_, index) => diskPart(index) === part);
  return disk === undefined ? BOOT_FILE_BYTES_MAX : disk.sizeBytes * 1.01 + tables;
}

function parseJson(content: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(content).toString());
  } catch {
    return undefined;
  }
}
