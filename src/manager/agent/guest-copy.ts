/** Files between host and guest, in pieces; what is half made is removed, and a file appears under its name when it is whole. */
import {randomBytes} from 'node:crypto';
import {ManagerError} from '../protocol/errors.js';
import {FILE_PIECE_BYTES, type GuestAgent} from './guest-agent.js';

/** Says what lies at a path, by its status: 0 a plain file, 3 a folder, 4 nothing, 5 something else. */
const LOOK = '[ -f "$1" ] && exit 0; [ -d "$1" ] && exit 3; [ -e "$1" ] && exit 5; exit 4';
const NAME_IT = 'chmod "$3" "$1" && mv -f "$1" "$2"';

/** Where a file goes. `name` is what it is called when `path` is a folder. Units: `mode` as in chmod, nine bits */
export interface CopyTarget {
  readonly path: string;
  readonly name: string;
  readonly mode: number;
}

/**
 * Writes a file of the guest from pieces of any size; resolves with its length.
 * Errors: file-not-found (no such folder), bad-request, and those of the agent
 */
export async function copyIntoGuest(
  agent: GuestAgent,
  target: CopyTarget,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  checkPath(target.path);
  const isFolder = (await look(agent, target.path)) === 3;
  if (!isFolder && target.path.endsWith('/')) throw notThere(target.path);
  const path = isFolder ? `${target.path.replace(/\/+$/, '')}/${checkName(target.name)}` : target.path;
  if (isFolder && (await look(agent, path)) === 3)
    throw new ManagerError('bad-request', `${path} is a folder in the guest.`, 'Give the file another name.');
  const half = `${path}.viv-${randomBytes(6).toString('hex')}`;
  const handle = await agent.openFile(half, 'w').catch((thrown: unknown) => {
    throw explain(thrown, path);
  });
  let length = 0;
  let isOpen = true;
  try {
    // Small ones together: what takes time is the way to the agent and back.
    let held = Buffer.alloc(0);
    for await (const piece of pieces) {
      length += piece.length;
      for (held = Buffer.concat([held, piece]); held.length >= FILE_PIECE_BYTES; held = held.subarray(FILE_PIECE_BYTES))
        await agent.writeFile(handle, held.subarray(0, FILE_PIECE_BYTES));
    }
    if (held.length > 0) await agent.writeFile(handle, held);
    await agent.flushFile(handle);
    isOpen = false;
    await agent.closeFile(handle);
    await runScript(agent, NAME_IT, [half, path, (target.mode & 0o777).toString(8)]);
    return length;
  } catch (thrown) {
    // The guest may be gone; then what is half made is as well, or is the guest's to find.
    if (isOpen) await agent.closeFile(handle).catch(() => undefined);
    await agent.run({path: 'rm', arguments: ['-f', half]}).catch(() => undefined);
    throw thrown;
  }
}

/**
 * Reads a plain file of the guest; the next piece is asked for when `take` resolves. Resolves with its length.
 * Errors: file-not-found, bad-request, those of the agent, and what `take` throws
 */
export async function copyFromGuest(
  agent: GuestAgent,
  path: string,
  take: (piece: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  checkPath(path);
  const kind = await look(agent, path);
  if (kind === 4) throw notThere(path);
  if (kind !== 0)
    throw new ManagerError(
      'bad-request',
      `${path} in the guest is ${kind === 3 ? 'a folder' : 'no plain file'}.`,
      'Copy one file at a time; pack a folder up with tar first.',
    );
  const handle = await agent.openFile(path, 'r').catch((thrown: unknown) => {
    throw explain(thrown, path);
  });
  let length = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const piece = await agent.readFile(handle);
      if (piece.length === 0) return length;
      length += piece.length;
      await take(piece);
    }
  } finally {
    await agent.closeFile(handle).catch(() => undefined);
  }
}

async function look(agent: GuestAgent, path: string): Promise<number> {
  const {status} = await agent.run({path: 'sh', arguments: ['-c', LOOK, 'sh', path]});
  return status;
}

async function runScript(agent: GuestAgent, script: string, parameters: readonly string[]): Promise<void> {
  const {status, stderr} = await agent.run({path: 'sh', arguments: ['-c', script, 'sh', ...parameters]});
  if (status === 0) return;
  const words = Buffer.from(stderr.subarray(0, 200))
    .toString('latin1')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  throw new ManagerError(
    'agent-failed',
    `The guest could not finish the file: ${words || `status ${status}`}.`,
    'Make room on its disk, or choose another folder.',
  );
}

/** A path without a root would be looked for wherever the agent happens to stand. */
function checkPath(path: string): void {
  if (path.startsWith('/') && !path.includes('\0')) return;
  throw new ManagerError(
    'bad-request',
    'A path in the guest begins with a slash.',
    'For example: viv cp FILE NAME:/root/',
  );
}

function checkName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)) return name;
  throw new ManagerError(
    'bad-request',
    `${JSON.stringify(name)} is no name of a file.`,
    'Give the whole path in the guest.',
  );
}

function notThere(path: string): ManagerError {
  return new ManagerError('file-not-found', `There is no ${path} in the guest.`, 'Check the path.');
}

function explain(thrown: unknown, path: string): unknown {
  const isMissing =
    thrown instanceof ManagerError && thrown.code === 'agent-failed' && /No such file/.test(thrown.message);
  return isMissing ? notThere(path) : thrown;
}
