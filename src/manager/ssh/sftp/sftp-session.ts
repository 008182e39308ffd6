/**
 * Files of a guest over SFTP (`sftp`, `scp`, sshfs), through the guest's agent: one request after the other, as that takes
 * them. Reads and writes that follow each other in a file and wait together are one request to the agent, whose way there and
 * back is what takes time.
 *
 *   channel ─▶ Requests (bounded) ─▶ GuestAgent, GuestFiles ─▶ answers at the client's pace
 */
import {posix} from 'node:path';
import {FILE_PIECE_BYTES, type GuestAgent} from '../../agent/guest-agent.js';
import {explainWords, type GuestFileStatus, GuestFiles, type GuestFolderEntry} from '../../agent/guest-files.js';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import {type ClientEnd, writeAtPace} from '../client-end.js';
import {listingLine, S_IFDIR, S_IFMT, S_IFREG} from './listing.js';
import {
  type Attributes,
  attributesPacket,
  dataPacket,
  handlePacket,
  limitsPacket,
  namesPacket,
  OPEN,
  SftpFault,
  type SftpRequest,
  STATUS,
  statusPacket,
  versionPacket,
} from './packets.js';
import {Requests} from './requests.js';

/** Files and folders that a client may have open at a time; agents have a bound of their own for all together. */
export const HANDLES_MAX = 32;
/** Names in one answer. */
const NAMES_AT_ONCE = 128;
/** What a mask takes from the mode that a client wants for a new file. */
const UMASK = 0o022;

interface OpenFile {
  readonly kind: 'file';
  readonly path: string;
  readonly agentHandle: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly appends: boolean;
  /** Where the agent goes on; unknown after a failure. */
  position: number | undefined;
  hasUnflushed: boolean;
}

interface OpenFolder {
  readonly kind: 'folder';
  readonly entries: readonly GuestFolderEntry[];
  next: number;
}

type Of<Kind extends SftpRequest['kind']> = SftpRequest & {readonly kind: Kind};

/** Serves a client until it ends; resolves with the session's status. Errors: no-agent, machine-failed, wrong-state */
export async function serveFiles(client: ClientEnd, agent: GuestAgent): Promise<number> {
  using requests = new Requests(client.channel, client.gone);
  await using session = new SftpSession(client, agent, requests);
  try {
    await requests.begin();
    await agent.ping();
    await writeAtPace(client, versionPacket());
    for (let request = await requests.next(); request !== undefined; request = await requests.next())
      await session.serve(request);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof SftpFault)) throw thrown;
    throw new ManagerError('bad-request', `The client does not speak SFTP: ${thrown.message}`, 'Use another one.');
  }
}

class SftpSession implements AsyncDisposable {
  readonly #client: ClientEnd;
  readonly #agent: GuestAgent;
  readonly #files: GuestFiles;
  readonly #requests: Requests;
  readonly #handles = new Map<string, OpenFile | OpenFolder>();
  #lastHandle = 0;
  #home: string | undefined;

  constructor(client: ClientEnd, agent: GuestAgent, requests: Requests) {
    this.#client = client;
    this.#agent = agent;
    this.#files = new GuestFiles(agent);
    this.#requests = requests;
  }

