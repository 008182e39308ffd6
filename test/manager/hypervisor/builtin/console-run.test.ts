import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough, Writable} from 'node:stream';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {runConsole} from '../../../../src/manager/hypervisor/builtin/console-run.js';
import {PromptWatch} from '../../../../src/manager/hypervisor/builtin/prompt-watch.js';
import {builtDebianMini} from '../../../support/debian-mini.js';
import {testTier} from '../../../support/tier.js';

const RUN_MS = 120_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-console-'));
});
afterEach(() => rm(folder, {recursive: true}));

/** Runs a shell, types each line at a prompt of its own, and gives back all that the console showed. */
async function shell(columns: number, lines: readonly string[], isEager = false): Promise<string> {
  const {kernelPath, initrdPath, commandLine, digest} = await builtDebianMini();
  const stdin = new PassThrough();
  const left = [...lines];
  let text = '';
  let seen = 0;
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('latin1');
      const prompts = text.split('# \x1b[6n').length - 1;
      // A terminal answers the question behind the prompt.
      for (; seen < prompts; seen++) stdin.write(`\x1b[1;15R${left.shift() ?? ''}\n`);
      done();
    },
  });
  if (isEager) stdin.write('\n');
  const status = await runConsole({
    plan: {
      ...{memoryBytes: 256 * 1024 ** 2, hartCount: 1, disks: []},
      boot: {kind: 'linux', kernelPath, initrdPath, commandLine: `${commandLine} quiet`},
      size: {columns, rows: 24},
      ...testTier(),
    },
    warm: {folder, imageDigest: digest},
    stdin,
    stdout,
  });
  expect(status).toBe(0);
  return text;
}

const COUNT = 'awk \'/vmgenid/ {print "restored " $2}\' /proc/interrupts';

describe('a throwaway shell', () => {
  it(
    'boots once, and is at its prompt then, without what was typed and with the size of the new terminal',
    async () => {
      const first = await shell(80, ['echo mine >/tmp/mine', COUNT, 'poweroff -f']);
      expect(first).toContain('restored 0\r\n');
      expect((await readdir(folder)).map((name) => name.replace(/.*\./, '')).sort()).toEqual(['note', 'saved']);
      for (const columns of [100, 120]) {
        const next = await shell(columns, [
          `ls /tmp; until stty size | grep " ${columns}$"; do :; done`,
          COUNT,
          'poweroff -f',
        ]);
        expect(next.split('\n')[0]).toContain('# \x1b[6n');
        expect(next).toContain('restored 1\r\n');
        expect(next).toContain(`24 ${columns}\r\n`);
        expect(next).not.toContain('mine');
      }
    },
    RUN_MS,
  );

  it(
    'is not kept when somebody typed before its prompt',
    async () => {
      await shell(80, ['poweroff -f'], true);
      expect(await readdir(folder)).toEqual([]);
    },
    RUN_MS,
  );
});

describe('a watch for the prompt', () => {
  const written = (...texts: readonly string[]) => {
    const watch = new PromptWatch();
    const listener = vi.fn<(line: string) => void>();
    watch.onPrompt(listener);
    for (const text of texts) watch.written(Buffer.from(text, 'latin1'));
    return listener.mock.calls;
  };

  it('tells the first line that ends with the question, in whatever pieces it comes', () => {
    expect(written('boot\r\nho', 'st# \x1b[', '6n')).toEqual([['host# \x1b[6n']]);
    expect(written('one# \x1b[6n', '\r\ntwo# \x1b[6n')).toEqual([['one# \x1b[6n']]);
    expect(written('no question\r\nhost# ')).toEqual([]);
  });
});
