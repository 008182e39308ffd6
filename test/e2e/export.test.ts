/** A snapshot of a Debian guest as a file: it goes on in another home, which never had its image, and reboots there. */
import {execFileSync} from 'node:child_process';
import {mkdir, readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {TestConsole} from '../support/daemon.js';
import {Home} from '../support/home.js';

const RUN_MS = 300_000;
/** The prompt may be there before the driver has found the disk. */
const DISK = 'until [ -b /dev/vda ]; do sleep 0.1; done';

/** Runs a line in the guest's shell; resolves when it has printed `done`. */
async function type(console: TestConsole, line: string): Promise<string> {
  const start = console.text.length;
  await console.type(`${line}\necho "do"ne\n`);
  await console.until(new RegExp(`^.{${start},}done\\r\\n`, 's'));
  return console.text.slice(start);
}

const clientOf = (home: Home) => Client.connect({environment: {...process.env, ...home.environment}});

function vivOf(home: Home) {
  return async (...args: string[]) => {
    const result = await home.viv(args);
    expect(result).toMatchObject({status: 0});
    return result.stdout;
  };
}

it(
  'takes files, processes and disks of a guest to another home, where it goes on and reboots',
  async () => {
    await using here = await Home.createWithImage();
    await using there = await Home.create();
    const file = join(here.folder, 'one.tar');
    {
      const viv = vivOf(here);
      await viv('create', 'debian-mini', '--name', 'one', '--memory', '256M', '--disk', '64M');
      await viv('start', 'one');
      await using client = await clientOf(here);
      const console = await TestConsole.open(client, 'one');
      await console.until(/:~# /);
      await type(console, `${DISK}; mke2fs /dev/vda >/dev/null 2>&1; mount -t ext4 /dev/vda /mnt && cd /mnt`);
      await type(console, 'head -c 3000000 /dev/urandom >noise; md5sum noise >sum; sleep 100000 &');
      await viv('snapshot', 'create', 'one', 'noisy', '--note', 'with noise');
      expect(await type(console, 'echo new >noise; md5sum -c sum')).toContain('FAILED');
      await viv('snapshot', 'export', 'one', 'noisy', '-o', file);
      // It ran on meanwhile.
      expect(await type(console, 'cat noise')).toContain('new');
      await viv('kill', 'one');
      await viv('rm', 'one');
    }
    const viv = vivOf(there);
    expect(await viv('snapshot', 'import', file, '--name', 'two')).toBe('two\n');
    await rm(file);
    expect(await viv('snapshot', 'ls', 'two')).toMatch(/noisy \*.*with noise/);
    await viv('start', 'two');
    await using client = await clientOf(there);
    const console = await TestConsole.open(client, 'two');
    expect(await type(console, 'pwd; md5sum -c sum; jobs')).toMatch(/\/mnt\r\nnoise: OK\r\n.*sleep 100000/);
    await type(console, 'echo later >late; cd /; umount /mnt');
    const before = console.text.length;
    await console.type('reboot\n');
    await console.until(new RegExp(`^.{${before},}Linux version.*:~# `, 's'));
    expect(
      await type(console, `${DISK}; hostname; mount -t ext4 /dev/vda /mnt; cd /mnt; md5sum -c sum; cat late`),
    ).toMatch(/two\r\n.*noise: OK\r\nlater/s);
    // The snapshot is as it was.
    await viv('snapshot', 'restore', 'two', 'noisy', '--yes');
    expect(await type(console, 'ls; md5sum -c sum; jobs')).toMatch(/noise: OK\r\n.*sleep 100000/);
    // Its image never was here.
    expect(await viv('image', 'ls')).toMatch(/debian-mini +available/);
  },
  RUN_MS,
);

it(
  'is told of a full host disk, and nothing is left',
  async (context) => {
    await using home = await Home.createWithImage();
    const viv = vivOf(home);
    const folder = join(home.folder, 'small');
    await mkdir(folder);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', folder], {stdio: 'ignore'});
    } catch {
      // Only root may mount.
      context.skip();
    }
    try {
      await viv('create', 'debian-mini', '--name', 'one', '--memory', '256M', '--start');
      await viv('snapshot', 'create', 'one', 'base');
      const full = await home.viv(['snapshot', 'export', 'one', 'base', '-o', join(folder, 'one.tar')]);
      expect(full.status).not.toBe(0);
      expect(full.stderr).toMatch(/The disk is full/);
      expect(await readdir(folder)).toEqual([]);
      const file = join(home.folder, 'one.tar');
      await viv('snapshot', 'export', 'one', 'base', '-o', file);
      const imported = await home.viv(['snapshot', 'import', file], {
        VIVARIUM_HOME: folder,
        VIVARIUM_RUNTIME: join(home.folder, 'run2'),
      });
      expect(imported.status).not.toBe(0);
      expect(imported.stderr).toMatch(/needs \d+ MiB, and the disk has \d+ MiB left/);
      expect(await readdir(join(folder, 'machines'))).toEqual([]);
    } finally {
      await home.viv(['daemon', 'stop'], {VIVARIUM_HOME: folder, VIVARIUM_RUNTIME: join(home.folder, 'run2')});
      execFileSync('umount', [folder]);
    }
  },
  RUN_MS,
);
