/** What an `ssh` needs to reach this server without a word to ~/.ssh: a configuration, known hosts and a key of its own; through it guests. */
import {join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {writeFileAtomic} from '../store/atomic-file.js';
import {GUEST_SUFFIX, HOST_ALIAS, HOST_KEY_NAME, OWN_KEY_NAME, SCREEN_USER} from './client-names.js';
import {ownKey} from './host-key.js';

/** Keys that OpenSSH tries where it is told of none. */
const USER_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Writes the files as they are to be now; the path of the configuration. Errors: bad-setting, storage-failed */
export async function writeClientFiles(folder: string, address: string, port: number): Promise<string> {
  if (/["\n]/.test(folder))
    throw new ManagerError(
      'bad-setting',
      `OpenSSH cannot use files in ${JSON.stringify(folder)}.`,
      'Set VIVARIUM_HOME to a folder without quotes in its path.',
    );
  const host = await ownKey(join(folder, HOST_KEY_NAME), 'vivarium');
  await ownKey(join(folder, OWN_KEY_NAME), 'viv-ssh');
  const known = join(folder, 'known_hosts');
  const config = join(folder, 'config');
  await writeFileAtomic(known, `${HOST_ALIAS} ${host.publicLine}\n`);
  const lines = [
    `Host ${HOST_ALIAS}`,
    `HostName ${address}`,
    `Port ${port}`,
    `HostKeyAlias ${HOST_ALIAS}`,
    `UserKnownHostsFile ${quote(known)}`,
    'GlobalKnownHostsFile none',
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    `IdentityFile ${quote(join(folder, OWN_KEY_NAME))}`,
    'IdentityAgent none',
    'IdentitiesOnly yes',
    'PreferredAuthentications publickey',
    'LogLevel ERROR',
  ];
  // The user's own keys as well: what the guest takes is the guest's business. Those that are missing OpenSSH passes over.
  const guests = [
    `Host *${GUEST_SUFFIX}`,
    `ProxyJump ${SCREEN_USER}@${HOST_ALIAS}`,
    `UserKnownHostsFile ${quote(join(folder, 'known_guests'))}`,
    'GlobalKnownHostsFile none',
    'StrictHostKeyChecking accept-new',
    'UpdateHostKeys no',
    ...USER_KEYS.map((name) => `IdentityFile ~/.ssh/${name}`),
    `IdentityFile ${quote(join(folder, OWN_KEY_NAME))}`,
    'LogLevel ERROR',
  ];
  await writeFileAtomic(config, `${lines.join('\n  ')}\n${guests.join('\n  ')}\n`);
  return config;
}

/** A percent sign begins a name of something else there. */
function quote(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
