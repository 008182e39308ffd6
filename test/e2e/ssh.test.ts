/** Logging in with OpenSSH: consoles, commands and the terminal UI. */
import {execFile, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {chmod, mkdir, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {Home} from '../support/home.js';
import {TerminalSession} from '../support/terminal.js';
import {describeWith, itWith} from '../support/tools.js';

const BOOT_MS = 240_000;
const STEP_MS = 60_000;

describeWith(['ssh', 'ssh-keygen'], 'an SSH client', () => {
  let home: Home;
  let port = 0;

  const keyFile = (name: string) => join(home.folder, '.ssh', name);
  const makeKey = (path: string) => promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  const words = (user: string, key: string, ...more: string[]) => [
    ...['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${join(home.folder, 'known')}`],
    ...[
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'LogLevel=ERROR',
      '-i',
      key,
      '-p',
      String(port),
      `${user}@localhost`,
      ...more,
    ],
  ];

  const ssh = (args: readonly string[], input = '') => run('ssh', args, input);

  function run(program: string, args: readonly string[], input: string) {
    return new Promise<{status: number | null; stdout: string; stderr: string}>((resolve, reject) => {
      const child = spawn(program, args, {env: {...process.env, ...home.environment, SSH_AUTH_SOCK: ''}});
      const texts = {stdout: '', stderr: ''};
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        texts.stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        texts.stderr += text;
      });
      child.on('error', reject);
      child.on('close', (status) => resolve({status, ...texts}));
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
  }

  const log = () => readFile(join(home.folder, 'viv/daemon.log'), 'utf8');
  const open = (user: string) =>
    new TerminalSession({
      command: 'ssh',
      args: words(user, keyFile('id_ed25519')),
      env: home.environment,
      columns: 90,
      rows: 25,
    });

  beforeAll(async () => {
    home = await Home.createWithImage({ssh: {isEnabled: true, port: 0}, timeline: {isEnabled: false}});
    await mkdir(join(home.folder, '.ssh'), {mode: 0o700});
    await makeKey(keyFile('id_ed25519'));
    expect(await home.viv(['create', 'debian-mini', '--name', 'one', '--start'])).toMatchObject({status: 0});
    expect(await home.viv(['exec', '--wait', '120', 'one', '--', 'true'])).toMatchObject({status: 0});
    port = JSON.parse((await home.viv(['daemon', 'status', '--json'])).stdout).ssh.port;
  }, BOOT_MS);

  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
  });

  it(
    'runs a command with its streams and status',
    async () => {
      const line = 'read -r word; echo "got $word"; echo "to err" >&2; exit 7';
      const result = await ssh(words('one', keyFile('id_ed25519'), line), 'hello\n');
      expect(result).toEqual({status: 7, stdout: 'got hello\n', stderr: 'to err\n'});
    },
    STEP_MS,
  );

  it(
    'types on the console, which takes the size of its window, and detaches',
    () => useConsole('ssh', words('one', keyFile('id_ed25519'))),
    4 * STEP_MS,
  );

  it(
    "sees nothing of the guest's that acts beyond its screen",
    async () => {
      await using terminal = open('one');
      await terminal.see(/:~# *$/m, STEP_MS);
      terminal.press('printf "\\033]0;ti""tle\\007\\033]52;c;Y2xpcA==\\007sh""own\\n"\r');
      await terminal.see(/^shown$/m, STEP_MS);
      expect(terminal.raw).not.toContain('\x1b]');
    },
    2 * STEP_MS,
  );

  it(
    'reaches the terminal UI',
    async () => {
      await using terminal = open('viv');
      await terminal.see(/one +● run/, STEP_MS);
      terminal.press('q');
      expect(await terminal.exited).toBe(0);
    },
    2 * STEP_MS,
  );

  it.each([
    ['a machine that is not there', 'nobody', 'There is no machine named "nobody".'],
    ['a command for the terminal UI', 'viv', 'takes no command'],
  ])(
    'is told in one sentence of %s',
    async (_, user, message) => {
      const result = await ssh(words(user, keyFile('id_ed25519'), 'true'));
      expect(result).toMatchObject({status: 255, stdout: '', stderr: expect.stringContaining(message)});
    },
    STEP_MS,
  );

  it(
    'is refused with another key, and with a password',
    async () => {
      const other = join(home.folder, 'other');
      await makeKey(other);
      const result = await ssh(words('one', other, 'echo in'));
      expect(result).toMatchObject({
        status: 255,
        stdout: '',
        stderr: expect.stringContaining('Permission denied (publickey)'),
      });
    },
    STEP_MS,
  );

  it(
    'reaches those machines that its key is authorised for',
    async () => {
      const friend = join(home.folder, 'friend');
      await makeKey(friend);
      const authorized = join(home.folder, 'viv/authorized_keys');
      const line = await readFile(`${friend}.pub`, 'utf8');
      const tryIt = async (user: string) => (await ssh(words(user, friend, 'echo in'))).stdout;
      await writeFile(authorized, `machines="one" ${line}`, {mode: 0o600});
      expect([await tryIt('one'), await tryIt('viv')]).toEqual(['in\n', '']);
      await writeFile(authorized, `machines="two,three*" ${line}`);
      expect(await tryIt('one')).toBe('');
      await writeFile(authorized, line);
      await chmod(authorized, 0o666);
      expect(await tryIt('one')).toBe('');
      expect(await log()).toContain('authorized_keys is not used: others can write it. Run `chmod go-w');
      await rm(authorized);
    },
    2 * STEP_MS,
  );

  /** Types on the console with the size of the window, resizes it and detaches. */
  async function useConsole(command: string, args: string[]): Promise<void> {
    const at = {env: home.environment, columns: 90, rows: 25};
    await using terminal = new TerminalSession({command, args, ...at});
    await terminal.see(/:~# *$/m, STEP_MS);
    terminal.press('clear; stty size\r');
    await terminal.see(/^25 90$/m, STEP_MS);
    terminal.resize(101, 31);
    terminal.press('until stty size | grep "^31 101"; do sleep 0.1; done; echo e"n"d\r');
    await terminal.see(/^end$/m, STEP_MS);
    terminal.press('\x1d');
    expect(await terminal.exited).toBe(0);
    const said = 'Left the console; one keeps running.';
    await expect.poll(() => terminal.text, {timeout: STEP_MS}).toContain(said);
    // Below what was there before.
    expect(terminal.rows.findIndex((row) => row.includes(said))).toBeGreaterThan(terminal.rows.indexOf('end'));
  }

  it(
    'leaves its terminal as it was, whatever the guest has switched on',
    async () => {
      const ssh = words('one', keyFile('id_ed25519')).map((word) => `'${word}'`);
      const args = ['-c', `printf '\\033]0;mine\\007before\\n'; ssh ${ssh.join(' ')}; seq 100 160; echo after; read x`];
      await using terminal = new TerminalSession({command: 'sh', args, env: home.environment, columns: 90, rows: 25});
      const titles: string[] = [];
      terminal.screen.onTitleChange((title) => titles.push(title));
      await terminal.see(/:~# *$/m, STEP_MS);
      const before = {...terminal.screen.modes};
      const modes = [1, 7, 25, 1000, 1002, 1003, 1004, 1006, 2004, 1049].map((mode) =>
        mode === 7 || mode === 25 ? `\\033[?${mode}l` : `\\033[?${mode}h`,
      );
      terminal.press(
        `printf '${modes.join('')}\\033=\\033[4h\\033[3;10r\\033[7m\\033]0;theirs\\007'; echo switch"ed"\r`,
      );
      await terminal.see('switched', STEP_MS);
      expect(terminal.isAlternate).toBe(true);
      terminal.press('\x1d');
      await terminal.see(/^after$/m, STEP_MS);
      expect({...terminal.screen.modes}).toEqual({...before, bracketedPasteMode: false});
      expect({isAlternate: terminal.isAlternate, titles}).toEqual({isAlternate: false, titles: ['mine']});
      // All rows scroll, and lines begin anew.
      expect(terminal.rows.slice(0, 23)).toEqual(Array.from({length: 23}, (_, row) => String(138 + row)));
      const {buffer} = terminal.screen;
      const cell = buffer.active.getLine(buffer.active.baseY + terminal.rows.lastIndexOf('after'))?.getCell(0);
      expect(cell?.isInverse()).toBe(0);
      terminal.press('\r');
      expect(await terminal.exited).toBe(0);
    },
    2 * STEP_MS,
  );

  it(
    'is told in one sentence that commands have no terminal',
    async () => {
      const result = await ssh(['-tt', ...words('one', keyFile('id_ed25519'), 'top')]);
      expect(result).toMatchObject({
        status: 255,
        stderr: expect.stringContaining('Commands in a guest run without a terminal'),
      });
    },
    STEP_MS,
  );

  itWith(
    ['dbclient'],
    'may be that of dropbear',
    async () => {
      const key = join(home.folder, 'dropbear');
      await promisify(execFile)('dropbearkey', ['-t', 'ed25519', '-f', key]);
      const {stdout} = await promisify(execFile)('dropbearkey', ['-y', '-f', key]);
      await writeFile(keyFile('dropbear.pub'), /^ssh-ed25519 .*$/m.exec(stdout)?.[0] ?? '', {mode: 0o600});
      const args = [
        '-y',
        '-y',
        '-i',
        key,
        '-p',
        String(port),
        'one@127.0.0.1',
        'read -r word; echo "got $word"; exit 4',
      ];
      expect(await run('dbclient', args, 'hello\n')).toMatchObject({status: 4, stdout: 'got hello\n'});
      await useConsole('dbclient', args.slice(0, -1));
    },
    4 * STEP_MS,
  );

  itWith(
    ['plink'],
    'may be that of PuTTY',
    async () => {
      const key = join(home.folder, 'putty.ppk');
      await promisify(execFile)('puttygen', [keyFile('id_ed25519'), '-O', 'private', '-o', key]);
      const {stdout} = await promisify(execFile)('ssh-keygen', ['-lf', join(home.folder, 'viv/ssh/host_ed25519.pub')]);
      const host = ['-batch', '-hostkey', stdout.split(' ')[1] ?? '', '-i', key, '-P', String(port), 'one@127.0.0.1'];
      const args = [...host, 'read -r word; echo "got $word"; exit 6'];
      expect(await run('plink', args, 'hello\n')).toMatchObject({status: 6, stdout: 'got hello\n'});
      await useConsole('plink', host);
    },
    4 * STEP_MS,
  );

  it(
    'needs no key of the user for viv ssh, which writes nothing to ~/.ssh',
    async () => {
      const before = await readdir(join(home.folder, '.ssh'));
      const result = await home.viv(['ssh', 'one', '--', 'echo "$0 in"; exit 5']);
      expect(result).toMatchObject({status: 5, stdout: 'sh in\n', stderr: ''});
      expect(await readdir(join(home.folder, '.ssh'))).toEqual(before);
      expect((await stat(join(home.folder, 'viv/ssh/id_ed25519'))).mode & 0o777).toBe(0o600);
      await using terminal = home.open(['ssh', 'one']);
      await terminal.see(/:~# *$/m, STEP_MS);
      terminal.press('\x1d');
      expect(await terminal.exited).toBe(0);
    },
    2 * STEP_MS,
  );

  itWith(
    ['sftp', 'scp'],
    'takes and gives files through the agent of the guest',
    async () => {
      const [here, back] = [join(home.folder, 'noise'), join(home.folder, 'back')];
      const noise = randomBytes(700_001);
      await writeFile(here, noise, {mode: 0o640});
      const options = words('one', keyFile('id_ed25519')).slice(0, -3);
      const place = ['-P', String(port)];
      const lines = [
        ...['pwd', 'mkdir "a b"', 'cd "a b"', `put -p ${here} n`, 'rename n m', 'ln -s m l', 'chmod 700 m', 'ls -la'],
        ...[`get m ${back}`, 'rm l', 'rm m', 'cd ..', 'rmdir "a b"', '-get nothing'],
      ];
      const files = await run('sftp', [...options, ...place, '-b', '-', 'one@localhost'], lines.join('\n'));
      expect(files).toMatchObject({status: 0, stderr: expect.stringContaining('not found')});
      expect(files.stdout).toContain('Remote working directory: /root\n');
      expect(files.stdout).toMatch(/^-rwx------ +1 0 +0 +700001 \w{3} [ \d]\d \d\d:\d\d m$/m);
      expect(files.stdout).toMatch(/^lrwxrwxrwx .* l$/m);
      expect((await readFile(back)).equals(noise)).toBe(true);
      await writeFile(back, '');
      expect(await run('scp', [...options, ...place, here, 'one@localhost:/tmp/'], '')).toMatchObject({status: 0});
      expect(await run('scp', [...options, ...place, 'one@localhost:/tmp/noise', back], '')).toMatchObject({status: 0});
      expect((await readFile(back)).equals(noise)).toBe(true);
    },
    2 * STEP_MS,
  );

  it.each([
    ["the server's own key", 'host_ed25519', 'chmod 644', 'can be read by others. Run'],
    ['the key of viv ssh', 'id_ed25519', 'chmod 644', 'can be read by others. Run'],
    ['what is no key', 'id_ed25519', 'echo nothing >', 'is no private key. Delete it: a new one is made.'],
  ])(
    'is told in one sentence that %s cannot be used',
    async (_, name, spoil, sentence) => {
      // Makes the keys.
      expect(await home.viv(['ssh', 'one', '--', 'true'])).toMatchObject({status: 0});
      const file = join(home.folder, 'viv/ssh', name);
      const key = await readFile(file);
      await promisify(execFile)('sh', ['-c', `${spoil} "$1"`, 'sh', file]);
      const result = await home.viv(['ssh', 'one', '--', 'true']);
      expect({...result, stderr: result.stderr.replace(/\n */, ' ')}).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(sentence),
      });
      expect(result.stderr).toContain(file);
      await writeFile(file, key);
      await chmod(file, 0o600);
      expect(await home.viv(['ssh', 'one', '--', 'echo in'])).toMatchObject({status: 0, stdout: 'in\n'});
    },
    STEP_MS,
  );

  it(
    'is told in one sentence that the port is taken, and that a machine is not there',
    async () => {
      await using other = await Home.createWithImage({ssh: {isEnabled: true, port}});
      expect(await other.viv(['create', 'debian-mini', '--name', 'mine'])).toMatchObject({status: 0});
      const taken = `There is no SSH server. Port ${port} cannot be had: another program listens there.`;
      expect(await other.viv(['ssh', 'mine'])).toMatchObject({status: 1, stderr: expect.stringContaining(taken)});
      expect((await other.viv(['daemon', 'status'])).stdout).toContain('another program listens there');
      const unknown = {status: 1, stderr: expect.stringContaining('There is no machine named "nobody"')};
      expect(await other.viv(['ssh', 'nobody'])).toMatchObject(unknown);
      expect(await other.viv(['ssh', 'root@nobody'])).toMatchObject(unknown);
    },
    2 * STEP_MS,
  );

  it(
    'exchanges keys strictly',
    async () => {
      const {stderr} = await ssh(['-o', 'LogLevel=DEBUG3', ...words('one', keyFile('id_ed25519'), 'true')]);
      expect(stderr).toMatch(/strict KEX/i);
    },
    STEP_MS,
  );

  it(
    'goes on while others come in crowds and say nothing',
    async () => {
      await using terminal = open('one');
      await terminal.see(/:~# *$/m, STEP_MS);
      const crowd = Array.from({length: 300}, () => connect(port, '127.0.0.1').on('error', () => undefined));
      terminal.press('clear; echo st"i"ll\r');
      await terminal.see(/^still$/m, STEP_MS);
      for (const socket of crowd) socket.destroy();
    },
    2 * STEP_MS,
  );
});
