/**
 * A file system that remembers every change and sync below a folder, and builds what a power cut may leave there. It is
 * put in the place of `node:fs/promises` and `node:fs` by `vi.mock`; everything is passed on to the real ones.
 *
 * What a power cut may leave: of a file, all that a sync had covered, and of later writes any part, down to sectors, or
 * zeros. Of a folder, all names that a sync of that folder had covered, and any number of the changes after that, in order;
 * folders do not wait for each other. A rename is atomic, also from one folder to another, as in every file system with a
 * journal.
 */
import {createHash} from 'node:crypto';
import type * as FileSystem from 'node:fs';
import type * as Promises from 'node:fs/promises';
import {basename, dirname, join, relative, sep} from 'node:path';
import type {SeededRandom} from './seeded-random.js';

const SECTOR_BYTES = 512;

interface Span {
  readonly begun: number;
  readonly ended: number;
}

type Data =
  | {readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array}
  | {readonly kind: 'resize'; readonly sizeBytes: number};

class FileNode {
  readonly kind = 'file';
  readonly changes: (Span & {readonly data: Data})[] = [];
  readonly syncs: Span[] = [];
  sizeBytes = 0;
}

class FolderNode {
  readonly kind = 'folder';
  readonly changes: NameChange[] = [];
  readonly syncs: Span[] = [];
  readonly entries = new Map<string, Node>();
}

type Node = FileNode | FolderNode;

/** Names that are given and taken at once: the node, or undefined for a name that goes. */
interface NameChange extends Span {
  readonly edits: readonly {readonly folder: FolderNode; readonly name: string; readonly node: Node | undefined}[];
}

/** Which syncs count; the others are forgotten as if the program had none there. */
export type KeptSyncs = 'all' | 'none' | 'files' | 'folders';

/** See the module. */
export class FileSystemRecorder {
  #root: string | undefined;
  #tree = new FolderNode();
  #keeps: KeptSyncs = 'all';
  #now = 0;
  readonly #open = new Map<number, FileNode>();

  /** Moments so far; every begin and end of a change or sync is one. */
  get now(): number {
    return this.#now;
  }

  tick(): number {
    return this.#now++;
  }

  /** Records what happens below an empty folder from now on; the folder itself is durable. */
  begin(root: string, keeps: KeptSyncs): void {
    this.#root = root;
    this.#tree = new FolderNode();
    this.#keeps = keeps;
    this.#now = 0;
  }

  end(): void {
    this.#root = undefined;
  }

  async during<T>(work: () => Promise<T>, record: (span: Span) => void): Promise<T> {
    const begun = this.tick();
    const outcome = await work();
    record({begun, ended: this.tick()});
    return outcome;
  }

