/** Folders: listed, and changed by what is made, linked, moved and removed in them. */
import {linkSync, lstatSync, mkdirSync, opendirSync, renameSync, rmdirSync, statSync, unlinkSync} from 'node:fs';
import {entryType, MODE_MASK, qidOf} from '../attributes.js';
import {ERRNO} from '../errno.js';
import type {Fid} from '../fids.js';
import {QID_BYTES} from '../message.js';
import type {OpenFolder} from '../open-file.js';
import {defineOperation, NAME_BYTES_MAX, type ShareState, TARGET_BYTES_MAX} from '../operation.js';
import type {Place} from '../place.js';
import {plainName} from '../plain-name.js';
import {ShareError} from '../share-error.js';
import {withoutUmask} from '../umask.js';
import {succeed} from './files.js';

/** Most names of all folders that a guest is reading: some 100 bytes each. A larger folder cannot be listed. */
export const LISTED_NAMES_MAX = 262_144;
/** Most entries in one reply, each of which is one call of the host. */
export const ENTRIES_MAX = 1024;
/** Entries that are taken from the host at once. */
const LIST_BUFFER = 256;
/** Bytes of an entry beside its name: qid, cookie, type, length of the name. */
const ENTRY_BYTES = QID_BYTES + 8 + 1 + 2;
/** Flag of `unlinkat`: a folder. Source: P9_DOTL_AT_REMOVEDIR */
const REMOVE_FOLDER = 0x200;

/** Treaddir: from the beginning the folder is listed anew; a cookie is a place in that list. */
export const readdir = defineOperation({
  type: 40,
  parse: (reader) => ({fid: reader.u32(), cookie: reader.u64(), count: reader.u32()}),
  run(share, {fid: number, cookie, count}, {reply}) {
    const {place, open} = share.fids.get(number);
    if (open?.kind !== 'folder') throw new ShareError(ERRNO.EBADF);
    const {folder} = share;
    const room = Math.min(count, reply.roomBytes - 4);
    const entries = folder.within(place, () => {
      const names = cookie === 0 || open.names === undefined ? list(share, open) : open.names;
      return takeEntries(names, cookie, room);
    });
    reply.u32(entries.reduce((sum, {name}) => sum + ENTRY_BYTES + Buffer.byteLength(name), 0));
    for (const {name, stat, next} of entries)
      reply.qid(qidOf(stat, folder.root.identity)).u64(BigInt(next)).u8(entryType(stat)).text(name);
    return undefined;
  },
});

/** Names in order, so that a list that is made again after a restore goes on where the last one was left. */
function list(share: ShareState, open: OpenFolder): readonly string[] {
  share.listedNames -= open.names?.length ?? 0;
  open.names = undefined;
  const names: string[] = [];
  const folder = opendirSync('.', {bufferSize: LIST_BUFFER});
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      // A name that is no UTF-8 could not be asked for.
      if (!entry.name.includes('\ufffd')) names.push(entry.name);
      if (share.listedNames + names.length + 2 > LISTED_NAMES_MAX) throw new ShareError(ERRNO.ENOMEM);
    }
  } finally {
    folder.closeSync();
  }
  open.names = ['.', '..', ...names.sort()];
  share.listedNames += open.names.length;
  return open.names;
}

function takeEntries(names: readonly string[], cookie: number, roomBytes: number) {
  const entries: {
    readonly name: string;
    readonly stat: NonNullable<ReturnType<typeof statOf>>;
    readonly next: number;
  }[] = [];
  let left = roomBytes;
  for (let index = cookie; index < names.length && entries.length < ENTRIES_MAX; index++) {
    const name = names[index]!;
    left -= ENTRY_BYTES + Buffer.byteLength(name);
    if (left < 0) break;
    const stat = statOf(name);
    if (stat !== undefined) entries.push({name, stat, next: index + 1});
  }
  return entries;
}

/** What is called so where the process stands; undefined when it has gone meanwhile. */
function statOf(name: string) {
  // What lies above shows as the folder itself: the guest knows better, and for the shared folder there is nothing.
  if (name === '.' || name === '..') return statSync('.', {bigint: true});
  return lstatSync(name, {bigint: true, throwIfNoEntry: false});
}

