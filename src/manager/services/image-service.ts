/** The image store as clients see it: builds are jobs, shared by all who ask. */
import {join} from 'node:path';
import type {HypervisorDriver} from '../hypervisor/contract.js';
import type {BuiltImage} from '../image/image-record.js';
import {builtInCatalogDir, ImageStore, type ImageSummary} from '../image/image-store.js';
import type {Paths} from '../paths.js';
import {ManagerError} from '../protocol/errors.js';
import type {Image} from '../protocol/image.js';
import type {Job} from '../protocol/job.js';
import type {Settings} from '../settings/settings.js';
import type {TemplateStore} from '../store/template-store.js';
import type {EventLog} from './event-log.js';
import {endLeftMachine, machineRunOf} from './image-machine.js';
import type {JobService} from './job-service.js';

/** The store on the given folders; `findDriver` is asked when a machine is to make a disk. The user's recipes win over those that came with the program. */
export function openImageStore(
  paths: Pick<Paths, 'recipes' | 'cache'>,
  {images, machines}: Pick<Settings, 'images' | 'machines'>,
  findDriver: () => Promise<HypervisorDriver>,
): ImageStore {
  return new ImageStore({
    catalogDirs: [builtInCatalogDir(), paths.recipes],
    cacheDir: join(paths.cache),
    machines: {run: machineRunOf(findDriver, machines.hostMemoryReserveBytes), endLeft: endLeftMachine},
    ...(images.debianMirror === '' ? {} : {mirror: images.debianMirror}),
  });
}

function sizeOf({kernelBytes = 0, initrdBytes = 0, loaderBytes = 0, disk}: BuiltImage): number {
  return kernelBytes + initrdBytes + loaderBytes + (disk?.fileBytes ?? 0);
}

/** What machines have of which neither their maker nor their image says more. */
export type MachineDefaults = Pick<Settings['machines'], 'defaultMemoryBytes' | 'defaultHartCount'>;

/** See the module. */
export class ImageService {
  readonly #store: ImageStore;
  readonly #templates: TemplateStore;
  readonly #jobs: JobService;
  readonly #log: EventLog;
  readonly #defaults: MachineDefaults;

  constructor(store: ImageStore, templates: TemplateStore, jobs: JobService, log: EventLog, defaults: MachineDefaults) {
    this.#defaults = defaults;
    this.#store = store;
    this.#templates = templates;
    this.#jobs = jobs;
    this.#log = log;
  }

  /** The catalog, by name. An image that cannot be used says so in its description. */
  async list(): Promise<Image[]> {
    const {templates, broken} = await this.#templates.list();
    const made = templates.map(
      ({name, manifest: {machine, state, packedAtMs, title}, sizeBytes}): Image => ({
        ...{name, title: title ?? `Made from ${machine.name}`, state: 'ready', sizeBytes, builtAtMs: packedAtMs},
        description: state === undefined ? 'Boots from its own files.' : 'Goes on from what ran in it.',
        machine: {memoryBytes: machine.memoryBytes, hartCount: machine.hartCount, isWarm: state !== undefined},
        defaults: {memoryBytes: machine.memoryBytes, hartCount: machine.hartCount},
      }),
    );
    const unusable = broken.map(
      ({name, reason}): Image => ({name, title: name, description: reason, state: 'available'}),
    );
    const others = (await this.#recipes()).filter(({name}) => !made.some((one) => one.name === name));
    return [...made, ...unusable, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Whether there is a recipe or an image of that name. */
  async isKnown(name: string): Promise<boolean> {
    return (await this.list()).some((image) => image.name === name);
  }

  async #recipes(): Promise<Image[]> {
    const running = this.#jobs.list().filter((job) => job.kind === 'image-build' && job.state === 'running');
    return (await this.#store.listImages()).map(
      ({name, title, description, kind, state, built, error, sizes}): Image => {
        const job = running.find(({subject}) => subject === name);
        return {
          name,
          title,
          description: error === undefined ? description : error.message,
          state: job === undefined ? state : 'building',
          ...(built === undefined ? {} : {sizeBytes: sizeOf(built), builtAtMs: built.builtAtMs}),
          ...(job === undefined ? {} : {jobId: job.id}),
          ...(kind === 'debian-netboot'
            ? {needsDisk: 'empty'}
            : kind === 'debian-loader'
              ? {needsDisk: 'bootable'}
              : {}),
          ...(sizes === undefined ? {} : this.#offer(sizes)),
        };
      },
    );
  }

  #offer({memoryBytes, diskBytes, downloadBytes}: NonNullable<ImageSummary['sizes']>) {
    const {defaultMemoryBytes, defaultHartCount: hartCount} = this.#defaults;
    const usual = {memoryBytes: Math.max(memoryBytes, defaultMemoryBytes), hartCount};
    return {
      defaults: {...usual, ...(diskBytes === undefined ? {} : {diskBytes})},
      ...(downloadBytes === undefined ? {} : {downloadBytes}),
    };
  }

  /** The memory that machines of an image of a recipe want, built or not. Units: bytes. Errors: image-not-found */
  async wantedMemory(name: string): Promise<number> {
    const image = (await this.#recipes()).find((one) => one.name === name);
    return image?.defaults?.memoryBytes ?? this.#defaults.defaultMemoryBytes;
  }

  /** The built image, or `undefined` when it is yet to be built. Errors: image-not-found, recipe-broken */
  find(name: string): Promise<BuiltImage | undefined> {
    return this.#store.findImage(name);
  }

  /** Whether guests of it install a system on their disks. Errors: image-not-found, recipe-broken */
  isInstaller(name: string): Promise<boolean> {
    return this.#store.isInstaller(name);
  }

  /** Errors: image-not-found, recipe-broken, before there is a job */
  async build(name: string, isForced: boolean): Promise<Job> {
    if ((await this.#templates.find(name)) !== undefined)
      throw new ManagerError(
        'bad-request',
        `${name} was made from a machine or imported: no recipe builds it.`,
        'It is ready as it is.',
      );
    await this.#store.findImage(name);
    return this.#jobs.start('image-build', name, async (signal, report) => {
      try {
        await this.#store.buildImage(name, {signal, isForced, onProgress: report});
        this.#log.record('image-built', `The image ${name} was built.`);
      } catch (thrown) {
        if (!signal.aborted && thrown instanceof ManagerError)
          this.#log.record('image-build-failed', `The image ${name} could not be built: ${thrown.message}`);
        throw thrown;
      }
    });
  }

  /** Errors: image-not-found, image-not-built, image-in-use */
  async remove(name: string): Promise<{freedBytes: number}> {
    const freedBytes = await this.#templates.remove(name);
    if (freedBytes !== undefined) {
      this.#log.record('image-removed', `The image ${name}, which no recipe makes again, was removed.`);
      return {freedBytes};
    }
    const freed = await this.#store.removeImage(name);
    this.#log.record('image-removed', `The image ${name} was removed; its recipe stays.`);
    return freed;
  }
}
