/** Content of files: opened, made, read, written, synced, locked. */
import {closeSync, constants, fstatSync, openSync} from 'node:fs';
import {MODE_MASK, qidOf} from '../attributes.js';
import {ERRNO} from '../errno.js';
import {OpenFile, OpenFolder} from '../open-file.js';
import {defineOperation, NAME_BYTES_MAX, type ShareState} from '../operation.js';
import {identityOf} from '../place.js';
import {plainName} from '../plain-name.js';
import {ShareError} from '../share-error.js';
import {withoutUmask} from '../umask.js';

/** Flags of `lopen` and `lcreate`. Source: p9_open_mode_t in Linux include/net/9p/9p.h */
const FLAG = {ACCESS: 3, WRITE_ONLY: 1, READ_WRITE: 2, EXCLUSIVE: 0o200, TRUNCATE: 0o1000} as const;
const LOCK_CLIENT_BYTES_MAX = 255;
const LOCK_SUCCESS = 0;
const UNLOCKED = 2;
/** No position of a file is larger on any host. */
const POSITION_MAX = Number.MAX_SAFE_INTEGER;

/** The host's flags for a guest's. What a guest appends it writes at the end that it knows of, so that is no flag here. */
export function hostFlags(flags: number): {readonly flags: number; readonly canWrite: boolean} {
  const access = flags & FLAG.ACCESS;
  const canWrite = access === FLAG.WRITE_ONLY || access === FLAG.READ_WRITE;
  const mode = canWrite ? (access === FLAG.WRITE_ONLY ? constants.O_WRONLY : constants.O_RDWR) : constants.O_RDONLY;
  return {flags: mode | ((flags & FLAG.TRUNCATE) === 0 ? 0 : constants.O_TRUNC), canWrite};
}

/** Tlopen. */
export const lopen = defineOperation({
  type: 12,
  parse: (reader) => ({fid: reader.u32(), flags: reader.u32()}),
  run({folder, fids}, {fid: number, flags}, {reply}) {
    const fid = fids.get(number);
    if (fid.open !== undefined) throw new ShareError(ERRNO.EBADF);
    fids.checkOpen();
    const host = hostFlags(flags);
    const writes = host.canWrite || (flags & FLAG.TRUNCATE) !== 0;
    if (writes && folder.isReadOnly) throw new ShareError(ERRNO.EROFS);
    const qid = folder.at(fid.place, (_, stat) => qidOf(stat, folder.root.identity));
    if (fid.place.isFolder) {
      if (writes) throw new ShareError(ERRNO.EISDIR);
      fids.opened(fid, new OpenFolder());
    } else fids.opened(fid, new OpenFile(folder.open(fid.place, host.flags), flags, host.canWrite));
    reply.qid(qid).u32(0);
    return undefined;
  },
});

/** Tlcreate: the handle of the folder becomes that of the open file. */
export const lcreate = defineOperation({
  type: 14,
  changes: true,
  parse: (reader) => ({
    fid: reader.u32(),
    name: reader.text(NAME_BYTES_MAX),
    flags: reader.u32(),
    mode: reader.u32(),
    group: reader.u32(),
  }),
  run({folder, fids}, {fid: number, name, flags, mode}, {reply}) {
    const before = fids.get(number);
    if (before.open !== undefined) throw new ShareError(ERRNO.EBADF);
    if (!before.place.isFolder) throw new ShareError(ERRNO.ENOTDIR);
    fids.checkOpen();
    const host = hostFlags(flags);
    const exclusive = (flags & FLAG.EXCLUSIVE) === 0 ? 0 : constants.O_EXCL;
    const plain = plainName(name);
    const fd = folder.within(before.place, () =>
      withoutUmask(() =>
        openSync(
          plain,
          host.flags | exclusive | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
          mode & MODE_MASK,
        ),
      ),
    );
    const stat = fstatSync(fd, {bigint: true});
    if (!stat.isFile()) {
      closeSync(fd);
      throw new ShareError(ERRNO.EEXIST);
    }
    const place = before.place.child(plain, identityOf(stat));
    fids.opened(fids.move(number, place), new OpenFile(fd, flags, host.canWrite));
    reply.qid(qidOf(stat, folder.root.identity)).u32(0);
    return undefined;
  },
});

/** Tread: straight into guest RAM. */
export const read = defineOperation({
  type: 116,
  parse: (reader) => ({fid: reader.u32(), position: reader.u64(), count: reader.u32()}),
  run(share, {fid, position, count}, exchange) {
    const file = openFile(share, fid);
    if (position > POSITION_MAX) throw new ShareError(ERRNO.EINVAL);
    const room = exchange.takeRoom(count);
    return whenDone(file, share.files.read(file.fd, room, position), (bytes) => exchange.filled(bytes));
  },
});

/** Twrite: straight from guest RAM. */
export const write = defineOperation({
  type: 118,
  changes: true,
  parse: (reader) => ({fid: reader.u32(), position: reader.u64(), count: reader.u32()}),
  run(share, {fid, position, count}, exchange) {
    const file = openFile(share, fid);
    if (!file.canWrite) throw new ShareError(ERRNO.EBADF);
    if (position > POSITION_MAX) throw new ShareError(ERRNO.EFBIG);
    const data = exchange.takeData(count);
    return whenDone(file, share.files.write(file.fd, data, position), (bytes) => exchange.reply.u32(bytes));
  },
});

/** Tfsync. Where only reads are allowed there is nothing to sync. */
export const fsync = defineOperation({
  type: 50,
  parse: (reader) => ({fid: reader.u32(), isDataOnly: reader.u32() !== 0}),
  run({fids, folder, deputy}, {fid, isDataOnly}) {
    const {place} = fids.get(fid);
    if (folder.isReadOnly || place.isGone) return undefined;
    return deputy.perform({kind: 'sync', names: place.names, isDataOnly}).then(succeed);
  },
});

/** Tlock: the guest's kernel has seen to its own programs; nobody else's locks are looked at. */
export const lock = defineOperation({
  type: 52,
  parse: (reader) => ({fid: reader.u32()}),
  run({fids}, {fid}, {reply}) {
    fids.get(fid);
    reply.u8(LOCK_SUCCESS);
    return undefined;
  },
});

/** Tgetlock: as above, nobody has one. */
export const getlock = defineOperation({
  type: 54,
  parse: (reader) => {
    const fid = reader.u32();
    reader.u8();
    const [start, length, process] = [reader.u64(), reader.u64(), reader.u32()];
    return {fid, start, length, process, client: reader.text(LOCK_CLIENT_BYTES_MAX)};
  },
  run({fids}, {fid, start, length, process, client}, {reply}) {
    fids.get(fid);
    reply.u8(UNLOCKED).u64(BigInt(start)).u64(BigInt(length)).u32(process).text(client);
    return undefined;
  },
});

/** What a deputy did. Errors: ShareError */
export function succeed(errno: number): void {
  if (errno !== 0) throw new ShareError(errno);
}

function openFile({fids}: ShareState, number: number): OpenFile {
  const {open} = fids.get(number);
  if (open?.kind === 'lost') throw new ShareError(ERRNO.ESTALE);
  if (open?.kind !== 'file') throw new ShareError(ERRNO.EBADF);
  return open;
}

/** Keeps the file open until the bytes are moved, whatever becomes of its handle. */
function whenDone(
  file: OpenFile,
  bytes: number | Promise<number>,
  done: (bytes: number) => void,
): undefined | Promise<void> {
  if (typeof bytes === 'number') {
    done(bytes);
    return undefined;
  }
  file.use();
  return bytes.then(done).finally(() => file.release());
}
