/**
 * Generated code that is kept between runs, in a folder of the user's cache that only this user can write. A file is the
 * SHA-256 of its content, then the content; one that is missing or damaged is made anew.
 */
import {createHash, randomBytes} from 'node:crypto';
import {mkdir, readdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {CodeKeeper} from '../../../engine/codegen/interpreter-source.js';
import {bundledEntry} from '../../bundle.js';
import {TEMPORARY_PREFIX} from '../../store/atomic-file.js';

/** Files that are kept, some 90 KB each; the oldest goes first. */
const MOST_KEPT = 16;
const DIGEST_BYTES = 32;

/** See the module. */
export class CodeFolder implements CodeKeeper {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async find(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const file = await readFile(await this.#pathOf(key));
      const content = new Uint8Array(file.subarray(DIGEST_BYTES));
      return digestOf(content).equals(file.subarray(0, DIGEST_BYTES)) ? content : undefined;
    } catch {
      return undefined;
    }
  }

  keep(key: string, code: Uint8Array<ArrayBuffer>): void {
    void this.#keep(key, code).catch(() => undefined);
  }

  async #keep(key: string, code: Uint8Array<ArrayBuffer>): Promise<void> {
    await mkdir(this.#folder, {recursive: true, mode: 0o700});
    const temporary = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`);
    try {
      await writeFile(temporary, Buffer.concat([digestOf(code), code]), {mode: 0o600, flag: 'wx'});
      await rename(temporary, await this.#pathOf(key));
      await this.#removeOthers();
    } catch (thrown) {
      await rm(temporary, {force: true});
      throw thrown;
    }
  }

  /** The harts' program names its parts by their content: it stands for the build. */
  async #pathOf(key: string): Promise<string> {
    const build = await readFile(bundledEntry('hart'));
    const name = createHash('sha256').update(build).update('\0').update(key).digest('hex');
    return join(this.#folder, `${name.slice(0, 32)}.wasm`);
  }

  async #removeOthers(): Promise<void> {
    const paths = (await readdir(this.#folder)).map((name) => join(this.#folder, name));
    const dated = await Promise.all(paths.map(async (path) => ({path, at: (await stat(path)).mtimeMs})));
    const old = dated.sort((a, b) => b.at - a.at).slice(MOST_KEPT);
    await Promise.all(old.map(({path}) => rm(path, {force: true})));
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
