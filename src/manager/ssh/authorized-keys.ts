/**
 * Who may log in: the user's own public keys (~/.ssh/*.pub), the key of `viv ssh`, and those in `authorized_keys` in
 * Vivarium's home. There a line is as in OpenSSH's, with one option:
 *
 *   ssh-ed25519 AAAA… friend                        every machine, and the UI
 *   machines="web-1,test-*" ssh-ed25519 AAAA… ci    these machines only
 *
 * A line with any other option lets nobody in: it asks for a limit that is not kept here. A file that others may write
 * counts as empty, as with OpenSSH's StrictModes.
 */
import {readdir, readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import ssh2, {type ParsedKey} from 'ssh2';

/** A key that may log in; without `machines` everywhere. */
export interface AuthorizedKey {
  readonly key: ParsedKey;
  readonly machines: readonly RegExp[] | undefined;
}

/** What was found, and one sentence for each thing that was passed over. */
export interface AuthorizedKeys {
  readonly keys: readonly AuthorizedKey[];
  readonly remarks: readonly string[];
}

/** Largest file of keys, and most keys of all files together. */
export const KEYS_FILE_BYTES_MAX = 262_144;
/** See `KEYS_FILE_BYTES_MAX`. */
export const KEYS_MAX = 1000;

const LINE = /^(?:(?<options>(?:[^\s"]|"(?:\\"|[^"])*")+)\s+)?(?<key>(?:ssh|ecdsa|sk)-[\w@.-]+\s+[A-Za-z0-9+/]+=*.*)$/;
const MACHINES = /^machines="([\w.*, -]{1,1000})"$/;

/** Reads all files as they are now. `ownFile` holds the key of `viv ssh`. */
export async function readAuthorizedKeys(
  sshFolder: string,
  ownFile: string,
  authorizedFile: string,
): Promise<AuthorizedKeys> {
  const keys: AuthorizedKey[] = [];
  const remarks: string[] = [];
  const names = await readdir(sshFolder).catch(() => []);
  const own = names.filter((name) => name.endsWith('.pub')).sort();
  for (const path of [...own.map((name) => join(sshFolder, name)), ownFile, authorizedFile]) {
    const text = await readTrusted(path, remarks);
    for (const line of text.split('\n').map((each) => each.trim())) {
      if (line === '' || line.startsWith('#') || keys.length >= KEYS_MAX) continue;
      const key = parseLine(line);
      if (typeof key !== 'string') keys.push(key);
      else if (path === authorizedFile) remarks.push(`${path}: a line was passed over: ${key}.`);
    }
  }
  return {keys, remarks};
}

/** Whether a key may have the machine of this name; `undefined` stands for the UI. */
export function mayReach({machines}: AuthorizedKey, name: string | undefined): boolean {
  return machines === undefined || (name !== undefined && machines.some((pattern) => pattern.test(name)));
}

/** The key of a line, or why it has none. */
export function parseLine(line: string): AuthorizedKey | string {
  const parts = LINE.exec(line)?.groups;
  if (parts === undefined) return 'it has no key';
  const {options, key: text = ''} = parts;
  const names = options === undefined ? undefined : MACHINES.exec(options)?.[1];
  if (options !== undefined && names === undefined) return `the option ${options.slice(0, 80)} is not known here`;
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) return 'its key cannot be read';
  const machines = names?.split(',').map((name) => globPattern(name.trim()));
  return {key, machines};
}

/** Stars are the only pattern, and nothing of it can take long: a run of them is one. */
function globPattern(glob: string): RegExp {
  const parts = glob.split(/\*+/).map((part) => part.replace(/[.-]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

async function readTrusted(path: string, remarks: string[]): Promise<string> {
  try {
    const {mode, uid, size} = await stat(path);
    const isOurs = uid === process.getuid?.() || uid === 0;
    if (!isOurs || (mode & 0o022) !== 0) {
      remarks.push(`${path} is not used: others can write it. Run \`chmod go-w ${path}\`.`);
      return '';
    }
    if (size > KEYS_FILE_BYTES_MAX) {
      remarks.push(`${path} is not used: it is larger than ${KEYS_FILE_BYTES_MAX} bytes.`);
      return '';
    }
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'))
      remarks.push(`${path} cannot be read: ${thrown instanceof Error ? thrown.message : thrown}.`);
    return '';
  }
}
