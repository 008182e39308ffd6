import {chmod, mkdir, mkdtempDisposable, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  KEYS_FILE_BYTES_MAX,
  KEYS_MAX,
  mayReach,
  parseLine,
  readAuthorizedKeys,
} from '../../../src/manager/ssh/authorized-keys.js';
import {makeKey} from '../../../src/manager/ssh/host-key.js';

const key = makeKey('somebody').public;

function parsed(line: string) {
  const found = parseLine(line);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

describe('a line of authorized keys', () => {
  it('without options is for every machine and the screen', () => {
    expect(mayReach(parsed(key), 'web-1')).toBe(true);
    expect(mayReach(parsed(key), undefined)).toBe(true);
  });

  it.each([
    ['web-1', true],
    ['web-10', false],
    ['test-a.b', true],
    ['testxa', false],
    ['my-test-1', false],
    [undefined, false],
  ])('with machines says whether %s may be reached: %s', (name, isAllowed) => {
    expect(mayReach(parsed(`machines="web-1, test-*" ${key}`), name)).toBe(isAllowed);
  });

  it.each([
    ['an option that is not known here', `restrict ${key}`],
    ['an option beside a known one', `machines="a",from="10.0.0.1" ${key}`],
    ['machines that are no names', `machines="(a+)+" ${key}`],
    ['no key', 'hello'],
    ['a broken key', 'ssh-ed25519 AAAA somebody'],
  ])('with %s lets nobody in', (_, line) => {
    expect(parseLine(line)).toEqual(expect.any(String));
  });
});

describe('the files of authorized keys', () => {
  async function read(text: string, mode = 0o600) {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'viv-keys-'));
    const authorized = join(folder.path, 'authorized_keys');
    await writeFile(authorized, text);
    await chmod(authorized, mode);
    const ssh = join(folder.path, '.ssh');
    await mkdir(ssh);
    await writeFile(join(ssh, 'id_ed25519.pub'), `${key}\n`);
    await writeFile(join(ssh, 'id_ed25519'), 'private');
    const {keys, remarks} = await readAuthorizedKeys(ssh, join(folder.path, 'none.pub'), authorized);
    return {count: keys.length, remarks};
  }

  it("are the user's own public keys and one file more", async () => {
    expect(await read(`# a comment\n\n${key}\r\n`)).toEqual({count: 2, remarks: []});
  });

  it.each([0o620, 0o602])('are not used when others may write them (mode %o)', async (mode) => {
    const {count, remarks} = await read(key, mode);
    expect(count).toBe(1);
    expect(remarks).toEqual([expect.stringMatching(/authorized_keys is not used: others can write it/)]);
  });

  it('are used as far as they are understood', async () => {
    const {count, remarks} = await read(`restrict ${key}\n${key}\n`);
    expect(count).toBe(2);
    expect(remarks).toEqual([expect.stringContaining('the option restrict is not known here')]);
  });

  it('are read up to a size and a number of keys', async () => {
    const room = KEYS_FILE_BYTES_MAX - key.length - 1;
    expect((await read(`${key}\n${'#'.repeat(room)}`)).count).toBe(2);
    expect((await read(`${key}\n${'#'.repeat(room + 1)}`)).count).toBe(1);
    expect((await read(`${key}\n`.repeat(KEYS_MAX))).count).toBe(KEYS_MAX);
  });
});
