/**
 * Debian's installer with answers from a file. As a whole, with the boot of what it installed, only when VIV_INSTALL is set: it
 * takes as long as an installation does, and a mirror that has the installer's parts for riscv64.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {FleetWatch, TestConsole} from '../support/daemon.js';
import {Home} from '../support/home.js';

const PRESEED = join(import.meta.dirname, '../../docs/preseed.cfg');
const BUILD_MS = 300_000;
const INSTALL_MS = 3 * 3_600_000;
vi.setConfig({testTimeout: 480_000});

describe('the Debian installer', () => {
  let home: Home;
  beforeAll(async () => {
    home = await Home.createWithImage();
    expect(await home.viv(['image', 'build', 'debian-installer'])).toMatchObject({status: 0});
  }, BUILD_MS);
  afterAll(() => home?.[Symbol.asyncDispose]());

  const connect = () => Client.connect({environment: {...process.env, ...home.environment}});
  const create = (name: string, ...args: string[]) => home.viv(['create', 'debian-installer', '--name', name, ...args]);

  it('sees EFI, and has answers for all that it asks until it needs its mirror', async () => {
    expect(await create('auto', '--preseed', PRESEED, '--disk', '20G')).toMatchObject({status: 0});
    const {config, folder} = JSON.parse((await home.viv(['show', '--json', 'auto'])).stdout);
    expect(config.boot).toMatchObject({kind: 'linux', isInstaller: true, origin: 'debian-installer'});
    expect(config.boot.commandLine).toMatch(/ auto=true priority=critical$/);
    const initrd = readFileSync(join(folder, config.boot.initrdPath));
    // Of two answers to one question the later counts: the host's come first.
    const [host, machine, user] = [
      'd-i mirror/http/hostname',
      'd-i netcfg/get_hostname string auto',
      'd-i passwd/username',
    ];
    expect(initrd.indexOf(host)).toBeGreaterThan(0);
    expect(initrd.indexOf(machine)).toBeGreaterThan(initrd.indexOf(host));
    expect(initrd.indexOf(user)).toBeGreaterThan(initrd.indexOf(machine));
    await using client = await connect();
    await home.viv(['start', 'auto']);
    const console = await TestConsole.open(client, 'auto');
    await console.until(/EFI stub: Booting Linux Kernel/);
    await console.until(/(Download installer|Loading additional) components/);
    expect(console.text).toContain('efi: EFI v');
    expect(console.text).not.toMatch(/Select a language|Configure the keyboard/);
    await home.viv(['kill', 'auto']);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['no disk to install onto', ['debian-installer', '--preseed', PRESEED], /no disk to install onto/],
    ['an image that installs nothing', ['debian-mini', '--disk', '1G', '--preseed', PRESEED], /images that install/],
    ['a file that is not there', ['debian-installer', '--disk', '9G', '--preseed', '/no/such'], /cannot be read/],
    ['a file that is no text', ['debian-installer', '--disk', '9G', '--preseed', process.execPath], /the file is/],
  ])('refuses answers for %s', async (_, args, reason) => {
    const result = await home.viv(['create', ...args]);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toMatch(reason);
  });

  it('takes no commands of its host', async () => {
    const {status, stderr} = await home.viv(['run', 'debian-installer', '--', 'true']);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/take no commands/);
  });

  it.runIf(process.env['VIV_INSTALL'])(
    'installs a system without a key pressed, and the machine boots that',
    async () => {
      const args = ['--preseed', PRESEED, '--disk', '20G', '--memory', '1G', '--cpus', '2', '--start'];
      expect(await create('whole', ...args)).toMatchObject({status: 0});
      await using client = await connect();
      const watch = await FleetWatch.open(client);
      await watch.until('whole', ({state, config}) => state === 'defined' && config?.boot.kind === 'disk');
      expect(await home.viv(['start', 'whole'])).toMatchObject({status: 0});
      const up = await home.viv(['exec', '--wait', '900', 'whole', '--', 'systemctl', 'is-system-running', '--wait']);
      expect(up).toMatchObject({status: 0, stdout: 'running\n'});
    },
    INSTALL_MS,
  );
});
