import {randomUUID} from 'node:crypto';
import {mkdtemp, open, rm, stat, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {AssemblyPlan} from '../../../../src/manager/hypervisor/builtin/assembly.js';
import {EngineHost} from '../../../../src/manager/hypervisor/builtin/engine-host.js';
import {defaultNetwork} from '../../../../src/manager/protocol/machine.js';
import {builtDebianMini} from '../../../support/debian-mini.js';
import {testTier} from '../../../support/tier.js';

const BOOT_MS = 120_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-save-'));
});
afterEach(() => rm(folder, {recursive: true}));

/** A host whose console is read as text. */
class Guest implements AsyncDisposable {
  readonly host: EngineHost;
  readonly #console: {text: string};

  private constructor(host: EngineHost, console: {text: string}) {
    this.host = host;
    this.#console = console;
  }

  static async start(plan: AssemblyPlan): Promise<Guest> {
    const console = {text: ''};
    const host = await EngineHost.create(plan, {
      onOutput: (bytes) => {
        // The shell asks its terminal for the cursor after each prompt.
        console.text += Buffer.from(bytes).toString('latin1').replaceAll('\x1b[6n', '');
      },
      onRebooted: () => undefined,
    });
    host.start();
    return new Guest(host, console);
  }

  /** Resolves with the console's text up to here and forgets it; the test's time limit ends a wait in vain. */
  async until(pattern: RegExp): Promise<string> {
    const end = this.host.ended.then((how) => {
      throw new Error(`the machine ended: ${JSON.stringify(how)}\n${this.#console.text}`);
    });
    end.catch(() => undefined);
    while (!pattern.test(this.#console.text))
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 5))]);
    const {text} = this.#console;
    this.#console.text = '';
    return text;
  }

  async run(command: string): Promise<string> {
    this.host.write(Buffer.from(`${command}\necho "do"ne\n`));
    return this.until(/done\r\n[^\n]*# $/);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.host[Symbol.asyncDispose]();
  }
}

async function planOf(changes: Partial<AssemblyPlan> = {}): Promise<AssemblyPlan> {
  const {kernelPath, initrdPath, commandLine} = await builtDebianMini();
  return {
    memoryBytes: 256 * 1024 ** 2,
    hartCount: 2,
    boot: {kind: 'linux', kernelPath, initrdPath, commandLine: `${commandLine} quiet`},
    disks: [],
    size: {columns: 80, rows: 24},
    ports: [],
    ...testTier(),
    ...changes,
  };
}

