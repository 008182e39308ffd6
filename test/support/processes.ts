/** Processes as the host lists them. */
import {readdir, readFile} from 'node:fs/promises';

/** Ids of all processes whose command or environment names a folder. */
export async function processesNaming(folder: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    // Gone meanwhile, or another user's: not ours.
    const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    const command = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    if (`${environment}\0${command}`.includes(folder)) found.push(Number(name));
  }
  return found;
}