  /** Answers a request, and those that wait behind it and are part of it. Errors: what ends the session */
  async serve(request: SftpRequest): Promise<void> {
    if (request.kind === 'read') return this.#read(request);
    if (request.kind === 'write') return this.#write(request);
    await this.#send(await this.#attempt(request.id, () => this.#answer(request)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The guest may be gone, and with it what was open.
    for (const handle of this.#handles.values())
      if (handle.kind === 'file') await this.#agent.closeFile(handle.agentHandle).catch(() => undefined);
    this.#handles.clear();
  }

  async #answer(request: Exclude<SftpRequest, {readonly kind: 'read' | 'write'}>): Promise<Buffer> {
    const {id, kind} = request;
    const files = this.#files;
    const done = async (work: Promise<void>) => {
      await work;
      return statusPacket(id, STATUS.OK, 'Done');
    };
    switch (kind) {
      case 'open':
        return handlePacket(id, await this.#open(request));
      case 'opendir':
        return handlePacket(id, await this.#openFolder(request.path));
      case 'close':
        return done(this.#close(request.handle));
      case 'readdir':
        return this.#readFolder(id, request.handle);
      case 'stat':
      case 'lstat':
        return attributesPacket(id, toAttributes(await files.status(await this.#at(request.path), kind === 'stat')));
      case 'fstat': {
        const {path} = await this.#flushed(request.handle);
        return attributesPacket(id, toAttributes(await files.status(path, true)));
      }
      case 'setstat':
        return done(files.change(await this.#at(request.path), request.attributes));
      case 'fsetstat': {
        const {path} = await this.#flushed(request.handle);
        return done(files.change(path, request.attributes));
      }
      case 'fsync': {
        const {path} = await this.#flushed(request.handle);
        return done(files.sync(path));
      }
      case 'remove':
        return done(files.remove(await this.#at(request.path)));
      case 'mkdir': {
        const {mode} = request.attributes;
        return done(files.makeFolder(await this.#at(request.path), masked(mode)));
      }
      case 'rmdir':
        return done(files.removeFolder(await this.#at(request.path)));
      case 'rename':
      case 'posix-rename': {
        const [from, to] = [await this.#at(request.path), await this.#at(request.newPath)];
        return done(files.rename(from, to, kind === 'posix-rename'));
      }
      case 'realpath':
        return namesPacket(id, [oneName(await this.#realPath(request.path))]);
      case 'readlink':
        return namesPacket(id, [oneName(await files.readLink(await this.#at(request.path)))]);
      case 'symlink':
        return done(files.link(request.target, await this.#at(request.path), true));
      case 'hardlink':
        return done(files.link(await this.#at(request.target), await this.#at(request.path), false));
      case 'limits':
        return limitsPacket(id, HANDLES_MAX);
      case 'bad-name':
        return statusPacket(id, STATUS.FAILURE, 'Guests are told names in UTF-8 of at most 4096 bytes.');
      case 'unsupported':
        return statusPacket(id, STATUS.OP_UNSUPPORTED, 'That is not known here.');
    }
  }

  async #open({path: asked, flags, attributes}: Of<'open'>): Promise<string> {
    this.#checkRoom();
    const path = await this.#at(asked);
    const has = (flag: number) => (flags & flag) !== 0;
    const canWrite = has(OPEN.WRITE) || has(OPEN.APPEND);
    const canRead = has(OPEN.READ) || !canWrite;
    const known = await this.#statusIfThere(path);
    // Others may keep an agent waiting for ever.
    if (known !== undefined && (known.mode & S_IFMT) !== S_IFREG)
      throw failure((known.mode & S_IFMT) === S_IFDIR ? 'It is a folder' : 'It is no plain file');
    const isNew = canWrite && has(OPEN.CREAT) && (known === undefined || has(OPEN.EXCL));
    if (isNew) await this.#files.createNew(path, masked(attributes.mode));
    const plus = canRead ? '+' : '';
    const mode = has(OPEN.APPEND) ? (`a${plus}` as const) : has(OPEN.TRUNC) ? (`w${plus}` as const) : 'r+';
    const agentHandle = await this.#agent.openFile(path, canWrite ? mode : 'r');
    const appends = has(OPEN.APPEND);
    return this.#keep({kind: 'file', path, agentHandle, canRead, canWrite, appends, position: 0, hasUnflushed: false});
  }

  async #openFolder(path: string): Promise<string> {
    this.#checkRoom();
    return this.#keep({kind: 'folder', entries: await this.#files.list(await this.#at(path)), next: 0});
  }

  async #readFolder(id: number, handle: string): Promise<Buffer> {
    const folder = this.#handles.get(handle);
    if (folder?.kind !== 'folder') throw noHandle();
    const entries = folder.entries.slice(folder.next, folder.next + NAMES_AT_ONCE);
    folder.next += entries.length;
    if (entries.length === 0) return statusPacket(id, STATUS.EOF, 'No more');
    const now = Date.now() / 1000;
    return namesPacket(
      id,
      entries.map((entry) => ({name: entry.name, line: listingLine(entry, now), attributes: toAttributes(entry)})),
    );
  }

  async #close(name: string): Promise<void> {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw noHandle();
    this.#handles.delete(name);
    if (handle.kind === 'folder') return;
    try {
      if (handle.hasUnflushed) await this.#agent.flushFile(handle.agentHandle);
    } finally {
      await this.#agent.closeFile(handle.agentHandle);
    }
  }

  async #read(first: Of<'read'>): Promise<void> {
    const batch = [first];
    let end = first.offset + first.length;
    const follows = (next: SftpRequest): next is Of<'read'> =>
      next.kind === 'read' &&
      next.handle === first.handle &&
      next.offset === end &&
      end + next.length - first.offset <= FILE_PIECE_BYTES;
    for (let next = this.#requests.nextIf(follows); next !== undefined; next = this.#requests.nextIf(follows)) {
      batch.push(next);
      end += next.length;
    }
    let bytes: Uint8Array = new Uint8Array(0);
    const failed = await this.#attempt(first.id, async () => {
      const file = this.#file(first.handle);
      if (!file.canRead) throw denied();
      await this.#seek(file, first.offset);
      bytes = await this.#agent.readFile(file.agentHandle, Math.min(end - first.offset, FILE_PIECE_BYTES));
      file.position = first.offset + bytes.length;
      return undefined;
    });
    for (const {id, offset, length} of batch) {
      const piece = bytes.subarray(offset - first.offset, offset - first.offset + length);
      await this.#send(
        failed !== undefined
          ? withId(failed, id)
          : piece.length > 0
            ? dataPacket(id, piece)
            : // Less than was asked for may be all the agent had at once: only the first can know that it was the end.
              offset === first.offset || bytes.length === 0
              ? statusPacket(id, STATUS.EOF, 'No more')
              : await this.#readLate(first.handle, id, offset, length),
      );
    }
  }

  /** A part that did not come with those before it. */
  #readLate(handle: string, id: number, offset: number, length: number): Promise<Buffer> {
    return this.#attempt(id, async () => {
      const file = this.#file(handle);
      await this.#seek(file, offset);
      const bytes = await this.#agent.readFile(file.agentHandle, Math.min(length, FILE_PIECE_BYTES));
      file.position = offset + bytes.length;
      return bytes.length > 0 ? dataPacket(id, bytes) : statusPacket(id, STATUS.EOF, 'No more');
    });
  }

  async #write(first: Of<'write'>): Promise<void> {
    const batch = [first];
    let end = first.offset + first.data.length;
    const follows = (next: SftpRequest): next is Of<'write'> =>
      next.kind === 'write' &&
      next.handle === first.handle &&
      next.offset === end &&
      end + next.data.length - first.offset <= FILE_PIECE_BYTES;
    for (let next = this.#requests.nextIf(follows); next !== undefined; next = this.#requests.nextIf(follows)) {
      batch.push(next);
      end += next.data.length;
    }
    const bytes = Buffer.concat(batch.map(({data}) => data));
    const answer = await this.#attempt(first.id, async () => {
      const file = this.#file(first.handle);
      if (!file.canWrite) throw denied();
      if (!file.appends) await this.#seek(file, first.offset);
      file.position = undefined;
      for (let at = 0; at < bytes.length; at += FILE_PIECE_BYTES)
        await this.#agent.writeFile(file.agentHandle, bytes.subarray(at, at + FILE_PIECE_BYTES));
      file.position = end;
      file.hasUnflushed = true;
      return statusPacket(first.id, STATUS.OK, 'Done');
    });
    for (const {id} of batch) await this.#send(withId(answer, id));
  }

  async #seek(file: OpenFile, offset: number): Promise<void> {
    if (file.position === offset) return;
    file.position = undefined;
    await this.#agent.seekFile(file.agentHandle, offset);
    file.position = offset;
  }

  #file(name: string): OpenFile {
    const handle = this.#handles.get(name);
    if (handle?.kind !== 'file') throw noHandle();
    return handle;
  }

  /** The file of a handle, as others see it with all that was written through it. */
  async #flushed(name: string): Promise<OpenFile> {
    const file = this.#file(name);
    if (file.hasUnflushed) await this.#agent.flushFile(file.agentHandle);
    file.hasUnflushed = false;
    return file;
  }

  #checkRoom(): void {
    if (this.#handles.size >= HANDLES_MAX) throw failure(`${HANDLES_MAX} files are open already`);
  }

  #keep(handle: OpenFile | OpenFolder): string {
    const name = String(++this.#lastHandle);
    this.#handles.set(name, handle);
    return name;
  }

  async #statusIfThere(path: string): Promise<GuestFileStatus | undefined> {
    try {
      return await this.#files.status(path, true);
    } catch (thrown) {
      if (thrown instanceof ManagerError && thrown.code === 'file-not-found') return undefined;
      throw thrown;
    }
  }

  /** A path from the root on. */
  async #at(path: string): Promise<string> {
    if (path.startsWith('/')) return path;
    this.#home ??= await this.#files.home();
    return posix.join(this.#home, path);
  }

  async #realPath(path: string): Promise<string> {
    const whole = await this.#at(path);
    try {
      return await this.#files.realPath(whole);
    } catch (thrown) {
      if (!(thrown instanceof ManagerError && thrown.code === 'agent-failed')) throw thrown;
      // Nothing is there, nor the folder it would be in.
      return posix.normalize(whole);
    }
  }

  /** What a request comes to; its failure is an answer as well. Errors: what ends the session */
  async #attempt<Answer extends Buffer | undefined>(id: number, work: () => Promise<Answer>): Promise<Answer | Buffer> {
    try {
      return await work();
    } catch (thrown) {
      const error = toManagerError(thrown);
      if (ENDING.has(error.code)) throw error;
      if (error.code === 'internal') console.error(error.cause);
      // The agent's own words, of opening a file for one.
      const known = error.code === 'agent-failed' ? explainWords(error.message) : error;
      const status =
        known.code === 'file-not-found'
          ? STATUS.NO_SUCH_FILE
          : known.code === 'no-permission'
            ? STATUS.PERMISSION_DENIED
            : STATUS.FAILURE;
      return statusPacket(id, status, error.message);
    }
  }

  #send(packet: Buffer): Promise<void> {
    return writeAtPace(this.#client, packet);
  }
}

/** After these nothing else can be done in the guest. */
const ENDING: ReadonlySet<string> = new Set(['no-agent', 'machine-failed', 'wrong-state', 'machine-not-found']);

function toAttributes({size, uid, gid, mode, atime, mtime}: GuestFileStatus): Attributes {
  return {size, owner: {uid, gid}, mode, times: {atime, mtime}};
}

function masked(mode: number | undefined): number | undefined {
  return mode === undefined ? undefined : mode & 0o777 & ~UMASK;
}

function oneName(path: string): {name: Uint8Array; line: Uint8Array; attributes: Attributes} {
  const name = Buffer.from(path);
  return {name, line: name, attributes: {}};
}

/** The same answer to another request. */
function withId(packet: Buffer, id: number): Buffer {
  const copy = Buffer.from(packet);
  copy.writeUInt32BE(id, 5);
  return copy;
}

function failure(words: string): ManagerError {
  return new ManagerError('bad-request', `${words}.`, 'Check the path.');
}

function denied(): ManagerError {
  return new ManagerError('no-permission', 'It was not opened for that.', 'Open it again.');
}

function noHandle(): ManagerError {
  return failure('Nothing is open by this handle');
}
