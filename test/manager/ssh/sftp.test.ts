/** Files by OpenSSH's sftp and scp, through Debian's own guest agent. */
import {execFile, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, expect, it} from 'vitest';
import type {RunningMachine} from '../../../src/manager/hypervisor/contract.js';
import {Fleet, type FleetMachine} from '../../../src/manager/services/fleet.js';
import {HostAgent} from '../../support/host-agent.js';
import {TestSshServer} from '../../support/ssh-server.js';
import {describeWith} from '../../support/tools.js';

describeWith(['sftp', 'scp', 'ssh-keygen', 'qemu-ga'], 'files of a guest over SSH', () => {
  const stack = new AsyncDisposableStack();
  let agent: HostAgent;
  let options: string[] = [];
  /** In the "guest". */
  let there = '';
  let here = '';

  beforeAll(async () => {
    agent = stack.use(await HostAgent.start());
    const fleet = new Fleet();
    const run: Pick<RunningMachine, 'askAgent'> = {askAgent: (request) => agent.session.request(request)};
    fleet.find = (name) => ({name, state: 'running', run}) as unknown as FleetMachine;
    const server = stack.use(await TestSshServer.start({fleet}));
    [there, here] = [join(agent.folder, 'there'), join(agent.folder, 'here')];
    for (const folder of [there, here]) await mkdir(folder);
    const key = join(agent.folder, 'key');
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await writeFile(server.authorizedFile, await readFile(`${key}.pub`));
    options = [
      ...['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-i', key],
      ...['-o', 'IdentityAgent=none', '-o', 'LogLevel=ERROR', '-P', String(server.port)],
    ];
  }, 60_000);

  afterAll(() => stack.disposeAsync());

  /** Runs lines of sftp's; those with a dash before them may fail. */
  function sftp(...lines: string[]): Promise<{status: number | null; stdout: string; stderr: string}> {
    return new Promise((resolve, reject) => {
      const child = spawn('sftp', [...options, '-b', '-', 'one@127.0.0.1'], {cwd: here});
      const texts = {stdout: '', stderr: ''};
      for (const name of ['stdout', 'stderr'] as const)
        child[name].setEncoding('utf8').on('data', (text: string) => {
          texts[name] += text;
        });
      child.on('error', reject);
      child.on('close', (status) => resolve({status, ...texts}));
      child.stdin.end([`cd ${there}`, ...lines, ''].join('\n'));
    });
  }

  const scp = (...places: string[]) => promisify(execFile)('scp', [...options, ...places]);
  const ok = {status: 0, stderr: ''};

  it('go in and out whole, with their modes', async () => {
    const noise = randomBytes(1_500_007);
    await writeFile(join(here, 'noise'), noise, {mode: 0o751});
    expect(await sftp('put -p noise copy', 'get copy back')).toMatchObject(ok);
    expect((await readFile(join(there, 'copy'))).equals(noise)).toBe(true);
    expect((await stat(join(there, 'copy'))).mode & 0o777).toBe(0o751);
    expect(Math.trunc((await stat(join(there, 'copy'))).mtimeMs / 1000)).toBe(
      Math.trunc((await stat(join(here, 'noise'))).mtimeMs / 1000),
    );
    expect((await readFile(join(here, 'back'))).equals(noise)).toBe(true);
  });

  it('go both ways by scp, folders with all that is in them', async () => {
    await mkdir(join(here, 'tree/below'), {recursive: true});
    for (const name of ['tree/a', 'tree/below/b c', 'tree/below/ü'])
      await writeFile(join(here, name), `text of ${name}`);
    await scp('-r', join(here, 'tree'), `one@127.0.0.1:${there}/`);
    await scp('-r', `one@127.0.0.1:${there}/tree`, join(here, 'again'));
    for (const name of ['a', 'below/b c', 'below/ü'])
      expect(await readFile(join(here, 'again', name), 'utf8')).toBe(`text of tree/${name}`);
  });

  it('shrink when they are written anew, and grow when a transfer goes on', async () => {
    await writeFile(join(there, 'old'), 'a longer text');
    await writeFile(join(here, 'new'), 'short');
    expect(await sftp('put new old')).toMatchObject(ok);
    expect(await readFile(join(there, 'old'), 'utf8')).toBe('short');
    await writeFile(join(here, 'new'), 'short and more');
    expect(await sftp('reput new old', 'reget old part')).toMatchObject({status: 0});
    expect(await readFile(join(there, 'old'), 'utf8')).toBe('short and more');
  });

  it('are listed, renamed, linked, changed and removed', async () => {
    const folder = join(there, 'work');
    await mkdir(folder);
    await writeFile(join(folder, 'a'), 'text');
    await writeFile(join(folder, 'other'), 'replaced');
    await symlink('a', join(folder, '.hidden'));
    const listed = await sftp('ls -la work');
    expect(listed.stdout).toMatch(/^-rw-r--r-- +1 \S+ +\S+ +4 \w{3} [ \d]\d \d\d:\d\d a$/m);
    expect(listed.stdout).toMatch(/^lrwxrwxrwx .* \.hidden$/m);
    const lines = ['chmod 600 a', 'rename a b', 'symlink b c', 'ln b d', 'mkdir sub', 'rm .hidden', 'rename b other'];
    expect(await sftp('cd work', ...lines)).toMatchObject(ok);
    expect((await readdir(folder)).sort()).toEqual(['c', 'd', 'other', 'sub']);
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('text');
    expect((await stat(join(folder, 'd'))).mode & 0o777).toBe(0o600);
    expect(await readlink(join(folder, 'c'))).toBe('b');
    expect(await sftp('cd work', 'rm c', 'rm d', 'rm other', 'rmdir sub', 'cd ..', 'rmdir work')).toMatchObject(ok);
    await expect(lstat(folder)).rejects.toThrow('ENOENT');
  });

  it('are all listed where there are many, with names of any bytes', async () => {
    const folder = join(there, 'many');
    await mkdir(folder);
    const names = Array.from({length: 3000}, (_, index) => `${'long'.repeat(20)}-${index}`);
    names.push('new\nline', ' .blank', '-dash', "quo'te", '*');
    for (const name of names) await writeFile(join(folder, name), '');
    const {stdout, status} = await sftp('ls -1 many');
    expect(status).toBe(0);
    expect(stdout.match(/^(?:many\/)?long.*$/gm)).toHaveLength(3000);
    for (const name of ['-dash', "quo'te", '*']) expect(stdout).toContain(`${name}\n`);
  }, 60_000);

  it.each([
    ['a file that is not there', 'get nothing', 'not found'],
    ['a folder that is not there', 'put noise no/such/folder', 'No such file or directory'],
    ['removing a folder as a file', 'rm many-dir', 'Failure'],
    ['removing a folder that is not empty', 'rmdir full', 'Failure'],
    ['what is no plain file', 'put noise pipe', 'Failure'],
  ])('tell of %s', async (_, line, words) => {
    await mkdir(join(there, 'many-dir'), {recursive: true});
    await mkdir(join(there, 'full/x'), {recursive: true});
    await promisify(execFile)('sh', ['-c', `test -p ${there}/pipe || mkfifo ${there}/pipe`]);
    await writeFile(join(here, 'noise'), 'x');
    const {status, stderr, stdout} = await sftp(line);
    expect({status, text: stderr + stdout}).toEqual({status: 1, text: expect.stringContaining(words)});
  });

  it('of the terminal UI are none, in one sentence', async () => {
    const child = spawn('sftp', [...options, 'viv@127.0.0.1']);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(said).toContain('viv@ is the terminal UI and has no files.');
  });

  it('stay as they are for whoever may not write them', async () => {
    if (process.getuid?.() === 0) return;
    await writeFile(join(there, 'locked'), 'text');
    await chmod(join(there, 'locked'), 0o400);
    expect((await sftp('put noise locked')).stderr).toContain('Permission denied');
  });
});
