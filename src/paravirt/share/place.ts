/**
 * Where a guest's handles point: names from the shared folder down, and which file was there. Handles that mean the same
 * name share one place, so that a rename moves them all, and all that lies below.
 */
import type {BigIntStats} from 'node:fs';

/** Which file something is, for as long as it exists. `kind` is the file type in `mode`: hosts use inodes again. */
export interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly kind: number;
}

const KIND_MASK = 0o170000n;
/** `kind` of a folder. */
export const FOLDER_KIND = 0o040000;

/** The identity in what `stat` says. */
export const identityOf = ({dev, ino, mode}: BigIntStats): Identity => ({
  device: dev,
  inode: ino,
  kind: Number(mode & KIND_MASK),
});

/** Whether two are the same file. */
export const isSame = (a: Identity, b: Identity): boolean =>
  a.inode === b.inode && a.device === b.device && a.kind === b.kind;

/** One name in a shared folder. Counted: a place that nothing holds is forgotten by the folder it is in. */
export class Place {
  readonly identity: Identity;
  #parent: Place | undefined;
  #name: string;
  #holds = 0;
  #isGone = false;
  readonly #children = new Map<string, Place>();

  constructor(parent: Place | undefined, name: string, identity: Identity) {
    this.#parent = parent;
    this.#name = name;
    this.identity = identity;
  }

  /** The folder it is in; the shared folder itself has none. */
  get parent(): Place | undefined {
    return this.#parent;
  }

  get isFolder(): boolean {
    return this.identity.kind === FOLDER_KIND;
  }

  get name(): string {
    return this.#name;
  }

  /** Its name was removed, or that of a folder it is in. */
  get isGone(): boolean {
    return this.#isGone || (this.#parent?.isGone ?? false);
  }

  /** Folders between it and the shared folder, and itself: 0 for the latter. */
  get depth(): number {
    let depth = 0;
    for (let place: Place | undefined = this.#parent; place !== undefined; place = place.#parent) depth++;
    return depth;
  }

  /** From the first below the shared folder to this one. */
  get way(): readonly Place[] {
    const places: Place[] = [];
    for (let place: Place = this; place.#parent !== undefined; place = place.#parent) places.unshift(place);
    return places;
  }

  /** Names from the shared folder down to it. */
  get names(): readonly string[] {
    return this.way.map(({name}) => name);
  }

  /** The place of what is called so in this folder now, which is known to be that file. Held by the caller. */
  child(name: string, identity: Identity): Place {
    const known = this.#children.get(name);
    if (known !== undefined && isSame(known.identity, identity)) return known.hold();
    // Whoever holds the other one finds out that its file is not there any more.
    const place = new Place(this, name, identity);
    this.#children.set(name, place);
    this.#holds++;
    return place.hold();
  }

  hold(): this {
    this.#holds++;
    return this;
  }

  release(): void {
    this.#holds--;
    if (this.#holds > 0 || this.#parent === undefined) return;
    this.#parent.#forget(this);
  }

  /** The name was removed from this folder. */
  removed(name: string): void {
    const place = this.#children.get(name);
    if (place === undefined) return;
    // A new file of that name may well get the same inode.
    this.#children.delete(name);
    place.#isGone = true;
  }

  /** What was called `name` here is called `newName` in `folder` now. */
  moved(name: string, folder: Place, newName: string): void {
    if (folder === this && name === newName) return;
    folder.removed(newName);
    const place = this.#children.get(name);
    if (place === undefined) return;
    this.#children.delete(name);
    folder.#children.set(newName, place);
    folder.#holds++;
    place.#parent = folder;
    place.#name = newName;
    this.release();
  }

  #forget(place: Place): void {
    if (this.#children.get(place.#name) === place) this.#children.delete(place.#name);
    this.release();
  }
}
