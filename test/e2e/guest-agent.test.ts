/** Commands and files in a running debian-mini through its agent, as a user asks for them. */
import {randomBytes} from 'node:crypto';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {Home} from '../support/home.js';

const BOOT_MS = 240_000;

describe('the agent of a guest', {timeout: 120_000}, () => {
  let home: Home;
  const exec = (...command: string[]) => home.viv(['exec', 'one', '--', ...command]);

  beforeAll(async () => {
    home = await Home.createWithImage();
    expect(await home.viv(['create', 'debian-mini', '--name', 'one', '--start'])).toMatchObject({status: 0});
    expect(await home.viv(['exec', '--wait', '120', 'one', '--', 'true'])).toMatchObject({status: 0});
  }, BOOT_MS);

  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
  });

  it('runs a command and passes on both streams and its status', async () => {
    const script = 'printf "%s" "a\\\\b"; printf "%s\\n" "$1" >&2; exit 7';
    const text = `it's "ü" \\n $HOME\n\tend`;
    expect(await exec('sh', '-c', script, 'sh', text)).toMatchObject({status: 7, stdout: 'a\\b', stderr: `${text}\n`});
  });

  it.each([
    ['a program that is not there', ['no-such-program'], 127],
    ['a builtin of the shell', ['exit', '3'], 127],
    ['a signal', ['sh', '-c', 'kill -TERM $$'], 143],
  ])('tells %s by its status', async (_, command, status) => {
    expect(await exec(...command)).toMatchObject({status});
  });

  it('passes on binary output of any length', async () => {
    const {output, status} = await exec(
      'sh',
      '-c',
      'i=0; while [ $i -lt 20 ]; do cat /bin/busybox | head -c 20000; i=$((i+1)); done',
    );
    expect(status).toBe(0);
    const file = Buffer.from((await exec('head', '-c', '20000', '/bin/busybox')).output);
    expect(file.length).toBe(20_000);
    expect(Buffer.from(output).equals(Buffer.concat(Array.from({length: 20}, () => file)))).toBe(true);
  });

  it('passes on standard input when asked to', async () => {
    const input = randomBytes(200_000);
    const {status, output} = await home.viv(['exec', '-i', 'one', '--', 'cat'], {}, input);
    expect(status).toBe(0);
    expect(Buffer.from(output).equals(input)).toBe(true);
    // Without being asked to, the command reads nothing.
    expect(await home.viv(['exec', 'one', '--', 'wc', '-c'], {}, 'text')).toMatchObject({stdout: '0\n'});
  });

  it('ends a command whose client is interrupted, and leaves nothing of it', async () => {
    const running = home.start(['exec', 'one', '--', 'sh', '-c', 'echo here; exec sleep 54321']);
    await new Promise<void>((resolve) => running.child.stdout?.once('data', () => resolve()));
    running.child.kill('SIGINT');
    expect((await running.result).status).toBe(130);
    const left =
      'while ps | grep -q "[s]leep 54321" || [ "$(ls -d /run/vivarium-* | wc -l)" -gt 1 ]; do sleep 0.1; done';
    expect(await exec('timeout', '60', 'sh', '-c', left)).toMatchObject({status: 0});
  });

  it('copies a file in and out byte for byte, with its mode', async () => {
    const [here, back] = [join(home.folder, 'noise'), join(home.folder, 'back')];
    const noise = randomBytes(300_001);
    await writeFile(here, noise, {mode: 0o750});
    expect(await home.viv(['cp', here, 'one:/tmp/'])).toMatchObject({status: 0});
    expect(await exec('stat', '-c', '%a %s', '/tmp/noise')).toMatchObject({stdout: '750 300001\n'});
    expect(await home.viv(['cp', 'one:/tmp/noise', back])).toMatchObject({status: 0});
    expect((await readFile(back)).equals(noise)).toBe(true);
  });

  it('removes a half-made file in the guest when the copy is interrupted', async () => {
    const here = join(home.folder, 'large');
    await writeFile(here, randomBytes(8_000_000));
    const copying = home.start(['cp', here, 'one:/tmp/large']);
    expect(await exec('timeout', '60', 'sh', '-c', 'until ls /tmp/large.viv-*; do sleep 0.1; done')).toMatchObject({
      status: 0,
    });
    copying.child.kill('SIGINT');
    expect((await copying.result).status).toBe(130);
    const gone = 'while ls /tmp/large*; do sleep 0.1; done';
    expect(await exec('timeout', '60', 'sh', '-c', gone)).toMatchObject({status: 0});
  });

  it.each([
    ['a file that is not there', ['cp', 'one:/no/such', 'x'], 1, 'There is no /no/such in the guest.'],
    ['a folder', ['cp', 'one:/etc', 'x'], 2, '/etc in the guest is a folder.'],
    ['a place without a folder', ['cp', '/etc/hostname', 'one:/no/such/'], 1, 'There is no /no/such/ in the guest.'],
    ['a path without a root', ['cp', 'one:hosts', 'x'], 2, 'begins with a slash'],
    ['a file that is not here', ['cp', '/no/such', 'one:/tmp/'], 1, '/no/such cannot be read'],
    ['two places here', ['cp', 'a', 'b'], 2, 'the other one in a guest'],
    ['a machine that is not there', ['exec', 'nobody', '--', 'true'], 1, 'There is no machine named "nobody"'],
  ])('refuses %s in one sentence and leaves nothing here', async (_, args, status, message) => {
    const before = await readdir(home.folder);
    const result = await home.viv(args);
    expect(result).toMatchObject({status, stderr: expect.stringContaining(message)});
    expect(await readdir(home.folder)).toEqual(before);
    expect(await readdir('.')).not.toContain('x');
  });

  it('tells the addresses of the guest', async () => {
    expect(await exec('ip', 'addr', 'add', '10.9.8.7/24', 'dev', 'lo')).toMatchObject({status: 0});
    const told = async () => JSON.parse((await home.viv(['show', 'one', '--json'])).stdout).addresses;
    const own = [
      {interface: 'lo', address: '10.9.8.7'},
      {interface: 'eth0', address: '10.0.2.15'},
    ];
    await expect.poll(told, {timeout: 30_000}).toEqual(expect.arrayContaining(own));
    expect((await home.viv(['ls'])).stdout).toMatch(/10\.9\.8\.7|10\.0\.2\.15/);
  });

  it('answers again after the machine was saved and goes on', async () => {
    for (const verb of ['save', 'start']) expect(await home.viv([verb, 'one'])).toMatchObject({status: 0});
    expect(await exec('echo', 'again')).toMatchObject({status: 0, stdout: 'again\n'});
  });

  it('says that a machine which does not run has none to ask', async () => {
    expect(await home.viv(['pause', 'one'])).toMatchObject({status: 0});
    expect(await exec('true')).toMatchObject({status: 1, stderr: expect.stringContaining('it is paused')});
    expect(await home.viv(['resume', 'one'])).toMatchObject({status: 0});
    expect(await home.viv(['shutdown', 'one'])).toMatchObject({status: 0});
    expect(await exec('true')).toMatchObject({status: 1, stderr: expect.stringContaining('it is off')});
  });
});
