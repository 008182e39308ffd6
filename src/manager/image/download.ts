/** Files from elsewhere, checked against what they are to be. */
import {createHash} from 'node:crypto';
import {createWriteStream} from 'node:fs';
import {rm} from 'node:fs/promises';
import {Readable, Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {ManagerError} from '../protocol/errors.js';

/** Longest time without a byte. */
const SILENCE_MS = 30_000;
/** Largest file. Units: bytes */
const BYTES_MAX = 2 ** 36;

/** How it goes, and whether it still should. */
export interface DownloadWork {
  readonly signal: AbortSignal;
  /** `total` is 0 while it is not known. Units: bytes */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Writes what is at an address into a new file, which is there only if it is what it was to be.
 * Errors: download-failed, checksum-mismatch, disk-full, cancelled
 */
export async function download(
  url: string,
  sha256: string,
  path: string,
  {signal, onProgress}: DownloadWork,
): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const hash = createHash('sha256');
  try {
    const response = await request(url, AbortSignal.any([signal, silence.signal]));
    const total = Number(response.headers.get('content-length') ?? 0);
    let done = 0;
    const count = new Transform({
      transform(chunk: Uint8Array, _encoding, next) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        hash.update(chunk);
        done += chunk.length;
        onProgress(done, Math.max(total, 0));
        if (done > BYTES_MAX) next(new Error(`it is larger than ${BYTES_MAX / 2 ** 30} GiB`));
        else next(null, chunk);
      },
    });
    const target = createWriteStream(path, {flags: 'wx', mode: 0o600});
    await pipeline(Readable.fromWeb(response.body as never), count, target, {
      signal: AbortSignal.any([signal, silence.signal]),
    });
  } catch (thrown) {
    await rm(path, {force: true});
    signal.throwIfAborted();
    if (thrown instanceof ManagerError) throw thrown;
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC') throw thrown;
    throw failed(url, silence.signal.aborted ? `nothing came for ${SILENCE_MS / 1000} s` : reasonOf(thrown), thrown);
  } finally {
    clearTimeout(timer);
  }
  const actual = hash.digest('hex');
  if (actual === sha256) return;
  await rm(path, {force: true});
  throw new ManagerError(
    'checksum-mismatch',
    `${url} is not what it was to be: its SHA-256 is ${actual}, not ${sha256}.`,
    'Get the checksum from who made the file, or the file from elsewhere.',
  );
}

/** A short text. Errors: download-failed */
export async function downloadText(url: string, bytesMax: number, signal: AbortSignal): Promise<string> {
  try {
    const response = await request(url, signal);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new Error(`it is larger than ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } catch (thrown) {
    if (thrown instanceof ManagerError) throw thrown;
    throw failed(url, reasonOf(thrown), thrown);
  }
}

async function request(url: string, signal: AbortSignal): Promise<Response> {
  // What is asked for is what is checked: no encodings on the way.
  const response = await fetch(url, {signal, headers: {'accept-encoding': 'identity'}});
  if (response.ok && response.body !== null) return response;
  await response.body?.cancel();
  throw failed(url, `the server says ${response.status} ${response.statusText}`.trim(), undefined);
}

/** What `fetch` says is "fetch failed"; why stands in its cause. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const {cause} = thrown;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error && cause.message !== '' ? cause.message : thrown.message;
}

function failed(url: string, reason: string, cause: unknown): ManagerError {
  return new ManagerError(
    'download-failed',
    `${url} could not be downloaded: ${reason}.`,
    'Check the address and the network, then try again.',
    {cause},
  );
}
