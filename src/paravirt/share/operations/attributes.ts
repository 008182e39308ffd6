/** What is known of files: attributes, link targets, the file system they are on. */
import {closeSync, constants, fstatSync, ftruncateSync, lutimesSync, readlinkSync, statfsSync} from 'node:fs';
import {MODE_MASK, ownGroup, ownUser, SETATTR, toHost, writeAttributes} from '../attributes.js';
import {ERRNO} from '../errno.js';
import type {Fid} from '../fids.js';
import {defineOperation, NAME_BYTES_MAX, type ShareState, TARGET_BYTES_MAX} from '../operation.js';
import {ShareError} from '../share-error.js';
import {succeed} from './files.js';

/** V9FS_MAGIC: what `statfs` says the file system is. */
const MAGIC = 0x0102_1997;

/** Latest time that is set; one before 1970 looks later than that. Units: seconds */
const TIME_MAX = 2 ** 40;

/** Tgetattr: all there is, whatever was asked for. */
export const getattr = defineOperation({
  type: 24,
  parse: (reader) => ({fid: reader.u32()}),
  run({fids, folder}, {fid: number}, {reply}) {
    const {place, open} = fids.get(number);
    const stat = open?.kind === 'file' ? fstatSync(open.fd, {bigint: true}) : folder.at(place, (_, present) => present);
    writeAttributes(reply, stat, folder.root.identity);
    return undefined;
  },
});

/** Tsetattr. Times are kept to a quarter of a microsecond, which is what Node takes. */
export const setattr = defineOperation({
  type: 26,
  changes: true,
  parse: (reader) => ({
    fid: reader.u32(),
    valid: reader.u32(),
    mode: reader.u32(),
    user: reader.u32(),
    group: reader.u32(),
    size: reader.u64(),
    atime: reader.u64() + reader.u64() / 1e9,
    mtime: reader.u64() + reader.u64() / 1e9,
  }),
  run(share, {fid: number, valid, mode, user, group, size, atime, mtime}) {
    const fid = share.fids.get(number);
    checkOwner(share, fid, valid, user, group);
    if ((valid & SETATTR.SIZE) !== 0) truncate(share, fid, size);
    if ((valid & (SETATTR.ATIME | SETATTR.MTIME)) !== 0) setTimes(share, fid, valid, atime, mtime);
    if ((valid & SETATTR.MODE) === 0) return undefined;
    return share.deputy.perform({kind: 'chmod', names: fid.place.names, mode: mode & MODE_MASK}).then(succeed);
  },
});

/** Files belong to the user that the machine runs as, and stay so. */
function checkOwner({folder}: ShareState, {place}: Fid, valid: number, user: number, group: number): void {
  if ((valid & (SETATTR.UID | SETATTR.GID)) === 0) return;
  folder.at(place, (_, stat) => {
    const isOther =
      ((valid & SETATTR.UID) !== 0 && toHost(user, ownUser) !== Number(stat.uid)) ||
      ((valid & SETATTR.GID) !== 0 && toHost(group, ownGroup) !== Number(stat.gid));
    if (isOther) throw new ShareError(ERRNO.EPERM);
  });
}

function truncate({folder}: ShareState, {place, open}: Fid, size: number): void {
  if (size > Number.MAX_SAFE_INTEGER) throw new ShareError(ERRNO.EFBIG);
  if (open?.kind === 'file' && open.canWrite) {
    ftruncateSync(open.fd, size);
    return;
  }
  const fd = folder.open(place, constants.O_WRONLY);
  try {
    ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
}

function setTimes({folder}: ShareState, {place}: Fid, valid: number, atime: number, mtime: number): void {
  if (atime > TIME_MAX || mtime > TIME_MAX) throw new ShareError(ERRNO.EINVAL);
  const now = Date.now() / 1000;
  const choose = (bit: number, setBit: number, given: number, present: bigint) => {
    if ((valid & bit) === 0) return Number(present) / 1e9;
    return (valid & setBit) === 0 ? now : given;
  };
  folder.at(place, (path, stat) =>
    lutimesSync(
      path,
      choose(SETATTR.ATIME, SETATTR.ATIME_SET, atime, stat.atimeNs),
      choose(SETATTR.MTIME, SETATTR.MTIME_SET, mtime, stat.mtimeNs),
    ),
  );
}

/** Treadlink: what the link says. The guest follows it in its own tree, so it may say anything. */
export const readlink = defineOperation({
  type: 22,
  parse: (reader) => ({fid: reader.u32()}),
  run({fids, folder}, {fid}, {reply}) {
    const target = folder.at(fids.get(fid).place, (path) => readlinkSync(path));
    if (Buffer.byteLength(target) > TARGET_BYTES_MAX) throw new ShareError(ERRNO.ENAMETOOLONG);
    reply.text(target);
    return undefined;
  },
});

/** Tstatfs. */
export const statfs = defineOperation({
  type: 8,
  parse: (reader) => ({fid: reader.u32()}),
  run({fids, folder}, {fid}, {reply}) {
    const {place} = fids.get(fid);
    const at = place.isFolder ? place : (place.parent ?? folder.root);
    const stat = folder.within(at, () => statfsSync('.', {bigint: true}));
    reply.u32(MAGIC).u32(Number(stat.bsize)).u64(stat.blocks).u64(stat.bfree).u64(stat.bavail);
    reply.u64(stat.files).u64(stat.ffree).u64(0n).u32(NAME_BYTES_MAX);
    return undefined;
  },
});

/** Txattrwalk, Txattrcreate: Node has no extended attributes. */
export const xattrwalk = defineOperation({type: 30, parse: () => undefined, run: refuse});
/** See `xattrwalk`. */
export const xattrcreate = defineOperation({type: 32, parse: () => undefined, run: refuse});

function refuse(): never {
  throw new ShareError(ERRNO.EOPNOTSUPP);
}
