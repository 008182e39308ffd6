/** Runs programs of the host: no shell, own process group, ended with all its children when the work is cancelled. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {Readable} from 'node:stream';
import {ManagerError} from '../protocol/errors.js';

/** How to run a program. `onStatusLine` gets each line that the program writes to file descriptor 3. */
export interface HostProcessOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onStatusLine?: (line: string) => void;
  /** Takes standard output; without it, `stdout` of the result holds up to 64 MiB of it. */
  readonly onOutput?: (stream: Readable) => Promise<void>;
}

/** How a program ended. `stderr` holds its last 64 KiB. */
export interface HostProcessResult {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

const MAX_STDOUT_BYTES = 64 << 20;
const MAX_STDERR_CHARS = 64 << 10;

/**
 * Runs a program to its end.
 * Errors: cancelled, apt-missing (there is no such program: all that are run here come with apt); a status other than
 *         0 is a result
 */
export async function runHostProcess(
  program: string,
  parameters: readonly string[],
  options: HostProcessOptions,
): Promise<HostProcessResult> {
  const {signal} = options;
  throwIfCancelled(signal);
  const child = spawn(program, parameters, {
    cwd: options.cwd,
    env: {...options.environment},
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that apt's download helpers end with it
  });
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // ESRCH: the whole group has already ended, which is what was wanted.
    }
  };
  signal?.addEventListener('abort', kill, {once: true});
  try {
    const ended = once(child, 'close');
    const [stdout, stderr] = await Promise.all([
      readOutput(pipeOf(child.stdout), options.onOutput, kill),
      readTail(pipeOf(child.stderr)),
      readLines(pipeOf(child.stdio[3]), options.onStatusLine),
      ended,
    ]);
    throwIfCancelled(signal);
    return {status: child.exitCode ?? 128, stdout, stderr};
  } catch (error) {
    kill();
    throwIfCancelled(signal);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'syscall' in error)
      throw programMissing(program, error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Errors: cancelled */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled();
}

/** The error of work that its caller cancelled. */
export function cancelled(): ManagerError {
  return new ManagerError('cancelled', 'The image build was cancelled.', 'Start it again when you like.');
}

function programMissing(program: string, cause: unknown): ManagerError {
  return new ManagerError(
    'apt-missing',
    `This host has no ${program}, which fetches and unpacks the packages of the image.`,
    'Install the packages apt and dpkg, or copy the image folder from a machine that has built the image.',
    {cause},
  );
}

async function readOutput(
  stream: Readable,
  onOutput: HostProcessOptions['onOutput'],
  kill: () => void,
): Promise<Uint8Array> {
  if (onOutput !== undefined) {
    try {
      await onOutput(stream);
    } finally {
      // A reader that stopped early must not leave the program blocked on a full pipe.
      if (!stream.readableEnded) kill();
      stream.destroy();
    }
    return new Uint8Array(0);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes: Uint8Array = chunk;
    size += bytes.length;
    if (size > MAX_STDOUT_BYTES) {
      kill();
      throw new Error('a host program printed more than 64 MiB');
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}

async function readTail(stream: Readable): Promise<string> {
  let tail = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) tail = (tail + String(chunk)).slice(-MAX_STDERR_CHARS);
  return tail;
}

async function readLines(stream: Readable, onLine: HostProcessOptions['onStatusLine']): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) onLine?.(line);
  }
}

/** The types of node do not say that a pipe was asked for. */
function pipeOf(stream: unknown): Readable {
  if (stream instanceof Readable) return stream;
  throw new Error('a child process came without its pipes');
}
