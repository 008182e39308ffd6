/**
 * Gives a machine of an image with a disk what it has of it: kernel and disk, by links into its own folder, the initramfs with
 * what the guest is told at its first boot, and a layer over the disk. From then on the machine stands for itself: its kernel stays the one whose modules are on its disk,
 * whatever becomes of the image. It happens when the machine is made, or at its first start when the image was not built yet.
 */
import {mkdir, readFile, rm} from 'node:fs/promises';
import {isAbsolute, join} from 'node:path';
import type {DiskPlan} from '../hypervisor/contract.js';
import {writeSynced} from '../image/builder-context.js';
import type {BuiltImage} from '../image/image-record.js';
import {machineAnswers, UNATTENDED, withPreseed} from '../image/preseed.js';
import {withSeed} from '../image/seed.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import {type Boot, type Disk, MAX_DISKS, type MachineConfig} from '../protocol/machine.js';
import {syncFolder} from '../store/atomic-file.js';
import type {MachineDefinition, MachineStore} from '../store/machine-store.js';
import {shareFile} from '../store/shared-file.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {MachineLayers} from './machine-layers.js';
import {hasBootLoader} from './volume-boot-loader.js';
import type {Volumes} from './volumes.js';

/** What it works with. */
export interface InstallerParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly layers: MachineLayers;
  readonly volumes: Volumes;
  readonly log: EventLog;
  /** Who may log in to a guest of this name; lines of an authorized_keys. */
  readonly keysFor: (name: string) => Promise<readonly string[]>;
}

const BOOT = 'boot';
const DISKS = 'disks';
/** The image's disk in a machine's folder. */
const IMAGE_DISK: Disk = {path: join(DISKS, 'image.qcow2'), format: 'qcow2', isReadOnly: false};

/** Answers to an installer's questions in a machine's folder, as the user gave them. */
const PRESEED = join(BOOT, 'preseed.cfg');

/** What of a machine an image says. */
export type Installed = Pick<MachineConfig, 'boot' | 'disks'>;

/** Keeps a user's answers until the installer's files are there. */
export async function keepPreseed(folder: string, preseed: string): Promise<void> {
  await mkdir(join(folder, BOOT), {recursive: true, mode: 0o700});
  await writeSynced(join(folder, PRESEED), preseed);
}

async function readPreseed(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, PRESEED), 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function hasLoaderOn(plans: readonly DiskPlan[]): Promise<boolean> {
  for (const {images} of plans) {
    try {
      if (await hasBootLoader(images)) return true;
    } catch (thrown) {
      console.error(`looking for a boot loader on ${images[0]?.path}: ${toManagerError(thrown).message}`);
    }
  }
  return false;
}

/** See the module. */
export class MachineInstaller {
  readonly #parts: InstallerParts;

  constructor(parts: InstallerParts) {
    this.#parts = parts;
  }

  /**
   * Fills a machine's folder, and says what its make is then; `undefined` when the image leaves it as it is. Interrupted, it
   * has changed nothing that shows, and can be done anew. Errors: bad-request (no place for the disk), disk-full, bad-disk
   */
  async fill(
    folder: string,
    {name: hostName, config}: Pick<MachineDefinition, 'name' | 'config'>,
    image: BuiltImage | undefined,
  ): Promise<Partial<Installed> | undefined> {
    const {boot, disks, shares = []} = config;
    if (boot.kind !== 'image' || image === undefined) return undefined;
    const {diskBytes} = boot;
    if (diskBytes !== undefined && diskBytes < (image.disk?.sizeBytes ?? Number.POSITIVE_INFINITY))
      throw new ManagerError(
        'bad-request',
        image.disk === undefined
          ? `${image.name} brings no disk that could have a size.`
          : `The disk of ${image.name} has ${image.disk.sizeBytes / 2 ** 30} GiB, and cannot be made smaller.`,
        'Leave out --root-size.',
      );
    if (image.isInstaller) return this.#prepareInstaller(folder, {hostName, boot}, image);
    if (image.disk === undefined) return undefined;
    if (disks.length + shares.length >= MAX_DISKS)
      throw new ManagerError(
        'bad-request',
        `${image.name} brings a disk of its own: there is place for ${MAX_DISKS - 1} others and shared folders.`,
        'Leave one out.',
      );
    for (const name of [BOOT, DISKS]) await mkdir(join(folder, name), {recursive: true, mode: 0o700});
    const kernelPath = join(BOOT, 'kernel');
    const initrdPath = join(BOOT, 'initrd');
    // What an interrupted attempt left is made anew.
    for (const path of [kernelPath, initrdPath, IMAGE_DISK.path]) await rm(join(folder, path), {force: true});
    await shareFile(image.kernelPath, join(folder, kernelPath));
    const authorizedKeys = await this.#parts.keysFor(hostName);
    await writeSynced(join(folder, initrdPath), withSeed(await readFile(image.initrdPath), {authorizedKeys}));
    await shareFile(image.diskPath, join(folder, IMAGE_DISK.path));
    const root = await this.#parts.layers.cover(folder, [IMAGE_DISK], diskBytes);
    for (const name of [BOOT, DISKS]) await syncFolder(join(folder, name));
    const line =
      boot.commandLine === undefined
        ? {commandLine: image.commandLine, takesHostname: true}
        : {commandLine: boot.commandLine};
    return {boot: {kind: 'linux', kernelPath, initrdPath, ...line, origin: image.name}, disks: [...root, ...disks]};
  }

