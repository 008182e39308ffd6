/**
 * Builds an image of kind `debian-disk` into a folder: kernel, initramfs, record, and a disk that a machine of ours makes of
 * Debian's packages. The machine gets them on an ISO image, unpacked, and tells on its console how far it is (see
 * `configs/images/debian/build/init`). Nothing of it runs on the host but apt and dpkg-deb.
 */
import {mkdir, mkdtemp, open, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {encodeTarHeader, paddingOf, TAR_BLOCK_BYTES} from '../archive/tar-header.js';
import {Apt, type AptPackage} from './apt.js';
import {StageProgress} from './build-progress.js';
import {type BootParts, type BuilderContext, fetchBootParts, writeSynced} from './builder-context.js';
import {findApplets} from './busybox-applets.js';
import {unpackedPackage} from './debian-package.js';
import {DiskMakerConsole} from './disk-maker-console.js';
import {throwIfCancelled} from './host-process.js';
import type {ImageRecord} from './image-record.js';
import {buildInitramfs} from './initramfs.js';
import {IsoWriter} from './iso9660.js';
import type {GuestFile, LoadedRecipe, RecipeOf} from './recipe.js';

/** Room for packages, the same unpacked, and the disk, for each byte of the packages; and for the kernel package's content. */
const SPACE_FACTOR = 10;
const KERNEL_SPACE_BYTES = 400e6;
const MAKER_MEMORY_BYTES = 768 * 2 ** 20;
/** Where in the folder of a build its machine is. */
export const MACHINE_FOLDER = 'machine';
/** A panic ends the machine, since nobody would reboot it. */
const MAKER_COMMAND_LINE = 'console=ttyS0 quiet panic=-1 cryptomgr.notests=1';

/**
 * Fills `folder` (which exists and is empty) with `kernel`, `initrd`, `disk.qcow2` and `image.json`.
 * Errors: as listed for `ImageStore.buildImage`; `folder` may then hold anything and is the caller's to remove
 */
export async function buildDebianDisk(
  folder: string,
  loaded: LoadedRecipe<'debian-disk'>,
  context: BuilderContext,
): Promise<void> {
  const {recipe, digest} = loaded;
  const {onProgress, signal} = context;
  const {suite, component} = recipe;
  const apt = await Apt.open({...context, folder: context.aptFolder, suite, component, architecture: 'riscv64'});
  const update = new StageProgress('update package lists', 'steps', 100, onProgress);
  await apt.update((fraction) => update.set(fraction * 100));

  const first = await apt.resolve(['?essential']);
  const names = ['?essential', ...recipe.packages, ...recipe.formatPackages];
  const all = await apt.resolve(names);
  const sizeBytes = all.reduce((sum, item) => sum + item.sizeBytes, 0);
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  const boot = await fetchBootParts(apt, recipe, scratch, context, sizeBytes * SPACE_FACTOR + KERNEL_SPACE_BYTES);
  await using modules = boot.kernel.modules;
  const download = new StageProgress('download packages', 'bytes', sizeBytes, onProgress);
  const paths = await apt.downloadSet(names, all, (fraction) => download.set(fraction * sizeBytes));
  download.set(sizeBytes);

  new StageProgress('initramfs', 'steps', undefined, onProgress);
  const bootModules = await modules.withDependencies(recipe.modules.boot);
  const makerModules = await modules.withDependencies([...recipe.modules.boot, ...recipe.modules.build]);
  const initramfs = (part: 'build' | 'initrd') =>
    buildInitramfs({
      busybox: boot.busybox,
      applets: findApplets(boot.busybox),
      kernelVersion: boot.kernel.version,
      bootModules: part === 'build' ? makerModules : bootModules,
      onDemandModules: [],
      guestFiles: filesBelow(loaded, part),
    });
  const initrd = initramfs('initrd');
  await writeSynced(join(folder, 'kernel'), boot.kernel.kernel);
  await writeSynced(join(folder, 'initrd'), initrd);
  await writeSynced(join(scratch, 'initrd'), initramfs('build'));

  const iso = join(scratch, 'packages.iso');
  const format = await apt.resolve(recipe.formatPackages);
  const isFirst = new Set(first.map(({name}) => name));
  const lists = {format, first, rest: all.filter(({name}) => !isFirst.has(name))};
  await writePackages(iso, loaded, {apt, boot, paths, lists}, context);
  await makeDisk(join(folder, 'disk.qcow2'), scratch, iso, folder, recipe, context);
  await modules[Symbol.asyncDispose]();
  await rm(scratch, {recursive: true});

  const packages = [...boot.packages, ...all].map(({name, version, sha256}) => ({name, version, sha256}));
  const record: ImageRecord = {
    version: 1,
    name: recipe.name,
    digest,
    kernelVersion: boot.kernel.version,
    commandLine: recipe.commandLine,
    execCommandLine: recipe.execCommandLine,
    memoryBytes: recipe.memoryMiB * 2 ** 20,
    kernelBytes: boot.kernel.kernel.length,
    initrdBytes: initrd.length,
    disk: {sizeBytes: recipe.diskMiB * 2 ** 20, fileBytes: await syncedSize(join(folder, 'disk.qcow2'))},
    packages,
    builtAtMs: Date.now(),
  };
  await writeSynced(join(folder, 'image.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  throwIfCancelled(signal);
  await apt.forgetOthers(all);
}

interface DiskContents {
  readonly apt: Apt;
  readonly boot: BootParts;
  readonly paths: ReadonlyMap<AptPackage, string>;
  readonly lists: Readonly<Record<'format' | 'first' | 'rest', readonly AptPackage[]>>;
}

/** What the machine reads; see its script for the names. */
async function writePackages(
  path: string,
  loaded: LoadedRecipe<'debian-disk'>,
  {apt, boot, paths, lists}: DiskContents,
  {environment, signal, onProgress}: BuilderContext,
): Promise<void> {
  await using iso = await IsoWriter.create(path, 'PACKAGES');
  const progress = new StageProgress('unpack packages', 'steps', paths.size, onProgress);
  const unpacking = [...paths].map(([{name}, file]) => ({
    name,
    start: () => unpackedPackage(file, {environment, signal}),
  }));
  for await (const {name, result} of inTurn(unpacking)) {
    await iso.add(`${name}.deb`, result);
    progress.add(1);
  }
  for (const [list, items] of Object.entries(lists))
    await iso.add(list, Buffer.from(items.map(({name}) => `${name}\n`).join('')));
  await iso.add('named', Buffer.from(loaded.recipe.packages.map((name) => `${name}\n`).join('')));
  await iso.add('kernel', Buffer.from(`${boot.kernel.version}\n`));
  await iso.add('modules.tar', tarOf(modulesOf(boot, loaded.recipe)));
  await iso.add('root.tar', tarOf([...filesBelow(loaded, 'root'), ...(await aptFiles(apt))]));
  await iso.finish();
}

/** Packages that are unpacked at a time: the host may have more processors than one. */
const AT_ONCE = 3;

/** The results of works in their order; a few are under way ahead of who takes them. */
async function* inTurn<T>(works: readonly {readonly name: string; readonly start: () => Promise<T>}[]) {
  const ahead: Promise<T>[] = [];
  let next = 0;
  for (const {name} of works) {
    while (ahead.length < AT_ONCE && next < works.length) {
      const work = works[next++]!.start();
      work.catch(() => undefined); // told when its turn comes
      ahead.push(work);
    }
    yield {name, result: await ahead.shift()!};
  }
}

async function* modulesOf({kernel}: BootParts, recipe: RecipeOf<'debian-disk'>): AsyncGenerator<TarFile> {
  for await (const {path, data} of kernel.modules.packed(recipe.modules.without)) yield {path: `kernel/${path}`, data};
  for (const [path, data] of kernel.lists) yield {path, data};
}

async function aptFiles(apt: Apt): Promise<GuestFile[]> {
  const {sources, configuration} = await apt.guestSettings();
  return [
    {path: 'etc/apt/sources.list.d/debian.sources', text: sources},
    {path: 'etc/apt/apt.conf.d/90host', text: configuration},
  ]
    .filter(({text}) => text !== '')
    .map(({path, text}) => ({path, data: Buffer.from(text), isExecutable: false}));
}

type TarFile = Pick<GuestFile, 'path' | 'data'> & Partial<GuestFile>;

/** Folders are made by whoever unpacks it. */
async function* tarOf(files: AsyncIterable<TarFile> | Iterable<TarFile>): AsyncGenerator<Uint8Array> {
  for await (const {path, data, isExecutable} of files) {
    if (Buffer.byteLength(path) > 100) throw new RangeError(`too long for a header of a tar file: ${path}`);
    yield encodeTarHeader(path, data.length, Date.now(), isExecutable ? 0o755 : 0o644);
    yield data;
    yield Buffer.alloc(paddingOf(data.length));
  }
  yield Buffer.alloc(2 * TAR_BLOCK_BYTES);
}

function filesBelow({guestFiles}: Pick<LoadedRecipe, 'guestFiles'>, folder: string): GuestFile[] {
  return guestFiles
    .filter(({path}) => path.startsWith(`${folder}/`))
    .map((file) => ({...file, path: file.path.slice(folder.length + 1)}));
}

/** Errors: image-build-failed with what the machine said last, and those of `MachineRun` */
async function makeDisk(
  path: string,
  scratch: string,
  iso: string,
  folder: string,
  {name, diskMiB}: RecipeOf<'debian-disk'>,
  {signal, onProgress, runMachine, logPath}: BuilderContext,
): Promise<void> {
  const console = new DiskMakerConsole(onProgress);
  const own = join(folder, MACHINE_FOLDER);
  await mkdir(own, {mode: 0o700});
  const end = await runMachine({
    folder: own,
    name: `build-${name}`,
    kernelPath: join(folder, 'kernel'),
    initrdPath: join(scratch, 'initrd'),
    commandLine: MAKER_COMMAND_LINE,
    memoryBytes: MAKER_MEMORY_BYTES,
    newDisk: {path, sizeBytes: diskMiB * 2 ** 20},
    disks: [{path: iso, format: 'raw'}],
    signal,
    onOutput: (bytes) => console.push(bytes),
  });
  await console.conclude(end, logPath);
  await rm(own, {recursive: true});
}

/** Durable, and its size. */
async function syncedSize(path: string): Promise<number> {
  await using file = await open(path, 'r+');
  await file.sync();
  return (await stat(path)).size;
}
