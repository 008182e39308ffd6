/**
 * Puts an engine machine and its paravirtual devices together, from files to a machine that is ready to start:
 *
 *   slot 0  console (hvc0, size in its configuration space)
 *   slot 1  named ports: vivarium.agent; then org.qemu.guest_agent.0, or the exec ports when asked for
 *   slot 2  entropy
 *   slot 3… disks, in order (vda, vdb, …), then shared folders
 *   slot 8  network card: states from before there were networks go on without one
 *   slot 9  balloon: not in a machine that goes on from a state without one
 *   slot 10 sockets to the host: the same
 *
 * Console and ports are two devices because older Linux misreads the size of a console that has named ports.
 */
import {readFile} from 'node:fs/promises';
import {pathToFileURL} from 'node:url';
import type {DevicePlan} from '../../../engine/contract.js';
import type {Groundwork} from '../../../engine/groundwork.js';
import {type BootSpec, Machine, type RegionSettings, type Tier} from '../../../engine/machine.js';
import {GenerationId} from '../../../engine/platform/generation-id.js';
import {virtioSlot} from '../../../engine/platform/memory-map.js';
import {standardPlatform} from '../../../engine/platform/standard-platform.js';
import {Uart16550} from '../../../engine/platform/uart16550.js';
import type {CharPort} from '../../../paravirt/char/contract.js';
import type {VirtioDevice} from '../../../paravirt/device.js';
import {BalloonDevice} from '../../../paravirt/devices/balloon.js';
import {countSavedPorts} from '../../../paravirt/devices/console/saved-port.js';
import {ConsoleDevice} from '../../../paravirt/devices/console.js';
import {P9Device} from '../../../paravirt/devices/p9.js';
import {RngDevice} from '../../../paravirt/devices/rng.js';
import type {VsockDevice} from '../../../paravirt/devices/vsock.js';
import {ParavirtError} from '../../../paravirt/error.js';
import type {Deputy} from '../../../paravirt/share/deputy.js';
import {virtioMmio} from '../../../paravirt/transport/mmio.js';
import {VirtioHost} from '../../../paravirt/transport/virtio-host.js';
import {bundledEntry} from '../../bundle.js';
import {agentPortName, guestAgentPortName} from '../../image/exec-protocol.js';
import type {TerminalSize} from '../../protocol/console.js';
import {ManagerError} from '../../protocol/errors.js';
import {defaultNetwork, type Network, type Share} from '../../protocol/machine.js';
import {programVersion} from '../../version.js';
import type {BootFiles, DiskOverlay, DiskPlan} from '../contract.js';
import {CodeFolder} from './code-folder.js';
import {checkWebAssembly} from './host-abilities.js';
import {translateHostError} from './host-errors.js';
import {type DiskEnvironment, MachineDisk} from './machine-disk.js';
import {machineModels} from './machine-models.js';
import {MachineNetwork} from './machine-network.js';
import {openVsock} from './machine-vsock.js';
import type {SaveHead} from './saved/format.js';
import {FrozenRam} from './saved/frozen-ram.js';
import {RamFiller} from './saved/ram-filler.js';
import {type OpenedState, openState} from './saved/save-reader.js';
import {type SavePacking, type SaveSummary, writeSave} from './saved/save-writer.js';
import {filesOf, hasRoom, type SavedBase} from './saved/saved-base.js';

/** Of their own, so that nothing else moves when one is there or not. */
const NETWORK_SLOT = 8;
const BALLOON_SLOT = 9;
const VSOCK_SLOT = 10;

/** What to put together. Paths are absolute. */
export interface AssemblyPlan {
  readonly memoryBytes: number;
  readonly hartCount: number;
  readonly boot: BootFiles;
  readonly disks: readonly DiskPlan[];
  /** None when left out. `id` is what the card's address is made of: the machine's, for one that is kept. */
  readonly network?: (Network & {readonly id: string}) | undefined;
  /** Folders of the host that the guest sees. */
  readonly shares?: readonly Share[] | undefined;
  /** The machine's, for what is reached through it. */
  readonly folder?: string | undefined;
  readonly size: TerminalSize;
  /** Ports after the agent's, in the guest's order; with none there is one for the QEMU guest agent. */
  readonly ports: readonly string[];
  /** A file that `AssembledMachine.save` wrote, to go on from instead of booting. */
  readonly savedPath?: string | undefined;
  /** How long memory of `savedPath` that the guest does not ask for may wait: a guest may be done before. Units: milliseconds */
  readonly fillAfterMs?: number | undefined;
  /** What the guest should be called from then on. */
  readonly newGuestName?: string | undefined;
  /** Folder of code that is kept for the next machine (see `code-folder.ts`); without it all is made anew. */
  readonly codeFolder?: string | undefined;
  /** How guest code is run. */
  readonly tier: Tier;
  readonly regions: RegionSettings;
}