  /** Its own copy of what the installer boots, with the answers that are in its folder. */
  async #prepareInstaller(
    folder: string,
    {hostName, boot}: {readonly hostName: string; readonly boot: Extract<Boot, {kind: 'image'}>},
    image: BuiltImage,
  ): Promise<Partial<Installed>> {
    const own = join(folder, BOOT);
    await mkdir(own, {recursive: true, mode: 0o700});
    const paths = {
      kernelPath: join(BOOT, 'kernel'),
      initrdPath: join(BOOT, 'initrd'),
      loaderPath: join(BOOT, 'loader.elf'),
    };
    for (const path of Object.values(paths)) await rm(join(folder, path), {force: true});
    await shareFile(image.kernelPath, join(folder, paths.kernelPath));
    await shareFile(image.loaderPath, join(folder, paths.loaderPath));
    const preseed = await readPreseed(folder);
    if (preseed === undefined) await shareFile(image.initrdPath, join(folder, paths.initrdPath));
    else {
      const told = {
        preseed: [image.preseed ?? '', machineAnswers(hostName), preseed].join('\n'),
        authorizedKeys: await this.#parts.keysFor(hostName),
      };
      await writeSynced(join(folder, paths.initrdPath), withPreseed(await readFile(image.initrdPath), told));
    }
    await syncFolder(own);
    const line = boot.commandLine ?? image.commandLine;
    const commandLine = preseed === undefined ? line : `${line} ${UNATTENDED}`;
    return {boot: {kind: 'linux', ...paths, commandLine, isInstaller: true, origin: image.name}};
  }

  /**
   * After an installer has ended by itself: with a boot loader on a disk the machine boots from its disks from now on. True
   * when it does. Errors: system errors of writing pass through; a disk that cannot be looked at has none
   */
  async finish(machine: FleetMachine): Promise<boolean> {
    const {fleet, store, volumes, log} = this.#parts;
    const {definition, folder} = machine;
    const boot = definition?.config.boot;
    if (definition === undefined || boot?.kind !== 'linux' || !boot.isInstaller || boot.loaderPath === undefined)
      return false;
    const disks = definition.config.disks.filter(({isReadOnly}) => !isReadOnly);
    if (!(await hasLoaderOn(await volumes.plan(folder, disks)))) return false;
    const {loaderPath} = boot;
    const changed: MachineDefinition = {
      ...definition,
      config: {...definition.config, boot: {kind: 'disk', loaderPath}},
    };
    await store.saveDefinition(changed);
    fleet.update(machine, {definition: changed});
    // Snapshots and clones have files of their own by links.
    for (const path of [boot.kernelPath, boot.initrdPath, PRESEED])
      if (path !== undefined && !isAbsolute(path)) await rm(join(folder, path), {force: true});
    log.record('machine-installed', `${machine.name} is installed: it boots from its disks from now on.`, machine);
    return true;
  }

  /** The same for a machine that is there; its definition from then on. Errors: as `fill` */
  async install(machine: FleetMachine, definition: MachineDefinition, image: BuiltImage): Promise<MachineDefinition> {
    const {fleet, store} = this.#parts;
    const installed = await this.fill(machine.folder, definition, image);
    if (installed === undefined) return definition;
    const changed = {...definition, config: {...definition.config, ...installed}};
    await store.saveDefinition(changed);
    fleet.update(machine, {definition: changed});
    return changed;
  }
}
