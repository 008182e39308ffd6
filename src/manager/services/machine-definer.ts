/** Makes, renames, removes and brings back machines: everything that touches definitions, nothing that runs. */
import {randomUUID} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import {isAbsolute, join} from 'node:path';
import type {z} from 'zod';
import type {HypervisorDriver} from '../hypervisor/contract.js';
import {writeNoCloudSeed} from '../image/nocloud.js';
import {checkMachineName, inventMachineName} from '../machine/machine-name.js';
import {checkMemorySize} from '../machine/memory-size.js';
import {checkHartCount, checkHotThreshold, checkTier} from '../machine/processors.js';
import {placeOnSwitch} from '../machine/switch-place.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import {
  type Disk,
  type DiskFormat,
  type diskParamSchema,
  MAX_DISKS,
  type MachineConfig,
  type MachineState,
  type machineCreate,
  type Network,
  type Share,
  type SwitchPlace,
} from '../protocol/machine.js';
import type {Settings} from '../settings/settings.js';
import type {MachineDefinition, MachineLife, MachineStore, Prepared, StoredMachine} from '../store/machine-store.js';
import {checkBoot, checkMemoryExists} from './boot-files.js';
import type {ConsoleHub} from './console-hub.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {ImageService} from './image-service.js';
import {keepPreseed, type MachineInstaller} from './machine-installer.js';
import type {MetricsService} from './metrics-service.js';
import {checkShares} from './shares.js';
import {findStopped} from './stopped-machine.js';
import type {Volumes} from './volumes.js';

/** What it works with. */
export interface DefinerParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly driver: HypervisorDriver;
  readonly images: ImageService;
  readonly volumes: Volumes;
  readonly installer: MachineInstaller;
  /** Who may log in to a guest of this name; lines of an authorized_keys. */
  readonly keysFor: (name: string) => Promise<readonly string[]>;
  readonly consoles: ConsoleHub;
  readonly metrics: MetricsService;
  readonly log: EventLog;
  readonly settings: Settings['machines'];
  /** Vivarium's own, which are not to be shared with guests. */
  readonly privateFolders: readonly string[];
}

type DiskParam = z.output<typeof diskParamSchema>;

/** A network without what only one machine can have. */
function withoutPlaces({switch: _place, ...network}: Network): Network {
  return {...network, forwards: []};
}

/** The seed of a machine that has one, in its folder. */
const SEED_DISK: Disk = {path: join('disks', 'seed.iso'), format: 'raw', isReadOnly: true};

/** A machine to be made. */
export interface NewMachine {
  readonly id?: string;
  readonly wanted: string | undefined;
  readonly preferred?: string;
  readonly config: MachineConfig;
  readonly labels?: MachineDefinition['labels'];
}

/** See the module. */
export class MachineDefiner {
  readonly #parts: DefinerParts;
  /** Names given out whose machines are not in the fleet yet. */
  readonly #pendingNames = new Set<string>();
  /** The same for places on switches. */
  readonly #pendingPlaces = new Set<SwitchPlace>();

  constructor(parts: DefinerParts) {
    this.#parts = parts;
  }

