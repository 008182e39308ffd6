/** Files that never change, had by several folders at once. */
import {copyFile, link, open} from 'node:fs/promises';

/** Gives a file another name, which takes no room where the file system has links; else a copy, durably. */
export async function shareFile(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch {
    await copyFile(source, target);
    await using file = await open(target, 'r');
    await file.sync();
  }
}
