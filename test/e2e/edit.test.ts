/** `viv edit NAME` with an editor: a program that really changes the file, at a terminal or without one. */
import {chmod, readdir, readFile, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {Home} from '../support/home.js';
import {TerminalSession} from '../support/terminal.js';

let home: Home;
beforeAll(async () => {
  home = await Home.create();
});
afterAll(() => home[Symbol.asyncDispose]());

let count = 0;
let name = '';
beforeEach(async () => {
  name = `box-${++count}`;
  const made = await home.viv(['create', 'debian-mini', '--name', name, '--group', 'lab', '--tag', 'old']);
  expect(made.stderr).toBe('');
});

/** A shell script as an editor; $1 is the file, $n how often it was run. */
async function editor(...lines: readonly string[]): Promise<string> {
  const path = join(home.folder, `editor-${count}`);
  const counting = ['n=$(cat "$0.n" 2>/dev/null || echo 0)', 'n=$((n + 1))', 'echo "$n" >"$0.n"'];
  await writeFile(path, ['#!/bin/sh', ...counting, ...lines, ''].join('\n'));
  await chmod(path, 0o755);
  return path;
}

const show = async (machine = name) => JSON.parse((await home.viv(['show', machine, '--json'])).stdout);
const leftovers = async () => (await readdir(join(home.folder, 'run'))).filter((entry) => entry.startsWith('edit-'));

function open(command: string): TerminalSession {
  const env = {...home.environment, VISUAL: '', EDITOR: command};
  return new TerminalSession({
    command: process.execPath,
    args: [join(import.meta.dirname, '../../bin/viv'), 'edit', name],
    env,
  });
}

describe('viv edit with an editor', () => {
  it('changes what was changed in the file, which only its owner can read and which is gone afterwards', async () => {
    const command = await editor(
      'stat -c %a "$1" "$(dirname "$1")" >"$0.modes"',
      'cp "$1" "$0.json"',
      `sed -i 's/"256M"/"512M"/; s/"commandLine": null/"commandLine": "console=ttyS0 x"/; s/"old"/"new", "two"/; s/"box-/"bax-/' "$1"`,
      // What editors leave beside a file.
      'cp "$1" "$1~"',
    );
    const {status, stderr} = await home.viv(['edit', name], {VISUAL: '', EDITOR: command});
    expect([status, stderr]).toEqual([0, `bax-${count} is changed; viv undo takes back what it is made of.\n`]);
    expect(await readFile(`${command}.modes`, 'utf8')).toBe('600\n700\n');
    expect(JSON.parse(await readFile(`${command}.json`, 'utf8'))).toEqual({
      ...{name, memory: '256M', cpus: 1, commandLine: null, tier: null, group: 'lab', tags: ['old']},
      network: {kind: 'user', egress: 'allow', allowsHostLoopback: false},
    });
    expect(await show(`bax-${count}`)).toMatchObject({
      config: {memoryBytes: 512 * 2 ** 20, boot: {commandLine: 'console=ttyS0 x'}},
      labels: {group: 'lab', tags: ['new', 'two']},
    });
    expect(await leftovers()).toEqual([]);
  });

  it('says so when nothing was changed, and takes an editor with arguments', async () => {
    const before = await show();
    const {status, stderr} = await home.viv(['edit', name], {VISUAL: 'sed -i -e s/nothing/new/', EDITOR: 'false'});
    expect([status, stderr]).toEqual([0, `${name} is as it was.\n`]);
    expect(await show()).toEqual(before);
  });

  it.each([
    ['s/"cpus": 1/"cpus": 99/', /^viv: At cpus: Too big: expected number to be <=8\.$/m],
    ['s/"allow"/"sometimes"/', /^viv: At network\.egress: Invalid option/m],
    ['s/"256M"/"12 cows"/', /^viv: At memory: is a size of at least 8M/m],
    ['s/"old"/"two words"/', /^viv: At tags\.0: is no name of a group or tag/m],
    ['s/"name": "/"name": "-/', /^viv: At name: cannot be a name: it begins with a dash/m],
    ['s/"cpus"/"harts"/', /^viv: At (cpus|harts): /m],
    ['1d', /^viv: That is no JSON: /m],
    ['s/"cpus": 1/"cpus": 1, "__proto__": {"x": 1}/', /^viv: At __proto__: there is nothing of that name\.$/m],
  ])('without a terminal refuses what %s makes of it, at its place', async (script, expected) => {
    const {status, stderr} = await home.viv(['edit', name], {VISUAL: '', EDITOR: `sed -i -e '${script}'`});
    expect(status).toBe(2);
    expect(stderr).toMatch(expected);
    expect(await show()).toMatchObject({name, config: {hartCount: 1}, labels: {tags: ['old']}});
    expect(await leftovers()).toEqual([]);
  });

  it('refuses a text without an end', async () => {
    const command = await editor('head -c 70000 /dev/zero | tr "\\0" x >"$1"');
    const {status, stderr} = await home.viv(['edit', name], {VISUAL: '', EDITOR: command});
    expect(status).toBe(2);
    expect(stderr).toContain('The text is longer than 64 KiB.');
  });

  it('changes nothing when the editor fails, and says which', async () => {
    const {status, stderr} = await home.viv(['edit', name], {VISUAL: '', EDITOR: 'false'});
    expect(status).toBe(1);
    expect(stderr).toContain('The editor false ended with status 1; nothing is changed.');
  });

  it('at a terminal offers to go on after a mistake, with what was written', async () => {
    const command = await editor(
      `[ "$n" = 1 ] && sed -i 's/"cpus": 1/"cpus": 99/' "$1"`,
      `[ "$n" = 2 ] && sed -i 's/"cpus": 99/"cpus": 3/' "$1"`,
      'exit 0',
    );
    await using terminal = open(command);
    await terminal.see('At cpus: Too big: expected number to be <=8.');
    await terminal.see('Enter goes on editing, q gives up:');
    terminal.press('\r');
    await terminal.see(`${name} is changed`);
    expect(await terminal.exited).toBe(0);
    expect((await show()).config.hartCount).toBe(3);
  });

  it('at a terminal offers to go on after what the daemon refuses, and does not ask for the rest again', async () => {
    await home.viv(['create', 'debian-mini', '--name', `taken-${count}`]);
    const command = await editor(
      `[ "$n" = 1 ] && sed -i 's/"cpus": 1/"cpus": 2/; s/"${name}"/"taken-${count}"/' "$1"`,
      `[ "$n" = 2 ] && sed -i 's/"taken-${count}"/"free-${count}"/' "$1"`,
      'exit 0',
    );
    await using terminal = open(command);
    await terminal.see(`There is a machine named taken-${count} already.`);
    terminal.press('\r');
    await terminal.see(`free-${count} is changed`);
    expect(await terminal.exited).toBe(0);
    expect((await show(`free-${count}`)).config.hartCount).toBe(2);
  });

  it('gives up with q, and leaves nothing behind', async () => {
    await using terminal = open(await editor(`sed -i 's/"cpus": 1/"cpus": 99/' "$1"`));
    await terminal.see('Enter goes on editing, q gives up:');
    terminal.press('q\r');
    expect(await terminal.exited).toBe(130);
    expect((await show()).config.hartCount).toBe(1);
    expect(await leftovers()).toEqual([]);
  });

  it('ends with its terminal, and leaves nothing behind', async () => {
    const terminal = open(await editor(`sed -i 's/"cpus": 1/"cpus": 99/' "$1"`));
    await terminal.see('Enter goes on editing, q gives up:');
    expect(await leftovers()).toHaveLength(1);
    terminal.kill('SIGHUP');
    expect(await terminal.exited).toBe(130);
    expect(await leftovers()).toEqual([]);
    await terminal[Symbol.asyncDispose]();
  });

  it('without an editor says what to set', async () => {
    const {status, stderr} = await home.viv(['edit', name], {VISUAL: '', EDITOR: ''});
    expect(status).toBe(2);
    expect(stderr).toContain('Say what to change.');
    const bare = join(home.folder, 'bare');
    const env = {...home.environment, VISUAL: '', EDITOR: '', PATH: bare};
    const args = [join(import.meta.dirname, '../../bin/viv'), 'edit', name];
    await using terminal = new TerminalSession({command: process.execPath, args, env});
    await terminal.see('There is no editor: EDITOR is not set, and neither vi nor nano is installed.');
    expect(await terminal.exited).toBe(1);
  });
});

describe('images', () => {
  it('tell what machines of them have, and how much is downloaded for those that are not built', async () => {
    const images: {name: string}[] = JSON.parse((await home.viv(['image', 'ls', '--json'])).stdout);
    expect(images.find((image) => image.name === 'debian')).toMatchObject({
      ...{state: 'available', downloadBytes: 163 * 2 ** 20},
      defaults: {memoryBytes: 2 ** 30, hartCount: 1, diskBytes: 2 ** 34},
    });
    expect((await home.viv(['image', 'ls'])).stdout).toMatch(/^debian +available +163M to fetch +Debian$/m);
    // A machine of it has that memory, though the image is yet to be built.
    expect((await home.viv(['create', 'debian', '--name', `big-${count}`])).status).toBe(0);
    expect((await show(`big-${count}`)).config.memoryBytes).toBe(2 ** 30);
    expect((await stat(join(home.folder, 'run'))).mode & 0o777).toBe(0o700);
  });
});
