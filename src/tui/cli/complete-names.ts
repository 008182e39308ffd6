/** Names for the completion of shells: asked while somebody waits for a key, so without anything that is not needed. */
import {Client} from '../../manager/client.js';
import {imageList} from '../../manager/protocol/image.js';
import {machineList} from '../../manager/protocol/machine.js';

/** Nobody waits longer for a Tab. Units: milliseconds */
const PATIENCE_MS = 1000;

/** Shells expand what they are given: nothing but plain names leaves here. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/**
 * The names of all machines, or of all images, that a daemon knows. None without a daemon, which is never started for it, nor
 * when anything goes wrong.
 */
export async function completeNames(kind: string | undefined): Promise<readonly string[]> {
  const patience = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => patience.resolve([]), PATIENCE_MS);
  try {
    return await Promise.race([askFor(kind), patience.promise]);
  } catch {
    // Whatever it is, an error in the middle of a line that is typed helps nobody; the command itself will say it.
    return [];
  } finally {
    clearTimeout(timer);
  }
}

async function askFor(kind: string | undefined): Promise<readonly string[]> {
  if (kind !== 'machine' && kind !== 'image') return [];
  await using client = await Client.connect({startsDaemon: false, reconnects: false});
  const named: readonly {readonly name: string}[] =
    kind === 'machine'
      ? (await client.request(machineList, {})).machines
      : (await client.request(imageList, {})).images;
  return named.map(({name}) => name).filter((name) => PLAIN_NAME.test(name));
}
