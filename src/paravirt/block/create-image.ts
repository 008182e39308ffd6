/** Makes image files. */
import {open, unlink} from 'node:fs/promises';
import {dirname} from 'node:path';
import {findFormat} from './chain.js';
import type {BlockCreateOptions} from './contract.js';
import {HostFile} from './host-file.js';

/** Makes a new, empty image, durably; nothing is left when that fails. Errors: in-use when the path exists, bad-option */
export async function createImage(path: string, format: string, options: BlockCreateOptions): Promise<void> {
  const {create} = findFormat(format);
  const file = await HostFile.create(path);
  try {
    await create(file, options);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await file[Symbol.asyncDispose]();
  }
}

/** Makes the file's name as durable as its content. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