/** Tmkdir. */
export const mkdir = defineOperation({
  type: 72,
  changes: true,
  parse: (reader) => ({fid: reader.u32(), name: reader.text(NAME_BYTES_MAX), mode: reader.u32()}),
  run({folder, fids}, {fid, name, mode}, {reply}) {
    const plain = plainName(name);
    const stat = folder.within(folderOf(fids.get(fid)), () => {
      withoutUmask(() => mkdirSync(plain, mode & MODE_MASK));
      return lstatSync(plain, {bigint: true});
    });
    reply.qid(qidOf(stat, folder.root.identity));
    return undefined;
  },
});

/** Tsymlink: it may say anything, since nothing here follows it. */
export const symlink = defineOperation({
  type: 16,
  changes: true,
  parse: (reader) => ({
    fid: reader.u32(),
    name: reader.text(NAME_BYTES_MAX),
    target: reader.text(TARGET_BYTES_MAX),
  }),
  run({folder, fids, deputy}, {fid, name, target}, {reply}) {
    const place = folderOf(fids.get(fid)).hold();
    const plain = plainName(name);
    if (target === '' || target.includes('\0')) throw new ShareError(ERRNO.EINVAL);
    return deputy
      .perform({kind: 'symlink', names: [...place.names, plain], target})
      .then((errno) => {
        succeed(errno);
        const stat = folder.within(place, () => lstatSync(plain, {bigint: true}));
        reply.qid(qidOf(stat, folder.root.identity));
      })
      .finally(() => place.release());
  },
});

/** Tmknod: pipes, sockets and devices of a guest are nothing for the host. */
export const mknod = defineOperation({
  type: 18,
  changes: true,
  parse: () => undefined,
  run() {
    throw new ShareError(ERRNO.EPERM);
  },
});

/** Tlink: another name for a file. */
export const link = defineOperation({
  type: 70,
  changes: true,
  parse: (reader) => ({folderFid: reader.u32(), fid: reader.u32(), name: reader.text(NAME_BYTES_MAX)}),
  run({folder, fids, deputy}, {folderFid, fid, name}) {
    const target = folderOf(fids.get(folderFid));
    const {place} = fids.get(fid);
    const plain = plainName(name);
    if (place.parent === target) {
      folder.at(place, (path) => linkSync(path, plain));
      return undefined;
    }
    return deputy.perform({kind: 'link', names: place.names, newNames: [...target.names, plain]}).then(succeed);
  },
});

/** Trenameat. */
export const renameat = defineOperation({
  type: 74,
  changes: true,
  parse: (reader) => ({
    fid: reader.u32(),
    name: reader.text(NAME_BYTES_MAX),
    newFid: reader.u32(),
    newName: reader.text(NAME_BYTES_MAX),
  }),
  run({folder, fids, deputy}, {fid, name, newFid, newName}) {
    const [from, to] = [folderOf(fids.get(fid)), folderOf(fids.get(newFid))];
    const [plain, newPlain] = [plainName(name), plainName(newName)];
    if (from === to) {
      folder.within(from, () => renameSync(plain, newPlain));
      from.moved(plain, to, newPlain);
      return undefined;
    }
    const [names, newNames] = [
      [...from.names, plain],
      [...to.names, newPlain],
    ];
    from.hold();
    to.hold();
    return deputy
      .perform({kind: 'rename', names, newNames})
      .then((errno) => {
        succeed(errno);
        from.moved(plain, to, newPlain);
      })
      .finally(() => {
        from.release();
        to.release();
      });
  },
});

/** Trename: Linux asks by names, with `renameat`. */
export const rename = defineOperation({
  type: 20,
  changes: true,
  parse: () => undefined,
  run() {
    throw new ShareError(ERRNO.EOPNOTSUPP);
  },
});

/** Tunlinkat. */
export const unlinkat = defineOperation({
  type: 76,
  changes: true,
  parse: (reader) => ({fid: reader.u32(), name: reader.text(NAME_BYTES_MAX), flags: reader.u32()}),
  run({folder, fids}, {fid, name, flags}) {
    const place = folderOf(fids.get(fid));
    const plain = plainName(name);
    folder.within(place, () => ((flags & REMOVE_FOLDER) === 0 ? unlinkSync(plain) : rmdirSync(plain)));
    place.removed(plain);
    return undefined;
  },
});

/** Errors: ShareError ENOTDIR */
function folderOf({place}: Fid): Place {
  if (!place.isFolder) throw new ShareError(ERRNO.ENOTDIR);
  return place;
}
