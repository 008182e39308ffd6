/**
 * Images made from machines, and machines made of those: with what ran in them, when they are of the same make, so that
 * they go on instead of booting.
 */
import {randomUUID} from 'node:crypto';
import type {Manifest} from '../archive/manifest.js';
import {hasProcess} from '../machine/lifecycle.js';
import {checkMemorySize} from '../machine/memory-size.js';
import {checkHartCount, checkHotThreshold, checkTier} from '../machine/processors.js';
import type {ParamsOutput} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import type {imageFrom} from '../protocol/image.js';
import type {Job} from '../protocol/job.js';
import type {machineCreate} from '../protocol/machine.js';
import type {MachineStore} from '../store/machine-store.js';
import type {TemplateStore} from '../store/template-store.js';
import type {ConsoleHub} from './console-hub.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {ImageService} from './image-service.js';
import type {JobService, JobWork} from './job-service.js';
import type {MachineDefiner} from './machine-definer.js';
import type {MachineLayers} from './machine-layers.js';
import type {Instant, MachinePacker, PinnedMachine} from './machine-packer.js';
import {refuseOtherDisks} from './machine-runner.js';
import type {MachineSaver} from './machine-saver.js';
import type {MachineSnapshots} from './machine-snapshots.js';
import type {MachineUnpacker} from './machine-unpacker.js';
import {pacedReport} from './paced-report.js';

/** What it works with. */
export interface TemplateParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly templates: TemplateStore;
  readonly images: ImageService;
  readonly jobs: JobService;
  readonly saver: MachineSaver;
  readonly snapshots: MachineSnapshots;
  readonly layers: MachineLayers;
  readonly consoles: ConsoleHub;
  readonly definer: MachineDefiner;
  readonly packer: MachinePacker;
  readonly unpacker: MachineUnpacker;
  readonly log: EventLog;
}

type CreateParams = ParamsOutput<typeof machineCreate>;

/** Snapshots of machines that were not taken as such have a name nevertheless. */
const STATE_NAME = 'image';

/** See the module. */
export class MachineTemplates {
  readonly #parts: TemplateParts;

  constructor(parts: TemplateParts) {
    this.#parts = parts;
  }

