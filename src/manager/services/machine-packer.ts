/**
 * Packs machines up: what a machine is at one instant, as a manifest and parts that need nothing else of this host. First
 * it is pinned: shared by links into a folder of its own, so that the machine, its snapshots and its layers may change or go
 * meanwhile.
 */
import {createReadStream} from 'node:fs';
import {rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {diskPart, IMAGE_NAME, type ManifestDraft, type PartWriter} from '../archive/manifest.js';
import {bootParts} from '../bootable/boot-paths.js';
import type {BootFiles, DiskPlan, HypervisorDriver} from '../hypervisor/contract.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import {type Boot, type Disk, defaultNetwork, type MachineConfig} from '../protocol/machine.js';
import {MAX_NOTE_LENGTH} from '../protocol/snapshot.js';
import type {MachineStore} from '../store/machine-store.js';
import type {MemoryRef} from '../store/memory-store.js';
import type {StoredSnapshot} from '../store/snapshot-store.js';
import {programVersion} from '../version.js';
import {imageFiles, resolveOwnFiles} from './boot-files.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {ImageService} from './image-service.js';
import type {MachineLayers} from './machine-layers.js';
import type {MachineSaver} from './machine-saver.js';
import type {StageReport} from './paced-report.js';
import {diskSizeOf, flattenDisk} from './volume-flatten.js';
import type {Volumes} from './volumes.js';

/** What it works with. */
export interface PackerParts {
  readonly store: MachineStore;
  readonly images: ImageService;
  readonly volumes: Volumes;
  readonly layers: MachineLayers;
}

type State = NonNullable<ManifestDraft['state']>;

/** Memory at an instant, and what the console showed. */
export interface InstantState extends MemoryRef, Omit<State, 'note'> {
  readonly note?: string | undefined;
  readonly screen: string;
}

/** An instant of a machine: its disks, which nobody writes any more, and its memory when it had any. */
export interface Instant {
  readonly config: Pick<MachineConfig, 'memoryBytes' | 'hartCount'>;
  readonly disks: readonly Disk[];
  readonly state?: InstantState | undefined;
}

/** A machine that can be packed, whatever becomes of it. Disposing it removes its folder. */
export interface PinnedMachine extends AsyncDisposable {
  readonly draft: ManifestDraft;
  readonly driver: HypervisorDriver;
  readonly boot: BootFiles;
  readonly disks: readonly DiskPlan[];
  readonly statePath: string | undefined;
  readonly screen: string;
}

/** What goes on while it is packed. */
export interface PackWork {
  readonly signal: AbortSignal;
  readonly report: StageReport;
}

/** See the module. */
export class MachinePacker {
  readonly #parts: PackerParts;

  constructor(parts: PackerParts) {
    this.#parts = parts;
  }

  /** To be called in the machine's turn. Errors: not-supported, image-not-built, file-not-found, bad-disk, storage-failed, disk-full */
  async pin(machine: FleetMachine, {config, disks, state}: Instant): Promise<PinnedMachine> {
    const {store, layers, volumes} = this.#parts;
    const {definition, name, driver} = machine;
    if (definition === undefined) throw new Error(`machine ${machine.id} has no definition in state ${machine.state}`);
    if (state !== undefined && (definition.config.shares ?? []).length > 0)
      throw new ManagerError(
        'not-supported',
        `What runs in ${name} uses folders of this host, which cannot go along.`,
        `Shut it down first; then its disks can: viv image from ${name}`,
      );
    const {boot, described} = await this.#findBoot(machine);
    const folder = await store.scratch();
    try {
      if (state !== undefined) await store.memory.share(machine.id, state, folder);
      const plans = await volumes.plan(folder, await layers.share(machine, disks, folder));
      const sizes = await Promise.all(plans.map(({images}) => diskSizeOf(images)));
      const {memoryBytes, hartCount} = config;
      const {tier, hotThreshold, network: {kind, egress, rules = []} = defaultNetwork} = definition.config;
      const denials = rules.flatMap(({verdict, ...rule}) => (verdict === 'deny' ? [{...rule, verdict}] : []));
      const limits = denials.length === 0 ? {} : {rules: denials};
      const isPlain = kind === defaultNetwork.kind && egress === defaultNetwork.egress && denials.length === 0;
      const network = isPlain ? undefined : {kind, egress, ...limits};
      const draft: ManifestDraft = {
        writer: programVersion(),
        packedAtMs: Date.now(),
        machine: {name, memoryBytes, hartCount, tier, hotThreshold, network, image: originOf(definition.config.boot)},
        boot: described,
        disks: plans.map(({isReadOnly}, index) => ({sizeBytes: sizes[index]!, isReadOnly})),
        ...(state === undefined ? {} : {state: describeState(state)}),
      };
      return {
        ...{draft, driver, boot, disks: plans, screen: state?.screen ?? ''},
        statePath: state && join(folder, 'memory', `${state.memoryId}.state`),
        [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
      };
    } catch (thrown) {
      await rm(folder, {recursive: true, force: true});
      throw thrown;
    }
  }

  /** Pins a snapshot of a machine; as `pin`. */
  async pinSnapshot(machine: FleetMachine, {config, ...state}: StoredSnapshot): Promise<PinnedMachine> {
    const screen = await this.#parts.store.snapshots.screen(machine.id, state.id);
    return this.pin(machine, {config, disks: config.disks, state: {...state, screen}});
  }

  /** Lets go of it; layers that were held meanwhile can be folded then. Never fails. */
  async release(
    pinned: PinnedMachine,
    machine: FleetMachine,
    {fleet, saver}: {readonly fleet: Fleet; readonly saver: MachineSaver},
  ): Promise<void> {
    try {
      await pinned[Symbol.asyncDispose]();
      if (fleet.all().includes(machine)) await saver.inTurn(machine.id, () => saver.collect(machine));
    } catch (thrown) {
      console.error(`states of ${machine.name}: ${toManagerError(thrown).message}`);
    }
  }

  /** Writes all parts. Errors: disk-in-use, disk-full, bad-disk, bad-snapshot, file-not-found, cancelled */
  async pack(pinned: PinnedMachine, writer: PartWriter, owner: string, {signal, report}: PackWork): Promise<void> {
    const {boot, disks, statePath, screen, draft, driver} = pinned;
    using _held = this.#parts.volumes.acquire(
      disks.map(({images}) => ({images, isReadOnly: true})),
      owner,
    );
    if (statePath !== undefined) {
      const {touchedBytes = 0} = draft.state ?? {};
      const onProgress = (done: number, total: number) =>
        report('memory', Math.round((touchedBytes * done) / total), touchedBytes);
      await writer.stream('screen', piecesOf(screen), signal);
      await writer.stream('memory.state', driver.readState(statePath, onProgress), signal);
    }
    for (const [part, path] of Object.entries(bootParts(boot))) {
      report(part, 0, (await stat(path).catch(unreadable)).size);
      await writer.stream(part, createReadStream(path, {highWaterMark: 1 << 20}), signal);
    }
    for (const [index, {images}] of disks.entries()) {
      const onProgress = ({done, total}: {done: number; total: number}) =>
        report(`disk ${index + 1} of ${disks.length}`, done, total);
      await writer.place(diskPart(index), (place) => flattenDisk(images, place, {signal, onProgress}), signal);
    }
  }

  /** Files to boot from, and what is told of them: the name stays out of it, since it may be another one's. */
  async #findBoot(machine: FleetMachine): Promise<{boot: BootFiles; described: ManifestDraft['boot']}> {
    const own = machine.definition!.config.boot;
    const boot = own.kind === 'image' ? await this.#imageFiles(own, machine.name) : await resolveOwnFiles(own, machine);
    if (boot.kind !== 'linux') return {boot, described: {kind: boot.kind}};
    const parts = {
      hasInitrd: boot.initrdPath !== undefined,
      ...(boot.loaderPath === undefined ? {} : {hasLoader: true}),
      ...(own.kind === 'linux' && own.isInstaller ? {isInstaller: true} : {}),
    };
    const takesHostname =
      own.kind === 'image' ? own.commandLine === undefined : own.kind === 'linux' && own.takesHostname === true;
    if (own.kind === 'linux')
      return {boot, described: {kind: 'linux', commandLine: own.commandLine, takesHostname, ...parts}};
    const nameless = own.kind === 'image' ? await this.#imageFiles(own, '') : boot;
    const commandLine = nameless.kind === 'linux' ? nameless.commandLine : '';
    return {boot, described: {kind: 'linux', commandLine, takesHostname, ...parts}};
  }

  async #imageFiles(
    {image: wanted, commandLine}: {readonly image: string; readonly commandLine?: string | undefined},
    hostname: string,
  ): Promise<BootFiles> {
    const image = await this.#parts.images.find(wanted);
    if (image !== undefined) return imageFiles(image, commandLine, hostname);
    throw new ManagerError(
      'image-not-built',
      `The image ${wanted}, from which the machine boots, is not built, and its kernel has to go along.`,
      `Build it first: viv image build ${wanted}`,
    );
  }
}

function originOf(boot: Boot): string | undefined {
  if (boot.kind === 'firmware') return undefined;
  const origin = boot.kind === 'image' ? boot.image : boot.origin;
  return origin !== undefined && IMAGE_NAME.test(origin) ? origin : undefined;
}

function describeState({name, note, createdAtMs, touchedBytes, pausedMs, screenSize}: InstantState): State {
  // What is read back has no control characters: it is shown on terminals.
  const shown = note?.replace(/\p{Cc}/gu, ' ').slice(0, MAX_NOTE_LENGTH);
  return {name, ...(shown === undefined ? {} : {note: shown}), createdAtMs, touchedBytes, pausedMs, screenSize};
}

async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function unreadable(thrown: unknown): never {
  const {message} = toManagerError(thrown);
  throw new ManagerError('file-not-found', `What the machine boots cannot be read: ${message}.`, 'Put the file back.');
}
