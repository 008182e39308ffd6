/**
 * States of machines' memory on disk, in a machine's folder: `memory/ID.state`, written once and never changed. A state may
 * stand on others beside it, for what has not changed; whoever names a state names those too.
 */
import {link, mkdir, readdir, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import * as z from 'zod';
import {syncFolder, TEMPORARY_PREFIX} from './atomic-file.js';

/** A state, and the others that it stands on. */
export const memoryRefSchema = z.object({memoryId: z.uuid(), sources: z.array(z.uuid()).max(1000)});
/** See `memoryRefSchema`. */
export type MemoryRef = z.output<typeof memoryRefSchema>;

/** Beside the folder: what could not be read and may name any state. */
export const UNREADABLE_LIFE = 'state-unreadable.json';

const NAME = /^(.+)\.state$/;

/** See the module. */
export class MemoryStore {
  readonly #folderOf: (machineId: string) => string;

  constructor(folderOf: (machineId: string) => string) {
    this.#folderOf = folderOf;
  }

  path(machineId: string, memoryId: string): string {
    return join(this.#root(machineId), `${memoryId}.state`);
  }

  /** Where a state is written until it is whole; its folder is there then. */
  async temporaryPath(machineId: string, memoryId: string): Promise<string> {
    await mkdir(this.#root(machineId), {recursive: true, mode: 0o700});
    return join(this.#root(machineId), `${TEMPORARY_PREFIX}${memoryId}`);
  }

  /** Gives a finished state its name, durably. */
  async settle(machineId: string, memoryId: string): Promise<void> {
    await rename(await this.temporaryPath(machineId, memoryId), this.path(machineId, memoryId));
    await syncFolder(this.#root(machineId));
    await syncFolder(this.#folderOf(machineId));
  }

  /** All states that are whole. */
  async list(machineId: string): Promise<string[]> {
    return (await entries(this.#root(machineId))).flatMap((entry) => {
      const id = entry.startsWith(TEMPORARY_PREFIX) ? undefined : NAME.exec(entry)?.[1];
      return id ?? [];
    });
  }

  /** What each state takes on disk. Units: bytes */
  async sizes(machineId: string): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const id of await this.list(machineId)) {
      // 512 whatever the file system's own block is.
      const {blocks} = await stat(this.path(machineId, id));
      sizes.set(id, blocks * 512);
    }
    return sizes;
  }

  /** Removes the states that nobody names; says whether unfinished ones were among them when those go too. */
  async collect(machineId: string, named: readonly MemoryRef[], isSweeping = false): Promise<boolean> {
    const kept = new Set(named.flatMap(({memoryId, sources}) => [memoryId, ...sources]).map((id) => `${id}.state`));
    const isAllKept = (await entries(this.#folderOf(machineId))).includes(UNREADABLE_LIFE);
    const gone = (await entries(this.#root(machineId))).filter((entry) =>
      entry.startsWith(TEMPORARY_PREFIX) ? isSweeping : !isAllKept && !kept.has(entry),
    );
    for (const entry of gone) await rm(join(this.#root(machineId), entry), {force: true});
    return gone.some((entry) => entry.startsWith(TEMPORARY_PREFIX));
  }

  /** Gives a state to a machine whose folder is in the making: both have it from then on, and it takes no more room. */
  async share(machineId: string, {memoryId, sources}: MemoryRef, folder: string): Promise<void> {
    const target = join(folder, 'memory');
    await mkdir(target, {recursive: true, mode: 0o700});
    for (const id of [memoryId, ...sources]) await link(this.path(machineId, id), join(target, `${id}.state`));
    await syncFolder(target);
  }

  #root(machineId: string): string {
    return join(this.#folderOf(machineId), 'memory');
  }
}

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
}
