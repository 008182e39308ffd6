/**
 * Makes images of files that are there already, here or elsewhere: what is downloaded lies in a folder of its own until the
 * image holds it. The image is one like those made from machines: it needs none of the files any more.
 */
import {randomUUID} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {diskPart, type ManifestDraft, type PartWriter} from '../archive/manifest.js';
import {bootParts} from '../bootable/boot-paths.js';
import type {DiskPlan, HypervisorDriver} from '../hypervisor/contract.js';
import {download} from '../image/download.js';
import {checkMemorySize} from '../machine/memory-size.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import {DISK_IMAGE, type imageImport} from '../protocol/image.js';
import type {ImageImport, ImportSource} from '../protocol/image-import.js';
import type {Job} from '../protocol/job.js';
import type {Settings} from '../settings/settings.js';
import type {MachineStore} from '../store/machine-store.js';
import type {TemplateStore} from '../store/template-store.js';
import {programVersion} from '../version.js';
import {checkBoot, type OwnBoot} from './boot-files.js';
import type {EventLog} from './event-log.js';
import type {ImageService} from './image-service.js';
import type {JobService} from './job-service.js';
import {pacedReport, type StageReport} from './paced-report.js';
import {diskSizeOf, flattenDisk} from './volume-flatten.js';
import type {Volumes} from './volumes.js';

/** What it works with. */
export interface ImporterParts {
  readonly store: MachineStore;
  readonly templates: TemplateStore;
  readonly images: ImageService;
  readonly volumes: Volumes;
  readonly driver: HypervisorDriver;
  readonly jobs: JobService;
  readonly log: EventLog;
  readonly settings: Settings['machines'];
}

/** What becomes the image: files of this host now. */
interface Found {
  readonly boot: OwnBoot;
  readonly disks: readonly DiskPlan[];
}

/** See the module. */
export class ImageImporter {
  readonly #parts: ImporterParts;

  constructor(parts: ImporterParts) {
    this.#parts = parts;
  }

  /** See `imageImport` for the errors. */
  async make({image, from}: ParamsOutput<typeof imageImport>): Promise<{image: string; job: Job}> {
    const {templates, images, jobs, log, settings} = this.#parts;
    const name = templates.checkName(image);
    const memoryBytes = checkMemorySize(from.memoryBytes ?? settings.defaultMemoryBytes);
    checkParts(from);
    if (await images.isKnown(name))
      throw new ManagerError('name-taken', `There is an image named ${name} already.`, 'Choose another name.');
    const job = jobs.start(
      'image-import',
      name,
      async (signal, report) => {
        const folder = await this.#parts.store.scratch();
        try {
          await this.#import(name, {...from, memoryBytes}, folder, signal, pacedReport(report));
          log.record('image-built', `The image ${name} was imported.`);
        } finally {
          await rm(folder, {recursive: true, force: true});
        }
      },
      randomUUID(),
    );
    return {image: name, job};
  }

