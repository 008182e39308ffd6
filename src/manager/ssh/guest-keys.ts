/** The keys that new guests let in: those that may log in here, as far as they may have the machine. */
import {homedir} from 'node:os';
import {join} from 'node:path';
import type {Paths} from '../paths.js';
import {OWN_KEY_NAME} from './client-names.js';

/** Lines for a guest's authorized_keys, for the machine of this name. Bad files are passed over; the SSH server tells of them. */
export async function readGuestKeys(
  environment: NodeJS.ProcessEnv,
  {ssh, authorizedKeys}: Pick<Paths, 'ssh' | 'authorizedKeys'>,
  name: string,
): Promise<string[]> {
  // Only now: a daemon that makes no such guest does without the library's memory.
  const {mayReach, readAuthorizedKeys} = await import('./authorized-keys.js');
  const home = environment['HOME'] || homedir();
  const {keys} = await readAuthorizedKeys(join(home, '.ssh'), join(ssh, `${OWN_KEY_NAME}.pub`), authorizedKeys);
  const lines = keys
    .filter((one) => mayReach(one, name))
    .map(({key}) => `${key.type} ${key.getPublicSSH().toString('base64')} ${key.comment}`.trim());
  return [...new Set(lines)];
}
