/**
 * Names by which a machine process reaches what it may, when its permissions were given before its machine was known:
 * links in a folder of its own. Permissions are of names, and links are followed (Node 26); the process cannot make
 * others. Daemon and process work the names out by themselves, from the launch.
 *
 *   FOLDER/w/machine      the machine's folder            FOLDER/r/kernel, initrd, loader.elf, firmware.elf, saved
 *   FOLDER/w/disk-0-0.img a disk that is written          FOLDER/r/disk-0-1.img …   images that are read
 */
import {symlink} from 'node:fs/promises';
import {join} from 'node:path';
import {bootParts, withBootPaths} from '../../bootable/boot-paths.js';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import type {Launch} from './link.js';

/** Folders of what is read and of what is written too. */
export const placeFolders = (folder: string) => ({read: join(folder, 'r'), written: join(folder, 'w')});

/** Names of one process. Those without a link are their own. */
export class Places {
  /** Names of the host, each with the link that leads there; folders end in a slash, and what is in them needs none. */
  readonly #links: readonly (readonly [path: string, link: string])[];

  private constructor(links: readonly (readonly [string, string])[]) {
    this.#links = links;
  }

  /** Of a process whose permissions are of the names of the host. */
  static readonly none = new Places([]);

  /** What a machine needs, below a folder of its process's. Shared folders cannot be reached through links. */
  static of({folder: machine, boot, savedPath, disks}: Launch, folder: string): Places {
    const {read, written} = placeFolders(folder);
    const files = [
      ...Object.entries(bootParts(boot)).map(([part, path]) => [path, join(read, part)] as const),
      [savedPath, join(read, 'saved')] as const,
      ...disks.flatMap(({images, isReadOnly}, disk) =>
        images.map(
          ({path}, image) =>
            [path, join(image > 0 || isReadOnly ? read : written, `disk-${disk}-${image}.img`)] as const,
        ),
      ),
    ];
    const links = new Map<string, string>([[`${machine}/`, `${join(written, 'machine')}/`]]);
    for (const [path, link] of files)
      if (path !== undefined && !path.startsWith(`${machine}/`) && !links.has(path)) links.set(path, link);
    return new Places([...links]);
  }

  /** Makes the links. Errors: system errors pass through */
  async make(): Promise<void> {
    for (const [path, link] of this.#links) await symlink(withoutSlash(path), withoutSlash(link));
  }

  /** The name that the process has for a path of the host. */
  inside(path: string): string {
    for (const [from, to] of this.#links) {
      if (path === withoutSlash(from)) return withoutSlash(to);
      if (from.endsWith('/') && path.startsWith(from)) return to + path.slice(from.length);
    }
    return path;
  }

  /** The launch as the process is to read it. */
  launch(launch: Launch): Launch {
    const inside = (path: string) => this.inside(path);
    const {boot, savedPath} = launch;
    return {
      ...launch,
      folder: inside(launch.folder),
      boot: withBootPaths(boot, inside),
      disks: launch.disks.map((disk) => ({
        ...disk,
        images: disk.images.map((image) => ({...image, path: inside(image.path)})),
      })),
      savedPath: savedPath === undefined ? undefined : inside(savedPath),
      soundStates: launch.soundStates.map(inside),
    };
  }

  /** A text of the process with the names of the host: a path, or a sentence that has some. */
  outside(text: string): string {
    return this.#links.reduce(
      (sum, [path, link]) => sum.replaceAll(link, path).replaceAll(withoutSlash(link), withoutSlash(path)),
      text,
    );
  }

  /** What went wrong in the process, for people who know the names of the host. */
  outsideError(thrown: unknown): ManagerError {
    const error = toManagerError(thrown);
    if (this.#links.length === 0) return error;
    return new ManagerError(error.code, this.outside(error.message), this.outside(error.hint), {cause: thrown});
  }
}

const withoutSlash = (path: string) => (path.endsWith('/') ? path.slice(0, -1) : path);
