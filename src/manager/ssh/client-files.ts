/** What an `ssh` needs to reach this server without a word to ~/.ssh: a configuration, known hosts and a key of its own. */
import {join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {writeFileAtomic} from '../store/atomic-file.js';
import {HOST_ALIAS, HOST_KEY_NAME, OWN_KEY_NAME} from './client-names.js';
import {ownKey} from './host-key.js';

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
  await writeFileAtomic(config, `${lines.join('\n  ')}\n`);
  return config;
}

/** A percent sign begins a name of something else there. */
function quote(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
