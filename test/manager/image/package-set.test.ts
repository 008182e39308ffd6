import {execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {Apt, type AptPackage} from '../../../src/manager/image/apt.js';
import {unpackedPackage} from '../../../src/manager/image/debian-package.js';
import {freePort} from '../../support/free-port.js';

const FETCH_TIMEOUT_MS = 600_000;
const nothing = () => undefined;

describe('a set of packages', {timeout: FETCH_TIMEOUT_MS}, () => {
  let folder: string;
  let apt: Apt;
  let items: AptPackage[];
  const names = ['less'];
  const options = (more: {mirror?: string; environment?: Record<string, string | undefined>} = {}) => ({
    ...{folder, suite: 'trixie', component: 'main', architecture: 'riscv64', environment: process.env, ...more},
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
  });
  const archives = () => join(folder, 'cache/archives');
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'viv-set-'));
    apt = await Apt.open(options());
    await apt.update(nothing);
    items = await apt.resolve(names);
  }, FETCH_TIMEOUT_MS);
  afterAll(() => rmSync(folder, {recursive: true}));

  it('is what was asked for with what that needs', () => {
    expect(items.map(({name}) => name)).toEqual(expect.arrayContaining(['less', 'libc6', 'libtinfo6']));
    for (const {sha256, sizeBytes} of items) expect([sha256.length, sizeBytes > 0]).toEqual([64, true]);
  });

  it('is resolved to the same when all of it lies in the cache', async () => {
    await apt.downloadSet(names, items, nothing);
    expect(await apt.resolve(names)).toEqual(items);
  });

  it('says which package an archive does not have', async () => {
    await expect(apt.resolve(['no-such-package-here'])).rejects.toMatchObject({
      code: 'apt-failed',
      message: expect.stringContaining('no-such-package-here'),
    });
  });

  it('is fetched again where it was damaged in the cache', async () => {
    const paths = await apt.downloadSet(names, items, nothing);
    const path = paths.get(items.find(({name}) => name === 'less')!)!;
    const whole = readFileSync(path);
    writeFileSync(path, Buffer.alloc(whole.length));
    await apt.downloadSet(names, items, nothing);
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it('needs no network when it is in the cache, and one when it is not', async () => {
    const paths = await apt.downloadSet(names, items, nothing);
    // The same lists, and nobody at the other end.
    const port = await freePort();
    const environment = {
      ...process.env,
      http_proxy: `http://127.0.0.1:${port}`,
      https_proxy: `http://127.0.0.1:${port}`,
    };
    const cutOff = await Apt.open(options({environment}));
    expect((await cutOff.downloadSet(names, items, nothing)).size).toBe(items.length);
    const [[, path]] = [...paths];
    rmSync(path!);
    await expect(cutOff.downloadSet(names, items, nothing)).rejects.toMatchObject({code: 'network-unreachable'});
  });

  it('is refused when what arrives is not what the lists tell', async () => {
    const paths = await apt.downloadSet(names, items, nothing);
    const item = items.find(({name}) => name === 'less')!;
    const path = paths.get(item)!;
    // Everything that is asked for is something else, of the right length.
    const liar = createServer((_request, response) => response.end(Buffer.alloc(item.sizeBytes, 'x')));
    await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
    try {
      const address = liar.address();
      if (address === null || typeof address === 'string') throw new Error('a server without a port');
      const proxy = `http://127.0.0.1:${address.port}`;
      const deceived = await Apt.open(options({environment: {...process.env, http_proxy: proxy, https_proxy: proxy}}));
      rmSync(path);
      await expect(deceived.downloadSet(names, items, nothing)).rejects.toMatchObject({
        code: 'package-broken',
        message: expect.not.stringContaining('\n'),
      });
      expect(existsSync(path)).toBe(false);
    } finally {
      liar.close();
    }
    // All others are still there: one is fetched.
    await apt.downloadSet(names, items, nothing);
    expect(existsSync(path)).toBe(true);
  });

  it('leaves the cache to those that are still wanted', async () => {
    await apt.downloadSet(names, items, nothing);
    writeFileSync(join(archives(), 'old_1.0_riscv64.deb'), 'x');
    await apt.forgetOthers(items);
    expect(
      readdirSync(archives())
        .filter((name) => name.endsWith('.deb'))
        .sort(),
    ).toEqual(items.map(({fileName}) => fileName).sort());
  });

  it('can be had with its parts unpacked, the same otherwise', async () => {
    const paths = await apt.downloadSet(names, items, nothing);
    const path = paths.get(items.find(({name}) => name === 'less')!)!;
    const unpacked = join(folder, 'less.deb');
    writeFileSync(unpacked, await unpackedPackage(path, {environment: process.env, signal: undefined}));
    expect(statSync(unpacked).size).toBeGreaterThan(statSync(path).size);
    for (const option of ['--contents', '--field']) expect(deb(option, unpacked)).toBe(deb(option, path));
  });

  const deb = (option: string, path: string) => execFileSync('dpkg-deb', [option, path], {encoding: 'utf8'});
});
