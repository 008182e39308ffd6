/**
 * Who uses which disk image: one writer, or any number of readers. Each use is a file that names image and process, in a
 * folder all programs of this user share; a use whose process is gone does not count. Images are known by device and
 * inode, so that links and other paths are the same image. QEMU's own locks are looked at as well.
 *
 * A use is announced first and compared with the others then: of two that come at the same moment both may be refused,
 * never both accepted.
 */
import {randomUUID} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as z from 'zod';
import {ManagerError} from '../protocol/errors.js';
import {isUsedByQemu} from './kernel-locks.js';
import {identifyProcess, isAlive, type ProcessIdentity} from './process-identity.js';

const useSchema = z.object({
  pid: z.number().int().positive(),
  startToken: z.string().optional(),
  owner: z.string(),
  path: z.string(),
  isWriting: z.boolean(),
});
type Use = z.output<typeof useSchema>;

/** An image that is wanted. */
export interface ImageUse {
  readonly path: string;
  readonly isWriting: boolean;
}

/** Uses that are held; disposing ends them. */
export interface HeldImages extends Disposable {
  /** From now on they last as long as that process. */
  handOver(process: ProcessIdentity): void;
}

/** See the module. */
export class ImageLocks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Forgets uses whose process is gone. */
  sweep(): void {
    for (const file of this.#files()) {
      const use = read(file);
      if (use === undefined || !isAlive(use)) rmSync(file, {force: true});
    }
  }

  /**
   * Takes all images or none, for this process or another. `owner` is who others are told has them: a machine's name or a
   * command. Other uses by the same foreign process are in nobody's way, and end once these are taken.
   * Errors: disk-in-use, file-not-found
   */
  acquire(images: readonly ImageUse[], owner: string, foreign?: ProcessIdentity): HeldImages {
    if (images.length > 0) mkdirSync(this.#folder, {recursive: true, mode: 0o700});
    const held: {readonly file: string; use: Use}[] = [];
    const release = () => {
      for (const {file} of held.splice(0)) rmSync(file, {force: true});
    };
    try {
      for (const {path, isWriting} of images) {
        const {dev, ino} = identify(path);
        const self: ProcessIdentity = foreign ?? identifyProcess(process.pid) ?? {pid: process.pid};
        const use: Use = {...self, owner, path, isWriting};
        const key = `${dev}-${ino}.`;
        const file = join(this.#folder, `${key}${randomUUID()}`);
        write(file, use);
        held.push({file, use});
        this.#refuseClash(key, file, use, foreign);
        if (isUsedByQemu({dev, ino}, isWriting)) throw inUse(path, 'QEMU', false);
      }
    } catch (thrown) {
      release();
      throw thrown;
    }
    if (foreign) this.#forget(foreign, new Set(held.map(({file}) => file)));
    return {
      handOver: (identity) => {
        for (const one of held) {
          one.use = {owner: one.use.owner, path: one.use.path, isWriting: one.use.isWriting, ...identity};
          write(one.file, one.use);
        }
      },
      [Symbol.dispose]: release,
    };
  }

  #files(): string[] {
    try {
      return readdirSync(this.#folder)
        .filter((name) => !name.endsWith('.new'))
        .map((name) => join(this.#folder, name));
    } catch {
      // Nobody has used an image yet.
      return [];
    }
  }

  /** Ends what a process uses, but for some. */
  #forget(process: ProcessIdentity, kept: ReadonlySet<string>): void {
    for (const file of this.#files()) {
      const use = kept.has(file) ? undefined : read(file);
      if (use !== undefined && isSame(use, process)) rmSync(file, {force: true});
    }
  }

  #refuseClash(key: string, own: string, {path, isWriting}: Use, foreign: ProcessIdentity | undefined): void {
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      if (!name.startsWith(key) || name.endsWith('.new') || file === own) continue;
      const other = read(file);
      if (other === undefined || (foreign && isSame(other, foreign))) continue;
      if (!isAlive(other)) rmSync(file, {force: true});
      else if (isWriting || other.isWriting) throw inUse(path, other.owner, !other.isWriting);
    }
  }
}

function isSame(use: Use, process: ProcessIdentity): boolean {
  return use.pid === process.pid && use.startToken === process.startToken;
}

/** What is only read can be stood on meanwhile. */
function inUse(path: string, owner: string, canBeStoodOn: boolean): ManagerError {
  return new ManagerError(
    'disk-in-use',
    `The disk ${path} is in use by ${owner}.`,
    canBeStoodOn
      ? `Shut ${owner} down first, or make an overlay: viv disk create --backing ${path} NEW`
      : `Shut ${owner} down first, or use another disk.`,
  );
}

function identify(path: string): {readonly dev: number; readonly ino: number} {
  try {
    return statSync(path);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `The disk ${path} cannot be read: ${detail}.`, 'Check the path.');
  }
}

/** Whole or not there: readers come at any time. */
function write(file: string, use: Use): void {
  const complete = `${file}.new`;
  writeFileSync(complete, JSON.stringify(use), {mode: 0o600});
  renameSync(complete, file);
}

function read(file: string): Use | undefined {
  try {
    return useSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Ended at this moment, or not written by us.
    return undefined;
  }
}