  /** See `imageFrom` for the errors. */
  async make({
    machine: reference,
    image,
    snapshot,
  }: ParamsOutput<typeof imageFrom>): Promise<{image: string; job: Job}> {
    const {fleet, templates, images, jobs, packer, saver, log} = this.#parts;
    const machine = fleet.find(reference);
    const name = templates.checkName(image ?? machine.name.toLowerCase().replaceAll('_', '-'));
    if (await images.isKnown(name))
      throw new ManagerError('name-taken', `There is an image named ${name} already.`, 'Choose another name.');
    const pinned = await saver.inTurn(machine.id, () => this.#pin(reference, snapshot));
    const work: JobWork = async (signal, report) => {
      try {
        await templates.create(name, pinned.draft, (writer) =>
          packer.pack(pinned, writer, 'viv image from', {signal, report: pacedReport(report)}),
        );
        log.record('image-built', `The image ${name} was made from ${machine.name}.`, machine);
      } finally {
        await packer.release(pinned, machine, this.#parts);
      }
    };
    return {image: name, job: jobs.start('image-from', name, work, randomUUID())};
  }

  /**
   * Makes a machine of an image that was made from one; undefined for other images. `note` says why it boots when it could
   * have gone on. Errors: as `machineCreate`
   */
  async create(params: CreateParams): Promise<{machine: FleetMachine; note: string | undefined} | undefined> {
    const {templates, unpacker, definer, log} = this.#parts;
    const {boot} = params;
    const template = boot.kind === 'image' ? await templates.find(boot.image) : undefined;
    if (template === undefined || boot.kind !== 'image') return undefined;
    // Its guest goes on with an address that another machine on the switch may have.
    if (params.network?.switch !== undefined)
      throw new ManagerError(
        'not-supported',
        'Machines of an image that was made from a machine cannot be on a switch.',
        'Create it without one, or take an image of a recipe.',
      );
    if (boot.diskBytes !== undefined || params.seed !== undefined)
      throw new ManagerError(
        'bad-request',
        `${template.name} was made from a machine: its disks are as they were there.`,
        'Leave out --root-size, --seed and --user-data.',
      );
    const {manifest} = template;
    const memoryBytes = checkMemorySize(params.memoryBytes ?? manifest.machine.memoryBytes);
    const hartCount = checkHartCount(params.hartCount ?? manifest.machine.hartCount);
    const differing = manifest.state === undefined ? [] : differences(params, manifest);
    const shares = await definer.checkShares(params.shares, manifest.disks.length + params.disks.length);
    const isWarm = manifest.state !== undefined && differing.length === 0;
    const {machine: packed} = manifest;
    const {tier = packed.tier, hotThreshold = packed.hotThreshold} = params;
    const machine = await unpacker.unpack({
      ...{id: randomUUID(), manifest, name: params.name, where: template.name, image: template.name},
      uses: isWarm ? 'state' : 'disks',
      changes: {
        ...{memoryBytes, hartCount, shares},
        ...(tier === undefined ? {} : {tier: checkTier(tier)}),
        ...(hotThreshold === undefined ? {} : {hotThreshold: checkHotThreshold(hotThreshold)}),
        ...(params.network === undefined ? {} : {network: params.network}),
        ...(boot.commandLine === undefined ? {} : {commandLine: boot.commandLine}),
      },
      provide: async (targets) => {
        for (const [part, target] of targets) await templates.share(template.name, part, target);
      },
      signal: new AbortController().signal,
    });
    try {
      for (const disk of params.disks) await definer.attachDisk(machine.id, disk);
    } catch (thrown) {
      await definer.remove(machine.id);
      throw thrown;
    }
    log.record('machine-created', `${machine.name} was created from the image ${template.name}.`, machine);
    const note =
      differing.length === 0
        ? undefined
        : `${machine.name} boots from its disks: what runs in ${template.name} needs the same ${differing.join(', ')}.`;
    return {machine, note};
  }

  async #pin(reference: string, snapshot: string | undefined): Promise<PinnedMachine> {
    const {fleet, packer, saver} = this.#parts;
    if (snapshot !== undefined) {
      const machine = fleet.findFor('rename', reference);
      return packer.pinSnapshot(machine, await this.#parts.snapshots.find(machine, snapshot));
    }
    const {state} = fleet.find(reference);
    const machine = fleet.findFor(hasProcess(state) ? 'fork' : 'clone', reference);
    try {
      return await packer.pin(machine, await (hasProcess(state) ? this.#ofRunning(machine) : this.#ofStopped(machine)));
    } finally {
      // It has what it needs by links: what was taken for it goes.
      if (hasProcess(state)) await saver.collect(machine);
    }
  }

  /** The machine goes on. */
  async #ofRunning(machine: FleetMachine): Promise<Instant> {
    const {consoles, saver} = this.#parts;
    const {size: screenSize, render} = await consoles.look(machine.id);
    const {saved, disks, memoryId, sources} = await saver.capture(machine, {passes: true});
    const {touchedBytes, pausedMs} = saved;
    const memory = {memoryId, sources, touchedBytes, pausedMs};
    const seen = {name: STATE_NAME, createdAtMs: Date.now(), screenSize, screen: await render()};
    return {config: machine.definition!.config, disks, state: {...memory, ...seen}};
  }

  /** From now on machine and image stand on what was the top. */
  async #ofStopped(machine: FleetMachine): Promise<Instant> {
    const {layers, consoles} = this.#parts;
    const {config} = machine.definition!;
    if (machine.saved !== undefined) await refuseOtherDisks(machine.name, machine.saved);
    const {frozen, next} = await layers.grow(machine, config.disks);
    await layers.define(machine, next);
    if (machine.saved === undefined) return {config, disks: frozen};
    const {atMs: createdAtMs, touchedBytes, memoryId, sources} = machine.saved;
    const {size: screenSize, render} = await consoles.look(machine.id);
    const memory = {memoryId, sources, touchedBytes, pausedMs: 0};
    const seen = {name: STATE_NAME, createdAtMs, screenSize, screen: await render()};
    return {config, disks: frozen, state: {...memory, ...seen}};
  }
}

/** What a machine would have to have in common with one that runs in an image, to go on from there. */
function differences({memoryBytes, hartCount, disks, shares, boot}: CreateParams, {machine}: Manifest): string[] {
  return [
    ...((memoryBytes ?? machine.memoryBytes) === machine.memoryBytes ? [] : ['memory size']),
    ...((hartCount ?? machine.hartCount) === machine.hartCount ? [] : ['number of CPUs']),
    ...(disks.length === 0 ? [] : ['disks']),
    ...(shares.length === 0 ? [] : ['shared folders']),
    ...(boot.kind === 'image' && boot.commandLine !== undefined ? ['kernel command line'] : []),
  ];
}