/** What a machine is put together in. */
export interface AssemblyEnvironment extends DiskEnvironment {
  /** What is at `savedPath`, where that was opened before. It is then the machine's. */
  readonly openedState?: Promise<OpenedState> | undefined;
  /** What was begun before the machine was known. */
  readonly groundwork?: Groundwork | undefined;
  /** Who does in a shared folder, an index, what this process may not. */
  readonly deputyOf?: ((share: number) => Deputy) | undefined;
}

/** A machine with its devices, not started. Disposing it ends harts and closes disks. */
export interface AssembledMachine extends AsyncDisposable {
  readonly machine: Machine;
  readonly uart: Uart16550;
  readonly console: ConsoleDevice;
  readonly disks: readonly MachineDisk[];
  readonly network: MachineNetwork | undefined;
  /** Resolves when it can be saved so: at once, or when all RAM of a restored machine is there. */
  whenSavable(request: StateRequest): Promise<void>;
  readonly balloon: BalloonDevice | undefined;
  readonly vsock: VsockDevice | undefined;
  /** The serial port has output, or room for input again. */
  onUart(listener: () => void): void;
  /** A named port. Throws for a name that was not planned: a bug. */
  port(name: string): CharPort;
  /** The port of the guest agent; a state from before there was one goes on without. */
  readonly guestAgent: CharPort | undefined;
  /** Has a disk stand on other images below its top, that show the same. */
  rechain(disk: number, images: DiskPlan['images']): Promise<void>;
  /** When the state was taken that it goes on from. Units: milliseconds since 1970 */
  readonly savedAtMs: number | undefined;
  /** The state that RAM tells the changes since, where it is known and its files had names to be found by. */
  readonly base: SavedBase | undefined;
  /**
   * Writes a machine that is paused into a new file; its disks go on over `overlays`, and what is below them then is
   * their part of the state. `onTaken` is called when the machine may go on: what it does then is not in the file. When
   * it fails, some of the overlays may be in place. Errors: wrong-state, disk-full, storage-failed
   */
  save(request: StateRequest, onTaken: () => void): Promise<SaveSummary>;
}

/** What a save is to do. */
export interface StateRequest {
  readonly path: string;
  readonly packing: SavePacking;
  /** What the file will be called in the end, less `.state`, for later ones to stand on it. */
  readonly id?: string | undefined;
  /** Nothing will stand on the file: it goes when it was read, and the next stands on what this one does. */
  readonly passes?: boolean | undefined;
  /** Files that this one may stand on. */
  readonly keptIds?: ReadonlySet<string> | undefined;
  /** Empty images that stand on what is on top of those disks now. */
  readonly overlays?: readonly DiskOverlay[] | undefined;
}

/**
 * Errors: bad-kernel, bad-firmware, bad-disk, bad-share, file-not-found, not-enough-memory, not-supported */