  /** The node that a path names, if it is one of those that are recorded. */
  find(path: unknown): Node | undefined {
    let node: Node | undefined = this.#root === undefined || !this.isRecorded(path) ? undefined : this.#tree;
    for (const name of this.#names(path)) node = node?.kind === 'folder' ? node.entries.get(name) : undefined;
    return node;
  }

  isRecorded(path: unknown): path is string {
    if (this.#root === undefined || typeof path !== 'string') return false;
    return path === this.#root || path.startsWith(this.#root + sep);
  }

  /** The place of a name. */
  place(path: string): {readonly folder: FolderNode; readonly name: string} {
    const folder = this.find(dirname(path));
    if (folder?.kind !== 'folder') throw new Error(`${dirname(path)} was made without being seen`);
    return {folder, name: basename(path)};
  }

  rename(span: Span, edits: NameChange['edits']): void {
    const change = {...span, edits};
    for (const folder of new Set(edits.map((edit) => edit.folder))) folder.changes.push(change);
    for (const {folder, name, node} of edits) {
      if (node === undefined) folder.entries.delete(name);
      else folder.entries.set(name, node);
    }
  }

  add(span: Span, path: string, node: Node): void {
    this.rename(span, [{...this.place(path), node}]);
  }

  /** A folder goes when all that is in it has gone. */
  remove(span: Span, path: string): void {
    const node = this.find(path);
    if (node?.kind === 'folder') for (const name of [...node.entries.keys()]) this.remove(span, join(path, name));
    if (node !== undefined) this.rename(span, [{...this.place(path), node: undefined}]);
  }

  change(span: Span, node: FileNode, data: Data): void {
    const bytes = data.kind === 'write' ? {...data, bytes: data.bytes.slice()} : data;
    node.changes.push({...span, data: bytes});
    node.sizeBytes =
      data.kind === 'resize' ? data.sizeBytes : Math.max(node.sizeBytes, data.position + data.bytes.length);
  }

  sync(span: Span, node: Node): void {
    if (this.#keeps === 'all' || this.#keeps === `${node.kind}s`) node.syncs.push(span);
  }

  opened(descriptor: number, node: FileNode): void {
    this.#open.set(descriptor, node);
  }

  closed(descriptor: number): void {
    this.#open.delete(descriptor);
  }

  byDescriptor(descriptor: number): FileNode | undefined {
    return this.#open.get(descriptor);
  }

  /** Chooses what a power cut at a moment leaves. */
  cut(moment: number, random: SeededRandom): CrashState {
    const style = random.pick(['least', 'most', 'some', 'some'] as const);
    const counts = this.#cutFolders(moment, style, random);
    const state = new CrashState();
    const fill = (folder: FolderNode, path: string): void => {
      const entries = new Map<string, Node>();
      for (const {edits} of folder.changes.slice(0, counts.get(folder)))
        for (const edit of edits) {
          if (edit.folder !== folder) continue;
          if (edit.node === undefined) entries.delete(edit.name);
          else entries.set(edit.name, edit.node);
        }
      for (const [name, node] of entries) {
        const child = join(path, name);
        if (node.kind === 'folder') {
          state.folders.push(child);
          fill(node, child);
        } else {
          const names = state.files.get(node)?.names ?? [];
          if (names.length === 0) state.files.set(node, {names, parts: partsAfterCut(node, moment, style, random)});
          names.push(child);
        }
      }
    };
    fill(this.#tree, '');
    return state;
  }

  #names(path: unknown): string[] {
    return this.#root === undefined || typeof path !== 'string'
      ? []
      : relative(this.#root, path)
          .split(sep)
          .filter((name) => name !== '');
  }

  /** How many of each folder's changes are there. */
  #cutFolders(moment: number, style: Style, random: SeededRandom): Map<FolderNode, number> {
    const counts = new Map<FolderNode, number>();
    const folders = new Set<FolderNode>();
    const visit = (folder: FolderNode): void => {
      if (folders.has(folder)) return;
      folders.add(folder);
      for (const {edits} of folder.changes)
        for (const {folder: other, node} of edits) {
          visit(other);
          if (node?.kind === 'folder') visit(node);
        }
    };
    visit(this.#tree);
    for (const folder of folders) {
      const covered = coveredUntil(folder.syncs, moment);
      const durable = countWhile(folder.changes, ({ended}) => ended < covered);
      const begun = Math.max(
        durable,
        countWhile(folder.changes, (change) => change.begun < moment),
      );
      counts.set(folder, durable + choose(style, begun - durable, random));
    }
    // What is in one of its folders is in the other.
    for (let isDone = false; !isDone; ) {
      isDone = true;
      for (const folder of folders)
        for (const change of folder.changes.slice(0, counts.get(folder)))
          for (const {folder: other} of change.edits) {
            const needed = other.changes.indexOf(change) + 1;
            if (counts.get(other)! >= needed) continue;
            counts.set(other, needed);
            isDone = false;
          }
    }
    return counts;
  }
}

type Style = 'least' | 'most' | 'some';

/** Folders and files as a power cut leaves them. */
export class CrashState {
  readonly folders: string[] = [];
  readonly files = new Map<object, {readonly names: string[]; readonly parts: readonly Data[]}>();

  /** The same for states that are the same. */
  get key(): string {
    const hash = createHash('sha1').update(JSON.stringify(this.folders));
    for (const {names, parts} of this.files.values()) {
      hash.update(JSON.stringify(names));
      for (const part of parts) {
        if (part.kind === 'resize') hash.update(`${part.sizeBytes}`);
        else hash.update(`${part.position},`).update(part.bytes);
      }
    }
    return hash.digest('hex');
  }

  /** Makes the files in a new folder. */
  build(real: typeof FileSystem, target: string): void {
    real.mkdirSync(target);
    for (const folder of this.folders) real.mkdirSync(join(target, folder));
    for (const {names, parts} of this.files.values()) {
      const [first, ...others] = names.map((name) => join(target, name));
      writeParts(real, first!, parts);
      for (const other of others) real.linkSync(first!, other);
    }
  }
}

/** All recordings of a test file. */
export const recorder = new FileSystemRecorder();

/** `node:fs/promises` that tells the recorder. Nothing is really synced: that would only take time. */
export function recordPromises(real: typeof Promises): typeof Promises {
  const added = {
    open: async (...[path, flags, mode]: Parameters<typeof real.open>) => {
      const begun = recorder.tick();
      const handle = await real.open(path, flags, mode);
      const node = opened(begun, path, String(flags ?? 'r').startsWith('w'));
      return node === undefined ? handle : watchHandle(handle, node);
    },
    appendFile: async (...[path, data, options]: Parameters<typeof real.appendFile>) => {
      const begun = recorder.tick();
      await real.appendFile(path, data, options);
      const node = opened(begun, path, true);
      if (node?.kind !== 'file') return;
      const bytes = Buffer.from(data as string);
      recorder.change({begun, ended: recorder.tick()}, node, {kind: 'write', position: node.sizeBytes, bytes});
    },
    mkdir: async (path: string, options: {recursive?: boolean; mode?: number} = {}) => {
      const begun = recorder.tick();
      const first = await real.mkdir(path, options);
      const make = (folder: string): void => {
        if (!recorder.isRecorded(folder) || recorder.find(folder) !== undefined) return;
        make(dirname(folder));
        recorder.add({begun, ended: recorder.tick()}, folder, new FolderNode());
      };
      make(path);
      return first;
    },
    rename: (from: string, to: string) =>
      recorder.during(
        () => real.rename(from, to),
        (span) => {
          const node = recorder.find(from);
          if (node === undefined) return;
          recorder.rename(span, [
            {...recorder.place(from), node: undefined},
            {...recorder.place(to), node},
          ]);
        },
      ),
    link: (from: string, to: string) =>
      recorder.during(
        () => real.link(from, to),
        (span) => {
          const node = recorder.find(from);
          if (node !== undefined) recorder.add(span, to, node);
        },
      ),
    unlink: (path: string) =>
      recorder.during(
        () => real.unlink(path),
        (span) => recorder.remove(span, path),
      ),
    rm: (path: string, options: FileSystem.RmOptions = {}) =>
      recorder.during(
        () => real.rm(path, options),
        (span) => recorder.remove(span, path),
      ),
  };
  const refused = refuse(real, ['writeFile', 'truncate', 'copyFile', 'cp', 'symlink', 'rmdir']);
  return {...real, ...refused, ...added} as unknown as typeof Promises;
}

/** `node:fs` that tells the recorder what goes through descriptors. */
export function recordCallbacks(real: typeof FileSystem): typeof FileSystem {
  type Done = (error: Error | null, value?: unknown) => void;
  /** Tells of a call when it has ended well. */
  const after =
    (done: Done, record: (span: Span, value: unknown) => void, begun = recorder.tick()): Done =>
    (error, value) => {
      if (error === null) record({begun, ended: recorder.tick()}, value);
      done(error, value);
    };
  const wrote = (descriptor: number, buffers: readonly Uint8Array[], position: number) => (span: Span) => {
    const node = recorder.byDescriptor(descriptor);
    if (node !== undefined) recorder.change(span, node, {kind: 'write', position, bytes: Buffer.concat(buffers)});
  };
  const added = {
    open: (path: string, flags: number, mode: number, done: Done) => {
      const isCreating = (flags & real.constants.O_CREAT) !== 0;
      const begun = recorder.tick();
      const told = after(done, (_, descriptor) => {
        const node = opened(begun, path, isCreating);
        if (node?.kind === 'file') recorder.opened(descriptor as number, node);
      });
      real.open(path, flags, mode, told);
    },
    close: (descriptor: number, done: Done = () => undefined) => {
      recorder.closed(descriptor);
      real.close(descriptor, done);
    },
    write: (descriptor: number, bytes: Uint8Array, from: number, length: number, position: number, done: Done) => {
      const record = wrote(descriptor, [bytes.subarray(from, from + length)], position);
      real.write(descriptor, bytes, from, length, position, after(done, record));
    },
    writev: (descriptor: number, buffers: Uint8Array[], position: number, done: Done) =>
      real.writev(descriptor, buffers, position, after(done, wrote(descriptor, buffers, position))),
    writeSync: (descriptor: number, bytes: Uint8Array, from: number, length: number, position: number) => {
      const begun = recorder.tick();
      const count = real.writeSync(descriptor, bytes, from, length, position);
      wrote(descriptor, [bytes.subarray(from, from + count)], position)({begun, ended: recorder.tick()});
      return count;
    },
    writevSync: (descriptor: number, buffers: Uint8Array[], position: number) => {
      const begun = recorder.tick();
      const count = real.writevSync(descriptor, buffers, position);
      wrote(descriptor, buffers, position)({begun, ended: recorder.tick()});
      return count;
    },
    ftruncate: (descriptor: number, sizeBytes: number, done: Done) => {
      const node = recorder.byDescriptor(descriptor);
      const told = after(done, (span) => {
        if (node !== undefined) recorder.change(span, node, {kind: 'resize', sizeBytes});
      });
      real.ftruncate(descriptor, sizeBytes, told);
    },
    fdatasync: (descriptor: number, done: Done) => {
      const node = recorder.byDescriptor(descriptor);
      const told = after(done, (span) => {
        if (node !== undefined) recorder.sync(span, node);
      });
      setImmediate(told, null);
    },
  };
  const refused = refuse(real, ['openSync', 'writeFileSync', 'renameSync', 'mkdirSync', 'rmSync', 'linkSync']);
  return {...real, ...refused, ...added} as unknown as typeof FileSystem;
}

/** What is not recorded must not happen where it would be missed. */
function refuse(real: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => [
      name,
      (path: unknown, ...rest: unknown[]) => {
        if (recorder.isRecorded(path)) throw new Error(`${name} of ${path} cannot be recorded`);
        return (real as Record<string, (...given: unknown[]) => unknown>)[name]!(path, ...rest);
      },
    ]),
  );
}

function opened(begun: number, path: unknown, isCreating: boolean): Node | undefined {
  const known = recorder.find(path);
  if (known !== undefined || !isCreating || !recorder.isRecorded(path)) return known;
  const node = new FileNode();
  recorder.add({begun, ended: recorder.tick()}, path, node);
  return node;
}

function watchHandle(handle: Promises.FileHandle, node: Node): Promises.FileHandle {
  const writeFile = handle.writeFile.bind(handle);
  const write = handle.write.bind(handle) as (...given: unknown[]) => Promise<{bytesWritten: number}>;
  const sync = () =>
    recorder.during(
      async () => undefined,
      (span) => recorder.sync(span, node),
    );
  const added: object = {
    writeFile: (content: string | Uint8Array) =>
      recorder.during(
        () => writeFile(content),
        (span) => changeFile(span, node, {kind: 'write', position: 0, bytes: Buffer.from(content as string)}),
      ),
    write: async (bytes: Uint8Array, from: number, length: number, position: number) => {
      const begun = recorder.tick();
      const done = await write(bytes, from, length, position);
      const written = bytes.subarray(from, from + done.bytesWritten);
      changeFile({begun, ended: recorder.tick()}, node, {kind: 'write', position, bytes: written});
      return done;
    },
    sync,
    datasync: sync,
  };
  return Object.assign(handle, added);
}

function changeFile(span: Span, node: Node, data: Data): void {
  if (node.kind === 'file') recorder.change(span, node, data);
}

/** What was begun before the last sync that had ended by then is durable, if it had ended by that begin. */
function coveredUntil(syncs: readonly Span[], moment: number): number {
  return Math.max(-1, ...syncs.filter(({ended}) => ended <= moment).map(({begun}) => begun));
}

function countWhile<T>(list: readonly T[], holds: (item: T) => boolean): number {
  const end = list.findIndex((item) => !holds(item));
  return end < 0 ? list.length : end;
}

function choose(style: Style, most: number, random: SeededRandom): number {
  if (style === 'some') return random.below(most + 1);
  return style === 'least' ? 0 : most;
}

/** The changes to make one after the other to a new file. */
function partsAfterCut(node: FileNode, moment: number, style: Style, random: SeededRandom): Data[] {
  const covered = coveredUntil(node.syncs, moment);
  const parts: Data[] = [];
  const luck = random.pick([0, 30, 70, 100] as const);
  let durableBytes = 0;
  for (const {begun, ended, data} of node.changes) {
    if (begun >= moment) continue;
    if (ended < covered || style === 'most') parts.push(data);
    else if (style === 'some') parts.push(...partOf(data, durableBytes, luck, random));
    if (ended < covered)
      durableBytes =
        data.kind === 'resize' ? data.sizeBytes : Math.max(durableBytes, data.position + data.bytes.length);
  }
  return parts;
}

/** Some sectors of a write have their new bytes, others are as they were, or zeros behind what was durable. */
function* partOf(data: Data, durableBytes: number, luck: number, random: SeededRandom): Generator<Data> {
  if (data.kind === 'resize') {
    if (random.chance(luck)) yield data;
    return;
  }
  const {position, bytes} = data;
  const isTorn = random.chance(30);
  if (!isTorn && random.chance(luck)) yield data;
  if (!isTorn) return;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
    const sector = bytes.subarray(at, end);
    const fate = random.below(position + at < durableBytes ? 2 : 3);
    if (fate > 0) yield {kind: 'write', position: position + at, bytes: fate === 1 ? sector : Buffer.alloc(end - at)};
    at = end;
  }
}

function writeParts(real: typeof FileSystem, path: string, parts: readonly Data[]): void {
  const file = real.openSync(path, 'wx', 0o600);
  for (const part of parts) {
    if (part.kind === 'resize') real.ftruncateSync(file, part.sizeBytes);
    else real.writeSync(file, part.bytes, 0, part.bytes.length, part.position);
  }
  real.closeSync(file);
}