  async #import(
    name: string,
    from: ImageImport & {readonly memoryBytes: number},
    folder: string,
    signal: AbortSignal,
    report: StageReport,
  ): Promise<void> {
    const {templates, volumes, driver} = this.#parts;
    const {boot, disks} = await this.#find(from, folder, signal, report);
    await checkBoot(boot);
    await driver.check(from.memoryBytes, boot);
    const sizes = await Promise.all(disks.map(({images}) => diskSizeOf(images)));
    const draft: ManifestDraft = {
      ...{writer: programVersion(), packedAtMs: Date.now(), title: from.title ?? 'Imported'},
      machine: {name, memoryBytes: from.memoryBytes, hartCount: from.hartCount},
      boot:
        boot.kind !== 'linux'
          ? {kind: boot.kind}
          : {
              ...{kind: 'linux', commandLine: boot.commandLine, takesHostname: false},
              hasInitrd: boot.initrdPath !== undefined,
            },
      disks: disks.map(({isReadOnly}, index) => ({sizeBytes: sizes[index]!, isReadOnly})),
    };
    using _held = volumes.acquire(
      disks.map(({images}) => ({images, isReadOnly: true})),
      'viv image import',
    );
    await templates.create(name, draft, async (writer) => {
      for (const [part, path] of Object.entries(bootParts(boot))) await stream(writer, part, path, signal, report);
      for (const [index, {images}] of disks.entries()) {
        const onProgress = ({done, total}: {done: number; total: number}) =>
          report(`disk ${index + 1} of ${disks.length}`, done, total);
        await writer.place(diskPart(index), (place) => flattenDisk(images, place, {signal, onProgress}), signal);
      }
    });
  }

  /** Downloads what is elsewhere. */
  async #find(from: ImageImport, folder: string, signal: AbortSignal, report: StageReport): Promise<Found> {
    const downloads = join(folder, 'downloads');
    await mkdir(downloads, {mode: 0o700});
    const fetched = async (what: string, source: ImportSource): Promise<string> => {
      if ('path' in source) return source.path;
      const path = join(downloads, what.replaceAll(' ', '-'));
      await download(source.url, source.sha256, path, {
        signal,
        onProgress: (done, total) => report(`download ${what}`, done, total),
      });
      return path;
    };
    const {kernel, initrd, firmware, commandLine} = from;
    const findBoot = async (): Promise<OwnBoot> => {
      if (firmware !== undefined) return {kind: 'firmware', elfPath: await fetched('firmware', firmware)};
      if (kernel === undefined) return {kind: 'disk', loaderPath: await this.#findLoader(signal)};
      return {
        ...{kind: 'linux', kernelPath: await fetched('kernel', kernel), commandLine: commandLine ?? ''},
        ...(initrd === undefined ? {} : {initrdPath: await fetched('initrd', initrd)}),
      };
    };
    const boot = await findBoot();
    const disks = [];
    for (const [index, {format, isReadOnly, ...source}] of from.disks.entries()) {
      const path = await fetched(`disk ${index + 1}`, source);
      const named = 'path' in source ? source.path : new URL(source.url).pathname;
      const recorded = format ?? (/\.qcow2$/i.test(named) ? 'qcow2' : 'raw');
      const disk = {path, format: recorded, isReadOnly: isReadOnly || /\.iso$/i.test(named)};
      await this.#parts.volumes.check(disk, format !== undefined);
      disks.push(disk);
    }
    return {boot, disks: await this.#parts.volumes.plan(folder, disks)};
  }

  /** That of machines that boot from disk; it is fetched when it is not there. Errors: those of a build of it */
  async #findLoader(signal: AbortSignal): Promise<string> {
    const {images, jobs} = this.#parts;
    const {error} = await jobs.wait((await images.build(DISK_IMAGE, false)).id, signal);
    const image = await images.find(DISK_IMAGE);
    if (image !== undefined) return image.loaderPath;
    throw new ManagerError(
      'image-build-failed',
      `What boots disks could not be fetched: ${error?.message ?? 'it is gone again'}`,
      error?.hint ?? 'Try again.',
    );
  }
}

async function stream(
  writer: PartWriter,
  part: string,
  path: string,
  signal: AbortSignal,
  report: StageReport,
): Promise<void> {
  report(part, 0, (await stat(path)).size);
  await writer.stream(part, createReadStream(path, {highWaterMark: 1 << 20}), signal);
}

/** Errors: bad-request */
function checkParts({kernel, initrd, firmware, commandLine, disks}: ImageImport): void {
  if (kernel === undefined && firmware === undefined && disks.length === 0)
    throw new ManagerError(
      'bad-request',
      'An image needs something to boot.',
      'Name a disk that has a boot loader with --disk, or a kernel with --kernel.',
    );
  if (kernel !== undefined && firmware !== undefined)
    throw new ManagerError(
      'bad-request',
      'A machine boots a kernel or a firmware, not both.',
      'Leave one of them out.',
    );
  if (kernel === undefined && (initrd !== undefined || commandLine !== undefined))
    throw new ManagerError(
      'bad-request',
      'An initrd and a command line belong to a kernel; a firmware and a disk have their own.',
      'Leave them out, or name the kernel with --kernel.',
    );
}
