/** Files that are always whole: a reader, also after a power cut, sees the old content or the new one. */
import {randomBytes} from 'node:crypto';
import {mkdir, open, rename, rm} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';

/** Names of unfinished files begin with this; they may be deleted at any time. */
export const TEMPORARY_PREFIX = '.new-';

/** Replaces the file: written and synced beside it, renamed over it, and the folder synced. Mode 0600. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(
    dirname(path),
    `${TEMPORARY_PREFIX}${basename(path)}-${process.pid}-${randomBytes(4).toString('hex')}`,
  );
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, {force: true});
    throw thrown;
  }
  await syncFolder(dirname(path));
}

/** Makes a folder, mode 0700, and those above it that are missing; durable, also when another has just made it. */
export async function makeFolder(path: string): Promise<void> {
  const first = (await mkdir(path, {recursive: true, mode: 0o700})) ?? path;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes renames and creations in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
