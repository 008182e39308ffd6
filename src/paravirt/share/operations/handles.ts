/** Handles: attached to the shared folder, walked along names, given back. */
import {qidOf} from '../attributes.js';
import {ERRNO} from '../errno.js';
import type {Qid} from '../message.js';
import {defineOperation, NAME_BYTES_MAX, type ShareState} from '../operation.js';
import type {Place} from '../place.js';
import {plainName} from '../plain-name.js';
import {ShareError} from '../share-error.js';

/** Most names in one walk. Source: P9_MAXWELEM in Linux include/net/9p/9p.h */
export const WALK_NAMES_MAX = 16;
const ACCESS_NAME_BYTES_MAX = 255;

/** Tattach: there is one folder, so its name may be left out, and whoever can reach the device may have it. */
export const attach = defineOperation({
  type: 104,
  parse: (reader) => {
    const fid = reader.u32();
    reader.u32();
    return {fid, user: reader.text(ACCESS_NAME_BYTES_MAX), name: reader.text(ACCESS_NAME_BYTES_MAX)};
  },
  run({folder, fids}, {fid, name}, {reply}) {
    if (name !== '' && name !== '/') throw new ShareError(ERRNO.ENOENT);
    fids.checkFree(fid);
    const qid = folder.at(folder.root, (_, stat) => qidOf(stat, folder.root.identity));
    fids.add(fid, folder.root.hold());
    reply.qid(qid);
    return undefined;
  },
});

/** Twalk: to a file or folder by names; none at all is another handle for the same. */
export const walk = defineOperation({
  type: 110,
  parse: (reader) => {
    const [fid, newFid, count] = [reader.u32(), reader.u32(), reader.u16()];
    const names: string[] = [];
    for (let i = 0; i < Math.min(count, WALK_NAMES_MAX) && !reader.isBroken; i++)
      names.push(reader.text(NAME_BYTES_MAX));
    return {fid, newFid, count, names};
  },
  run(share, {fid, newFid, count, names}, {reply}) {
    const {fids} = share;
    const from = fids.get(fid);
    if (count > WALK_NAMES_MAX || (fid === newFid && from.open !== undefined)) throw new ShareError(ERRNO.EINVAL);
    if (fid !== newFid) fids.checkFree(newFid);
    const {place, qids, isComplete} = follow(share, from.place, names);
    if (!isComplete) place.release();
    else if (fid === newFid) fids.move(fid, place);
    else fids.add(newFid, place);
    reply.u16(qids.length);
    for (const qid of qids) reply.qid(qid);
    return undefined;
  },
});

/** As far as the names lead; the first one has to. The place is held. */
function follow({folder}: ShareState, start: Place, names: readonly string[]) {
  let place = start.hold();
  const qids: Qid[] = [];
  for (const name of names) {
    try {
      const next = name === '..' ? above(place) : place.isFolder ? plainName(name) : undefined;
      if (next === undefined) throw new ShareError(ERRNO.ENOTDIR);
      const found =
        typeof next === 'string'
          ? folder.look(place, next)
          : {place: next.hold(), stat: folder.at(next, (_, stat) => stat)};
      place.release();
      place = found.place;
      qids.push(qidOf(found.stat, folder.root.identity));
    } catch (thrown) {
      if (qids.length > 0) return {place, qids, isComplete: false};
      place.release();
      throw thrown;
    }
  }
  return {place, qids, isComplete: true};
}

/** There is nothing above the shared folder. */
const above = (place: Place): Place => place.parent ?? place;

/** Tclunk. */
export const clunk = defineOperation({
  type: 120,
  parse: (reader) => ({fid: reader.u32()}),
  run(share, {fid}) {
    forget(share, fid);
    return undefined;
  },
});

/** Tremove: Linux asks by name, with `unlinkat`; the handle is gone whatever becomes of it. */
export const remove = defineOperation({
  type: 122,
  parse: (reader) => ({fid: reader.u32()}),
  run(share, {fid}) {
    forget(share, fid);
    throw new ShareError(ERRNO.EOPNOTSUPP);
  },
});

function forget(share: ShareState, fid: number): void {
  const {open} = share.fids.get(fid);
  if (open?.kind === 'folder') share.listedNames -= open.names?.length ?? 0;
  share.fids.remove(fid);
}
