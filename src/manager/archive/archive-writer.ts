/**
 * Writes a packed-up machine as one tar file. The file is a regular one: manifest and headers are written before what they
 * describe, and again when that is there, so that nothing is stored twice on the way.
 *
 *   manifest.json │ manifest.sha256 │ the parts, see `manifest.ts` │ two zero blocks
 */
import {createHash, randomBytes} from 'node:crypto';
import {type FileHandle, open, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {syncFolder, TEMPORARY_PREFIX} from '../store/atomic-file.js';
import {
  DIGEST_NAME,
  encodeDigest,
  encodeManifest,
  type FilePlace,
  MANIFEST_NAME,
  type ManifestDraft,
  type Part,
  type PartWriter,
  partNames,
  reservedLength,
} from './manifest.js';
import {encodeTarHeader, paddingOf, TAR_BLOCK_BYTES} from './tar-header.js';

const READ_BYTES = 1 << 20;

/** See the module. Disposing it before it is finished leaves nothing. */
export class ArchiveWriter implements PartWriter, AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #draft: ManifestDraft;
  readonly #parts: Part[] = [];
  readonly #manifestBytes: number;
  #end = 0;
  #isFinished = false;

  private constructor(path: string, temporary: string, file: FileHandle, draft: ManifestDraft) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#draft = draft;
    this.#manifestBytes = reservedLength(draft);
  }

  /** Begins beside the file that is to be there in the end. Errors: bad-request when that is there */
  static async create(path: string, draft: ManifestDraft): Promise<ArchiveWriter> {
    await refuseExisting(path);
    const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
    const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${basename(path)}-${unique}`);
    const file = await open(temporary, 'wx+', 0o600);
    const writer = new ArchiveWriter(path, temporary, file, draft);
    // Room for the two that are written last.
    for (const length of [writer.#manifestBytes, encodeDigest(new Uint8Array()).length])
      writer.#end += TAR_BLOCK_BYTES + length + paddingOf(length);
    return writer;
  }

  async stream(name: string, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    const start = this.#end + TAR_BLOCK_BYTES;
    const hash = createHash('sha256');
    let end = start;
    for await (const bytes of source) {
      signal?.throwIfAborted();
      hash.update(bytes);
      await this.#write(bytes, end);
      end += bytes.length;
    }
    await this.#close(name, end - start, hash.digest('hex'));
  }

  async place(name: string, write: (place: FilePlace) => Promise<void>, signal?: AbortSignal): Promise<void> {
    const start = this.#end + TAR_BLOCK_BYTES;
    await this.#file.truncate(start);
    await write({path: this.#temporary, offset: start});
    const {size} = await this.#file.stat();
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(READ_BYTES);
    for (let at = start; at < size; ) {
      signal?.throwIfAborted();
      const {bytesRead} = await this.#file.read(buffer, 0, Math.min(buffer.length, size - at), at);
      if (bytesRead === 0) throw new Error(`${this.#temporary} became shorter`);
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    await this.#close(name, size - start, hash.digest('hex'));
  }

  /** Gives the file its name, durably; how long it is. Errors: bad-request when it is there by now */
  async finish(): Promise<number> {
    await this.#write(Buffer.alloc(2 * TAR_BLOCK_BYTES), this.#end);
    const manifest = encodeManifest(this.#draft, this.#parts, this.#manifestBytes);
    if (manifest.length !== this.#manifestBytes) throw new Error('the manifest outgrew its place');
    let at = 0;
    for (const [name, content] of [
      [MANIFEST_NAME, manifest],
      [DIGEST_NAME, encodeDigest(manifest)],
    ] as const) {
      await this.#write(encodeTarHeader(name, content.length, this.#draft.packedAtMs), at);
      await this.#write(content, at + TAR_BLOCK_BYTES);
      at += TAR_BLOCK_BYTES + content.length + paddingOf(content.length);
    }
    await this.#file.sync();
    await refuseExisting(this.#path);
    await rename(this.#temporary, this.#path);
    this.#isFinished = true;
    await syncFolder(dirname(this.#path));
    return this.#end + 2 * TAR_BLOCK_BYTES;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (!this.#isFinished) await rm(this.#temporary, {force: true});
  }

  async #close(name: string, sizeBytes: number, sha256: string): Promise<void> {
    const expected = partNames(this.#draft)[this.#parts.length];
    if (name !== expected) throw new Error(`${name} is written where ${expected} belongs`);
    await this.#write(encodeTarHeader(name, sizeBytes, this.#draft.packedAtMs), this.#end);
    this.#parts.push({name, sizeBytes, sha256});
    this.#end += TAR_BLOCK_BYTES + sizeBytes + paddingOf(sizeBytes);
    // Also where zeros end it: what comes next begins here.
    await this.#file.truncate(this.#end);
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const {bytesWritten} = await this.#file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}

/** Errors: bad-request */
export async function refuseExisting(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere)
    throw new ManagerError('bad-request', `${path} exists already.`, 'Choose another path or remove it first.');
}
