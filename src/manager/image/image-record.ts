/** A built image on disk: a folder with what machines boot, a disk where it has one, and `image.json`. */
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as z from 'zod';

/**
 * `image.json`. It is written last, so a folder with a valid one is whole.
 * Units: builtAtMs = milliseconds since 1970
 */
export const imageRecordSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Of the kernel, or of the boot loader where there is no kernel. */
  kernelVersion: z.string(),
  commandLine: z.string(),
  execCommandLine: z.string(),
  memoryBytes: z.int().positive(),
  /** Missing together: it boots what is on a machine's disks. */
  kernelBytes: z.int().positive().optional(),
  initrdBytes: z.int().positive().optional(),
  /** The boot loader that starts the kernel, or what is on disks. */
  loaderBytes: z.int().positive().optional(),
  /** It installs a system on a machine's disks. */
  isInstaller: z.boolean().optional(),
  /** With that: what it is told of the host, see `preseed.ts`. */
  preseed: z.string().optional(),
  /** The disk that machines of it begin with; `fileBytes` of it are on the host. */
  disk: z.object({sizeBytes: z.int().positive(), fileBytes: z.int().positive()}).optional(),
  packages: z.array(z.object({name: z.string(), version: z.string(), sha256: z.string()})),
  builtAtMs: z.int().nonnegative(),
});
/** See `imageRecordSchema`. */
export type ImageRecord = z.output<typeof imageRecordSchema>;

/** A built image: its record and where its files are. */
export interface BuiltImage extends ImageRecord {
  readonly folder: string;
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly loaderPath: string;
  /** Of a disk in the qcow2 format, where the record has one. */
  readonly diskPath: string;
}

/** Reads the image in a folder; `undefined` when it holds none, or a damaged one, which is as good as none. */
export async function readImage(folder: string): Promise<BuiltImage | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(join(folder, 'image.json'), 'utf8'));
  } catch {
    return undefined;
  }
  const parsed = imageRecordSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const at = (name: string) => join(folder, name);
  return {
    ...{...parsed.data, folder, kernelPath: at('kernel'), initrdPath: at('initrd'), loaderPath: at('loader.elf')},
    diskPath: at('disk.qcow2'),
  };
}

/** What the machine is booted for: a shell on the console, or one command over the exec ports. */
export interface BootPurpose {
  readonly mode: 'shell' | 'exec';
  readonly hostname?: string;
}

/** The kernel command line of an image for one machine. */
export function imageCommandLine(
  image: Pick<ImageRecord, 'commandLine' | 'execCommandLine'>,
  purpose: BootPurpose,
): string {
  const words = [image.commandLine];
  if (purpose.mode === 'exec') words.push(image.execCommandLine, 'vivarium.mode=exec');
  return namedCommandLine(words.filter((word) => word !== '').join(' '), purpose.hostname);
}

/** A kernel command line that tells the guest's agent a host name, cut down to what one may hold. */
export function namedCommandLine(commandLine: string, wanted: string | undefined): string {
  const hostname = wanted?.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 63);
  if (hostname === undefined || hostname === '') return commandLine;
  return [commandLine, `vivarium.hostname=${hostname}`].filter((word) => word !== '').join(' ');
}
