/**
 * The layers of machines' disks. A disk begins as the image that was attached; each snapshot freezes what is on top and
 * puts an empty layer over it, in the machine's own folder:
 *
 *   attached image ◀─ layer ◀─ layer ◀─ top, which the machine writes
 *                  snapshot 1  snapshot 2
 *
 * The definition names the top. A layer is there, empty and durable, before the definition names it, and named before the
 * machine writes to it; an empty layer shows what is below, so nothing is lost wherever this is interrupted.
 */
import {randomUUID} from 'node:crypto';
import {link, mkdir, readdir, realpath, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, isAbsolute, join, relative, resolve} from 'node:path';
import {type DiskOverlay, type DiskPlan, OVERLAY_FORMAT} from '../hypervisor/contract.js';
import {hasProcess} from '../machine/lifecycle.js';
import {ManagerError} from '../protocol/errors.js';
import {type Disk, diskFormatSchema} from '../protocol/machine.js';
import {syncFolder} from '../store/atomic-file.js';
import type {MachineStore} from '../store/machine-store.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {Volumes} from './volumes.js';

/** Folder of a machine's own images. */
const DISKS = 'disks';
const LAYER = /^layer-.+\.qcow2$/;

/** Disks as they are frozen, and as they go on. */
export interface GrownDisks {
  readonly frozen: readonly Disk[];
  readonly next: readonly Disk[];
  readonly overlays: readonly DiskOverlay[];
}

type Images = DiskPlan['images'];

/** Who has the images while they are folded. */
const FOLDING = 'viv, which folds its layers';

/** See the module. */
export class MachineLayers {
  readonly #fleet: Fleet;
  readonly #store: MachineStore;
  readonly #volumes: Volumes;
  /** Folds under way, by machine. */
  readonly #folding = new Map<string, AbortController>();

  constructor(parts: {readonly fleet: Fleet; readonly store: MachineStore; readonly volumes: Volumes}) {
    this.#fleet = parts.fleet;
    this.#store = parts.store;
    this.#volumes = parts.volumes;
  }

  /**
   * Makes a layer for each disk that can be written, over what is on top of it now. A running machine's process may be
   * behind the definition, when a snapshot failed between the two: `tops` says what it has.
   * Errors: disk-full, file-not-found, bad-disk
   */
  async grow(machine: FleetMachine, disks: readonly Disk[], tops?: readonly string[]): Promise<GrownDisks> {
    const folder = await realpath(machine.folder);
    const frozen: Disk[] = [];
    const next: Disk[] = [];
    const overlays: DiskOverlay[] = [];
    try {
      for (const [index, disk] of disks.entries()) {
        if (disk.isReadOnly) {
          frozen.push(disk);
          next.push(disk);
          continue;
        }
        const images = await this.#images(machine, disk);
        const top = tops === undefined ? images[0] : images.find(({path}) => path === tops[index]);
        if (top === undefined) throw new Error(`${tops?.[index]} is no image of disk ${index} of ${machine.name}`);
        const below = top === images[0] ? disk : recordOf(top, folder, disk);
        const layer = await this.#addLayer(folder, below, top);
        frozen.push(below);
        next.push(layer);
        overlays.push({disk: index, path: join(folder, layer.path)});
      }
      return {frozen, next, overlays};
    } catch (thrown) {
      for (const {path} of overlays) await rm(path, {force: true});
      throw thrown;
    }
  }

  /** Writes down that a machine's disks are these now; durable when it resolves. */
  async define(machine: FleetMachine, disks: readonly Disk[]): Promise<void> {
    const {definition} = machine;
    if (definition === undefined) throw new Error(`machine ${machine.id} has no definition in state ${machine.state}`);
    const changed = {...definition, config: {...definition.config, disks: [...disks]}};
    await this.#store.saveDefinition(changed);
    this.#fleet.update(machine, {definition: changed});
  }

