/** Wrong input and broken hosts: one sentence and the next step, a status that is not 0, nothing half-made left. */
import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import {delimiter, join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {buildElf} from '../engine/boot/elf-builder.js';
import {freePort} from '../support/free-port.js';
import {type CommandResult, Home} from '../support/home.js';

const STEP_MS = 120_000;

let home: Home;
beforeEach(async () => {
  home = await Home.create();
});
afterEach(() => home[Symbol.asyncDispose]());

/** Two lines on stderr, `viv: SENTENCE.` and an indented hint, nothing on stdout. */
function expectRefusal({status, stdout, stderr}: CommandResult, sentence: RegExp, hint: RegExp): void {
  expect(status, stderr).toBe(1);
  expect(stdout).toBe('');
  const lines = stderr.trimEnd().split('\n');
  expect(lines.at(-2)).toMatch(/^viv: .+[.:]$/);
  expect(lines.at(-2)).toMatch(sentence);
  expect(lines.at(-1)).toMatch(/^ {5}\S/);
  expect(lines.at(-1)).toMatch(hint);
  // No control bytes from names or files reach the terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
}

/** The fleet is empty, and so are the folders of machines and trash. */
async function expectNothingMade(): Promise<void> {
  expect(JSON.parse((await home.viv(['ls', '--json'])).stdout)).toEqual([]);
  for (const part of ['machines', 'trash']) expect(readdirSync(join(home.folder, 'viv', part))).toEqual([]);
}

const file = (name: string, content: string | Uint8Array) => {
  const path = join(home.folder, name);
  writeFileSync(path, content);
  return path;
};

/** A linked program for x86-64. */
function foreignElf(): Uint8Array {
  const elf = buildElf({entry: 0x8000_0000n, segments: [{physicalAddress: 0x8000_0000n, bytes: new Uint8Array(64)}]});
  new DataView(elf.buffer).setUint16(18, 62, true);
  return elf;
}

describe('viv create', () => {
  it(
    'refuses what could never run',
    async () => {
      const text = file('passwd', 'root:x:0:0:root:/root:/bin/sh\n');
      const foreign = file('foreign.elf', foreignElf());
      const cases: [args: string[], sentence: RegExp, hint: RegExp][] = [
        [['debian-mni'], /no image named "debian-mni"/, /viv image ls/],
        [['debian-mini', '--name', 'a/b'], /"a\/b" cannot be .* it contains a slash/, /like web-1/],
        [['debian-mini', '--name', 'a\x1b[2Jb'], /"a\\u001b\[2Jb" cannot be .* control characters/, /like web-1/],
        [['debian-mini', '--name', '..'], /it does not begin with a letter or digit/, /like web-1/],
        [['--kernel', text], /not a kernel/, /riscv64 Linux Image/],
        [['--kernel', foreign], /built for x86-64, not for riscv64/, /riscv64/],
        [['--firmware', foreign], /built for x86-64, not for riscv64/, /riscv64/],
        [['--firmware', text], /not an ELF program/, /path/],
        [['--kernel', '/no/such\x1b'], /there is no such file/, /path/],
        [['debian-mini', '--memory', '64T'], /wants 67108864 MiB of memory, the host has \d+ MiB/, /--memory/],
        [['debian-mini', '--memory', '1M'], /cannot be a machine's memory/, /8 MiB/],
        [['debian-mini', '--disk', '/no/such'], /The disk \/no\/such cannot be read/, /path/],
      ];
      for (const [args, sentence, hint] of cases) expectRefusal(await home.viv(['create', ...args]), sentence, hint);
      await expectNothingMade();
    },
    STEP_MS,
  );

  it('refuses more memory than a machine can have, where the host has it', async () => {
    const created = await home.viv(['create', 'debian-mini', '--memory', '3585M']);
    expectRefusal(created, /at most, not 3585 MiB|the host has \d+ MiB/, /less/);
    await expectNothingMade();
  });
});

describe('viv run', () => {
  it(
    'refuses images and programs it cannot run, without a daemon',
    async () => {
      const foreign = file('foreign.elf', foreignElf());
      const text = file('text', 'no program');
      const run = (...args: string[]) => home.viv(['run', ...args]);
      expectRefusal(await run('nosuch', '--', 'true'), /no image named "nosuch"/, /viv image ls/);
      expectRefusal(await run('--firmware', foreign), /built for x86-64/, /riscv64/);
      expectRefusal(await run('--firmware', text), /not an ELF program/, /path/);
      expectRefusal(await run('--firmware', foreign, '--memory', '64T'), /the host has \d+ MiB/, /less/);
      expect(await home.processes()).toEqual([]);
    },
    STEP_MS,
  );
});

describe('the daemon', () => {
  it('is one for each home: a second one elsewhere is refused, and the first stays', async () => {
    expect((await home.viv(['daemon', 'start'])).status).toBe(0);
    const first = JSON.parse((await home.viv(['daemon', 'status', '--json'])).stdout) as {pid: number};
    const elsewhere = {VIVARIUM_RUNTIME: join(home.folder, 'elsewhere')};
    expectRefusal(await home.viv(['ls'], elsewhere), /Another daemon keeps the machines/, /VIVARIUM_RUNTIME/);
    expect(JSON.parse((await home.viv(['daemon', 'status', '--json'])).stdout)).toMatchObject({pid: first.pid});
    expect(readdirSync(elsewhere.VIVARIUM_RUNTIME)).toEqual([]);
  });

  it('shows a machine whose definition is cut off as broken, keeps its files, and can do without it', async () => {
    for (const name of ['whole', 'cut'])
      expect((await home.viv(['create', 'debian-mini', '--name', name, '--disk', '1M'])).status).toBe(0);
    const {folder} = JSON.parse((await home.viv(['show', 'cut', '--json'])).stdout) as {folder: string};
    await home.viv(['daemon', 'stop']);
    const definition = join(folder, 'machine.json');
    truncateSync(definition, 40);
    const before = readFileSync(definition, 'utf8');
    expectRefusal(
      await home.viv(['start', 'cut']),
      /machine\.json cannot be read: it is cut off/,
      /Repair .*viv rm cut/,
    );
    const machines = JSON.parse((await home.viv(['ls', '--json'])).stdout);
    expect(machines).toMatchObject([
      {name: 'cut', state: 'broken'},
      {name: 'whole', state: 'defined'},
    ]);
    expect(readFileSync(definition, 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'disks/disk0.qcow2'))).toBe(true);
    expect((await home.viv(['rm', 'cut'])).status).toBe(0);
  });
});

describe('building an image', () => {
  const build = (env: Record<string, string>) => home.viv(['image', 'build', 'debian-mini'], env);
  const run = (env: Record<string, string>) => home.viv(['run', 'debian-mini', '--', 'true'], env);
  /** No image, nor a beginning of one. */
  const expectNoImage = () => {
    const images = join(home.folder, 'viv/cache/images');
    expect(existsSync(images) ? readdirSync(images) : []).toEqual([]);
  };

  it(
    'needs apt-get',
    async () => {
      const bin = join(home.folder, 'bin');
      mkdirSync(bin);
      linkProgramsExcept('apt-get', bin);
      for (const act of [build, run]) expectRefusal(await act({PATH: bin}), /apt-get/, /\S/);
      expectNoImage();
    },
    STEP_MS,
  );

  it(
    'needs the archive to be reachable',
    async () => {
      const proxy = `http://127.0.0.1:${await freePort()}`;
      const env = {
        http_proxy: proxy,
        https_proxy: proxy,
        HTTP_PROXY: proxy,
        HTTPS_PROXY: proxy,
        no_proxy: '',
        NO_PROXY: '',
      };
      for (const act of [build, run])
        expectRefusal(await act(env), /The Debian archive cannot be reached/, /network and the proxy/);
      expectNoImage();
    },
    STEP_MS,
  );

  it.skipIf(!canMount())(
    'needs space',
    async () => {
      const cache = join(home.folder, 'viv/cache');
      mkdirSync(cache, {recursive: true});
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', cache]);
      try {
        expectRefusal(await run({}), /The disk is full/, /Free about \d+ MB/);
        expectNoImage();
      } finally {
        await home.viv(['daemon', 'stop']);
        execFileSync('umount', [cache]);
      }
    },
    STEP_MS,
  );
});

/** A disk of a few megabytes can be made by root only. */
function canMount(): boolean {
  return spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
}

/** Fills `bin` with links to all programs on PATH but one: apt itself needs a shell and several others. */
function linkProgramsExcept(missing: string, bin: string): void {
  for (const entry of (process.env['PATH'] ?? '').split(delimiter).filter(existsSync)) {
    for (const name of readdirSync(entry))
      if (name !== missing && !existsSync(join(bin, name))) symlinkSync(join(entry, name), join(bin, name));
  }
}
