/** `viv run IMAGE -- COMMAND`: the command's own bytes and status, and nothing left of the machine. */
import {createHash, randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readdir, truncate} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest';
import {Home} from '../support/home.js';

const RUN_MS = 90_000;
const BUILD_MS = 300_000;

let home: Home;
beforeAll(async () => {
  home = await Home.createWithImage();
}, BUILD_MS);
afterAll(() => home[Symbol.asyncDispose]());

/** No process, no machine, no daemon, and only the cache in the home, beside the settings that the test has put there. */
afterEach(async () => {
  expect(await home.processes()).toEqual([]);
  expect(existsSync(join(home.folder, 'run'))).toBe(false);
  expect((await readdir(join(home.folder, 'viv'))).filter((name) => name !== 'cache')).toEqual(['daemon.json']);
});

describe('viv run debian-mini --', () => {
  it(
    'prints what the command prints and ends as it ends',
    async () => {
      const uname = await home.viv(['run', 'debian-mini', '--', 'uname', '-m']);
      expect(uname).toMatchObject({status: 0, stdout: 'riscv64\n', stderr: ''});
      const failed = await home.viv(['run', 'debian-mini', '--', 'sh', '-c', 'echo err >&2; exit 7']);
      expect(failed).toMatchObject({status: 7, stdout: '', stderr: 'err\n'});
    },
    2 * RUN_MS,
  );

  it(
    'boots once for a kind of machine, goes on from there, and draws random numbers of its own',
    async () => {
      const kept = join(home.folder, 'viv', 'cache', 'warm');
      const before = existsSync(kept) ? await readdir(kept) : [];
      // The generation's interrupt tells a guest that goes on from one that booted.
      const script = "awk '/vmgenid/ {print $2}' /proc/interrupts; head -c 16 /dev/urandom | md5sum";
      const run = async () => {
        const {status, stdout, stderr} = await home.viv([
          'run',
          'debian-mini',
          '--memory',
          '192M',
          '--',
          'sh',
          '-c',
          script,
        ]);
        expect({status, stderr}).toEqual({status: 0, stderr: ''});
        return stdout.split('\n');
      };
      const booted = await run();
      const [path, ...others] = (await readdir(kept)).filter((name) => !before.includes(name));
      expect(others).toEqual([]);
      const restored = [await run(), await run()];
      expect([booted[0], ...restored.map(([count]) => count)]).toEqual(['0', '1', '1']);
      expect(new Set([booted, ...restored].map(([, digest]) => digest)).size).toBe(3);
      // Another build, or a full disk, may have left anything there.
      await truncate(join(kept, path!), 100_000);
      expect((await run())[0]).toBe('0');
      expect((await run())[0]).toBe('1');
    },
    5 * RUN_MS,
  );

  it(
    'passes standard input on and brings it back byte for byte, more than any buffer on the way holds',
    async () => {
      const input = Buffer.concat([Buffer.from(Array.from({length: 256}, (_, byte) => byte)), randomBytes(1 << 20)]);
      const {status, output, stderr} = await home.viv(['run', 'debian-mini', '--', 'cat'], {}, input);
      expect({status, stderr, size: output.length}).toEqual({status: 0, stderr: '', size: input.length});
      const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
      expect(digest(output)).toBe(digest(input));
    },
    RUN_MS,
  );

  it(
    'hands arguments over as they are',
    async () => {
      const odd = ['a b', '', 'new\nline', `q'u"o`, '$HOME', '\\n', 'é€', '--', '--json'];
      const {status, stdout} = await home.viv(['run', 'debian-mini', '--', 'printf', '[%s]', ...odd]);
      expect({status, stdout}).toEqual({status: 0, stdout: odd.map((word) => `[${word}]`).join('')});
    },
    RUN_MS,
  );

  it(
    'tells a command that is not there, and one that was killed, by the status a shell would give',
    async () => {
      const [missing, killed] = await Promise.all([
        home.viv(['run', 'debian-mini', '--', 'no-such-command']),
        home.viv(['run', 'debian-mini', '--', 'sh', '-c', 'kill -9 $$']),
      ]);
      expect(missing).toMatchObject({status: 127, stdout: '', stderr: 'no-such-command: command not found\n'});
      expect(killed).toMatchObject({status: 137, stdout: '', stderr: ''});
    },
    2 * RUN_MS,
  );

  it(
    'gives programs the time counter, on the largest machine there is too',
    async () => {
      // `time` reads the time CSR in user mode; the top of 3584 MiB lies above 2 GiB of the host's own addresses.
      const {status, stdout, stderr} = await home.viv([
        ...['run', 'debian-mini', '--memory', '3584M', '--'],
        ...['sh', '-c', 'time true; grep MemTotal /proc/meminfo'],
      ]);
      expect({status, stderr}).toMatchObject({status: 0, stderr: expect.stringContaining('real')});
      expect(Number(/MemTotal: *(\d+) kB/.exec(stdout)?.[1])).toBeGreaterThan(3000 * 1024);
    },
    RUN_MS,
  );

  it(
    'ends on an interrupt',
    async () => {
      const {child, result} = home.start(['run', 'debian-mini', '--', 'sh', '-c', 'echo up; sleep 1000']);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      child.kill('SIGINT');
      const {status, stderr} = await result;
      expect(status).toBe(130);
      expect(stderr).toContain('Nothing of it is left.');
    },
    RUN_MS,
  );
});
