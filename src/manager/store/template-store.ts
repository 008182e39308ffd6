/**
 * Images that were made from machines, on disk: `templates/NAME/` holds a manifest and its parts (`archive/manifest.ts`). No
 * recipe makes them again, so they lie apart from the cache. They never change; machines share their files by links, so that
 * one can be removed whatever stands on it.
 */
import {randomUUID} from 'node:crypto';
import {mkdir, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {FolderWriter} from '../archive/folder-writer.js';
import {
  IMAGE_NAME,
  MANIFEST_NAME,
  type Manifest,
  type ManifestDraft,
  type PartWriter,
  parseManifest,
} from '../archive/manifest.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import {syncFolder, TEMPORARY_PREFIX} from './atomic-file.js';
import {shareFile} from './shared-file.js';

/** One of them. */
export interface Template {
  readonly name: string;
  readonly manifest: Manifest;
  readonly sizeBytes: number;
}

/** See the module. */
export class TemplateStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Removes what a daemon that was killed left half-made. */
  async sweep(): Promise<void> {
    for (const entry of await this.#entries())
      if (entry.startsWith(TEMPORARY_PREFIX)) await rm(join(this.#root, entry), {recursive: true, force: true});
  }

  /** All that can be read, by name, and a sentence for each that cannot. */
  async list(): Promise<{readonly templates: Template[]; readonly broken: {name: string; reason: string}[]}> {
    const templates: Template[] = [];
    const broken: {name: string; reason: string}[] = [];
    for (const name of (await this.#entries()).filter((entry) => IMAGE_NAME.test(entry)).sort())
      try {
        templates.push(await this.#read(name));
      } catch (thrown) {
        broken.push({name, reason: toManagerError(thrown).message});
      }
    return {templates, broken};
  }

  /** Undefined when there is none of that name. Errors: bad-snapshot for one that cannot be read */
  async find(name: string): Promise<Template | undefined> {
    return IMAGE_NAME.test(name) && (await this.#entries()).includes(name) ? this.#read(name) : undefined;
  }

  /** Errors: bad-name */
  checkName(name: string): string {
    if (IMAGE_NAME.test(name)) return name;
    throw new ManagerError(
      'bad-name',
      `${JSON.stringify(name.slice(0, 80))} cannot be an image's name.`,
      'Use up to 63 small letters, digits, dots and dashes, like web-base.',
    );
  }

  /** Makes one: `pack` writes its parts. When it fails nothing is left. Errors: name-taken, and those of `pack` */
  async create(name: string, draft: ManifestDraft, pack: (writer: PartWriter) => Promise<void>): Promise<void> {
    await mkdir(this.#root, {recursive: true, mode: 0o700});
    const unfinished = join(this.#root, `${TEMPORARY_PREFIX}${randomUUID()}`);
    try {
      await mkdir(unfinished, {mode: 0o700});
      const writer = new FolderWriter(unfinished, draft);
      await pack(writer);
      await writer.finish();
      // A folder takes no other's place unless that is empty, and none is.
      await rename(unfinished, join(this.#root, name)).catch((thrown: unknown) => {
        const isThere =
          thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOTEMPTY' || thrown.code === 'EEXIST');
        throw isThere ? new ManagerError('name-taken', `There is an image ${name}.`, 'Choose another name.') : thrown;
      });
      await syncFolder(this.#root);
    } catch (thrown) {
      await rm(unfinished, {recursive: true, force: true});
      throw thrown;
    }
  }

  /** Gives a part to a machine in the making; it takes no room where the file system has links. */
  async share(name: string, part: string, target: string): Promise<void> {
    await shareFile(join(this.#root, name, part), target);
  }

  /** Removes one, also one that cannot be read; undefined when there is none, else the bytes that no machine shares. */
  async remove(name: string): Promise<number | undefined> {
    if (!IMAGE_NAME.test(name) || !(await this.#entries()).includes(name)) return undefined;
    const going = join(this.#root, `${TEMPORARY_PREFIX}${randomUUID()}`);
    await rename(join(this.#root, name), going);
    await syncFolder(this.#root);
    let bytes = 0;
    for (const part of await readdir(going)) {
      const {nlink, size} = await stat(join(going, part));
      if (nlink === 1) bytes += size;
    }
    await rm(going, {recursive: true, force: true});
    return bytes;
  }

  async #read(name: string): Promise<Template> {
    const path = join(this.#root, name, MANIFEST_NAME);
    const manifest = parseManifest(await readFile(path), path);
    return {name, manifest, sizeBytes: manifest.parts.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0)};
  }

  async #entries(): Promise<string[]> {
    return readdir(this.#root).catch(() => []);
  }
}
