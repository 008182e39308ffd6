/**
 * The catalog of images and the builds of them in a cache folder.
 *
 *   CACHE/images/NAME/DIGEST-TIME/{image.json,…}   a build; the newest of the recipe's digest counts; it has kernel and
 *                                               initrd, loader.elf, or both, and disk.qcow2 when there is a disk
 *   CACHE/images/NAME.log                                      what the machine wrote that failed to make a disk
 *   CACHE/images/.building-…/                                  a build under way; renamed when whole, else removed
 *   CACHE/apt/                                                 apt's private state and the fetched packages
 *   CACHE/apt/build.lock                                       the process that builds
 */
import {mkdir, mkdtemp, open, readdir, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import {untilAborted} from '../until-aborted.js';
import {takeBuildLock} from './build-lock.js';
import type {BuildProgress, ProgressListener} from './build-progress.js';
import type {BuilderContext} from './builder-context.js';
import {buildDebianDisk, MACHINE_FOLDER} from './debian-disk-builder.js';
import {buildDebianLoader} from './debian-loader-builder.js';
import {buildDebianInitramfs} from './debian-mini-builder.js';
import {buildDebianNetboot} from './debian-netboot-builder.js';
import {cancelled, throwIfCancelled} from './host-process.js';
import {type BuiltImage, readImage} from './image-record.js';
import type {MachineRun} from './machine-run.js';
import {findPackageRoot} from './package-root.js';
import {type LoadedRecipe, loadRecipe, type Recipe, readCatalog} from './recipe.js';

/** Where an `ImageStore` finds and keeps things. Paths are absolute; a later catalog folder's recipe wins. */
export interface ImageStoreOptions {
  readonly catalogDirs: readonly string[];
  readonly cacheDir: string;
  /** Address of a Debian archive; without it the one of the host's own apt. */
  readonly mirror?: string;
  readonly keyring?: string;
  /** What runs the machines that make disks, and ends one whose builder was killed. */
  readonly machines: {readonly run: MachineRun; readonly endLeft: (folder: string) => Promise<void>};
  /** Environment of apt and dpkg; the process's own by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A line of the list of images; `error` says why its recipe cannot be used. */
export interface ImageSummary {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly state: 'available' | 'building' | 'ready';
  readonly kind?: Recipe['kind'];
  readonly built?: BuiltImage;
  readonly error?: ManagerError;
  /** What the recipe says of sizes. Units: bytes */
  readonly sizes?: {readonly memoryBytes: number; readonly diskBytes?: number; readonly downloadBytes?: number};
}

/** How to build. `isForced` builds anew what is ready, with the packages of today. */
export interface BuildOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressListener;
  readonly isForced?: boolean;
}

/** The folder of the recipes that come with the program. */
export function builtInCatalogDir(): string {
  return join(findPackageRoot(import.meta.url), 'configs', 'images');
}

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A build under way in this process, shared by all who asked for the image. */
interface SharedBuild {
  readonly result: Promise<BuiltImage>;
  readonly abort: AbortController;
  readonly listeners: Set<ProgressListener>;
  waiting: number;
  latest: BuildProgress | undefined;
}

/** Lists, finds, builds and removes images. */
export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #builds = new Map<string, SharedBuild>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /** All recipes by name, broken ones too. */
  async listImages(): Promise<ImageSummary[]> {
    const entries = await readCatalog(this.#options.catalogDirs);
    return Promise.all(
      entries.map(async (entry): Promise<ImageSummary> => {
        if ('error' in entry)
          return {name: entry.name, title: entry.name, description: '', state: 'available', error: entry.error};
        const {title, description, kind} = entry.recipe;
        const about = {name: entry.name, title, description, kind, sizes: sizesOf(entry.recipe)};
        const built = await this.#find(entry.name).catch(toManagerError);
        if (built instanceof ManagerError) return {...about, state: 'available', error: built};
        const state = this.#builds.has(entry.name) ? 'building' : built === undefined ? 'available' : 'ready';
        return {...about, state, ...(built === undefined ? {} : {built})};
      }),
    );
  }

  /** The built image, or `undefined` when it has yet to be built. Errors: image-not-found, recipe-broken */
  findImage(name: string): Promise<BuiltImage | undefined> {
    return this.#find(name);
  }

  /** Whether the recipe is of an installer. Errors: image-not-found, recipe-broken */
  async isInstaller(name: string): Promise<boolean> {
    return (await loadRecipe(this.#options.catalogDirs, name)).recipe.kind === 'debian-netboot';
  }

  /**
   * Builds the image, or joins the build under way, or returns at once what is ready. A cancelled caller leaves; the
   * build itself ends when all its callers have.
   * Errors: image-not-found, recipe-broken, apt-missing, keyring-missing, network-unreachable, apt-failed,
   *         package-broken, image-build-failed, disk-full, bad-setting, cancelled
   */
  async buildImage(name: string, options: BuildOptions = {}): Promise<BuiltImage> {
    const {signal, onProgress, isForced = false} = options;
    throwIfCancelled(signal);
    const loaded = await loadRecipe(this.#options.catalogDirs, name);
    if (!isForced && !this.#builds.has(name)) {
      const ready = await this.#findBuild(loaded);
      if (ready !== undefined) return ready;
    }
    const build = this.#builds.get(name) ?? this.#start(loaded, isForced);
    if (onProgress !== undefined) {
      build.listeners.add(onProgress);
      if (build.latest !== undefined) onProgress(build.latest);
    }
    build.waiting += 1;
    try {
      return await (signal === undefined ? build.result : untilAborted(build.result, signal, cancelled));
    } finally {
      build.waiting -= 1;
      if (onProgress !== undefined) build.listeners.delete(onProgress);
      if (build.waiting === 0) {
        build.abort.abort();
        // Whoever was cancelled may rely on nothing half-made being left.
        await build.result.catch(() => undefined);
      }
    }
  }

  /**
   * Deletes what was built; the recipe and the fetched packages stay.
   * Errors: image-not-found, image-not-built, image-in-use (it is being built)
   */
  async removeImage(name: string): Promise<{freedBytes: number}> {
    if (this.#builds.has(name))
      throw new ManagerError('image-in-use', `The image ${name} is being built.`, 'Cancel the build first.');
    const folders = await this.#buildFolders(name);
    if (folders.length === 0) {
      await loadRecipe(this.#options.catalogDirs, name); // an unknown name is the better complaint
      throw new ManagerError('image-not-built', `The image ${name} is not built.`, 'There is nothing to remove.');
    }
    let freedBytes = 0;
    for (const folder of folders) freedBytes += await removeFolder(folder);
    await rm(join(this.#imagesDir, name), {recursive: true, force: true});
    return {freedBytes};
  }

  get #imagesDir(): string {
    return join(this.#options.cacheDir, 'images');
  }

  async #find(name: string): Promise<BuiltImage | undefined> {
    return this.#findBuild(await loadRecipe(this.#options.catalogDirs, name));
  }

  async #findBuild({recipe, digest}: LoadedRecipe): Promise<BuiltImage | undefined> {
    for (const folder of await this.#buildFolders(recipe.name)) {
      const image = await readImage(folder);
      if (image?.digest === digest && image.name === recipe.name && (await isWhole(image))) return image;
    }
    return undefined;
  }

  /** Newest first. */
  async #buildFolders(name: string): Promise<string[]> {
    // The name may come from a user: it names a folder only when it is a plain name.
    if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) return [];
    const timeOf = (folder: string) => Number(folder.slice(folder.lastIndexOf('-') + 1));
    const names = await readdir(join(this.#imagesDir, name)).catch(() => []);
    return names.sort((a, b) => timeOf(b) - timeOf(a)).map((entry) => join(this.#imagesDir, name, entry));
  }

  #start(loaded: LoadedRecipe, isForced: boolean): SharedBuild {
    const {name} = loaded.recipe;
    const abort = new AbortController();
    const listeners = new Set<ProgressListener>();
    const report: ProgressListener = (progress) => {
      build.latest = progress;
      for (const listener of listeners) listener(progress);
    };
    // Through a microtask, so that `build` is there before the first report.
    const result = Promise.resolve()
      .then(() => this.#build(loaded, isForced, abort.signal, report))
      .catch((error: unknown) => {
        throw toManagerError(error);
      })
      .finally(() => this.#builds.delete(name));
    result.catch(() => undefined); // each caller gets the error; with none left it is nobody's
    const build: SharedBuild = {result, abort, listeners, waiting: 0, latest: undefined};
    this.#builds.set(name, build);
    return build;
  }

  async #build(
    loaded: LoadedRecipe,
    isForced: boolean,
    signal: AbortSignal,
    report: ProgressListener,
  ): Promise<BuiltImage> {
    const {mirror, keyring = DEBIAN_KEYRING, environment = process.env, machines} = this.#options;
    const {name} = loaded.recipe;
    const aptFolder = join(this.#options.cacheDir, 'apt');
    await mkdir(this.#imagesDir, {recursive: true});
    await mkdir(aptFolder, {recursive: true});
    const startedAtMs = Date.now();
    await using _lock = await takeBuildLock(join(aptFolder, 'build.lock'), signal, () =>
      report({stage: 'waiting for another build', done: 0, unit: 'steps'}),
    );
    // Another process may have built it while this one waited.
    const ready = await this.#findBuild(loaded);
    if (ready !== undefined && (!isForced || ready.builtAtMs >= startedAtMs)) return ready;
    await this.#sweep();

    const folder = await mkdtemp(join(this.#imagesDir, '.building-'));
    let image: BuiltImage | undefined;
    try {
      const logPath = join(this.#imagesDir, `${name}.log`);
      await rm(logPath, {force: true});
      const context = {
        aptFolder,
        mirror,
        keyring,
        environment,
        signal,
        onProgress: report,
        runMachine: machines.run,
        logPath,
      };
      await buildInto(folder, loaded, context);
      const old = await this.#buildFolders(name);
      await mkdir(join(this.#imagesDir, name), {recursive: true});
      const target = join(this.#imagesDir, name, `${loaded.digest.slice(0, 16)}-${Date.now()}`);
      await syncFolder(folder);
      await rename(folder, target);
      await syncFolder(join(this.#imagesDir, name));
      image = await readImage(target);
      for (const previous of old) await rm(previous, {recursive: true, force: true});
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
    if (image === undefined) throw new Error(`the image just built in ${folder} cannot be read`);
    report({stage: 'done', done: 1, total: 1, unit: 'steps'});
    return image;
  }

  /** Removes what a killed process left; the caller holds the lock, so nobody is building. */
  async #sweep(): Promise<void> {
    const packages = join(this.#options.cacheDir, 'apt', 'packages');
    const leftovers = [
      ...(await readdir(this.#imagesDir))
        .filter((name) => name.startsWith('.building-'))
        .map((name) => join(this.#imagesDir, name)),
      ...(await readdir(packages).catch(() => []))
        .filter((name) => name.startsWith('partial-'))
        .map((name) => join(packages, name)),
    ];
    // One that runs on would only take time and room.
    for (const leftover of leftovers) await this.#options.machines.endLeft(join(leftover, MACHINE_FOLDER));
    for (const leftover of leftovers) await rm(leftover, {recursive: true, force: true});
  }
}

const MIB = 1_048_576;

function sizesOf(recipe: Recipe): NonNullable<ImageSummary['sizes']> {
  const {memoryMiB, downloadMiB} = recipe;
  return {
    memoryBytes: memoryMiB * MIB,
    ...(recipe.kind === 'debian-disk' ? {diskBytes: recipe.diskMiB * MIB} : {}),
    ...(downloadMiB === undefined ? {} : {downloadBytes: downloadMiB * MIB}),
  };
}

function buildInto(folder: string, {recipe, ...rest}: LoadedRecipe, context: BuilderContext): Promise<void> {
  switch (recipe.kind) {
    case 'debian-initramfs':
      return buildDebianInitramfs(folder, {recipe, ...rest}, context);
    case 'debian-disk':
      return buildDebianDisk(folder, {recipe, ...rest}, context);
    case 'debian-netboot':
      return buildDebianNetboot(folder, {recipe, ...rest}, context);
    case 'debian-loader':
      return buildDebianLoader(folder, {recipe, ...rest}, context);
  }
}

async function isWhole(image: BuiltImage): Promise<boolean> {
  const hasSize = async (path: string, size: number) => (await stat(path).catch(() => undefined))?.size === size;
  const {kernelPath, kernelBytes, initrdPath, initrdBytes, loaderPath, loaderBytes, diskPath, disk} = image;
  const files = [
    [kernelPath, kernelBytes],
    [initrdPath, initrdBytes],
    [loaderPath, loaderBytes],
    [diskPath, disk?.fileBytes],
  ] as const;
  for (const [path, bytes] of files) if (bytes !== undefined && !(await hasSize(path, bytes))) return false;
  return true;
}

async function removeFolder(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) bytes += (await stat(join(folder, name))).size;
  await rm(folder, {recursive: true, force: true});
  return bytes;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