  /**
   * Gives frozen disks to a machine whose folder is in the making: images in the source's folder are shared by links,
   * and a layer of its own lies over each disk. Answers with the disks' records in the new folder.
   * Errors: disk-full, storage-failed
   */
  async share(source: FleetMachine, frozen: readonly Disk[], folder: string): Promise<Disk[]> {
    const own = await realpath(source.folder);
    const target = await realpath(folder);
    await mkdir(join(target, DISKS), {recursive: true, mode: 0o700});
    const disks: Disk[] = [];
    for (const disk of frozen) {
      const images = disk.isReadOnly && isAbsolute(disk.path) ? [] : await this.#images(source, disk);
      for (const {path} of images) if (isInside(path, own)) await shareFile(path, join(target, relative(own, path)));
      if (disk.isReadOnly) disks.push(disk);
      else {
        const [top] = images;
        disks.push(await this.#addLayer(target, disk, {...top!, path: join(target, relative(own, top!.path))}, top!));
      }
    }
    await syncFolder(join(target, DISKS));
    return disks;
  }

  /** Puts layers, at least so large, over disks in a folder, which nobody writes from then on. Errors: disk-full, bad-disk */
  async cover(folder: string, frozen: readonly Disk[], leastBytes?: number): Promise<Disk[]> {
    const own = await realpath(folder);
    const disks: Disk[] = [];
    for (const disk of frozen) {
      const [top] = await this.#images({folder}, disk);
      disks.push(disk.isReadOnly ? disk : await this.#addLayer(own, disk, top!, top!, leastBytes));
    }
    return disks;
  }

  /**
   * Folds layers that no snapshot needs into each other, and removes files that nobody names. `snapshots` are the disks of
   * all there are. A machine that runs is told what its disks stand on then. One thing at a time for each machine. An
   * interrupted fold has changed nothing that shows, and is done anew the next time.
   */
  async tidy(machine: FleetMachine, snapshots: readonly (readonly Disk[])[]): Promise<void> {
    const {definition} = machine;
    if (definition === undefined) return;
    const chainsOf = async (all: readonly (readonly Disk[])[]) =>
      Promise.all(all.flat().map((disk) => this.#images(machine, disk)));
    const own = join(await realpath(machine.folder), DISKS);
    const interruption = new AbortController();
    this.#folding.set(machine.id, interruption);
    while (!interruption.signal.aborted) {
      const heads = await chainsOf([definition.config.disks]);
      const kept = await chainsOf(snapshots);
      await collect(own, [...heads, ...kept].flat());
      const written = hasProcess(machine.state) ? heads.flatMap(([top]) => top?.path ?? []) : [];
      // What is saved is not restored over images that were changed since.
      const fixed = new Set([...written, ...(machine.saved?.images ?? []).map(({path}) => path)]);
      const pair = await findFoldable(own, {heads, kept, fixed});
      if (pair === undefined) break;
      try {
        await this.#fold(machine, pair, heads, interruption.signal);
      } catch (thrown) {
        if (!interruption.signal.aborted) throw thrown;
      }
    }
    this.#folding.delete(machine.id);
  }

  /**
   * What layers of these disks take on the host, by their paths in the machine's folder. What lies at the bottom there is
   * not among them: it holds what is on the disk whatever states are kept. Units: bytes
   */
  async sizes(machine: FleetMachine, all: readonly (readonly Disk[])[]): Promise<Map<string, number>> {
    const own = await realpath(machine.folder);
    const sizes = new Map<string, number>();
    const bottoms = new Set<string>();
    for (const disk of all.flat()) {
      // Most states stand on each other: the first chain has their layers as well.
      if (disk.isReadOnly || sizes.has(disk.path) || bottoms.has(disk.path)) continue;
      // What cannot be found takes nothing, and is told where it is needed.
      const images = await this.#images(machine, disk).catch((): Images => []);
      const paths = images.map(({path}) => path).filter((path) => isInside(path, own));
      const bottom = paths.pop();
      if (bottom !== undefined) bottoms.add(relative(own, bottom));
      for (const path of paths) sizes.set(relative(own, path), (await stat(path)).blocks * 512);
    }
    return sizes;
  }

  /** How many images the deepest of a machine's disks is made of. */
  async depth(machine: FleetMachine): Promise<number> {
    const disks = machine.definition?.config.disks ?? [];
    const chains = await Promise.all(disks.map((disk) => this.#images(machine, disk).catch((): Images => [])));
    return Math.max(0, ...chains.map((images) => images.length));
  }

  /** Has the folds of a machine, or of all, end soon. */
  interrupt(machineId?: string): void {
    for (const [id, folding] of this.#folding) if (machineId === undefined || machineId === id) folding.abort();
  }

  /**
   * Writes the layers over the image that was attached as a machine's disk into that image, which is the disk then. The
   * machine is off, and nobody else stands on its images. Errors: disk-in-use, disk-full
   */
  async settle(machine: FleetMachine, index: number): Promise<void> {
    const own = join(await realpath(machine.folder), DISKS);
    for (;;) {
      const disks = machine.definition?.config.disks ?? [];
      const disk = disks[index];
      if (disk?.attached === undefined) return;
      const chain = await this.#images(machine, disk);
      const [upper, lower] = chain;
      if (upper === undefined || lower === undefined || dirname(upper.path) !== own) return;
      {
        using _held = this.#volumes.acquire(
          chain.map((image, depth) => ({images: [image], isReadOnly: depth > 1})),
          FOLDING,
        );
        await this.#volumes.fold(chain, new AbortController().signal);
      }
      const below = recordOf(lower, dirname(own), disk);
      await this.define(
        machine,
        disks.map((other, at) => (at === index ? below : other)),
      );
      await rm(upper.path, {force: true});
    }
  }

  /** Moves what the upper image holds into the lower one, which takes its name: whoever named the upper has both. */
  async #fold(machine: FleetMachine, {chain}: Foldable, heads: readonly Images[], signal: AbortSignal): Promise<void> {
    const [upper, lower] = chain;
    {
      // A machine that runs has them, and nobody else can have them to write.
      using _held = hasProcess(machine.state)
        ? undefined
        : this.#volumes.acquire([{images: chain, isReadOnly: false}], FOLDING);
      await this.#volumes.fold(chain, signal);
    }
    await rename(lower!.path, upper!.path);
    await syncFolder(dirname(upper!.path));
    const {run} = machine;
    if (run === undefined || !hasProcess(machine.state)) return;
    for (const [index, images] of heads.entries()) {
      if (!images.some(({path}) => path === lower!.path)) continue;
      // What it has open shows the same, whatever comes of this; it only holds room.
      const now = images.filter(({path}) => path !== lower!.path);
      await run.rechain(index, now.slice(1)).catch(() => undefined);
    }
  }

  async #addLayer(
    folder: string,
    below: Disk,
    image: Images[number],
    sized: Images[number] = image,
    leastBytes?: number,
  ): Promise<Disk> {
    await mkdir(join(folder, DISKS), {recursive: true, mode: 0o700});
    const path = join(DISKS, `layer-${randomUUID()}.qcow2`);
    const isOwn = dirname(image.path) === join(folder, DISKS);
    const reference = {path: isOwn ? basename(image.path) : image.path, format: diskFormatSchema.parse(image.format)};
    await this.#volumes.createLayer(join(folder, path), reference, sized, leastBytes);
    const {path: attachedPath, format} = below;
    const outside = isOwn ? [] : [image.path];
    return {
      path,
      format: OVERLAY_FORMAT,
      isReadOnly: false,
      backingFiles: [...new Set([...(below.backingFiles ?? []), ...outside])],
      attached: below.attached ?? {path: attachedPath, format},
    };
  }

  async #images({folder}: Pick<FleetMachine, 'folder'>, disk: Disk): Promise<Images> {
    const [plan] = await this.#volumes.plan(folder, [disk]);
    if (plan === undefined) throw new Error('one disk has one plan');
    return plan.images;
  }
}

/**
 * Whether a machine writes to an image that is its user's own file. A layer over it would make that file fall behind, so
 * none is put there but by somebody who asked for it.
 */
export function writesForeignImage({definition}: FleetMachine): boolean {
  return definition?.config.disks.some(({path, isReadOnly}) => !isReadOnly && isAbsolute(path)) ?? false;
}

/** An image below another that alone needs it, top first, and all that both stand on. */
interface Foldable {
  readonly chain: Images;
}

/** Of a machine's own images, two of which the lower serves only the upper, and neither is `fixed`. */
async function findFoldable(
  own: string,
  {heads, kept, fixed}: {heads: readonly Images[]; kept: readonly Images[]; fixed: ReadonlySet<string>},
): Promise<Foldable | undefined> {
  const all = [...heads, ...kept];
  const tops = new Set(all.map(([top]) => top?.path));
  const above = new Map<string, Set<string>>();
  for (const images of all)
    for (const [depth, {path}] of images.entries()) {
      const upper = images[depth - 1]?.path;
      if (upper !== undefined) above.set(path, (above.get(path) ?? new Set()).add(upper));
    }
  for (const images of all)
    for (const [depth, {path, format}] of images.entries()) {
      const upper = images[depth - 1];
      if (upper === undefined || tops.has(path) || above.get(path)?.size !== 1) continue;
      if (fixed.has(path) || fixed.has(upper.path)) continue;
      if (format !== OVERLAY_FORMAT || dirname(path) !== own || dirname(upper.path) !== own) continue;
      if ((await isShared(path)) || (await isShared(upper.path))) continue;
      return {chain: images.slice(depth - 1)};
    }
  return undefined;
}

/** Removes layers that no chain has. */
async function collect(own: string, images: Images): Promise<void> {
  const named = new Set(images.map(({path}) => path));
  for (const name of await readdir(own).catch(() => []))
    if (LAYER.test(name) && !named.has(join(own, name))) await rm(join(own, name), {force: true});
}

/** Another machine has it as well. */
async function isShared(path: string): Promise<boolean> {
  return (await stat(path)).nlink > 1;
}

async function shareFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (thrown) {
    // Two disks may stand on one image.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return;
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError(
      'storage-failed',
      `The image ${from} cannot be shared: ${detail}.`,
      'Keep the machines on a file system with hard links.',
      {cause: thrown},
    );
  }
}

function recordOf({path, format}: Images[number], folder: string, {attached, ...disk}: Disk): Disk {
  const {backingFiles = [], ...rest} = disk;
  const left = backingFiles.filter((file) => file !== path);
  return {
    ...rest,
    path: isInside(path, folder) ? relative(folder, path) : path,
    format: diskFormatSchema.parse(format),
    ...(left.length === 0 ? {} : {backingFiles: left}),
    ...(attached === undefined || resolve(folder, attached.path) === path ? {} : {attached}),
  };
}

const isInside = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);
