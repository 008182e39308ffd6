/**
 * Machines on disk. Each is a folder named by its id:
 *
 *   machines/ID/machine.json   the definition: name, config (this file's loss is the machine's loss)
 *   machines/ID/state.json     what became of it: the process that runs it, or why it crashed
 *   machines/ID/state-unreadable.json   one that could not be read; while it is there no saved memory is removed
 *   machines/ID/memory/        see `memory-store.ts`
 *   machines/ID/snapshots/     see `snapshot-store.ts`
 *   machines/ID/disks/         disks made for it
 *   machines/ID/boot/          what it boots, when it came with that
 *   machines/ID/console.log    written by its process
 *
 * Removing moves the folder to trash/, from where it comes back whole.
 */
import {randomUUID} from 'node:crypto';
import {mkdir, readdir, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import * as z from 'zod';
import {ManagerError} from '../protocol/errors.js';
import {labelsSchema} from '../protocol/labels.js';
import {machineConfigSchema, savedStateSchema} from '../protocol/machine.js';
import {makeFolder, syncFolder, TEMPORARY_PREFIX} from './atomic-file.js';
import {type MemoryRef, MemoryStore, UNREADABLE_LIFE} from './memory-store.js';
import {SnapshotStore} from './snapshot-store.js';
import {readStateFile, type StateFormat, writeStateFile} from './versioned-file.js';

const definitionSchema = z.object({
  id: z.uuid(),
  name: z.string().min(1),
  createdAtMs: z.number(),
  driver: z.string().min(1),
  config: machineConfigSchema,
  labels: labelsSchema.optional(),
});
/** Content of machine.json. */
export type MachineDefinition = z.output<typeof definitionSchema>;

const lifeSchema = z.object({
  /** The name again, to call a machine by it whose definition is broken. */
  name: z.string(),
  process: z
    .object({
      pid: z.number().int(),
      startToken: z.string().optional(),
      startedAtMs: z.number(),
      consoleBase: z.number(),
    })
    .optional(),
  crash: z.object({reason: z.string(), atMs: z.number()}).optional(),
  /** There is a state to go on from. With a `process`, that one is not to run on. */
  saved: savedStateSchema.optional(),
  /** The snapshot taken or gone back to last. */
  snapshotId: z.string().optional(),
});
/** Content of state.json. */
export type MachineLife = z.output<typeof lifeSchema>;

/** The format of machine.json. */
export const definitionFormat: StateFormat<typeof definitionSchema> = {
  title: 'machine definition',
  version: 1,
  schema: definitionSchema,
  migrations: {},
};

const lifeFormat: StateFormat<typeof lifeSchema> = {
  title: 'machine state',
  version: 1,
  schema: lifeSchema,
  migrations: {},
};

/** What a machine's folder holds: `definition`, or why there is none. */
export interface StoredMachine {
  readonly id: string;
  readonly definition: MachineDefinition | ManagerError;
  readonly life: MachineLife | undefined;
  /** Why `life` is missing although there was something, in one sentence. */
  readonly lifeProblem?: string | undefined;
}

/** What a machine has from the start. */
export interface Prepared {
  readonly saved?: MachineLife['saved'];
  readonly snapshotId?: string;
  readonly disks?: MachineDefinition['config']['disks'];
  readonly boot?: MachineDefinition['config']['boot'];
}

/** See the module. */
export class MachineStore {
  readonly memory = new MemoryStore((id) => this.folder(id));
  readonly snapshots = new SnapshotStore((id) => this.folder(id));
  readonly #machines: string;
  readonly #trash: string;

  constructor(folders: {readonly machines: string; readonly trash: string}) {
    this.#machines = folders.machines;
    this.#trash = folders.trash;
  }

  /** Creates the folders and clears what an interrupted write or creation left. */
  async open(): Promise<void> {
    for (const folder of [this.#machines, this.#trash]) await makeFolder(folder);
    for (const entry of await readdir(this.#machines))
      if (entry.startsWith(TEMPORARY_PREFIX)) await rm(join(this.#machines, entry), {recursive: true, force: true});
  }

  folder(id: string): string {
    return join(this.#machines, id);
  }

  /** A folder beside the machines', for work of this daemon. Its owner removes it, or the next `open` does. */
  async scratch(): Promise<string> {
    const folder = join(this.#machines, `${TEMPORARY_PREFIX}${randomUUID()}`);
    await mkdir(folder, {mode: 0o700});
    return folder;
  }

  /** Removes what an interrupted write left in a machine's folder; says whether there was any. */
  async sweep(id: string, saved: MemoryRef | undefined): Promise<boolean> {
    const folder = this.folder(id);
    const left = (await readdir(folder)).filter((entry) => entry.startsWith(TEMPORARY_PREFIX));
    for (const entry of left) await rm(join(folder, entry), {recursive: true, force: true});
    const hadSnapshot = await this.snapshots.sweep(id);
    const {snapshots, broken} = await this.snapshots.list(id);
    // A snapshot that cannot be read may name anything.
    const named = [...snapshots, ...(saved === undefined ? [] : [saved])];
    const hadMemory = broken.length === 0 && (await this.memory.collect(id, named, true));
    return left.length > 0 || hadSnapshot || hadMemory;
  }

  /** Every machine, also those whose definition cannot be read. */
  async list(): Promise<StoredMachine[]> {
    const entries = await readdir(this.#machines, {withFileTypes: true});
    return Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => this.#read(entry.name)));
  }

  /**
   * Adds a machine: `prepare` fills its folder before the machine appears, and may answer with a saved state in it, what
   * it boots and the disks it has made; when it fails nothing is left. Answers with what is written down.
   */
  async create(
    definition: MachineDefinition,
    prepare: (folder: string) => Promise<Prepared | undefined>,
  ): Promise<{readonly definition: MachineDefinition; readonly life: MachineLife}> {
    const unfinished = join(this.#machines, `${TEMPORARY_PREFIX}${definition.id}`);
    try {
      await mkdir(unfinished, {mode: 0o700});
      const {config} = definition;
      const {saved, snapshotId, disks = config.disks, boot = config.boot} = (await prepare(unfinished)) ?? {};
      const life = {name: definition.name, saved, snapshotId};
      const complete = {...definition, config: {...config, boot, disks: [...disks]}};
      await writeStateFile(join(unfinished, 'machine.json'), definitionFormat, complete);
      await writeStateFile(join(unfinished, 'state.json'), lifeFormat, life);
      await rename(unfinished, this.folder(definition.id));
      await syncFolder(this.#machines);
      return {definition: complete, life};
    } catch (thrown) {
      await rm(unfinished, {recursive: true, force: true});
      throw thrown;
    }
  }

  async saveDefinition(definition: MachineDefinition): Promise<void> {
    await writeStateFile(join(this.folder(definition.id), 'machine.json'), definitionFormat, definition);
  }

  async saveLife(id: string, life: MachineLife): Promise<void> {
    await writeStateFile(join(this.folder(id), 'state.json'), lifeFormat, life);
  }

  /** Moves a machine to the trash. */
  async discard(id: string): Promise<void> {
    await rename(this.folder(id), join(this.#trash, id));
    await syncFolder(this.#trash);
    await syncFolder(this.#machines);
  }

  /** Brings a machine back, by id, or the one discarded last. Errors: machine-not-found */
  async recover(id?: string): Promise<StoredMachine> {
    const found = await this.#findDiscarded(id);
    if (found === undefined)
      throw new ManagerError(
        'machine-not-found',
        id === undefined ? 'The trash is empty.' : 'That machine is not in the trash.',
        'See `viv ls` for the machines there are.',
      );
    await rename(join(this.#trash, found), this.folder(found));
    await syncFolder(this.#machines);
    return this.#read(found);
  }

  async #findDiscarded(id: string | undefined): Promise<string | undefined> {
    const entries = await readdir(this.#trash);
    if (id !== undefined) return entries.find((entry) => entry === id);
    const ages = await Promise.all(
      entries.map(async (entry) => ({entry, movedAtMs: (await stat(join(this.#trash, entry))).ctimeMs})),
    );
    return ages.sort((a, b) => b.movedAtMs - a.movedAtMs)[0]?.entry;
  }

  async #read(id: string): Promise<StoredMachine> {
    const folder = this.folder(id);
    const [definition, life] = await Promise.all([
      readStateFile(join(folder, 'machine.json'), definitionFormat).catch(asError),
      readStateFile(join(folder, 'state.json'), lifeFormat).catch(asError),
    ]);
    const lived = life instanceof ManagerError ? {life: undefined, lifeProblem: await setAside(folder, life)} : {life};
    if (definition === undefined) return {id, definition: missing(folder), ...lived};
    const isMisplaced = !(definition instanceof ManagerError) && definition.id !== id;
    return {id, definition: isMisplaced ? misplaced(folder) : definition, ...lived};
  }
}

function asError(thrown: unknown): ManagerError {
  if (thrown instanceof ManagerError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ManagerError('state-file-broken', `A file of the machine cannot be read: ${detail}.`, 'Check the file.');
}

/** It may name a saved state: it is kept, and the next one does not replace it. */
async function setAside(folder: string, {message}: ManagerError): Promise<string> {
  const aside = join(folder, UNREADABLE_LIFE);
  await rename(join(folder, 'state.json'), aside).catch(() => undefined);
  return `${message} It is ${aside} now; while it is there, no saved memory in ${join(folder, 'memory')} is removed.`;
}

function missing(folder: string): ManagerError {
  return new ManagerError(
    'state-file-broken',
    `The folder ${folder} has no machine.json.`,
    'Put the file back, or remove the machine to move the folder to the trash.',
  );
}

function misplaced(folder: string): ManagerError {
  return new ManagerError(
    'state-file-broken',
    `The machine.json in ${folder} belongs to a machine with another id.`,
    'Was the folder copied? Remove the machine to move the folder to the trash.',
  );
}
