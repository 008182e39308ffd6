/** A Debian guest that is saved, goes on, and never notices: as a user does it, through `bin/viv`. */
import {setTimeout as delay} from 'node:timers/promises';
import {expect, it} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {TestConsole} from '../support/daemon.js';
import {Home} from '../support/home.js';

const BOOT_MS = 120_000;

/** Runs a line in the guest's shell; resolves when it has printed `done`. */
async function type(console: TestConsole, line: string): Promise<string> {
  const start = console.text.length;
  await console.type(`${line}\necho "do"ne\n`);
  await console.until(new RegExp(`^.{${start},}done\\r\\n`, 's'));
  return console.text.slice(start);
}

it(
  'goes back to a snapshot, is forked, and is saved and goes on with its files and processes over an end of the daemon',
  async () => {
    await using home = await Home.createWithImage();
    const viv = async (...args: string[]) => {
      const result = await home.viv(args);
      expect(result).toMatchObject({status: 0});
      return result.stdout;
    };
    await viv('create', 'debian-mini', '--name', 'one', '--memory', '256M');
    await viv('start', 'one');
    {
      await using client = await Client.connect({environment: {...process.env, ...home.environment}});
      const console = await TestConsole.open(client, 'one');
      await console.until(/:~# /);
      await type(console, 'cd /tmp; head -c 3000000 /dev/urandom >noise; md5sum noise >sum; sleep 100000 &');
      await viv('snapshot', 'create', 'one', 'noisy', '--note', 'with noise');
      expect(await type(console, 'echo new >noise; md5sum -c sum')).toContain('FAILED');
      await viv('snapshot', 'restore', 'one', 'noisy', '--yes');
      expect(await type(console, 'md5sum -c sum')).toContain('noise: OK');
      await viv('fork', 'one', 'two');
      const fork = await TestConsole.open(client, 'two');
      expect(await type(fork, 'md5sum -c sum; jobs')).toMatch(/noise: OK\r\n.*sleep 100000/);
      // Over the agent's port, which is served beside the shell.
      while (!(await type(fork, 'hostname')).includes('\r\ntwo\r\n'));
      await viv('kill', 'two');
      await viv('rm', 'two');
      expect(await viv('snapshot', 'ls', 'one')).toMatch(/noisy \*.*with noise/);
    }
    await viv('save', 'one');
    expect(await viv('show', 'one')).toMatch(/^state +saved$/m);
    await viv('daemon', 'stop');
    const savedFor = 2500;
    await delay(savedFor);
    await viv('restore', 'one');
    {
      await using client = await Client.connect({environment: {...process.env, ...home.environment}});
      const console = await TestConsole.open(client, 'one');
      expect(await type(console, 'pwd; md5sum -c sum; jobs')).toMatch(/\/tmp\r\nnoise: OK\r\n.*sleep 100000/);
      // Its clock stood still for longer than that, and was set.
      const behindMs = async () =>
        Date.now() - 1000 * Number(/(\d{10,})\r\n/.exec(await type(console, 'date +%s'))?.[1]);
      while ((await behindMs()) >= savedFor);
    }
    expect((await home.viv(['daemon', 'stop', '--save'])).stderr).toBe('The daemon has ended.\n');
    expect(JSON.parse(await viv('ls', '--json'))).toMatchObject([{name: 'one', state: 'saved'}]);
  },
  BOOT_MS,
);