export async function assembleMachine(
  plan: AssemblyPlan,
  environment: AssemblyEnvironment = {},
): Promise<AssembledMachine> {
  checkWebAssembly();
  await using cleanup = new AsyncDisposableStack();
  try {
    const opened =
      plan.savedPath === undefined ? undefined : await (environment.openedState ?? openState(plan.savedPath));
    const saved = opened && cleanup.use(opened.reader);
    const boot = saved
      ? {kind: 'saved' as const, state: saved.head.machine}
      : await readBoot(plan.boot, plan.disks.length);
    const console = new ConsoleDevice(plan.size);
    const ports = new ConsoleDevice({hasConsole: false, ports: portNames(plan, saved?.head.devices[PORTS_SLOT])});
    const disks: MachineDisk[] = [];
    for (const disk of plan.disks) {
      const opened = await MachineDisk.open(disk, environment);
      disks.push(opened);
      // The machine's VirtioHost closes it too; closing twice is nothing, and until there is a host this one must.
      cleanup.defer(() => opened.device[Symbol.asyncDispose]());
    }
    const shares = (plan.shares ?? []).map((share, index) => openShare(share, environment.deputyOf?.(index)));
    const slotted: VirtioDevice[] = [console, ports, new RngDevice(), ...disks.map(({device}) => device), ...shares];
    const had = saved && devicesOf(saved.head, slotted.length);
    const network = cleanup.use(openNetwork(plan.network, had?.includes(NETWORK)));
    const balloon = (had?.includes(BALLOON) ?? true) ? new BalloonDevice() : undefined;
    const vsock = (had?.includes(VSOCK) ?? true) ? openVsock(plan.folder) : undefined;
    const placed = [
      ...slotted.map((device, slot) => ({device, slot: slot < NETWORK_SLOT ? slot : -1})),
      ...(network === undefined ? [] : [{device: network.device, slot: NETWORK_SLOT}]),
      ...(balloon === undefined ? [] : [{device: balloon, slot: BALLOON_SLOT}]),
      ...(vsock === undefined ? [] : [{device: vsock, slot: VSOCK_SLOT}]),
    ];
    const devices: VirtioDevice[] = placed.map(({device}) => device);
    const platform = standardPlatform();
    const spec = {
      memoryBytes: plan.memoryBytes,
      hartCount: plan.hartCount,
      tier: plan.tier,
      regions: plan.regions,
      boot,
      devices: [...platform, ...placed.map(({device, slot}) => planSlot(device, slot))],
    };
    const hosts: VirtioHost[] = [];
    // Registered before the machine, so done after it: devices are closed when no hart can reach them any more.
    cleanup.defer(async () => {
      for (const host of hosts) await host[Symbol.asyncDispose]();
    });
    const machine = cleanup.use(
      await Machine.create(spec, {
        hartWorker: pathToFileURL(bundledEntry('hart')),
        compilerWorker: pathToFileURL(bundledEntry('compiler')),
        models: machineModels,
        groundwork: environment.groundwork,
        codeKeeper: plan.codeFolder === undefined ? undefined : new CodeFolder(plan.codeFolder),
      }),
    );
    if (boot.kind !== 'saved') releaseFiles(boot);
    await opened?.verified;
    const filler = saved && cleanup.use(new RamFiller(saved, machine));
    let base = saved?.base;
    for (const {region} of machine.devices) {
      if (!(region instanceof GenerationId)) continue;
      if (saved) region.renew();
      else region.begin();
    }
    machine.onCompilerFault(reportCompiler);
    devices.forEach((device, slot) => {
      const state = saved?.head.devices[slot];
      if (state != null) device.restore?.(state);
      const index = platform.length + slot;
      const context = machine.devices[index]?.context;
      if (context === undefined) throw new Error(`the machine has no device ${index}`);
      const host = new VirtioHost({memory: machine.memory, context, device, onGuestFault: reportFault});
      hosts.push(host);
      machine.onDoorbell(index, () => host.takeDoorbell());
    });
    const uartIndex = machine.devices.findIndex(({region}) => region instanceof Uart16550);
    const uart = machine.devices[uartIndex]?.region;
    if (!(uart instanceof Uart16550)) throw new Error('the platform has no serial port');
    await network?.open();
    const whenLoaded = filler?.start(plan.fillAfterMs) ?? Promise.resolve();
    const owned = cleanup.move();
    return {
      whenSavable: async ({keptIds}) => {
        const isAtOnce = base !== undefined && isKept(base, keptIds) && hasRoom(base);
        if (machine.absent.isActive && !isAtOnce) await whenLoaded;
      },
      machine,
      uart,
      console,
      disks,
      network,
      balloon,
      vsock,
      onUart: (listener) => machine.onDoorbell(uartIndex, listener),
      port: (name) => {
        const port = ports.port(name);
        if (port === undefined) throw new Error(`there is no port ${name}`);
        return port;
      },
      guestAgent: ports.port(guestAgentPortName),
      savedAtMs: saved?.head.savedAtMs,
      get base() {
        return base;
      },
      rechain: async (disk, images) => {
        using _hold = await holdDevices(hosts);
        await disks[disk]?.exchangeBelow(images);
      },
      save: async ({path, packing, id, keptIds, overlays = [], passes = false}, onTaken) => {
        if (disks.some(({device}) => device.parkedCount > 0))
          throw new ManagerError('wrong-state', 'A disk waits for room on the host.', 'Make room, then try again.');
        using hold = await holdDevices(hosts);
        for (const {disk, path: overlay} of overlays) await disks[disk]?.addOverlay(overlay);
        const standsOn = base && isKept(base, keptIds) ? base : undefined;
        // Whatever happens from here on, RAM tells the changes since this state; or since the one before, for one that passes.
        if (!passes) base = undefined;
        const head = {
          writer: programVersion(),
          savedAtMs: Date.now(),
          machine: machine.save(),
          devices: devices.map((device) => device.save?.() ?? null),
          kinds: devices.map(({description}) => description.name),
        };
        using frozen = new FrozenRam(machine, passes);
        hold[Symbol.dispose]();
        onTaken();
        const summary = await writeSave(path, head, frozen, {packing, id, base: standsOn});
        if (!passes) base = summary.base;
        return summary;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (thrown) {
    throw translateHostError(thrown, plan.boot.kind === 'linux' ? 'bad-kernel' : 'bad-firmware');
  }
}

/** Names of devices that not every machine has had. */
const NETWORK = 'net';
const BALLOON = 'balloon';
const VSOCK = 'vsock';

/**
 * Names of the devices of a saved machine. States of earlier builds do not say them, and know of no sockets; a card is only
 * in those that know of the balloon, which the very first did not.
 */
function devicesOf({kinds, devices}: Pick<SaveHead, 'kinds' | 'devices'>, slottedCount: number): readonly string[] {
  if (kinds !== undefined) return kinds;
  const others = devices.length - slottedCount;
  return [...(others > 0 ? [BALLOON] : []), ...(others > 1 ? [NETWORK] : [])];
}

/** A guest that is restored has a card when it `hadCard`. */
function openNetwork(network: AssemblyPlan['network'], hadCard: boolean | undefined): MachineNetwork | undefined {
  const hasCard = hadCard ?? network?.kind === 'user';
  if (!hasCard) return undefined;
  // Without a network now, the card of before stays and leads nowhere.
  const nowhere = {...defaultNetwork, egress: 'deny' as const};
  return new MachineNetwork(network?.kind === 'user' ? network : nowhere, network?.id ?? '');
}

/** Place of the named ports among the devices. */
const PORTS_SLOT = 1;

/** The ports of a machine; a state from before the guest agent's port had one less. */
function portNames({ports}: AssemblyPlan, saved: string | null | undefined): readonly string[] {
  const names = [agentPortName, ...(ports.length > 0 ? ports : [guestAgentPortName])];
  return saved == null ? names : names.slice(0, countSavedPorts(saved));
}

function isKept(base: SavedBase, keptIds: ReadonlySet<string> | undefined): boolean {
  return keptIds !== undefined && [...filesOf(base)].every((file) => keptIds.has(file));
}

/** Devices start nothing until this is disposed. */
async function holdDevices(hosts: readonly VirtioHost[]): Promise<Disposable> {
  let isHeld = true;
  const release = () => {
    if (isHeld) for (const host of hosts) host.release();
    isHeld = false;
  };
  try {
    await Promise.all(hosts.map((host) => host.hold()));
  } catch (thrown) {
    release();
    throw thrown;
  }
  return {[Symbol.dispose]: release};
}

/** Errors: bad-share */
function openShare(share: Share, deputy: Deputy | undefined): P9Device {
  try {
    return new P9Device({...share, deputy});
  } catch (thrown) {
    if (!(thrown instanceof ParavirtError)) throw thrown;
    const code = thrown.code === 'not-found' ? 'file-not-found' : 'bad-share';
    throw new ManagerError(code, thrown.message, thrown.hint, {cause: thrown});
  }
}

function planSlot(device: VirtioDevice, slot: number): DevicePlan {
  const place = virtioSlot(slot);
  if (place === undefined)
    throw new ManagerError(
      'bad-request',
      'The machine has more devices than slots.',
      'Remove a disk or a shared folder.',
    );
  return {kind: virtioMmio.kind, ...place, options: device.description};
}

async function readBoot(boot: BootFiles, diskCount: number): Promise<BootSpec> {
  if (boot.kind === 'firmware') return {kind: 'firmware', elf: await readWhole(boot.elfPath)};
  if (boot.kind === 'disk') return {kind: 'loader', loader: await readWhole(boot.loaderPath), diskCount};
  const [kernel, initrd, loader] = await Promise.all([
    readWhole(boot.kernelPath),
    boot.initrdPath === undefined ? undefined : readWhole(boot.initrdPath),
    boot.loaderPath === undefined ? undefined : readWhole(boot.loaderPath),
  ]);
  const program = {kernel, commandLine: boot.commandLine, ...(initrd === undefined ? {} : {initrd})};
  return loader === undefined ? {kind: 'linux', ...program} : {kind: 'loader', loader, program, diskCount};
}

/**
 * Gives a kernel's and initrd's memory back now: they are in guest RAM, and an idle process collects no garbage for a
 * long time. A firmware file stays, its symbols are asked for later.
 */
function releaseFiles(boot: BootSpec): void {
  if (boot.kind === 'firmware') return;
  const files =
    boot.kind === 'linux' ? [boot.kernel, boot.initrd] : [boot.loader, boot.program?.kernel, boot.program?.initrd];
  for (const file of files) {
    // A small file's bytes may lie in a buffer shared with others.
    if (file && file.byteLength === file.buffer.byteLength && file.buffer instanceof ArrayBuffer)
      file.buffer.transfer(0);
  }
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `${path} cannot be read: ${detail}.`, 'Check the path.', {cause: thrown});
  }
}

function reportCompiler(reason: string): void {
  console.error(`the compiler of hot guest code ended: ${reason}; what is not compiled yet stays interpreted`);
}

function reportFault(report: {readonly fault: string}): void {
  console.error(`the guest broke a rule of virtio: ${report.fault}`);
}
