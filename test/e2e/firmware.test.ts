/** Machines that boot what is on their disks: Debian's U-Boot as EFI firmware, Debian's GRUB, Debian's kernel. */
import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {copyFileSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {afterAll, beforeAll, expect, it, vi} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {builtInCatalogDir, ImageStore} from '../../src/manager/image/image-store.js';
import {machineCreate} from '../../src/manager/protocol/machine.js';
import {FleetWatch, TestConsole} from '../support/daemon.js';
import {builtDebianMini, testImageCache} from '../support/debian-mini.js';
import {makeGrubDisk} from '../support/efi-disk.js';
import {Home} from '../support/home.js';
import {noMachines} from '../support/image-machines.js';
import {describeWith} from '../support/tools.js';

const BUILD_MS = 300_000;
vi.setConfig({testTimeout: 480_000});

describeWith(['apt-get', 'sfdisk', 'mformat', 'mcopy', 'qemu-img'], 'a disk with a boot loader', () => {
  let home: Home;
  let disk: string;
  beforeAll(async () => {
    home = await Home.createWithImage();
    disk = join(home.folder, 'grub.img');
    await makeGrubDisk(disk, 'viv.of=grub');
  }, BUILD_MS);
  afterAll(() => home?.[Symbol.asyncDispose]());

  const viv = async (...args: string[]) => {
    const result = await home.viv(args);
    expect(result).toMatchObject({status: 0});
    return result.stdout;
  };
  const exec = (name: string, ...command: string[]) => viv('exec', '--wait', '120', name, '--', ...command);
  const connect = () => Client.connect({startsDaemon: true, environment: {...process.env, ...home.environment}});
  const boots = (text: string) => text.split('U-Boot 20').length - 1;
  const own = (name: string) => {
    const path = join(home.folder, name);
    copyFileSync(disk, path);
    return path;
  };

  it('boots by EFI without an image or a kernel, again at a reboot, and goes on from what was saved of it', async () => {
    await viv('create', '--disk', own('one.img'), '--name', 'one', '--memory', '512M');
    expect(await viv('show', 'one')).toMatch(/^boots +its disks$/m);
    await using client = await connect();
    const watch = await FleetWatch.open(client);
    await viv('start', 'one');
    await watch.until('one', ({state}) => state === 'running');
    const console = await TestConsole.open(client, 'one');
    expect(await exec('one', 'cat', '/proc/cmdline')).toContain('viv.of=grub');
    expect(await exec('one', 'ls', '/sys/firmware/efi')).toContain('systab');
    expect(boots(console.text)).toBe(1);

    await console.type('reboot\n');
    await console.until(/U-Boot 20.*U-Boot 20.*:~# /s);
    expect(await exec('one', 'cat', '/proc/cmdline')).toContain('viv.of=grub');

    await exec('one', 'touch', '/tmp/kept');
    await viv('save', 'one');
    await viv('start', 'one');
    await exec('one', 'test', '-e', '/tmp/kept');
    await viv('fork', 'one', 'two');
    await exec('two', 'test', '-e', '/tmp/kept');
    await viv('kill', 'two');
    await viv('start', 'two');
    await exec('two', 'test', '!', '-e', '/tmp/kept');
    await viv('kill', 'two');

    await viv('snapshot', 'create', 'one', 'snap');
    await viv('kill', 'one');
    const file = join(home.folder, 'snap.tar');
    await viv('snapshot', 'export', 'one', 'snap', '-o', file);
    await viv('snapshot', 'import', file, '--name', 'three');
    await viv('start', '--discard-saved', 'three');
    expect(await exec('three', 'cat', '/proc/cmdline')).toContain('viv.of=grub');
    await viv('kill', 'three');
  });

  it('makes an image by itself, and is found behind disks that have none', async () => {
    await viv('image', 'import', 'grubby', '--disk', own('imported.img'));
    await viv('create', 'grubby', '--name', 'of-image', '--memory', '512M', '--start');
    expect(await exec('of-image', 'cat', '/proc/cmdline')).toContain('viv.of=grub');
    await viv('kill', 'of-image');
    await viv('create', '--disk', '1G', '--disk', own('second.img'), '--name', 'second', '--memory', '512M', '--start');
    expect(await exec('second', 'cat', '/proc/cmdline')).toContain('viv.of=grub');
    await viv('kill', 'second');
  });

  it('is missed in one sentence, on a console whose prompt a key leads to', async () => {
    const empty = join(home.folder, 'empty.img');
    writeFileSync(empty, randomBytes(1 << 20));
    await viv('create', '--disk', empty, '--name', 'empty', '--memory', '256M');
    await using client = await connect();
    await viv('start', 'empty');
    const console = await TestConsole.open(client, 'empty');
    await console.until(/No disk of this machine has a boot loader that could be started\..*Ctrl-C/s);
    await console.type('\x03');
    await console.until(/=> $/);
    await console.type('poweroff\n');
    const watch = await FleetWatch.open(client);
    await watch.until('empty', ({state}) => state === 'defined');
  });

  it.each(['poweroff', 'reboot'])('is what a machine boots from once its installer has ended by %s', async (ending) => {
    const store = new ImageStore({catalogDirs: [builtInCatalogDir()], cacheDir: testImageCache, machines: noMachines});
    const [{loaderPath}, {kernelPath, initrdPath}] = [await store.buildImage('u-boot'), await builtDebianMini()];
    const name = `to-${ending}`;
    await using client = await connect();
    // debian-mini in the installer's place: what counts is how it is started, what it leaves on the disk, and how it ends.
    const boot = {
      ...{kind: 'linux' as const, kernelPath, initrdPath, loaderPath, isInstaller: true},
      commandLine: `console=ttyS0 viv.of='installer' vivarium.hostname=${name}`,
    };
    // No boot loader can be found on what is packed.
    const packed = join(home.folder, `${name}.gz`);
    const gzip = gzipSync(readFileSync(disk), {level: 1});
    writeFileSync(packed, Buffer.concat([gzip, Buffer.alloc(-gzip.length & 511)]));
    const disks = [
      {newSizeBytes: 64 << 20, format: 'qcow2' as const},
      {path: packed, format: 'raw' as const, isReadOnly: true},
    ];
    await client.request(machineCreate, {name, boot, disks, memoryBytes: 512 << 20});
    const watch = await FleetWatch.open(client);
    await viv('start', name);
    expect(await exec(name, 'cat', '/proc/cmdline')).toContain("viv.of='installer'");
    expect(await exec(name, 'ls', '/sys/firmware/efi')).toContain('systab');
    // With nothing on the disk, or ended by force, it is to be run again.
    await viv('shutdown', name);
    await viv('start', name);
    expect(await exec(name, 'cat', '/proc/cmdline')).toContain("viv.of='installer'");
    await exec(name, 'sh', '-c', 'zcat </dev/vdb >/dev/vda; sync');
    await viv('kill', name);
    await viv('start', name);
    expect(await exec(name, 'cat', '/proc/cmdline')).toContain("viv.of='installer'");
    const console = await TestConsole.open(client, name);
    await console.type(`${ending}\n`);
    const machine = await watch.until(name, ({config}) => config?.boot.kind === 'disk');
    expect(machine.config?.boot).toMatchObject({kind: 'disk'});
    if (ending === 'poweroff') {
      await watch.until(name, ({state}) => state === 'defined');
      expect(await viv('show', name)).toMatch(/^boots +its disks$/m);
      await viv('start', name);
    }
    await watch.until(name, ({state}) => state === 'running');
    expect(await exec(name, 'cat', '/proc/cmdline')).toContain('viv.of=grub');
    await viv('kill', name);
  });

  it('is not asked for a command line, an initrd, or a disk of a size', async () => {
    for (const args of [
      ['--disk', disk, '--append', 'quiet'],
      ['--disk', disk, '--initrd', disk],
      ['--disk', '10G'],
      ['--disk', disk, '--root-size', '10G'],
    ])
      expect((await home.viv(['create', ...args])).status).toBe(2);
  });

  it('has a format that is looked at where it is a qcow2 image', async () => {
    const image = join(home.folder, 'converted.qcow2');
    execFileSync('qemu-img', ['convert', '-O', 'qcow2', disk, image]);
    await viv('create', '--disk', image, '--name', 'qcow', '--memory', '512M', '--start');
    expect(await exec('qcow', 'cat', '/proc/cmdline')).toContain('viv.of=grub');
    await viv('kill', 'qcow');
  });
});
