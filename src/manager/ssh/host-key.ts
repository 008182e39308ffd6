/** Keys of Vivarium's own: made once, read from then on, never with others' eyes on them. */
import {lstat, readFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import ssh2 from 'ssh2';
import {ManagerError} from '../protocol/errors.js';
import {makeFolder, writeFileAtomic} from '../store/atomic-file.js';

/** A private key in OpenSSH's form, and the line of its public half. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicLine: string;
}

/**
 * The ed25519 key in `path`, or a new one that is put there (mode 0600), with its public half in `path`.pub.
 * Errors: bad-setting, when others can read it or it is no key
 */
export async function ownKey(path: string, comment: string): Promise<KeyPair> {
  const status = await lstat(path).catch(ignoreMissing);
  if (status === undefined) {
    const made = makeKey(comment);
    await makeFolder(dirname(path));
    await writeFileAtomic(path, made.private);
    await writeFileAtomic(`${path}.pub`, `${made.public}\n`);
    return {privateKey: made.private, publicLine: made.public};
  }
  if (!status.isFile() || (status.mode & 0o077) !== 0)
    throw new ManagerError(
      'bad-setting',
      `The key ${path} can be read by others.`,
      `Run \`chmod 600 ${path}\`, or delete it if they may have it: a new one is made.`,
    );
  const privateKey = await readFile(path, 'utf8');
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error || !parsed.isPrivateKey())
    throw new ManagerError('bad-setting', `${path} is no private key.`, 'Delete it: a new one is made.');
  return {privateKey, publicLine: `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${comment}`};
}

/** A new ed25519 key. The library makes one in about 150 that it cannot read itself: those are made again. */
export function makeKey(comment: string): {readonly private: string; readonly public: string} {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', {comment});
    if ([made.private, made.public].every((text) => !(ssh2.utils.parseKey(text) instanceof Error))) return made;
  }
}

function ignoreMissing(thrown: unknown): undefined {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
  throw thrown;
}
