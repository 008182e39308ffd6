/**
 * Reads a packed-up machine from a tar file that may come from anywhere: members have fixed names in a fixed order, and each
 * is compared with its checksum while it is unpacked. Whoever unpacks uses nothing before all of it is there.
 */
import {createHash} from 'node:crypto';
import {type FileHandle, open} from 'node:fs/promises';
import {readTar, type TarEntry, TarError} from '../image/tar.js';
import {ManagerError} from '../protocol/errors.js';
import {
  DIGEST_NAME,
  encodeDigest,
  MANIFEST_BYTES_MAX,
  MANIFEST_NAME,
  type Manifest,
  type Part,
  parseManifest,
  refused,
} from './manifest.js';

const READ_BYTES = 1 << 20;

/** How unpacking goes on, and what ends it. Units: bytes */
export interface UnpackWork {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** See the module. */
export class ArchiveReader implements AsyncDisposable {
  readonly manifest: Manifest;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #entries: AsyncGenerator<TarEntry>;

  private constructor(path: string, file: FileHandle, entries: AsyncGenerator<TarEntry>, manifest: Manifest) {
    this.#path = path;
    this.#file = file;
    this.#entries = entries;
    this.manifest = manifest;
  }

  /** Reads the manifest. Errors: file-not-found, bad-snapshot */
  static async open(path: string): Promise<ArchiveReader> {
    const file = await open(path, 'r').catch((cause: unknown) => {
      throw new ManagerError('file-not-found', `${path} cannot be read.`, 'Check the path.', {cause});
    });
    try {
      if (!(await file.stat()).isFile()) throw refused(path, 'it is no regular file');
      const entries = readTar(blocksOf(file));
      const manifest = await readManifest(entries, path).catch((thrown: unknown) => {
        throw thrown instanceof TarError ? refused(path, 'it is no exported snapshot, or a damaged one') : thrown;
      });
      return new ArchiveReader(path, file, entries, manifest);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** Bytes of all parts. */
  get partBytes(): number {
    return this.manifest.parts.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  }

  /** Writes each part to a new file, durably. Whatever goes wrong, those written are left. Errors: bad-snapshot, cancelled */
  async unpack(targets: ReadonlyMap<string, string>, {signal, onProgress}: UnpackWork): Promise<void> {
    let before = 0;
    try {
      for (const part of this.manifest.parts) {
        const entry = await nextEntry(this.#entries, this.#path, part.name);
        if (entry.sizeBytes !== part.sizeBytes) throw refused(this.#path, `its ${part.name} has another size`);
        const target = targets.get(part.name);
        if (target === undefined) throw new Error(`${part.name} has no place`);
        await this.#unpack(entry, part, target, signal, (done) => onProgress?.(before + done, this.partBytes));
        before += part.sizeBytes;
      }
      if (!(await this.#entries.next()).done) throw refused(this.#path, 'it holds more than its manifest says');
    } catch (thrown) {
      throw thrown instanceof TarError
        ? refused(this.#path, thrown.isCutOff ? 'it is cut off' : thrown.message)
        : thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#entries.return(undefined);
    await this.#file.close();
  }

  async #unpack(
    entry: TarEntry,
    {name, sha256}: Part,
    target: string,
    signal: AbortSignal | undefined,
    onDone: (bytes: number) => void,
  ): Promise<void> {
    const hash = createHash('sha256');
    const file = await open(target, 'wx', 0o600);
    try {
      let written = 0;
      for await (const bytes of entry.chunks()) {
        signal?.throwIfAborted();
        hash.update(bytes);
        await file.appendFile(bytes);
        written += bytes.length;
        onDone(written);
      }
      if (hash.digest('hex') !== sha256) throw refused(this.#path, `its ${name} is damaged`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

async function readManifest(entries: AsyncGenerator<TarEntry>, path: string): Promise<Manifest> {
  const content = await smallBody(await nextEntry(entries, path, MANIFEST_NAME), path);
  // First what it is: another version may say everything else in another way.
  const manifest = parseManifest(content, path);
  const digest = await smallBody(await nextEntry(entries, path, DIGEST_NAME), path);
  if (!encodeDigest(content).equals(digest)) throw refused(path, 'its manifest is damaged');
  return manifest;
}

async function nextEntry(entries: AsyncGenerator<TarEntry>, path: string, name: string): Promise<TarEntry> {
  const step = await entries.next();
  if (step.done) throw refused(path, name === MANIFEST_NAME ? 'it is no exported snapshot' : `its ${name} is missing`);
  const {path: found, kind} = step.value;
  if (found === name && kind === 'file') return step.value;
  if (name === MANIFEST_NAME) throw refused(path, 'it is no exported snapshot');
  throw refused(path, `it holds ${JSON.stringify(found.slice(0, 80))} where ${name} belongs`);
}

async function smallBody(entry: TarEntry, path: string): Promise<Uint8Array> {
  if (entry.sizeBytes > MANIFEST_BYTES_MAX) throw refused(path, 'its manifest is too long');
  return entry.bytes();
}

async function* blocksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const {buffer, bytesRead} = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