  /**
   * Errors: bad-name, name-taken, image-not-found, file-not-found, bad-memory-size, not-enough-memory, bad-kernel,
   * bad-firmware, bad-share, disk-full, bad-request (hart count, tier, threshold)
   */
  async create(params: ParamsOutput<typeof machineCreate>): Promise<FleetMachine> {
    const {fleet, store, driver, images, volumes, installer, keysFor, log} = this.#parts;
    const name = this.#reserveName(params.name);
    let place: SwitchPlace | undefined;
    try {
      const image = params.boot.kind === 'image' ? await images.find(params.boot.image) : undefined;
      const memoryBytes = this.#chooseMemory(
        params.memoryBytes ??
          // One that is yet to be built wants as much as it will when it is.
          (params.boot.kind === 'image' ? await images.wantedMemory(params.boot.image) : undefined),
      );
      const hartCount = checkHartCount(params.hartCount ?? this.#parts.settings.defaultHartCount);
      const execution = {
        ...(params.tier === undefined ? {} : {tier: checkTier(params.tier)}),
        ...(params.hotThreshold === undefined ? {} : {hotThreshold: checkHotThreshold(params.hotThreshold)}),
      };
      await checkBoot(params.boot);
      await driver.check(memoryBytes, params.boot);
      const shares = await this.checkShares(params.shares, params.disks.length + (params.seed === undefined ? 0 : 1));
      const id = randomUUID();
      const disks: Disk[] = [];
      const newDisks: {readonly path: string; readonly format: DiskFormat; readonly sizeBytes: number}[] = [];
      for (const [index, disk] of params.disks.entries()) {
        if ('path' in disk) {
          disks.push(await this.#checkDisk(disk));
        } else {
          const path = join('disks', `disk${index}.${disk.format}`);
          newDisks.push({path, format: disk.format, sizeBytes: disk.newSizeBytes});
          disks.push({path, format: disk.format, isReadOnly: false});
        }
      }
      const {seed, preseed} = params;
      if (preseed !== undefined) await this.#checkPreseed(params);
      if (seed !== undefined) disks.push(SEED_DISK);
      place = params.network?.switch && this.#reservePlace(params.network.switch);
      const network =
        params.network === undefined
          ? {}
          : {network: {...params.network, ...(place === undefined ? {} : {switch: place})}};
      const {boot} = params;
      const config: MachineConfig = {memoryBytes, hartCount, ...execution, boot, disks, shares, ...network};
      const labels = params.labels === undefined ? {} : {labels: params.labels};
      const {definition} = await store.create(
        {id, name, createdAtMs: Date.now(), driver: driver.name, config, ...labels},
        async (folder) => {
          await mkdir(join(folder, 'disks'), {mode: 0o700});
          for (const {path, format, sizeBytes} of newDisks) await volumes.create(join(folder, path), format, sizeBytes);
          if (seed !== undefined) {
            const authorizedKeys = await keysFor(name);
            await writeNoCloudSeed(join(folder, SEED_DISK.path), {
              ...seed,
              instanceId: id,
              hostName: name,
              authorizedKeys,
            });
          }
          if (preseed !== undefined) await keepPreseed(folder, preseed);
          return installer.fill(folder, {name, config}, image);
        },
      );
      const machine = this.adopt({id, definition, life: undefined});
      log.record('machine-created', `${name} was created.`, machine);
      return fleet.find(id);
    } finally {
      this.#pendingNames.delete(name);
      if (place !== undefined) this.#pendingPlaces.delete(place);
    }
  }

  /** Errors: bad-request, image-not-found */
  async #checkPreseed({boot, disks}: Pick<ParamsOutput<typeof machineCreate>, 'boot' | 'disks'>): Promise<void> {
    if (boot.kind !== 'image' || !(await this.#parts.images.isInstaller(boot.image)))
      throw new ManagerError(
        'bad-request',
        'Answers to an installer are for images that install a system.',
        'Create it of debian-installer, or leave out --preseed.',
      );
    if (disks.length > 0) return;
    throw new ManagerError('bad-request', 'There is no disk to install onto.', 'Give it a new one: --disk 20G');
  }

  /** Makes a machine of the same make as another; the rest is as `make`. */
  copy(
    source: FleetMachine,
    wanted: string | undefined,
    prepare: (folder: string) => Promise<Prepared>,
  ): Promise<FleetMachine> {
    const {definition} = source;
    if (definition === undefined) throw new Error(`machine ${source.id} has no definition in state ${source.state}`);
    const {network, ...config} = definition.config;
    // Two machines cannot have the same port of the host, nor a guest that goes on with its address two places on a switch.
    const own = network === undefined ? {} : {network: withoutPlaces(network)};
    return this.make({wanted, config: {...config, ...own}, labels: definition.labels}, prepare);
  }

  /**
   * Makes a machine. `prepare` fills its folder, and says its disks and what it goes on from; a `preferred` name is taken
   * when it is free. Errors: bad-name, name-taken, disk-full, and those of `prepare`
   */
  async make(
    {id = randomUUID(), wanted, preferred, config, labels}: NewMachine,
    prepare: (folder: string, name: string) => Promise<Prepared>,
  ): Promise<FleetMachine> {
    const {driver, store} = this.#parts;
    const isFree = preferred !== undefined && !this.#isTaken(preferred);
    const name = this.#reserveName(wanted ?? (isFree ? preferred : undefined));
    try {
      const {definition, life} = await store.create(
        {id, name, createdAtMs: Date.now(), driver: driver.name, config, ...(labels === undefined ? {} : {labels})},
        async (folder) => {
          await mkdir(join(folder, 'disks'), {mode: 0o700});
          return prepare(folder, name);
        },
      );
      return this.adopt({id, definition, life});
    } finally {
      this.#pendingNames.delete(name);
    }
  }

  /** The shares that a machine may be defined with. Errors: bad-share, file-not-found, bad-request */
  checkShares(shares: readonly Share[], diskCount: number): Promise<Share[]> {
    return checkShares(shares, diskCount, this.#parts.privateFolders);
  }

  /** Errors: machine-not-found, wrong-state, bad-request, file-not-found, bad-disk, disk-full */
  async attachDisk(reference: string, disk: DiskParam): Promise<FleetMachine> {
    const {machine, definition} = findStopped(this.#parts.fleet, reference, 'the disks');
    const {config} = definition;
    const {shares = []} = config;
    if (config.disks.length + shares.length === MAX_DISKS)
      throw new ManagerError(
        'bad-request',
        `${machine.name} has ${MAX_DISKS} disks${shares.length === 0 ? '' : ' and shared folders'}, and no place for more.`,
        'Detach one.',
      );
    let attached: Disk;
    if ('path' in disk) attached = await this.#checkDisk(disk);
    else {
      const taken = new Set(config.disks.map(({path}) => path));
      let number = 0;
      const name = () => join('disks', `disk${number}.${disk.format}`);
      while (taken.has(name()) || existsSync(join(machine.folder, name()))) number++;
      attached = {path: name(), format: disk.format, isReadOnly: false};
      await this.#parts.volumes.create(join(machine.folder, attached.path), disk.format, disk.newSizeBytes);
    }
    return this.#redefine(machine, definition, [...config.disks, attached], `${attached.path} was attached.`);
  }

  /** The index of a disk, by itself or by a path that it was attached by. Errors: machine-not-found, wrong-state, bad-request */
  findDisk(reference: string, which: number | string): number {
    const {machine, definition} = findStopped(this.#parts.fleet, reference, 'the disks');
    const {disks} = definition.config;
    const names = ({path, attached}: Disk) =>
      [path, attached?.path ?? path].flatMap((name) => [name, isAbsolute(name) ? name : join(machine.folder, name)]);
    const index = typeof which === 'number' ? which : disks.findIndex((disk) => names(disk).includes(which));
    if (disks[index] === undefined)
      throw new ManagerError(
        'bad-request',
        `${machine.name} has no disk ${which}.`,
        `See its disks with \`viv show ${machine.name}\`; the first is 0.`,
      );
    return index;
  }

  /** Errors: machine-not-found, wrong-state */
  async detachDisk(reference: string, index: number): Promise<{machine: FleetMachine; path: string}> {
    const {machine, definition} = findStopped(this.#parts.fleet, reference, 'the disks');
    const {disks} = definition.config;
    const {path} = disks[index]!;
    const left = disks.filter((_, other) => other !== index);
    await this.#redefine(machine, definition, left, `${path} was detached.`);
    return {machine, path: isAbsolute(path) ? path : join(machine.folder, path)};
  }

  /** Gives a machine that is off another make. Errors: machine-not-found, wrong-state */
  async redefine(reference: string, config: MachineConfig): Promise<void> {
    const {fleet, store} = this.#parts;
    const {machine, definition} = findStopped(fleet, reference, 'the make');
    const changed = {...definition, config};
    await store.saveDefinition(changed);
    fleet.update(machine, {definition: changed});
  }

  /** Puts a stored machine into the fleet, as defined, crashed or broken; whether it runs is found out later. */
  adopt(stored: StoredMachine): FleetMachine {
    const {fleet, store, driver} = this.#parts;
    const {id, definition, life} = stored;
    const isBroken = definition instanceof ManagerError;
    const machine: FleetMachine = {
      id,
      createdAtMs: isBroken ? 0 : definition.createdAtMs,
      folder: store.folder(id),
      driver,
      name: isBroken ? (life?.name ?? id) : definition.name,
      definition: isBroken ? undefined : definition,
      state: isBroken ? 'broken' : restingState(life),
      reason: isBroken ? definition.message : life?.crash?.reason,
      process: undefined,
      crash: life?.crash,
      saved: life?.saved,
      snapshotId: life?.snapshotId,
      run: undefined,
      terminalPath: undefined,
      questions: [],
    };
    fleet.add(machine);
    return machine;
  }

  /** Errors: machine-not-found, bad-name, name-taken, machine-broken */
  async rename(reference: string, newName: string): Promise<FleetMachine> {
    const {fleet, store, log} = this.#parts;
    const machine = fleet.findFor('rename', reference);
    const {definition, name: oldName} = machine;
    if (definition === undefined || oldName === newName) return machine;
    const name = this.#reserveName(newName);
    try {
      const renamed = {...definition, name};
      await store.saveDefinition(renamed);
      fleet.update(machine, {name, definition: renamed});
    } finally {
      this.#pendingNames.delete(name);
    }
    log.record('machine-renamed', `${oldName} is called ${name} now.`, machine);
    return machine;
  }

  /** Errors: machine-not-found, wrong-state */
  async remove(reference: string): Promise<FleetMachine> {
    const {fleet, store, consoles, metrics, log} = this.#parts;
    const machine = fleet.findFor('remove', reference);
    await store.discard(machine.id);
    fleet.remove(machine);
    metrics.forget(machine.id);
    await consoles.remove(machine.id);
    log.record('machine-removed', `${machine.name} was moved to the trash.`, machine);
    return machine;
  }

  /** Errors: machine-not-found */
  async unremove(id: string | undefined): Promise<FleetMachine> {
    const {fleet, store, log} = this.#parts;
    const machine = this.adopt(await store.recover(id));
    const {definition} = machine;
    if (definition !== undefined && fleet.all().some((other) => other !== machine && other.name === machine.name)) {
      const name = inventMachineName((candidate) => this.#isTaken(candidate));
      await store.saveDefinition({...definition, name});
      fleet.update(machine, {name, definition: {...definition, name}});
    }
    log.record('machine-unremoved', `${machine.name} was brought back from the trash.`, machine);
    return machine;
  }

  #isTaken(name: string): boolean {
    return this.#pendingNames.has(name) || this.#parts.fleet.isNameTaken(name);
  }

  /** Records the format of a disk that is there. Errors: file-not-found, bad-disk */
  async #checkDisk(disk: Extract<DiskParam, {path: string}>): Promise<Disk> {
    const recorded = {...disk, format: disk.format ?? ('raw' as const)};
    await this.#parts.volumes.check(recorded, disk.format !== undefined);
    return recorded;
  }

  async #redefine(
    machine: FleetMachine,
    definition: MachineDefinition,
    disks: readonly Disk[],
    news: string,
  ): Promise<FleetMachine> {
    const {fleet, store, log} = this.#parts;
    const changed = {...definition, config: {...definition.config, disks: [...disks]}};
    await store.saveDefinition(changed);
    fleet.update(machine, {definition: changed});
    log.record('machine-changed', `${machine.name}: ${news}`, machine);
    return machine;
  }

  /** Errors: bad-request */
  #reservePlace({name}: SwitchPlace): SwitchPlace {
    const places = this.#parts.fleet.all().flatMap(({definition}) => definition?.config.network?.switch ?? []);
    const place = placeOnSwitch(name, [...places, ...this.#pendingPlaces]);
    this.#pendingPlaces.add(place);
    return place;
  }

  #reserveName(wanted: string | undefined): string {
    const name =
      wanted === undefined ? inventMachineName((candidate) => this.#isTaken(candidate)) : checkMachineName(wanted);
    if (this.#isTaken(name))
      throw new ManagerError(
        'name-taken',
        `There is a machine named ${name} already.`,
        'Choose another name, or leave it out to get one.',
      );
    this.#pendingNames.add(name);
    return name;
  }

  #chooseMemory(memoryBytes: number | undefined): number {
    const wanted = memoryBytes ?? this.#parts.settings.defaultMemoryBytes;
    checkMemorySize(wanted);
    checkMemoryExists(wanted);
    return wanted;
  }
}

/** The state of a machine without a process. */
function restingState(life: MachineLife | undefined): MachineState {
  if (life?.saved !== undefined) return 'saved';
  return life?.crash === undefined ? 'defined' : 'crashed';
}
