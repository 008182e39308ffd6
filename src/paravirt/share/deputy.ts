/**
 * Calls that Node's permission model refuses to a machine process, or that Node offers only in a way that follows links:
 * done here where there is no such model, and by the daemon for a machine process. Whoever does them finds the files by
 * their names from the shared folder, in the same way as everything else, so that asking gets nobody further than that.
 */
import {chmodSync, closeSync, constants, fdatasync, fsync, linkSync, openSync, renameSync, symlinkSync} from 'node:fs';
import {ERRNO, errnoOf} from './errno.js';
import type {HostFolder} from './host-folder.js';
import type {Place} from './place.js';
import {plainName} from './plain-name.js';
import {ShareError} from './share-error.js';

/** Names from the shared folder down to a file. */
export type Names = readonly string[];

/** What can be asked. */
export type DeputyTask =
  | {readonly kind: 'sync'; readonly names: Names; readonly isDataOnly: boolean}
  | {readonly kind: 'chmod'; readonly names: Names; readonly mode: number}
  | {readonly kind: 'symlink'; readonly names: Names; readonly target: string}
  | {readonly kind: 'link' | 'rename'; readonly names: Names; readonly newNames: Names};

/** Who does it. */
export interface Deputy {
  /** Resolves with 0, or with an error's number. */
  perform(task: DeputyTask): Promise<number>;
}

/** Opens the file itself, without any right to its content, and no link. Source: Linux include/uapi/asm-generic/fcntl.h */
const O_PATH = 0o10000000;

/** Does it in this process. */
export class LocalDeputy implements Deputy {
  readonly #folder: HostFolder;

  constructor(folder: HostFolder) {
    this.#folder = folder;
  }

  async perform(task: DeputyTask): Promise<number> {
    try {
      await this.#perform(task);
      return 0;
    } catch (thrown) {
      return thrown instanceof ShareError ? thrown.errno : errnoOf(thrown);
    }
  }

  #perform(task: DeputyTask): Promise<void> | undefined {
    if (task.kind === 'sync') return this.#sync(task.names, task.isDataOnly);
    if (this.#folder.isReadOnly) throw new ShareError(ERRNO.EROFS);
    switch (task.kind) {
      case 'chmod':
        return this.#changeMode(task.names, task.mode);
      case 'symlink':
        return this.#beside(task.names, (name) => symlinkSync(task.target, name));
      case 'rename':
        return this.#withBoth(task.names, task.newNames, renameSync);
      case 'link':
        return this.#withBoth(task.names, task.newNames, linkSync);
    }
  }

  async #sync(names: Names, isDataOnly: boolean): Promise<void> {
    const fd = this.#at(names, (place) =>
      this.#folder.at(place, (path, stat) => {
        if (!stat.isFile() && !stat.isDirectory()) throw new ShareError(ERRNO.EINVAL);
        return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      }),
    );
    try {
      await new Promise<void>((resolve, reject) =>
        (isDataOnly ? fdatasync : fsync)(fd, (error) => (error ? reject(error) : resolve())),
      );
    } finally {
      closeSync(fd);
    }
  }

  #changeMode(names: Names, mode: number): undefined {
    this.#at(names, (place) =>
      this.#folder.at(place, (path, stat) => {
        if (!stat.isFile() && !stat.isDirectory()) throw new ShareError(ERRNO.EOPNOTSUPP);
        // By what is open: by name it would be done to what a link names that was put there meanwhile.
        const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
        try {
          chmodSync(`/proc/self/fd/${fd}`, mode);
        } finally {
          closeSync(fd);
        }
      }),
    );
    return undefined;
  }

  /** Acts in two folders at once: this process stands in one, and has the other open. */
  #withBoth(names: Names, newNames: Names, act: (path: string, newPath: string) => void): undefined {
    const fd = this.#at(names.slice(0, -1), (folder) =>
      this.#folder.within(folder, () => openSync('.', O_PATH | constants.O_DIRECTORY)),
    );
    try {
      const name = plainName(names.at(-1) ?? '');
      this.#beside(newNames, (newName) => act(`/proc/self/fd/${fd}/${name}`, newName));
    } finally {
      closeSync(fd);
    }
    return undefined;
  }

  #beside(names: Names, act: (name: string) => void): undefined {
    const name = plainName(names.at(-1) ?? '');
    this.#at(names.slice(0, -1), (folder) => this.#folder.within(folder, () => act(name)));
    return undefined;
  }

  #at<T>(names: Names, act: (place: Place) => T): T {
    let place = this.#folder.root.hold();
    try {
      for (const name of names) {
        const next = this.#folder.look(place, plainName(name)).place;
        place.release();
        place = next;
      }
      return act(place);
    } finally {
      place.release();
    }
  }
}
