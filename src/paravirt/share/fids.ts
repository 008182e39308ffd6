/** A guest's handles (fids): bounded, and each with what it has open. Together they are what a snapshot holds of a share. */
import {ERRNO} from './errno.js';
import type {LostFile, OpenFile, OpenFolder} from './open-file.js';
import type {Place} from './place.js';
import {ShareError} from './share-error.js';

/** Most handles: Linux keeps one for each name it has in use. A place and its maps take some 500 bytes. */
export const FIDS_MAX = 65_536;
/** Most files and folders that are open at once; a process may have some more descriptors than that. */
export const OPEN_MAX = 512;

/** One handle. */
export interface Fid {
  readonly place: Place;
  open: OpenFile | OpenFolder | LostFile | undefined;
}

/** See the module. */
export class Fids {
  readonly #fids = new Map<number, Fid>();
  #openCount = 0;

  get size(): number {
    return this.#fids.size;
  }

  /** Errors: ShareError EBADF */
  get(number: number): Fid {
    const fid = this.#fids.get(number);
    if (fid === undefined) throw new ShareError(ERRNO.EBADF);
    return fid;
  }

  entries(): Iterable<[number, Fid]> {
    return this.#fids.entries();
  }

  /** Refuses a number that is taken, and one too many. Errors: ShareError EBADF, ENFILE */
  checkFree(number: number): void {
    if (this.#fids.has(number)) throw new ShareError(ERRNO.EBADF);
    if (this.#fids.size >= FIDS_MAX) throw new ShareError(ERRNO.ENFILE);
  }

  /** A new handle; it owns the caller's hold of the place. Call `checkFree` first. */
  add(number: number, place: Place): Fid {
    const fid: Fid = {place, open: undefined};
    this.#fids.set(number, fid);
    return fid;
  }

  /** Points a handle somewhere else: the caller's hold of `place` is the handle's, its old one is given up. */
  move(number: number, place: Place): Fid {
    this.get(number).place.release();
    return this.add(number, place);
  }

  /** Errors: ShareError EMFILE */
  checkOpen(): void {
    if (this.#openCount >= OPEN_MAX) throw new ShareError(ERRNO.EMFILE);
  }

  /** Gives a handle what it has open. Call `checkOpen` first. */
  opened(fid: Fid, open: NonNullable<Fid['open']>): void {
    fid.open = open;
    this.#openCount++;
  }

  remove(number: number): void {
    const fid = this.get(number);
    this.#fids.delete(number);
    if (fid.open !== undefined) this.#openCount--;
    if (fid.open?.kind === 'file') fid.open.release();
    fid.place.release();
  }

  clear(): void {
    for (const number of [...this.#fids.keys()]) this.remove(number);
  }
}
