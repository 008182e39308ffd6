/**
 * What a snapshot holds of a share: the guest's handles, as names and the files that were there. Files are opened again by
 * their names; one that is another file now, or gone, answers ESTALE from then on.
 */
import {corruptSaved, parseSaved} from '../saved-json.js';
import {errnoOf} from './errno.js';
import {FIDS_MAX} from './fids.js';
import {DEPTH_MAX} from './host-folder.js';
import {LostFile, OpenFile, OpenFolder} from './open-file.js';
import {NAME_BYTES_MAX, type ShareState} from './operation.js';
import {hostFlags} from './operations/files.js';
import {FOLDER_KIND, type Place} from './place.js';
import {plainName} from './plain-name.js';
import {ShareError} from './share-error.js';

const WHOSE = 'a shared folder';

/** Flags that open a file anew as it was: making and emptying it are done. */
const ACCESS_FLAGS = 3;

/** One handle. `inodes` of all folders on the way, then its own; decimal, as JSON numbers are too short. */
export interface SavedFid {
  readonly fid: number;
  readonly names: readonly string[];
  readonly devices: readonly string[];
  readonly inodes: readonly string[];
  /** The file's own; all on the way are folders. */
  readonly kind: number;
  readonly isGone: boolean;
  /** `lopen`'s flags for a file. */
  readonly open?: number | 'folder' | 'lost';
}

/** See the module. `device` is the shared folder's. */
export interface SavedShare {
  readonly messageBytes: number;
  readonly device: string;
  readonly fids: readonly SavedFid[];
}

/** Describes all handles. */
export function saveFids({fids, folder}: ShareState): Omit<SavedShare, 'messageBytes'> {
  const saved = [...fids.entries()].map(([fid, {place, open}]): SavedFid => {
    const way = place.way;
    return {
      fid,
      names: way.map(({name}) => name),
      devices: way.map(({identity}) => String(identity.device)),
      inodes: way.map(({identity}) => String(identity.inode)),
      kind: place.identity.kind,
      isGone: place.isGone,
      ...(open === undefined ? {} : {open: open.kind === 'file' ? open.flags : open.kind}),
    };
  });
  return {device: String(folder.root.identity.device), fids: saved};
}

/** Makes the handles again. What cannot be found shows when it is used. */
export function restoreFids({fids, folder}: ShareState, saved: SavedShare): void {
  const {root} = folder;
  // What is gone first: a file that has its name now may have its inode as well.
  const fidsInOrder = [...saved.fids].sort((a, b) => Number(b.isGone) - Number(a.isGone));
  for (const one of fidsInOrder) {
    let place = root.hold();
    for (const [index, name] of one.names.entries()) {
      // A host may number its devices anew when it starts: what was on the shared folder's is expected there.
      const device = one.devices[index] === saved.device ? root.identity.device : BigInt(one.devices[index]!);
      const kind = index < one.names.length - 1 ? FOLDER_KIND : one.kind;
      const next = place.child(name, {device, inode: BigInt(one.inodes[index]!), kind});
      place.release();
      place = next;
    }
    if (one.isGone) place.parent?.removed(place.name);
    const fid = fids.add(one.fid, place);
    if (one.open === 'folder') fids.opened(fid, new OpenFolder());
    else if (one.open === 'lost') fids.opened(fid, new LostFile());
    else if (one.open !== undefined) fids.opened(fid, reopen({folder}, place, one.open));
  }
}

function reopen({folder}: Pick<ShareState, 'folder'>, place: Place, flags: number): OpenFile | LostFile {
  const host = hostFlags(flags & ACCESS_FLAGS);
  if (host.canWrite && folder.isReadOnly) return new LostFile();
  try {
    return new OpenFile(folder.open(place, host.flags), flags, host.canWrite);
  } catch (thrown) {
    // Throws on what is a bug.
    if (!(thrown instanceof ShareError)) errnoOf(thrown);
    return new LostFile();
  }
}

/** Reads the JSON of a saved share. Errors: ParavirtError `corrupt` */
export function readSavedShare(saved: string, messageBytesMax: number): SavedShare {
  const share = parseSaved(saved, WHOSE);
  if (!isSavedShare(share) || share.messageBytes > messageBytesMax) throw corruptSaved(WHOSE);
  return share;
}

function isSavedShare(value: unknown): value is SavedShare {
  if (typeof value !== 'object' || value === null) return false;
  const {messageBytes, device, fids} = value as Partial<Record<keyof SavedShare, unknown>>;
  return (
    isCount(messageBytes) &&
    isNumeral(device) &&
    Array.isArray(fids) &&
    fids.length <= FIDS_MAX &&
    fids.every(isSavedFid) &&
    new Set(fids.map(({fid}: SavedFid) => fid)).size === fids.length
  );
}

function isSavedFid(value: unknown): value is SavedFid {
  if (typeof value !== 'object' || value === null) return false;
  const {fid, names, devices, inodes, kind, isGone, open} = value as Partial<Record<keyof SavedFid, unknown>>;
  return (
    isCount(fid) &&
    Array.isArray(names) &&
    names.length <= DEPTH_MAX + 1 &&
    names.every(isName) &&
    [devices, inodes].every((list) => Array.isArray(list) && list.length === names.length && list.every(isNumeral)) &&
    isCount(kind) &&
    typeof isGone === 'boolean' &&
    (open === undefined || open === 'folder' || open === 'lost' || isCount(open))
  );
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
const isNumeral = (value: unknown): value is string => typeof value === 'string' && /^\d{1,20}$/.test(value);

function isName(value: unknown): value is string {
  if (typeof value !== 'string' || Buffer.byteLength(value) > NAME_BYTES_MAX) return false;
  try {
    return plainName(value) === value;
  } catch {
    return false;
  }
}
