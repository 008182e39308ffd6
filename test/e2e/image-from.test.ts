/** An image made from a running Debian guest: machines made of it go on from there at once, and boot when they have to. */
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

it(
  'gives its machines the processes and disks of that instant, each its own, and outlives nothing that it needs',
  async () => {
    await using home = await Home.createWithImage();
    const viv = async (...args: string[]) => {
      const result = await home.viv(args);
      expect(result).toMatchObject({status: 0});
      return result;
    };
    await viv('create', 'debian-mini', '--name', 'one', '--memory', '256M', '--disk', '64M', '--start');
    await using client = await Client.connect({environment: {...process.env, ...home.environment}});
    const one = await TestConsole.open(client, 'one');
    await one.until(/:~# /);
    await type(one, `${DISK}; mke2fs /dev/vda >/dev/null 2>&1; mount -t ext4 /dev/vda /mnt && cd /mnt`);
    await type(one, 'echo first >file; sleep 100000 &');
    await viv('image', 'from', 'one', 'base');
    expect((await viv('image', 'ls')).stdout).toMatch(/base +ready +\d+M +Made from one/);
    expect(await type(one, 'jobs; cat file; echo changed >file')).toMatch(/sleep 100000.*first/s);
    await viv('kill', 'one');
    await viv('rm', 'one');

    const {stdout, stderr} = await viv('create', 'base', '--name', 'two', '--start');
    expect([stdout, stderr]).toEqual(['two\n', '']);
    await viv('create', 'base', '--name', 'three');
    await viv('image', 'rm', 'base');
    const two = await TestConsole.open(client, 'two');
    expect(await type(two, 'jobs; cat file; echo "of two" >file; sync')).toMatch(/sleep 100000.*first/s);
    await viv('start', 'three');
    const three = await TestConsole.open(client, 'three');
    expect(await type(three, 'jobs; cat file')).toMatch(/sleep 100000.*first/s);
    // The kernel is still there for it.
    const before = two.text.length;
    await two.type('cd /; umount /mnt; reboot\n');
    await two.until(new RegExp(`^.{${before},}Linux version.*:~# `, 's'));
    expect(await type(two, `${DISK}; hostname; mount -t ext4 /dev/vda /mnt; cat /mnt/file`)).toMatch(
      /two\r\n.*of two/s,
    );

    await viv('image', 'from', 'two', 'again');
    const cold = await viv('create', 'again', '--name', 'four', '--memory', '128M', '--start');
    expect(cold.stderr).toBe('four boots from its disks: what runs in again needs the same memory size.\n');
    const four = await TestConsole.open(client, 'four');
    await four.until(/:~# /);
    expect(await type(four, `${DISK}; mount -t ext4 /dev/vda /mnt; cat /mnt/file`)).toContain('of two');
    expect(await home.viv(['run', 'again', '--', 'true'])).toMatchObject({
      stderr: expect.stringContaining('viv create again --start'),
    });
  },
  RUN_MS,
);
