/** Makes machines of what `MachinePacker` packed up. Nothing is believed: whoever packed it may have been somebody else. */
import {randomUUID} from 'node:crypto';
import {mkdir, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {diskPart, type Manifest, partNames} from '../archive/manifest.js';
import {renderScreen, showScreen} from '../console/console-screen.js';
import type {HypervisorDriver} from '../hypervisor/contract.js';
import {ManagerError} from '../protocol/errors.js';
import {type Disk, defaultNetwork, type MachineConfig} from '../protocol/machine.js';
import {syncFolder, TEMPORARY_PREFIX, writeFileAtomic} from '../store/atomic-file.js';
import type {Prepared} from '../store/machine-store.js';
import {SnapshotStore} from '../store/snapshot-store.js';
import {absoluteBoot, checkMemoryExists, type OwnBoot} from './boot-files.js';
import type {FleetMachine} from './fleet.js';
import type {MachineDefiner} from './machine-definer.js';
import type {MachineLayers} from './machine-layers.js';
import {checkFlatDisk} from './volume-flatten.js';

/** What it works with. */
export interface UnpackerParts {
  readonly driver: HypervisorDriver;
  readonly definer: MachineDefiner;
  readonly layers: MachineLayers;
}

/** A machine to be made of a manifest. */
export interface Unpacking {
  readonly id: string;
  readonly manifest: Manifest;
  /** The name asked for; without one that in the manifest is taken when it is free, else one is invented. */
  readonly name: string | undefined;
  /** The image it is made of, when that is one. */
  readonly image?: string;
  /** What is refused by name. */
  readonly where: string;
  /** What it has from the start: a snapshot, which it goes on from; the state alone; or the disks, from which it boots. */
  readonly uses: 'snapshot' | 'state' | 'disks';
  /** Puts all parts that are used where they are to lie, checked and durable. */
  readonly provide: (targets: ReadonlyMap<string, string>) => Promise<void>;
  /** What is not to be as in the manifest. */
  readonly changes?: Partial<Omit<MachineConfig, 'boot' | 'disks'>> & {readonly commandLine?: string};
  readonly signal: AbortSignal;
}

const BOOT = 'boot';
const SCREEN = `${TEMPORARY_PREFIX}screen`;

/** See the module. */
export class MachineUnpacker {
  readonly #parts: UnpackerParts;

  constructor(parts: UnpackerParts) {
    this.#parts = parts;
  }

  /**
   * Makes a machine; when anything is wrong, none.
   * Errors: bad-snapshot, bad-disk, bad-kernel, bad-firmware, not-enough-memory, disk-full, bad-name, name-taken, cancelled
   */
  async unpack(unpacking: Unpacking): Promise<FleetMachine> {
    const {id, manifest, name, where, uses, changes: {commandLine, ...changes} = {}} = unpacking;
    const origin = unpacking.image ?? manifest.machine.image;
    const {name: preferred, image: _image, network: limits, ...packed} = manifest.machine;
    const network = limits === undefined ? {} : {network: {...defaultNetwork, ...limits}};
    const config: MachineConfig = {
      ...packed,
      ...network,
      ...changes,
      boot: bootOf(manifest, commandLine, origin),
      disks: [],
    };
    checkMemoryExists(config.memoryBytes);
    const owner = uses === 'snapshot' ? {preferred} : {};
    return this.#parts.definer.make({id, wanted: name, ...owner, config}, async (folder, given) => {
      try {
        return await this.#prepare(folder, given, config, unpacking);
      } catch (thrown) {
        // What is wrong with a part is told of the file that it came from.
        if (!(thrown instanceof ManagerError) || !thrown.code.startsWith('bad-')) throw thrown;
        const told = thrown.message.replaceAll(folder, where);
        const message = told.includes(where) ? told : `${where} cannot be used: ${told}`;
        throw new ManagerError(thrown.code, message, thrown.hint, {cause: thrown});
      }
    });
  }

  async #prepare(
    folder: string,
    name: string,
    {boot, memoryBytes, hartCount}: MachineConfig,
    {manifest, uses, provide, signal}: Unpacking,
  ): Promise<Prepared> {
    const {driver, layers} = this.#parts;
    const memoryId = randomUUID();
    const statePath = join(folder, 'memory', `${memoryId}.state`);
    for (const name of ['memory', BOOT]) await mkdir(join(folder, name), {mode: 0o700});
    const {state, ...rest} = manifest;
    const used = partNames(uses === 'disks' ? rest : manifest);
    await provide(new Map(used.map((part) => [part, targetOf(folder, part, statePath)])));
    signal.throwIfAborted();
    await driver.check(memoryBytes, boot.kind === 'image' ? boot : absoluteBoot(boot, folder));
    const frozen: Disk[] = [];
    for (const [index, {sizeBytes, isReadOnly}] of manifest.disks.entries()) {
      const path = join('disks', diskPart(index));
      await checkFlatDisk(join(folder, path), sizeBytes, signal);
      frozen.push({path, format: 'qcow2', isReadOnly});
    }
    const disks = await layers.cover(folder, frozen);
    for (const name of ['memory', BOOT, 'disks']) await syncFolder(join(folder, name));
    if (state === undefined || uses === 'disks') return {disks};
    await driver.checkState(statePath, {memoryBytes, hartCount});
    const {createdAtMs, screenSize, touchedBytes} = state;
    const screen = await this.#takeScreen(folder, screenSize);
    const {size: fileBytes} = await stat(statePath);
    const memory = {fileBytes, touchedBytes, memoryId, sources: []};
    // A guest of another name is told so when it goes on.
    const isCopied = uses === 'state' || name !== manifest.machine.name;
    const saved = {...memory, atMs: createdAtMs, ...(isCopied ? {isCopied} : {})};
    if (uses === 'state') return {disks, saved};
    const config = {memoryBytes, hartCount, disks: frozen};
    // The folder has no name yet by which the store of all machines would find it.
    const snapshots = new SnapshotStore(() => folder);
    const described = {...state, ...memory, kind: 'snapshot' as const, config};
    return {disks, saved, snapshotId: (await snapshots.create('', described, screen)).id};
  }

  /** The console's screen: drawn anew, so that nothing but what can be shown is in it; the console begins with it. */
  async #takeScreen(folder: string, size: NonNullable<Manifest['state']>['screenSize']): Promise<string> {
    const screen = await renderScreen(await readFile(join(folder, SCREEN)), size);
    await rm(join(folder, SCREEN));
    if (screen !== '') await writeFileAtomic(join(folder, 'console.log'), showScreen(screen));
    return screen;
  }
}

function targetOf(folder: string, part: string, statePath: string): string {
  if (part === 'screen') return join(folder, SCREEN);
  if (part === 'memory.state') return statePath;
  return join(folder, part.startsWith('disk') ? 'disks' : BOOT, part);
}

function bootOf({boot}: Manifest, wanted: string | undefined, origin: string | undefined): OwnBoot {
  if (boot.kind === 'firmware') return {kind: 'firmware', elfPath: join(BOOT, 'firmware.elf')};
  const loaderPath = join(BOOT, 'loader.elf');
  const from = origin === undefined ? {} : {origin};
  if (boot.kind === 'disk') return {kind: 'disk', loaderPath, ...from};
  const {commandLine, takesHostname, hasInitrd, hasLoader = false, isInstaller = false} = boot;
  const initrd = hasInitrd ? {initrdPath: join(BOOT, 'initrd')} : {};
  const line = wanted === undefined ? {commandLine, takesHostname} : {commandLine: wanted};
  return {
    kind: 'linux',
    kernelPath: join(BOOT, 'kernel'),
    ...initrd,
    ...line,
    ...(hasLoader ? {loaderPath} : {}),
    ...(isInstaller ? {isInstaller} : {}),
    ...from,
  };
}
