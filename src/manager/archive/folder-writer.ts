/** Writes a packed-up machine as a folder: each part a file beside `manifest.json`, which is written last. */
import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {open, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {syncFolder, writeFileAtomic} from '../store/atomic-file.js';
import {
  encodeManifest,
  type FilePlace,
  MANIFEST_NAME,
  type ManifestDraft,
  type Part,
  type PartWriter,
} from './manifest.js';

/** See the module. The folder is empty, and its owner's to remove when anything fails. */
export class FolderWriter implements PartWriter {
  readonly #folder: string;
  readonly #draft: ManifestDraft;
  readonly #parts: Part[] = [];

  constructor(folder: string, draft: ManifestDraft) {
    this.#folder = folder;
    this.#draft = draft;
  }

  async stream(name: string, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    const file = await open(join(this.#folder, name), 'wx', 0o600);
    try {
      for await (const bytes of source) {
        signal?.throwIfAborted();
        await file.appendFile(bytes);
      }
    } finally {
      await file.close();
    }
    await this.#add(name, signal);
  }

  async place(name: string, write: (place: FilePlace) => Promise<void>, signal?: AbortSignal): Promise<void> {
    const path = join(this.#folder, name);
    await (await open(path, 'wx', 0o600)).close();
    await write({path, offset: 0});
    await this.#add(name, signal);
  }

  /** Resolves when all of it is durable. */
  async finish(): Promise<void> {
    await writeFileAtomic(join(this.#folder, MANIFEST_NAME), encodeManifest(this.#draft, this.#parts));
    await syncFolder(this.#folder);
  }

  async #add(name: string, signal?: AbortSignal): Promise<void> {
    const path = join(this.#folder, name);
    const hash = createHash('sha256');
    for await (const bytes of createReadStream(path, {highWaterMark: 1 << 20})) {
      signal?.throwIfAborted();
      hash.update(bytes);
    }
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    this.#parts.push({name, sizeBytes: (await stat(path)).size, sha256: hash.digest('hex')});
  }
}
