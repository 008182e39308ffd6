/**
 * Files and folders of a guest as its agent reaches them: what the agent's own dialect lacks is done by programs that every
 * Linux guest has. The guest is hostile: what it says of its files is read with bounds, and is only ever its own word.
 */
import {ManagerError} from '../protocol/errors.js';
import type {GuestAgent} from './guest-agent.js';

/** What a file is. Units: bytes, seconds since 1970; `mode` with the file's type, as in `struct stat` */
export interface GuestFileStatus {
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly atime: number;
  readonly mtime: number;
}

/** A file of a folder; names are bytes. */
export interface GuestFolderEntry extends GuestFileStatus {
  readonly name: Uint8Array;
}

/** What is to be changed of a file. */
export interface GuestFileChanges {
  readonly size?: number | undefined;
  readonly owner?: {readonly uid: number; readonly gid: number} | undefined;
  readonly mode?: number | undefined;
  readonly times?: {readonly atime: number; readonly mtime: number} | undefined;
}

/** Longest list of a folder, as text: some 100 000 files. */
export const LIST_BYTES_MAX = 8 * 1_048_576;
/** What fits one answer of an agent with room to spare. */
const LIST_AT_ONCE_BYTES = 262_144;
/** A list that is longer waits in a file. */
const STATUS_IN_FILE = 99;

const STATUS_FORMAT = '%f %h %u %g %s %X %Y';
const STATUS_LINE = /^([0-9a-f]{1,8}) (\d{1,10}) (\d{1,10}) (\d{1,10}) (\d{1,16}) (-?\d{1,12}) (-?\d{1,12})/;
/** No name has a slash, and in the list each has one before it: two of them begin a record. */
const LIST = `cd "$1" || exit 1
list=$(mktemp /run/vivarium-XXXXXX 2>/dev/null || mktemp) || exit 1
find . -mindepth 1 -maxdepth 1 -exec stat -c '//${STATUS_FORMAT} %n' {} + >"$list" 2>/dev/null
if [ "$(stat -c %s "$list")" -gt ${LIST_AT_ONCE_BYTES} ]; then printf %s "$list"; exit ${STATUS_IN_FILE}; fi
cat "$list"
rm -f "$list"`;
const HOME = `: "\${HOME:=/root}"; cd "$HOME" 2>/dev/null || cd /; pwd`;

/** See the module. Errors of all: file-not-found, no-permission, agent-failed with the guest's reason, and the agent's own */
export class GuestFiles {
  readonly #agent: GuestAgent;

  constructor(agent: GuestAgent) {
    this.#agent = agent;
  }

