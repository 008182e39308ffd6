/**
 * Snapshots on disk, in a machine's folder:
 *
 *   snapshots/ID/snapshot.json   name, note, parent, what the machine was made of, and the name of its memory's state
 *   snapshots/ID/screen          the console's screen: text with escape sequences
 *
 * A folder gets its name when all that it names is durable, and loses it before that goes: what has a name is whole.
 */
import {randomUUID} from 'node:crypto';
import {mkdir, readdir, readFile, rename, rm} from 'node:fs/promises';
import {basename, join} from 'node:path';
import type {z} from 'zod';
import {toManagerError} from '../protocol/errors.js';
import {machineConfigSchema} from '../protocol/machine.js';
import {snapshotSchema} from '../protocol/snapshot.js';
import {syncFolder, TEMPORARY_PREFIX, writeFileAtomic} from './atomic-file.js';
import {memoryRefSchema} from './memory-store.js';
import {readStateFile, type StateFormat, writeStateFile} from './versioned-file.js';

const SCREEN = 'screen';

const storedSchema = snapshotSchema.omit({isCurrent: true, memoryBytes: true, hartCount: true}).extend({
  ...memoryRefSchema.shape,
  /** Its disks are frozen: nobody writes their images. */
  config: machineConfigSchema.pick({memoryBytes: true, hartCount: true, disks: true}),
});
/** Content of snapshot.json. */
export type StoredSnapshot = z.output<typeof storedSchema>;

const format: StateFormat<typeof storedSchema> = {
  title: 'snapshot',
  version: 1,
  schema: storedSchema,
  migrations: {},
};

/** See the module. */
export class SnapshotStore {
  readonly #folderOf: (machineId: string) => string;

  constructor(folderOf: (machineId: string) => string) {
    this.#folderOf = folderOf;
  }

  /** All of a machine, oldest first, and a sentence for each that cannot be read. */
  async list(machineId: string): Promise<{snapshots: StoredSnapshot[]; broken: string[]}> {
    const snapshots: StoredSnapshot[] = [];
    const broken: string[] = [];
    for (const id of await this.#entries(machineId)) {
      if (id.startsWith(TEMPORARY_PREFIX)) continue;
      try {
        const snapshot = await readStateFile(this.#description(machineId, id), format);
        if (snapshot?.id === id) snapshots.push(snapshot);
        else broken.push(`The folder ${this.#folder(machineId, id)} is no snapshot of this machine.`);
      } catch (thrown) {
        broken.push(toManagerError(thrown).message);
      }
    }
    return {snapshots: snapshots.sort((a, b) => a.createdAtMs - b.createdAtMs), broken};
  }

  /** Adds a snapshot of a state that is durable. When it fails nothing is left. */
  async create(machineId: string, described: Omit<StoredSnapshot, 'id'>, screen: string): Promise<StoredSnapshot> {
    const id = randomUUID();
    await mkdir(this.#root(machineId), {recursive: true, mode: 0o700});
    const unfinished = this.#folder(machineId, `${TEMPORARY_PREFIX}${id}`);
    try {
      await mkdir(unfinished, {mode: 0o700});
      const snapshot = {...described, id};
      await writeFileAtomic(join(unfinished, SCREEN), screen);
      await writeStateFile(join(unfinished, 'snapshot.json'), format, snapshot);
      await rename(unfinished, this.#folder(machineId, id));
      await syncFolder(this.#root(machineId));
      await syncFolder(this.#folderOf(machineId));
      return snapshot;
    } catch (thrown) {
      await rm(unfinished, {recursive: true, force: true});
      throw thrown;
    }
  }

  async describe(machineId: string, snapshot: StoredSnapshot): Promise<void> {
    await writeStateFile(this.#description(machineId, snapshot.id), format, snapshot);
  }

  /** The console's screen at that instant; empty when it cannot be read, since it is no more than a picture. */
  async screen(machineId: string, id: string): Promise<string> {
    return readFile(join(this.#folder(machineId, id), SCREEN), 'utf8').catch(() => '');
  }

  async remove(machineId: string, id: string): Promise<void> {
    const going = this.#folder(machineId, `${TEMPORARY_PREFIX}${id}`);
    await rename(this.#folder(machineId, id), going);
    await syncFolder(this.#root(machineId));
    await rm(going, {recursive: true});
  }

  /** Removes what an interrupted write left; says whether there was any. */
  async sweep(machineId: string): Promise<boolean> {
    const left: string[] = [];
    for (const entry of await this.#entries(machineId)) {
      const inside = entry.startsWith(TEMPORARY_PREFIX) ? [] : await readdir(this.#folder(machineId, entry));
      const unfinished = [entry, ...inside.map((name) => join(entry, name))];
      left.push(...unfinished.filter((path) => basename(path).startsWith(TEMPORARY_PREFIX)));
    }
    for (const entry of left) await rm(this.#folder(machineId, entry), {recursive: true, force: true});
    return left.length > 0;
  }

  #root(machineId: string): string {
    return join(this.#folderOf(machineId), 'snapshots');
  }

  #folder(machineId: string, id: string): string {
    return join(this.#root(machineId), id);
  }

  #description(machineId: string, id: string): string {
    return join(this.#folder(machineId, id), 'snapshot.json');
  }

  async #entries(machineId: string): Promise<string[]> {
    try {
      return await readdir(this.#root(machineId));
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
      throw thrown;
    }
  }
}
