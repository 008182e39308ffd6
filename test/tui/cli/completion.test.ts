/** Completion in real shells, and the manual page in a real formatter. */
import {execFile} from 'node:child_process';
import {mkdir, writeFile} from 'node:fs/promises';
import {delimiter, join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import * as actions from '../../../src/tui/actions/registry.js';
import {keyLabel} from '../../../src/tui/keys/keymap.js';
import {Home} from '../../support/home.js';
import {TerminalSession} from '../../support/terminal.js';
import {itWith} from '../../support/tools.js';

const bin = join(import.meta.dirname, '../../../bin');
const run = promisify(execFile);

let home: Home;
let env: Readonly<Record<string, string>>;
let script: string;
beforeAll(async () => {
  home = await Home.create();
  env = {...home.environment, PATH: `${bin}${delimiter}${process.env['PATH']}`};
  // Catalog entries are named by their files: a shell would run what this one is called.
  await mkdir(join(home.folder, 'viv/recipes'));
  await writeFile(join(home.folder, 'viv/recipes/$(touch hacked).json'), '{}');
  for (const name of ['web-1', 'web-2', 'db'])
    expect((await home.viv(['create', 'debian-mini', '--name', name])).stderr).toBe('');
  const {stdout, stderr} = await home.viv(['completion', 'bash']);
  expect(stderr).toBe('');
  script = join(home.folder, 'viv.bash');
  await writeFile(script, stdout);
});
afterAll(() => home[Symbol.asyncDispose]());

/** What bash offers for each line; its last word is the one at the cursor. */
async function complete(...lines: readonly (readonly string[])[]): Promise<string[]> {
  const asks = lines.map((words) => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(viv ${quoted}); COMP_CWORD=${words.length}; _viv viv; echo "\${COMPREPLY[*]}"`;
  });
  const all = ['set -u', `source '${script}'`, ...asks].join('\n');
  const {stdout, stderr} = await run('bash', ['--norc', '-c', all], {env: {...process.env, ...env}});
  expect(stderr).toBe('');
  return stdout.split('\n').slice(0, -1);
}

describe('bash', () => {
  it('completes in a session', async () => {
    await using terminal = new TerminalSession({command: 'bash', args: ['--norc', '-i'], env: {...env, PS1: '> '}});
    await terminal.see('> ');
    terminal.press('source <(viv completion bash); echo rea"dy"\r');
    await terminal.see(/ready\s+>/);
    terminal.press('viv rena\t');
    await terminal.see('> viv rename ');
    terminal.press('d\t');
    await terminal.see('> viv rename db ');
    terminal.press('\x15viv start we\t');
    await terminal.see('> viv start web-');
    terminal.press('\t\t');
    await terminal.see(/web-1 +web-2/);
    terminal.press('\x15viv create --kern\t');
    await terminal.see('> viv create --kernel ');
  });

  it('offers commands, options, names and words where they can stand', async () => {
    const asked = [
      [['sta'], 'start'],
      [['net', 'unf'], 'unforward'],
      [['net', 'forward', ''], 'db web-1 web-2'],
      [['net', 'forward', 'db', ''], ''],
      [['start', 'db', 'web-'], 'web-1 web-2'],
      [['create', '--me'], '--memory'],
      [['create', '--memory', ''], ''],
      [['create', '--memory', '1G', 'debian-m'], 'debian-mini'],
      [['create', '--tier', ''], 'interpreter regions auto'],
      [['create', '--tier', '=', 'r'], 'regions'],
      [['create', '--kernel', join(home.folder, 'viv.b')], script],
      [['create', 'debian'], 'debian debian-installer debian-mini'],
      [['edit', 'db', '--no'], '--no-append'],
      [['exec', 'db', '--', '-'], ''],
      [['completion', 'f'], 'fish'],
      [['nothing', ''], ''],
    ] as const;
    expect(await complete(...asked.map(([words]) => words))).toEqual(asked.map(([, offered]) => offered));
  });

  it('has every command that the help shows', async () => {
    const {stdout: help} = await home.viv(['--help']);
    const names = [...help.split('Commands:')[1]!.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(30);
    const [offered = ''] = await complete(['']);
    expect(names.filter((name) => name !== 'help').filter((name) => !offered.split(' ').includes(name))).toEqual([]);
  });
});

describe('names for completion', () => {
  it('are plain ones, whatever files are called', async () => {
    const {stdout} = await home.viv(['__complete', 'image']);
    expect(stdout.split('\n')).toContain('debian-mini');
    expect(stdout).not.toContain('hacked');
    expect(await home.viv(['__complete', 'nonsense'])).toMatchObject({status: 0, stdout: '', stderr: ''});
  });

  it('are none without a daemon, and none is started', async () => {
    await using quiet = await Home.create();
    expect(await quiet.viv(['__complete', 'machine'])).toMatchObject({status: 0, stdout: '', stderr: ''});
    expect(await quiet.processes()).toEqual([]);
  });
});

it('completion of a shell that is not known says which are', async () => {
  const {status, stderr} = await home.viv(['completion', 'tcsh']);
  expect(status).toBe(2);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
});

itWith(['fish'], 'fish completes commands, options and names', async () => {
  const fish = join(home.folder, 'viv.fish');
  await writeFile(fish, (await home.viv(['completion', 'fish'])).stdout);
  const ask = async (line: string) => {
    const {stdout} = await run('fish', ['-N', '-c', `source ${fish}; complete -C '${line}'`], {
      env: {...process.env, ...env},
    });
    return stdout.split('\n').map((entry) => entry.split('\t')[0]);
  };
  expect(await ask('viv net unf')).toEqual(['unforward', '']);
  expect(await ask('viv net forward w')).toEqual(['web-1', 'web-2', '']);
  expect(await ask('viv create --tier r')).toEqual(['regions', '']);
  expect(await ask('viv create --mem')).toEqual(['--memory', '']);
});

itWith(['zsh'], 'zsh completes commands, options and names', async () => {
  await using terminal = new TerminalSession({command: 'zsh', args: ['-f'], env: {...env, PS1: '> '}});
  terminal.press('autoload -Uz compinit && compinit -D; source <(viv completion zsh); echo rea"dy"\r');
  await terminal.see(/ready\s+>/);
  terminal.press('viv net unf\t');
  await terminal.see('> viv net unforward ');
  terminal.press('d\t');
  await terminal.see('> viv net unforward db ');
  terminal.press('\x15viv create --kern\t');
  await terminal.see('> viv create --kernel ');
});

describe('the manual page', () => {
  itWith(['groff'], 'is formatted without a warning', async () => {
    const page = join(home.folder, 'viv.1');
    await writeFile(page, (await home.viv(['man'])).stdout);
    // Without bold and underlined letters, which are struck over.
    const {stdout: text, stderr} = await run('groff', ['-man', '-Tutf8', '-P-cbou', '-ww', page]);
    expect(stderr).toBe('');
    expect(text).toContain('viv net forward <name> <ports>\n');
    expect(text).toContain('viv edit [options] <name>\n');
    expect(text).toContain('--no-append');
    for (const heading of ['COMMANDS', 'KEYS', 'FILES', 'EXIT STATUS']) expect(text).toContain(`\n${heading}\n`);
  });

  it('has all commands, options and keys', async () => {
    const page = (await home.viv(['man'])).stdout.replaceAll('\\-', '-').replaceAll('\\e', '\\');
    const options = (await complete(['create', '-'], ['image', 'import', '-'], ['']))
      .join(' ')
      .split(' ')
      .filter((word) => word !== '-h' && word !== '--help');
    expect(options.length).toBeGreaterThan(60);
    expect(options.filter((option) => !page.includes(option))).toEqual([]);
    const keys = Object.values(actions).flatMap((action) => action.keys.map(keyLabel));
    const plain = page.replace(/\\\[u([0-9A-F]{4})\]/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    expect(keys.filter((key) => !plain.includes(key))).toEqual([]);
    for (const {help} of Object.values(actions)) expect(plain).toContain(help.slice(0, 20));
  });
});
