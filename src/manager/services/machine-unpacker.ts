/** Makes machines of what `MachinePacker` packed up. Nothing is believed: whoever packed it may have been somebody else. */
import {randomUUID} from 'node:crypto';
import {mkdir, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {diskPart, type Manifest, partNames} from '../archive/manifest.js';
import {renderScreen, showScreen} from '../console/console-screen.js';
import type {HypervisorDriver} from '../hypervisor/contract.js';
import {ManagerError} from '../protocol/errors.js';
import type {Boot, Disk, MachineConfig} from '../protocol/machine.js';
import {syncFolder, TEMPORARY_PREFIX, writeFileAtomic} from '../store/atomic-file.js';
import type {Prepared} from '../store/machine-store.js';
import {SnapshotStore} from '../store/snapshot-store.js';
import {absoluteBoot, checkMemoryExists} from './boot-files.js';
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
  /** What is refused by name. */
  readonly where: string;
  /** Puts all parts where they are to lie, checked and durable. */
  readonly provide: (targetOf: (part: string) => string) => Promise<void>;
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
   * Makes a machine that goes on from the state in it, which becomes a snapshot of it as well; when anything is wrong, none.
   * Errors: bad-snapshot, bad-disk, bad-kernel, bad-firmware, not-enough-memory, disk-full, bad-name, name-taken, cancelled
   */
  async unpack({id, manifest, name, where, provide, signal}: Unpacking): Promise<FleetMachine> {
    const {machine} = manifest;
    checkMemoryExists(machine.memoryBytes);
    const config: MachineConfig = {
      memoryBytes: machine.memoryBytes,
      hartCount: machine.hartCount,
      ...(machine.tier === undefined ? {} : {tier: machine.tier}),
      ...(machine.hotThreshold === undefined ? {} : {hotThreshold: machine.hotThreshold}),
      boot: bootOf(manifest),
      disks: [],
    };
    return this.#parts.definer.make({id, wanted: name, preferred: machine.name, config}, async (folder) => {
      try {
        return await this.#prepare(folder, config, {manifest, provide, signal});
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
    {boot, memoryBytes, hartCount}: MachineConfig,
    {manifest, provide, signal}: Pick<Unpacking, 'manifest' | 'provide' | 'signal'>,
  ): Promise<Prepared> {
    const {driver, layers} = this.#parts;
    const memoryId = randomUUID();
    const statePath = join(folder, 'memory', `${memoryId}.state`);
    for (const name of ['memory', BOOT]) await mkdir(join(folder, name), {mode: 0o700});
    const targets = new Map(partNames(manifest).map((part) => [part, targetOf(folder, part, statePath)]));
    await provide((part) => targets.get(part)!);
    signal.throwIfAborted();
    await driver.check(memoryBytes, absoluteBoot(boot, folder));
    const frozen: Disk[] = [];
    for (const [index, {sizeBytes, isReadOnly}] of manifest.disks.entries()) {
      const path = join('disks', diskPart(index));
      await checkFlatDisk(join(folder, path), sizeBytes, signal);
      frozen.push({path, format: 'qcow2', isReadOnly});
    }
    const disks = await layers.cover(folder, frozen);
    for (const name of ['memory', BOOT, 'disks']) await syncFolder(join(folder, name));
    if (manifest.state === undefined) return {disks};
    await driver.checkState(statePath, {memoryBytes, hartCount});
    const {createdAtMs, screenSize, ...state} = manifest.state;
    const screen = await this.#takeScreen(folder, screenSize);
    const {size: fileBytes} = await stat(statePath);
    const memory = {fileBytes, memoryId, sources: []};
    const config = {memoryBytes, hartCount, disks: frozen};
    // The folder has no name yet by which the store of all machines would find it.
    const snapshots = new SnapshotStore(() => folder);
    const described = {...state, ...memory, kind: 'snapshot' as const, createdAtMs, screenSize, config};
    const {id: snapshotId} = await snapshots.create('', described, screen);
    return {disks, snapshotId, saved: {...memory, atMs: createdAtMs, touchedBytes: state.touchedBytes}};
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

function bootOf({boot}: Manifest): Boot {
  if (boot.kind === 'firmware') return {kind: 'firmware', elfPath: join(BOOT, 'firmware.elf')};
  const {commandLine, takesHostname, hasInitrd} = boot;
  const initrd = hasInitrd ? {initrdPath: join(BOOT, 'initrd')} : {};
  return {kind: 'linux', kernelPath: join(BOOT, 'kernel'), ...initrd, commandLine, takesHostname};
}