describe('a saved Linux guest', () => {
  it(
    'goes on without a card when it was saved before machines had one, and with its card in a machine without',
    async () => {
      const network = {...defaultNetwork, id: 'one'};
      const [without, having] = [join(folder, 'without'), join(folder, 'having')];
      {
        await using guest = await Guest.start(await planOf());
        await guest.until(/# $/);
        await guest.host.save({path: without, packing: 'quick'});
      }
      {
        await using guest = await Guest.start(await planOf({savedPath: without, network}));
        expect(await guest.run('ls /sys/class/net')).not.toContain('eth0');
      }
      {
        await using guest = await Guest.start(await planOf({network}));
        await guest.until(/# $/);
        await guest.run('until ip route | grep -q default; do sleep 0.1; done; true');
        await guest.host.save({path: having, packing: 'quick'});
      }
      await using guest = await Guest.start(await planOf({savedPath: having}));
      expect(await guest.run('ping -c 1 10.0.2.2')).toContain(' 0% packet loss');
    },
    BOOT_MS,
  );

  it(
    'goes on in a new machine with its files, processes, console and clock, again and again',
    async () => {
      const paths = [0, 1, 2].map((i) => join(folder, `save-${i}`));
      await using first = await Guest.start(await planOf());
      await first.until(/# $/);
      await first.run('head -c 3000000 /dev/urandom >/tmp/noise; cd /tmp; md5sum noise >sum; sleep 100000 &');
      // Written all the while, also while it is saved.
      await first.run('while sleep 0.1; do head -c 2000000 /dev/zero >/tmp/busy; done &');
      await first.host.save({path: paths[0]!, packing: 'small'});
      // It goes on itself, too, and what it does from here on is not in the file.
      await first.run('echo later >noise');
      let savedPath = paths[0]!;
      for (const next of paths.slice(1)) {
        await using moved = await Guest.start(await planOf({savedPath}));
        expect(await moved.run('md5sum -c sum')).toContain('noise: OK');
        const jobs = await moved.run('jobs; pwd');
        for (const there of ['sleep 100000', 'while', '\r\n/tmp\r\n']) expect(jobs).toContain(there);
        await moved.run(
          'n=$(cut -d. -f1 /proc/uptime); sleep 1; m=$(cut -d. -f1 /proc/uptime); test $m -gt $n || exit 1',
        );
        await moved.host.save({path: next, packing: 'quick'});
        savedPath = next;
      }
      expect(await first.run('cat noise')).toContain('later');
    },
    BOOT_MS,
  );

  it(
    'is saved while its memory is still read, again and again, and goes on from the last one',
    async () => {
      const ids = Array.from({length: 4}, () => randomUUID());
      const [first, ...later] = ids.map((id) => ({id, path: join(folder, `${id}.state`)}));
      {
        await using guest = await Guest.start(await planOf());
        await guest.until(/# $/);
        await guest.run('head -c 60000000 /dev/urandom >/tmp/noise; cd /tmp; md5sum noise >sum; echo 0 >round');
        await guest.host.save({...first!, packing: 'quick'});
      }
      let savedPath = first!.path;
      for (const [round, next] of later.entries()) {
        await using guest = await Guest.start(await planOf({savedPath}));
        guest.host.write(Buffer.from(`echo ${round + 1} >round; echo wr"itten"\n`));
        await guest.until(/written/);
        const whole = (await stat(first!.path)).size;
        await guest.host.save({...next, packing: 'small', keptIds: new Set(ids)});
        expect((await stat(next.path)).size).toBeLessThan(whole / 2);
        savedPath = next.path;
      }
      await using last = await Guest.start(await planOf({savedPath}));
      expect(await last.run('cat round; md5sum -c sum')).toMatch(/3\r\nnoise: OK/);
    },
    BOOT_MS,
  );

  it(
    'is refused by name when its file is damaged, cut short, newer or none at all',
    async () => {
      const path = join(folder, 'save');
      {
        await using guest = await Guest.start(await planOf());
        await guest.until(/# $/);
        await guest.host.save({path, packing: 'small'});
        await expect(guest.host.save({path, packing: 'small'})).rejects.toMatchObject({code: 'EEXIST'});
      }
      const {size} = await stat(path);
      const refused = async (pattern: RegExp) =>
        expect(
          EngineHost.create(await planOf({savedPath: path}), {onOutput() {}, onRebooted() {}}),
        ).rejects.toMatchObject({
          code: 'bad-snapshot',
          message: expect.stringMatching(pattern),
        });
      const flipped = async (at: number, pattern: RegExp) => {
        const file = await open(path, 'r+');
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        await file.write(Buffer.of(byte[0]! ^ 0x40), 0, 1, at);
        await refused(pattern);
        await file.write(byte, 0, 1, at);
        await file.close();
      };
      await flipped(0, /no saved machine/);
      await flipped(8, /format version 67;/);
      await flipped(100_000, /memory from \d+ on is damaged/);
      await flipped(size - 60, /table is damaged/);
      await flipped(size - 40, /footer is damaged/);
      await flipped(size - 1, /end is missing/);
      await expect(
        EngineHost.create(await planOf({savedPath: path, hartCount: 1}), {onOutput() {}, onRebooted() {}}),
      ).rejects.toMatchObject({code: 'bad-snapshot', message: expect.stringContaining('CPUs')});
      await truncate(path, size - 1000);
      await refused(/end is missing/);
      await writeFile(path, 'VIV');
      await refused(/no saved machine/);
    },
    BOOT_MS,
  );
});
