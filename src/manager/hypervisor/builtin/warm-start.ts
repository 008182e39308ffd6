/**
 * Machines that have booted already: the state of a guest that waits for its command, kept beside the images, so that
 * the next run of the same image on the same machine goes on there instead of booting. A file that is missing, broken
 * or of another build costs a boot, never a run.
 */
import {createHash, randomBytes} from 'node:crypto';
import {mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {bundledEntry} from '../../bundle.js';
import {TEMPORARY_PREFIX} from '../../store/atomic-file.js';
import type {AssemblyPlan} from './assembly.js';
import type {EngineHost} from './engine-host.js';

/** States that are kept; the one unused for longest goes first. Each is some 40 MB. */
const MOST_KEPT = 4;
const SUFFIX = '.saved';

/** Where states are kept, and what the image is known by. */
export interface WarmFolder {
  readonly folder: string;
  readonly imageDigest: string;
}

/** The state that a plan would go on from, and a note that may go with it. */
export class WarmStart {
  readonly path: string;
  readonly #notePath: string;
  readonly #folder: string;

  private constructor(folder: string, key: string) {
    this.#folder = folder;
    this.path = join(folder, `${key}${SUFFIX}`);
    this.#notePath = join(folder, `${key}.note`);
  }

  /** `imageDigest` stands for the content of kernel and initramfs. */
  static async of(
    folder: string,
    imageDigest: string,
    {memoryBytes, hartCount, boot, ports, network}: Omit<AssemblyPlan, 'tier' | 'regions'>,
  ): Promise<WarmStart> {
    const hash = createHash('sha256');
    // What lies where in a state is this build's: the models of all devices are in the harts' program.
    hash.update(await readFile(bundledEntry('hart')));
    hash.update(JSON.stringify([imageDigest, memoryBytes, hartCount, boot, ports, network?.kind]));
    return new WarmStart(folder, hash.digest('hex').slice(0, 32));
  }

  /** Whether there is a state; it then counts as used. */
  async find(): Promise<boolean> {
    const now = new Date();
    return utimes(this.path, now, now).then(
      () => true,
      () => false,
    );
  }

  /** The note of the state, when there are both; the state then counts as used. */
  async findNote(): Promise<string | undefined> {
    const note = await readFile(this.#notePath, 'latin1').catch(() => undefined);
    return note !== undefined && (await this.find()) ? note : undefined;
  }

  /**
   * Keeps the present state of a host, which goes on once it is `taken`, with a note in latin1. Without room or rights
   * nothing is kept.
   */
  keep(host: EngineHost, note?: string): {readonly taken: Promise<void>; readonly done: Promise<void>} {
    const taken = Promise.withResolvers<void>();
    const done = this.#keep(host, taken.resolve, note).finally(taken.resolve);
    return {taken: taken.promise, done};
  }

  async #keep(host: EngineHost, onTaken: () => void, note: string | undefined): Promise<void> {
    const temporary = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`);
    try {
      await mkdir(this.#folder, {recursive: true, mode: 0o700});
      await host.save({path: temporary, packing: 'quick'}, onTaken);
      if (note !== undefined) await writeFile(this.#notePath, note, {encoding: 'latin1', mode: 0o600});
      await rename(temporary, this.path);
      await this.#removeOthers();
    } catch {
      await rm(temporary, {force: true}).catch(() => undefined);
    }
  }

  /** Forgets a state that turned out to be of no use. */
  async drop(): Promise<void> {
    await rm(this.path, {force: true});
  }

  async #removeOthers(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(SUFFIX));
    const paths = names.map((name) => join(this.#folder, name));
    const dated = await Promise.all(paths.map(async (path) => ({path, at: (await stat(path)).mtimeMs})));
    const unused = dated.sort((a, b) => b.at - a.at).slice(MOST_KEPT);
    const notes = unused.map(({path}) => path.replace(SUFFIX, '.note'));
    await Promise.all([...unused.map(({path}) => path), ...notes].map((path) => rm(path, {force: true})));
  }
}
