/**
 * A folder of the host that a guest sees, and the one way into it. Nothing outside can be reached, whatever symbolic
 * links there are and whoever changes them meanwhile:
 *
 *   chdir SHARED FOLDER ─▶ same folder as at the start? ─▶ for each name: lstat (a folder, no link) ─▶ chdir ─▶ same one?
 *
 * Where the process stands then is pinned by the kernel, and a call with one plain name, which follows no link, acts there
 * and nowhere else. This is what openat is for elsewhere: Node has no such call, and its permission model, which checks
 * names against where the process stands, refuses the detour through /proc/self/fd. All of it happens within one turn of
 * the event loop, and the process stands where it stood before at its end. Only a process's main thread can do it.
 *
 * What remains: a folder that another program of the host moves out of the shared one just while a call is made in it is
 * still acted in, as with any open folder. Mounts inside the shared folder belong to it.
 */
import {type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, statSync} from 'node:fs';
import {chdir, cwd} from 'node:process';
import {ParavirtError} from '../error.js';
import {ERRNO} from './errno.js';
import {type Identity, identityOf, isSame, Place} from './place.js';
import {ShareError} from './share-error.js';

/** Most folders above a file: bounds the calls that one request makes. */
export const DEPTH_MAX = 64;

/** See the module. */
export class HostFolder {
  readonly path: string;
  readonly isReadOnly: boolean;
  readonly root: Place;

  private constructor(path: string, isReadOnly: boolean, identity: Identity) {
    this.path = path;
    this.isReadOnly = isReadOnly;
    this.root = new Place(undefined, '', identity);
  }

  /** Errors: not-found, no-permission, not-a-file */
  static open(path: string, isReadOnly: boolean): HostFolder {
    const before = presentFolder();
    try {
      chdir(path);
      return new HostFolder(path, isReadOnly, identityOf(statSync('.', {bigint: true})));
    } catch (error) {
      throw folderError(error, path);
    } finally {
      chdir(before);
    }
  }

  /** Runs `act` while the process stands in a folder: names in it are then plain relative paths. Errors: ShareError */
  within<T>(folder: Place, act: () => T): T {
    if (folder.isGone) throw new ShareError(ERRNO.ENOENT);
    const before = presentFolder();
    try {
      enter(this.path, this.root.identity);
      for (const place of folder.way) {
        if (!isSame(identityOf(lstatSync(place.name, {bigint: true})), place.identity))
          throw new ShareError(ERRNO.ESTALE);
        enter(place.name, place.identity);
      }
      return act();
    } finally {
      chdir(before);
    }
  }

  /** Runs `act` beside a file, with the path that leads to it and what it is. Errors: ShareError */
  at<T>(place: Place, act: (path: string, stat: BigIntStats) => T): T {
    const {parent} = place;
    if (parent === undefined) return this.within(place, () => act('.', statSync('.', {bigint: true})));
    if (place.isGone) throw new ShareError(ERRNO.ENOENT);
    return this.within(parent, () => {
      const stat = lstatSync(place.name, {bigint: true});
      if (!isSame(identityOf(stat), place.identity)) throw new ShareError(ERRNO.ESTALE);
      return act(place.name, stat);
    });
  }

  /** The place of a name in a folder. The caller holds it. Errors: ShareError */
  look(folder: Place, name: string): {readonly place: Place; readonly stat: BigIntStats} {
    if (folder.depth >= DEPTH_MAX) throw new ShareError(ERRNO.ENAMETOOLONG);
    const stat = this.within(folder, () => lstatSync(name, {bigint: true}));
    return {place: folder.child(name, identityOf(stat)), stat};
  }

  /** Opens a regular file that is there. `flags` are the host's. Errors: ShareError */
  open(place: Place, flags: number): number {
    return this.at(place, (path, stat) => {
      // A pipe or a device of the host is nothing that a share gives access to.
      if (!stat.isFile()) throw new ShareError(stat.isDirectory() ? ERRNO.EISDIR : ERRNO.ENXIO);
      return openFile(path, flags, place.identity);
    });
  }
}

/** Where the process stands; a folder that was removed is nowhere to come back to. */
function presentFolder(): string {
  try {
    return cwd();
  } catch {
    return '/';
  }
}

/** Opens by a plain name, follows no link, and makes sure which file that was. */
function openFile(path: string, flags: number, identity: Identity): number {
  const fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (isSame(identityOf(fstatSync(fd, {bigint: true})), identity)) return fd;
  closeSync(fd);
  throw new ShareError(ERRNO.ESTALE);
}

/** `chdir` follows links: what counts is where the process stands afterwards. */
function enter(path: string, identity: Identity): void {
  chdir(path);
  if (!isSame(identityOf(statSync('.', {bigint: true})), identity)) throw new ShareError(ERRNO.ESTALE);
}

function folderError(error: unknown, path: string): ParavirtError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return new ParavirtError(
        'not-found',
        `There is no folder ${path} to share.`,
        'Make it, or share another.',
        error,
      );
    case 'ENOTDIR':
      return new ParavirtError('not-a-file', `${path} is no folder.`, 'Share the folder it is in.', error);
    default:
      return new ParavirtError(
        'no-permission',
        `The shared folder ${path} may not be entered.`,
        'Check its permissions, or share another.',
        error,
      );
  }
}
