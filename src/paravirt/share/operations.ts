/** Every kind of request that a share answers, by its type. The session itself (version, flush) is the server's. */
import type {Operation} from './operation.js';
import {getattr, readlink, setattr, statfs, xattrcreate, xattrwalk} from './operations/attributes.js';
import {fsync, getlock, lcreate, lock, lopen, read, write} from './operations/files.js';
import {link, mkdir, mknod, readdir, rename, renameat, symlink, unlinkat} from './operations/folders.js';
import {attach, clunk, remove, walk} from './operations/handles.js';

/** See the module. */
export const operations: ReadonlyMap<number, Operation> = new Map(
  [
    ...[attach, walk, clunk, remove],
    ...[getattr, setattr, readlink, statfs, xattrwalk, xattrcreate],
    ...[lopen, lcreate, read, write, fsync, lock, getlock],
    ...[readdir, mkdir, symlink, mknod, link, renameat, rename, unlinkat],
  ].map((operation) => [operation.type, operation]),
);