  /** Where paths without a root begin: the home of the agent's user. */
  async home(): Promise<string> {
    const text = (await this.#run(HOME)).toString('utf8').trimEnd();
    return text.startsWith('/') ? text : '/';
  }

  /** `follows` a symbolic link to what it leads to. */
  async status(path: string, follows: boolean): Promise<GuestFileStatus> {
    const output = await this.#run(`stat ${follows ? '-L ' : ''}-c '${STATUS_FORMAT}' "$1"`, path);
    return readStatus(output.toString('latin1')) ?? nonsense();
  }

  /** All of a folder, in no order; at most `LIST_BYTES_MAX` of text. */
  async list(path: string): Promise<GuestFolderEntry[]> {
    const {status, stdout, stderr} = await this.#agent.run({path: 'sh', arguments: ['-c', LIST, 'sh', path]});
    if (status === STATUS_IN_FILE) return readList(await this.#readWhole(Buffer.from(stdout).toString('utf8')));
    if (status !== 0) throw explain(status, stderr);
    return readList(Buffer.from(stdout));
  }

  /** Where a path leads, links resolved; the last part need not be there. */
  async realPath(path: string): Promise<string> {
    const output = await this.#run('readlink -f "$1" || exit 1', path);
    const text = output.toString('utf8').replace(/\n$/, '');
    return text.startsWith('/') ? text : nonsense();
  }

  async readLink(path: string): Promise<string> {
    const text = (
      await this.#run('[ -L "$1" ] || { echo "Invalid argument" >&2; exit 1; }; readlink "$1"', path)
    ).toString();
    return text.replace(/\n$/, '');
  }

  /** Of links, what they lead to. */
  async change(path: string, {size, owner, mode, times}: GuestFileChanges): Promise<void> {
    const steps = [
      ...(size === undefined ? [] : [`truncate -c -s ${size} "$1"`]),
      ...(owner === undefined ? [] : [`chown ${owner.uid}:${owner.gid} "$1"`]),
      // After the owner, which takes away bits.
      ...(mode === undefined ? [] : [`chmod ${(mode & 0o7777).toString(8)} "$1"`]),
      ...(times === undefined ? [] : [`touch -c -a -d @${times.atime} "$1"`, `touch -c -m -d @${times.mtime} "$1"`]),
    ];
    if (steps.length > 0)
      await this.#run(['[ -e "$1" ] || { echo "No such file" >&2; exit 1; }', ...steps].join(' && '), path);
  }

  /** Makes an empty file where there is nothing, or fails. */
  async createNew(path: string, mode: number | undefined): Promise<void> {
    const chmod = mode === undefined ? '' : ` && chmod ${(mode & 0o7777).toString(8)} "$1"`;
    await this.#run(`set -C; : >"$1"${chmod}`, path);
  }

  /** Has what was written to a file survive a power cut. */
  async sync(path: string): Promise<void> {
    // Those of older guests know no names, and write all.
    await this.#run('sync "$1" 2>/dev/null || sync', path);
  }

  async makeFolder(path: string, mode: number | undefined): Promise<void> {
    await this.#run(`mkdir ${mode === undefined ? '' : `-m ${(mode & 0o7777).toString(8)} `}"$1"`, path);
  }

  async removeFolder(path: string): Promise<void> {
    await this.#run('rmdir "$1"', path);
  }

  /** Anything but a folder. */
  async remove(path: string): Promise<void> {
    await this.#run('if [ -d "$1" ] && ! [ -L "$1" ]; then echo "Is a directory" >&2; exit 1; fi; rm "$1"', path);
  }

  async rename(path: string, newPath: string, replaces: boolean): Promise<void> {
    const check = replaces ? '' : 'if [ -e "$2" ] || [ -L "$2" ]; then echo "File exists" >&2; exit 1; fi; ';
    await this.#run(`${check}mv -f -T "$1" "$2"`, path, newPath);
  }

  /** Makes `path` a symbolic link, which says `target`, or another name of that file. */
  async link(target: string, path: string, isSymbolic: boolean): Promise<void> {
    await this.#run(`ln ${isSymbolic ? '-s ' : ''}-T -- "$1" "$2"`, target, path);
  }

  async #run(script: string, ...parameters: readonly string[]): Promise<Buffer> {
    const {status, stdout, stderr} = await this.#agent.run({
      path: 'sh',
      arguments: ['-c', script, 'sh', ...parameters],
    });
    if (status !== 0) throw explain(status, stderr);
    return Buffer.from(stdout);
  }

  async #readWhole(path: string): Promise<Buffer> {
    const handle = await this.#agent.openFile(path, 'r');
    try {
      const pieces: Uint8Array[] = [];
      for (let length = 0; ; ) {
        const piece = await this.#agent.readFile(handle);
        if (piece.length === 0) return Buffer.concat(pieces);
        length += piece.length;
        if (length > LIST_BYTES_MAX)
          throw new ManagerError('agent-failed', 'The folder has too many files to list.', 'List it in the guest.');
        pieces.push(piece);
      }
    } finally {
      // The guest may be gone, and the file with it.
      await this.#agent.closeFile(handle).catch(() => undefined);
      await this.#agent.run({path: 'rm', arguments: ['-f', path]}).catch(() => undefined);
    }
  }
}

function readStatus(text: string): GuestFileStatus | undefined {
  const match = STATUS_LINE.exec(text);
  if (match === null) return undefined;
  const [, mode = '', links, uid, gid, size, atime, mtime] = match;
  return {
    mode: Number.parseInt(mode, 16),
    links: Number(links),
    uid: Number(uid),
    gid: Number(gid),
    size: Number(size),
    // Beyond 32 bits the protocol of clients has no times.
    atime: clampTime(Number(atime)),
    mtime: clampTime(Number(mtime)),
  };
}

function readList(text: Buffer): GuestFolderEntry[] {
  const entries: GuestFolderEntry[] = [];
  for (const record of text.toString('latin1').split('//')) {
    const at = record.indexOf(' ./');
    const status = at < 0 ? undefined : readStatus(record);
    // What the guest says of names that are none is not passed on.
    const name = record.slice(at + 3).replace(/\n$/, '');
    if (status === undefined || name === '' || name.includes('/')) continue;
    entries.push({...status, name: Buffer.from(name, 'latin1')});
  }
  return entries;
}

function clampTime(seconds: number): number {
  return Math.min(Math.max(seconds, 0), 0xffff_ffff);
}

/** What a program of the guest said, by what it means; programs differ, but not in these words. */
function explain(status: number, stderr: Uint8Array): ManagerError {
  const words = Buffer.from(stderr.subarray(0, 300))
    .toString('latin1')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  return explainWords(words || `status ${status}`);
}

/** The error that a guest's words stand for. */
export function explainWords(words: string): ManagerError {
  if (/No such file|nonexistent/i.test(words))
    return new ManagerError('file-not-found', 'There is no such file in the guest.', 'Check the path.');
  if (/Permission denied|not permitted|Read-only/i.test(words))
    return new ManagerError('no-permission', `The guest refuses it: ${words}.`, 'Choose another place.');
  return new ManagerError(
    'agent-failed',
    `The guest could not do it: ${words}.`,
    'Check the paths, and the room there.',
  );
}

function nonsense(): never {
  throw new ManagerError('agent-failed', 'The guest talks nonsense of its files.', 'Look at it in its console.');
}
