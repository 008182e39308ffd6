import {execFileSync, spawnSync} from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import {createServer, type Server} from 'node:net';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import type {BuildProgress} from '../../../src/manager/image/build-progress.js';
import {imageCommandLine} from '../../../src/manager/image/image-record.js';
import {builtInCatalogDir, ImageStore, type ImageStoreOptions} from '../../../src/manager/image/image-store.js';
import {builtDebianMini, shareTestPackages} from '../../support/debian-mini.js';
import {noMachines} from '../../support/image-machines.js';

/** A disk of a few megabytes can be made by root only. */
const canMount = (() => {
  const probe = mkdtempSync(join(tmpdir(), 'viv-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe]).status === 0;
  if (isMounted) execFileSync('umount', [probe]);
  rmSync(probe, {recursive: true});
  return isMounted;
})();

const FETCH_TIMEOUT_MS = 600_000;

describe('ImageStore', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'viv-images-'));
  });
  afterEach(() => rmSync(folder, {recursive: true}));
  const storeWith = (options: Partial<ImageStoreOptions> = {}) =>
    new ImageStore({
      catalogDirs: [builtInCatalogDir()],
      cacheDir: join(folder, 'cache'),
      machines: noMachines,
      ...options,
    });
  const miniOf = async (store: ImageStore) => (await store.listImages()).find(({name}) => name === 'debian-mini');
  const imagesLeft = () => (existsSync(join(folder, 'cache/images')) ? readdirSync(join(folder, 'cache/images')) : []);

  describe('on a host that lacks something', () => {
    it('names apt when there is none', async () => {
      await expect(storeWith({environment: {PATH: folder}}).buildImage('debian-mini')).rejects.toMatchObject({
        code: 'apt-missing',
        message: expect.stringContaining('apt'),
        hint: expect.stringContaining('Install'),
      });
      expect(imagesLeft()).toEqual([]);
    });

    it(
      'names dpkg-deb when only that is missing',
      async () => {
        shareTestPackages(join(folder, 'cache'));
        await builtDebianMini();
        const bin = join(folder, 'bin');
        mkdirSync(bin);
        linkProgramsExcept('dpkg-deb', bin);
        await expect(
          storeWith({environment: {...process.env, PATH: bin}}).buildImage('debian-mini'),
        ).rejects.toMatchObject({
          code: 'apt-missing',
          message: expect.stringContaining('dpkg-deb'),
        });
        expect(imagesLeft()).toEqual([]);
      },
      FETCH_TIMEOUT_MS,
    );

    it('names the keyring package when the keys are missing', async () => {
      const store = storeWith({keyring: join(folder, 'no.gpg'), mirror: 'http://127.0.0.1:9/debian'});
      await expect(store.buildImage('debian-mini')).rejects.toMatchObject({
        code: 'keyring-missing',
        hint: expect.stringContaining('debian-archive-keyring'),
      });
    });

    it('says that the network cannot be reached, and leaves no image behind', async () => {
      const store = storeWith({mirror: `http://127.0.0.1:${await closedPort()}/debian`, environment: withoutProxy()});
      await expect(store.buildImage('debian-mini')).rejects.toMatchObject({
        code: 'network-unreachable',
        message: expect.not.stringContaining('\n'),
        hint: expect.stringContaining('images.debianMirror'),
      });
      expect(imagesLeft()).toEqual([]);
    });

    it.each(['no address', 'http://x/ [trusted=yes]', 'file:///a\ndeb http://evil'])(
      'refuses the mirror %j',
      async (mirror) => {
        await expect(storeWith({mirror}).buildImage('debian-mini')).rejects.toMatchObject({code: 'bad-setting'});
      },
    );
  });

  describe.skipIf(!canMount)('on a disk that fills up', () => {
    it.each([
      ['while apt works', 4],
      ['before the packages are unpacked', 60],
    ])(
      'says so %s, and leaves no image behind',
      async (_, megabytes) => {
        const disk = join(folder, 'cache');
        mkdirSync(disk);
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
        try {
          await expect(storeWith().buildImage('debian-mini')).rejects.toMatchObject({
            code: 'disk-full',
            hint: expect.stringContaining('Free'),
          });
          expect(imagesLeft()).toEqual([]);
          expect(readdirSync(join(disk, 'apt/state/lists/partial'))).toEqual([]);
          expect(readdirSync(join(disk, 'apt/packages'))).toEqual([]);
        } finally {
          execFileSync('umount', [disk]);
        }
      },
      FETCH_TIMEOUT_MS,
    );
  });

  describe('asked for what is not there', () => {
    it('refuses an unknown image', async () => {
      await expect(storeWith().buildImage('nosuch')).rejects.toMatchObject({code: 'image-not-found'});
      await expect(storeWith().findImage('../etc')).rejects.toMatchObject({code: 'image-not-found'});
    });

    it('has nothing to remove before a build', async () => {
      await expect(storeWith().removeImage('debian-mini')).rejects.toMatchObject({code: 'image-not-built'});
      await expect(storeWith().removeImage('../..')).rejects.toMatchObject({code: 'image-not-found'});
    });
  });

  describe('cancelled', () => {
    /** A mirror that takes connections and never answers. */
    let mirror: Server;
    let address: string;
    const connected = () => new Promise<void>((resolve) => mirror.once('connection', () => resolve()));
    beforeEach(async () => {
      mirror = createServer();
      await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve));
      address = `http://127.0.0.1:${portOf(mirror)}/debian`;
    });
    afterEach(() => mirror.close());

    it('ends apt and its helpers and leaves nothing half-made', async () => {
      const abort = new AbortController();
      const closed = new Promise<void>((resolve) =>
        mirror.once('connection', (socket) => socket.once('close', resolve).resume()),
      );
      const store = storeWith({mirror: address, environment: withoutProxy()});
      const isDownloading = connected();
      const build = store.buildImage('debian-mini', {signal: abort.signal});
      await isDownloading;
      expect(await miniOf(store)).toMatchObject({state: 'building'});
      abort.abort();
      await expect(build).rejects.toMatchObject({code: 'cancelled'});
      await closed; // only the end of apt's own helper process closes this
      expect(imagesLeft()).toEqual([]);
      expect(readdirSync(join(folder, 'cache/apt'))).not.toContain('build.lock');
      expect(await miniOf(store)).toMatchObject({state: 'available'});
    });

    it('goes on for the others who wait for the same build', async () => {
      const first = new AbortController();
      const second = new AbortController();
      const store = storeWith({mirror: address, environment: withoutProxy()});
      const isDownloading = connected();
      const leaves = store.buildImage('debian-mini', {signal: first.signal});
      const stays = store.buildImage('debian-mini', {signal: second.signal});
      await isDownloading;
      first.abort();
      await expect(leaves).rejects.toMatchObject({code: 'cancelled'});
      expect((await miniOf(store))?.state).toBe('building');
      second.abort();
      await expect(stays).rejects.toMatchObject({code: 'cancelled'});
    });
  });

  describe('with packages from the archive', () => {
    beforeAll(async () => {
      await builtDebianMini();
    }, FETCH_TIMEOUT_MS);
    beforeEach(() => shareTestPackages(join(folder, 'cache')));

    it(
      'builds once for two stores that ask at the same time, then answers at once',
      async () => {
        const stages: BuildProgress[] = [];
        const [first, second] = await Promise.all([
          storeWith().buildImage('debian-mini', {onProgress: (progress) => stages.push(progress)}),
          storeWith().buildImage('debian-mini', {onProgress: (progress) => stages.push(progress)}),
        ]);
        expect(second).toEqual(first);
        expect(readdirSync(join(folder, 'cache/images'))).toEqual(['debian-mini']);
        expect(readdirSync(join(folder, 'cache/images/debian-mini'))).toHaveLength(1);
        expect(stages.filter((progress) => progress.stage === 'initramfs')).toHaveLength(1);
        expect(stages.filter((progress) => progress.stage === 'waiting for another build')).toHaveLength(1);
        expect(stages).toContainEqual({stage: 'done', done: 1, total: 1, unit: 'steps'});

        const again: BuildProgress[] = [];
        expect(await storeWith().buildImage('debian-mini', {onProgress: (progress) => again.push(progress)})).toEqual(
          first,
        );
        expect(again).toEqual([]);
        expect(readFileSync(first.kernelPath).toString('latin1', 0x38, 0x3c)).toBe('RSC\x05');
        expect(first.kernelVersion).toMatch(/^6\.12\..*-riscv64$/);
        expect(imageCommandLine(first, {mode: 'exec', hostname: 'a b'})).toMatch(
          /^console=ttyS0 .* quiet vivarium.mode=exec vivarium.hostname=a-b$/,
        );

        truncateSync(first.initrdPath, 100);
        expect(await storeWith().findImage('debian-mini')).toBeUndefined();
        expect((await storeWith().removeImage('debian-mini')).freedBytes).toBeGreaterThan(
          first.kernelBytes ?? Number.POSITIVE_INFINITY,
        );
        expect(imagesLeft()).toEqual([]);
      },
      FETCH_TIMEOUT_MS,
    );

    it(
      'builds without a network once the packages are there',
      async () => {
        const proxy = `http://127.0.0.1:${await closedPort()}`;
        const environment = {...process.env, http_proxy: proxy, https_proxy: proxy, no_proxy: undefined};
        const image = await storeWith({environment}).buildImage('debian-mini');
        expect((await builtDebianMini()).packages).toEqual(image.packages);
      },
      FETCH_TIMEOUT_MS,
    );
  });
});

/** Fills `bin` with links to all programs on PATH but one: apt itself needs a shell and several others. */
function linkProgramsExcept(missing: string, bin: string): void {
  for (const entry of (process.env['PATH'] ?? '').split(delimiter).filter(existsSync)) {
    for (const name of readdirSync(entry))
      if (name !== missing && !existsSync(join(bin, name))) symlinkSync(join(entry, name), join(bin, name));
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function withoutProxy(): Record<string, string | undefined> {
  return {...process.env, http_proxy: undefined, https_proxy: undefined, HTTP_PROXY: undefined, HTTPS_PROXY: undefined};
}
