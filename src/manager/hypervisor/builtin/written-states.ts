/**
 * The states that machines wrote while this daemon ran, as they were left: nobody has to read all of one again before a
 * machine may go on from it. What its memory holds is checked all the same, when it is read. Told apart by inode, size and
 * time of the last write, so under every name of the file, and not once something was written to it.
 */
import {readdir, stat} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {stateIdOf} from './saved/saved-base.js';

/** States remembered, the newest ones. */
const REMEMBERED_MAX = 4096;

/** See the module. */
export class WrittenStates {
  readonly #keys = new Set<string>();

  /** A state that is durable now. One that cannot be looked at is checked later. */
  async add(path: string): Promise<void> {
    const key = await keyOf(path);
    if (key === undefined) return;
    this.#keys.add(key);
    for (const oldest of this.#keys) {
      if (this.#keys.size <= REMEMBERED_MAX) break;
      this.#keys.delete(oldest);
    }
  }

  /** A state and those beside it, by the names of their files less `.state`, as far as they are as they were written. */
  async beside(path: string): Promise<string[]> {
    if (this.#keys.size === 0) return [];
    const folder = dirname(path);
    const names = await readdir(folder).catch(() => []);
    const known = await Promise.all(
      names.map(async (name) => {
        const id = stateIdOf(name);
        const key = id === undefined ? undefined : await keyOf(join(folder, name));
        return id !== undefined && key !== undefined && this.#keys.has(key) ? [id] : [];
      }),
    );
    return known.flat();
  }
}

async function keyOf(path: string): Promise<string | undefined> {
  try {
    const {dev, ino, size, mtimeNs} = await stat(path, {bigint: true});
    return [dev, ino, size, mtimeNs].join(':');
  } catch {
    return undefined;
  }
}
