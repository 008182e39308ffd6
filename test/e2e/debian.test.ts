/** The image `debian` from Debian's packages to a system that installs some more, as a user comes to it. */
import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, expect, it, vi} from 'vitest';
import {testImageCache} from '../support/debian-mini.js';
import {freePort} from '../support/free-port.js';
import {Home} from '../support/home.js';
import {processesNaming} from '../support/processes.js';
import {describeWith} from '../support/tools.js';

/** The machine that makes the disk works for minutes, on a busy host for longer. */
const BUILD_MS = 1_500_000;
const BOOT_MS = 900_000;

const run = promisify(execFile);

vi.setConfig({testTimeout: BOOT_MS});

describeWith(['ssh', 'ssh-keygen'], 'debian', () => {
  let home: Home;
  const exec = (...command: string[]) => home.viv(['exec', 'one', '--', ...command]);
  const key = () => join(home.folder, '.ssh/id_ed25519');

  beforeAll(async () => {
    home = await Home.createWithImage();
    await mkdir(join(home.folder, '.ssh'), {mode: 0o700});
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key()]);
    await interruptBuild(home);
    const create = ['create', 'debian', '--name', 'one', '--root-size', '18G', '--start'];
    const {status, stderr} = await home.viv(create);
    expect({status, stderr}).toMatchObject({status: 0});
    const up = await home.viv(['exec', '--wait', '600', 'one', '--', 'systemctl', 'is-system-running', '--wait']);
    expect(up).toMatchObject({status: 0, stdout: 'running\n'});
  }, BUILD_MS + BOOT_MS);

  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
  });

  it('is made once: a second build is there at once', async () => {
    const began = performance.now();
    expect(await home.viv(['image', 'build', 'debian'])).toMatchObject({status: 0});
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(JSON.parse((await home.viv(['image', 'ls', '--json'])).stdout)).toContainEqual(
      expect.objectContaining({name: 'debian', state: 'ready'}),
    );
  });

  it('goes by the name of its machine, and fills its disk', async () => {
    expect(await exec('hostname')).toMatchObject({stdout: 'one\n'});
    expect(await exec('getent', 'hosts', 'one')).toMatchObject({status: 0});
    const {stdout} = await exec('df', '--output=size', '-B1G', '/');
    expect(Number(stdout.split('\n')[1])).toBeGreaterThanOrEqual(17);
  });

  it('installs packages from where the host has them', async () => {
    const {status, stdout, stderr} = await exec(
      'sh',
      '-c',
      'apt-get update -q && apt-get install -y -q jq && jq -n 6*7',
    );
    expect({status, stderr, end: stdout.trim().split('\n').at(-1)}).toMatchObject({status: 0, end: '42'});
  });

  it('lets in by SSH who may log in here, with a key of its own', async () => {
    const port = await freePort();
    expect(await home.viv(['net', 'forward', 'one', `${port}:22`])).toMatchObject({status: 0});
    const options = ['StrictHostKeyChecking=no', 'BatchMode=yes', 'IdentitiesOnly=yes', 'LogLevel=ERROR'];
    const known = `UserKnownHostsFile=${join(home.folder, 'known')}`;
    const flags = [...options, known].flatMap((option) => ['-o', option]);
    const {stdout} = await run('ssh', [...flags, '-i', key(), '-p', `${port}`, 'root@127.0.0.1', 'uname -m; whoami']);
    expect(stdout).toBe('riscv64\nroot\n');
  });

  it("has a root's shell on its console", async () => {
    const wait = 'until ps -o user=,args= -t hvc0 | grep -q "^root *-bash"; do sleep 0.2; done';
    expect(await exec('timeout', '120', 'sh', '-c', wait)).toMatchObject({status: 0});
  });

  it('runs a command in a throwaway machine, and passes on its streams and status', async () => {
    const script = 'cat; echo "$0" >&2; systemctl is-system-running --wait; exit 7';
    const result = await home.viv(['run', 'debian', '--', 'sh', '-c', script], {}, 'typed\n');
    expect(result).toMatchObject({status: 7, stdout: 'typed\nrunning\n'});
    expect(await readdir(join(testImageCache, 'runs'))).toEqual([]);
  });

  it('powers off when it is asked', async () => {
    expect(await home.viv(['shutdown', 'one'])).toMatchObject({status: 0});
  });
});

/** Ctrl-C in the middle leaves no image, no machine, and all packages. */
async function interruptBuild(home: Home): Promise<void> {
  if (existsSync(join(testImageCache, 'images/debian'))) return;
  const building = home.start(['image', 'build', 'debian']);
  await new Promise<void>((resolve, reject) => {
    let text = '';
    building.child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('copy base system')) resolve();
    });
    building.child.once('close', () => reject(new Error(`the build ended by itself: ${text}`)));
  });
  building.child.kill('SIGINT');
  expect((await building.result).status).toBe(130);
  const images = await readdir(join(testImageCache, 'images'));
  expect(images.filter((name) => name.startsWith('.building-') || name === 'debian')).toEqual([]);
  const archives = await readdir(join(testImageCache, 'apt/cache/archives'));
  expect(archives.some((name) => name.startsWith('systemd_'))).toBe(true);
  expect(await processesNaming('.building-')).toEqual([]);
}
