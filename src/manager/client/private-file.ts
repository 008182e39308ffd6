/** A file for one program of the user's, gone afterwards with all that the program put beside it. */
import {rmSync} from 'node:fs';
import {mkdtemp, open, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {findPaths, secureRuntimeFolder} from '../paths.js';
import {ManagerError} from '../protocol/errors.js';

/** Longest text that is read back. Units: bytes */
const MAX_BYTES = 65_536;

/** See the module. It lies in a folder of its own that nobody else can enter, in the runtime folder. */
export class PrivateFile implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  // A second Ctrl-C ends the program without any good order.
  readonly #removeAtExit = () => rmSync(this.#folder, {recursive: true, force: true});

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.path = join(folder, name);
    process.once('exit', this.#removeAtExit);
  }

  /** `name` is a plain file name. Errors: runtime-folder-unsafe, path-too-long */
  static async create(name: string, text: string, environment: NodeJS.ProcessEnv = process.env): Promise<PrivateFile> {
    const {runtime} = findPaths(environment);
    secureRuntimeFolder(runtime);
    const file = new PrivateFile(await mkdtemp(join(runtime, 'edit-')), name);
    await writeFile(file.path, text, {mode: 0o600, flag: 'wx'});
    return file;
  }

  /** The text as it is now. Errors: file-not-found, bad-request when it is longer than 64 KiB */
  async read(): Promise<string> {
    const missing = (cause: unknown) =>
      new ManagerError('file-not-found', `${this.path} is gone.`, 'Edit again, and save it under its own name.', {
        cause,
      });
    const handle = await open(this.path, 'r').catch((thrown: unknown) => {
      throw missing(thrown);
    });
    try {
      const {bytesRead, buffer} = await handle.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
      if (bytesRead <= MAX_BYTES) return buffer.toString('utf8', 0, bytesRead);
      throw new ManagerError('bad-request', `The text is longer than ${MAX_BYTES / 1024} KiB.`, 'Shorten it.');
    } finally {
      await handle.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#removeAtExit);
    await rm(this.#folder, {recursive: true, force: true});
  }
}
