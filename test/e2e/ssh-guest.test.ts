/** The guest's own SSH server, reached through ours as a user reaches it: a debian-mini with Debian's dropbear. */
import {execFile, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {fetchGuestSshd, START_GUEST_SSHD} from '../support/guest-sshd.js';
import {Home} from '../support/home.js';
import {readAll} from '../support/host-peer.js';
import {describeWith} from '../support/tools.js';

const BOOT_MS = 300_000;
const STEP_MS = 120_000;

describeWith(['ssh', 'ssh-keygen', 'scp'], "the guest's SSH server", () => {
  let home: Home;
  let config = '';

  /** Runs a program of OpenSSH's with the user's files. */
  const run = (program: string, ...args: string[]) =>
    promisify(execFile)(program, ['-F', config, ...args], {env: {...process.env, ...home.environment}}).then(
      ({stdout, stderr}) => ({code: 0, stdout, stderr}),
      (error: {code: number; stdout: string; stderr: string}) => error,
    );
  const exec = (input: string, script: string) => home.viv(['exec', '-i', 'one', '--', 'sh', '-c', script], {}, input);
  const startServer = async (...keys: string[]) => {
    const texts = await Promise.all(keys.map((path) => readFile(path, 'utf8')));
    expect(await exec(texts.join(''), START_GUEST_SSHD)).toMatchObject({status: 0});
  };

  beforeAll(async () => {
    home = await Home.createWithImage({ssh: {isEnabled: true, port: 0}});
    const share = join(home.folder, 'sshd');
    await fetchGuestSshd(share);
    const folder = join(home.folder, '.ssh');
    await mkdir(folder, {mode: 0o700});
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'id_ed25519')]);
    expect(await home.viv(['create', 'debian-mini', '--name', 'one', '--share', share, '--start'])).toMatchObject({
      status: 0,
    });
    expect(await home.viv(['exec', '--wait', '120', 'one', '--', 'true'])).toMatchObject({status: 0});
    const {port} = JSON.parse((await home.viv(['daemon', 'status', '--json'])).stdout).ssh;
    config = join(home.folder, 'config');
    const known = join(home.folder, 'known');
    await writeFile(
      config,
      `Host *\nUserKnownHostsFile ${known}\nStrictHostKeyChecking no\nIdentityFile ${folder}/id_ed25519\nIdentityAgent none
Host jump\nHostName localhost\nPort ${port}\nUser viv\n`,
      {mode: 0o600},
    );
    // Makes the key of `viv ssh`.
    expect(await home.viv(['ssh', 'one', '--', 'true'])).toMatchObject({status: 0});
    await startServer(join(folder, 'id_ed25519.pub'), join(home.folder, 'viv/ssh/id_ed25519.pub'));
  }, BOOT_MS);

  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
  });

  it(
    'is jumped to, and runs commands with their status',
    async () => {
      expect(await run('ssh', '-J', 'jump', 'root@one', 'hostname; exit 3')).toMatchObject({
        code: 3,
        stdout: 'one\n',
      });
    },
    STEP_MS,
  );

  it(
    'takes and gives files by scp',
    async () => {
      const [here, back] = [join(home.folder, 'noise'), join(home.folder, 'back')];
      const noise = randomBytes(3_000_001);
      await writeFile(here, noise);
      expect(await run('scp', '-J', 'jump', here, 'root@one.vm:/tmp/noise')).toMatchObject({code: 0});
      expect(await run('scp', '-J', 'jump', 'root@one.vm:/tmp/noise', back)).toMatchObject({code: 0});
      expect((await readFile(back)).equals(noise)).toBe(true);
    },
    STEP_MS,
  );

  it(
    'is needed by nobody for a port forward into the guest',
    async () => {
      const socketPath = join(home.folder, 'forward');
      expect(await exec('', 'setsid nc -ll -p 1234 -e cat >/dev/null 2>&1 </dev/null &')).toMatchObject({status: 0});
      const args = ['-F', config, '-N', '-v', '-o', 'LogLevel=DEBUG1', '-L', `${socketPath}:localhost:1234`];
      const forwarding = spawn('ssh', [...args, '-l', 'one', 'jump'], {stdio: ['ignore', 'ignore', 'pipe']});
      try {
        let said = '';
        while (!/Local forwarding listening/.test(said)) said += (await once(forwarding.stderr, 'data'))[0];
        forwarding.stderr.resume();
        const socket = connect({path: socketPath, allowHalfOpen: true});
        const noise = randomBytes(500_000);
        socket.end(noise);
        expect(Buffer.from(await readAll(socket)).equals(noise)).toBe(true);
      } finally {
        forwarding.kill();
      }
    },
    STEP_MS,
  );

  it(
    'is reached by viv ssh USER@NAME with keys and known hosts of its own',
    async () => {
      const result = await home.viv(['ssh', 'root@one', '--', 'echo "$USER in"; exit 5']);
      expect(result).toMatchObject({status: 5, stdout: 'root in\n', stderr: ''});
      const {id} = JSON.parse((await home.viv(['show', 'one', '--json'])).stdout);
      expect(await readFile(join(home.folder, 'viv/ssh/known_guests'), 'utf8')).toMatch(new RegExp(`^${id} ssh-`));
    },
    STEP_MS,
  );

  it(
    'is missed in one sentence',
    async () => {
      expect(await exec('', 'killall dropbear')).toMatchObject({status: 0});
      expect(await home.viv(['ssh', 'root@one'])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('one runs no SSH server: nothing listens at its port 22.'),
      });
      const {code, stderr} = await run('ssh', '-J', 'jump', 'root@one', 'true');
      expect(code).toBe(255);
      expect(stderr).toContain('connect failed: one runs no SSH server: nothing listens at its port 22.');
    },
    STEP_MS,
  );
});
