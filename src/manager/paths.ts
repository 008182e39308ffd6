/**
 * Where the manager keeps things. `home` outlives the machine's boot (definitions, disks, images, logs), `runtime`
 * does not (sockets, process records). Both can be set by `VIVARIUM_HOME` and `VIVARIUM_RUNTIME`.
 */
import {lstatSync, mkdirSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import {isAbsolute, join, resolve} from 'node:path';
import {ManagerError} from './protocol/errors.js';

/** All paths; every one is absolute. */
export interface Paths {
  readonly home: string;
  readonly runtime: string;
  readonly socket: string;
  readonly daemonLock: string;
  readonly daemonLog: string;
  readonly machines: string;
  readonly trash: string;
  /** Folders of machine processes that started before their machine was known. */
  readonly spares: string;
  /** Built images and fetched packages; may be deleted to win space. */
  readonly cache: string;
  /** Images made from machines. */
  readonly templates: string;
  /** The user's own image recipes. */
  readonly recipes: string;
  /** Who uses which disk image; shared by all homes of this user. */
  readonly imageLocks: string;
  readonly events: string;
  /** Histories of metrics. */
  readonly history: string;
  /** What can be taken back. */
  readonly undo: string;
  readonly settings: string;
  /** Keys of the SSH server and of `viv ssh`. */
  readonly ssh: string;
  /** Keys that may log in besides the user's own. */
  readonly authorizedKeys: string;
}

/** Longest path of a unix socket: `sun_path` less its terminating zero byte. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Works the paths out without touching the disk. Errors: path-too-long */
export function findPaths(environment: NodeJS.ProcessEnv = process.env): Paths {
  const home = resolve(environment['VIVARIUM_HOME'] || join(dataFolder(environment), 'vivarium'));
  const runtime = resolve(environment['VIVARIUM_RUNTIME'] || defaultRuntime(environment));
  // The longest name below it is a machine's socket: 36 characters of id and 5 of suffix.
  if (Buffer.byteLength(join(runtime, `${'0'.repeat(36)}.sock`)) > MAX_SOCKET_PATH_BYTES)
    throw new ManagerError(
      'path-too-long',
      `The runtime folder ${runtime} has a path too long for unix sockets.`,
      'Set VIVARIUM_RUNTIME to a shorter path.',
    );
  return {
    home,
    runtime,
    socket: join(runtime, 'daemon.sock'),
    daemonLock: join(home, 'daemon.lock'),
    daemonLog: join(home, 'daemon.log'),
    machines: join(home, 'machines'),
    trash: join(home, 'trash'),
    spares: join(home, 'spares'),
    cache: join(home, 'cache'),
    templates: join(home, 'templates'),
    recipes: join(home, 'recipes'),
    imageLocks: join(runtime, 'image-locks'),
    events: join(home, 'events.jsonl'),
    history: join(home, 'history'),
    undo: join(home, 'undo.json'),
    settings: join(home, 'daemon.json'),
    ssh: join(home, 'ssh'),
    authorizedKeys: join(home, 'authorized_keys'),
  };
}

/**
 * Creates the runtime folder with mode 0700, or checks that the one there belongs to us and to nobody else: whoever
 * can write to it could put a socket of their own in the daemon's place. Errors: runtime-folder-unsafe
 */
export function secureRuntimeFolder(folder: string): void {
  mkdirSync(folder, {recursive: true, mode: 0o700});
  const status = lstatSync(folder);
  const uid = process.getuid?.();
  const isOurs = status.isDirectory() && (uid === undefined || status.uid === uid) && (status.mode & 0o077) === 0;
  if (!isOurs)
    throw new ManagerError(
      'runtime-folder-unsafe',
      `The runtime folder ${folder} is not a folder that only you can enter.`,
      `Remove it, or run \`chmod 700 ${folder}\`, or set VIVARIUM_RUNTIME to another folder.`,
    );
}

function dataFolder(environment: NodeJS.ProcessEnv): string {
  const set = environment['XDG_DATA_HOME'];
  return set !== undefined && isAbsolute(set) ? set : join(environment['HOME'] || homedir(), '.local', 'share');
}

function defaultRuntime(environment: NodeJS.ProcessEnv): string {
  const set = environment['XDG_RUNTIME_DIR'];
  if (set !== undefined && isAbsolute(set)) return join(set, 'vivarium');
  return join(tmpdir(), `vivarium-${process.getuid?.() ?? 'user'}`);
}
