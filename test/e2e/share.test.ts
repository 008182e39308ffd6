/** Folders of the host in a Debian guest: seen, changed where that was allowed, and still there after a save. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {TestConsole} from '../support/daemon.js';
import {Home} from '../support/home.js';

const BOOT_MS = 120_000;

/** Runs a line in the guest's shell; what it wrote, when it is done. */
async function type(console: TestConsole, line: string): Promise<string> {
  const start = console.text.length;
  await console.type(`${line}\necho "do"ne\n`);
  await console.until(new RegExp(`^.{${start},}done\\r\\n`, 's'));
  return console.text.slice(start);
}

function makeFolder(home: Home): string {
  const shared = join(home.folder, 'data');
  mkdirSync(join(shared, 'folder'), {recursive: true});
  writeFileSync(join(shared, 'file'), 'from the host\n');
  writeFileSync(join(home.folder, 'secret'), 'secret\n');
  symlinkSync(join(home.folder, 'secret'), join(shared, 'way-out'));
  return shared;
}

describe('a shared folder', () => {
  it(
    'is mounted by itself in a throwaway machine, and only read unless said otherwise',
    async () => {
      await using home = await Home.createWithImage();
      const shared = makeFolder(home);
      const script = [
        'cat /mnt/data/file',
        'cat /mnt/data/way-out || echo nothing there',
        'cat /mnt/data/../../../data/file 2>&1 || true',
        'touch /mnt/data/new',
      ].join('; ');
      const run = await home.viv(['run', '--share', shared, 'debian-mini', '--', 'sh', '-c', script]);
      expect(run.stdout).toMatch(/^from the host\nnothing there\n/);
      expect(run.stderr).toContain('Read-only file system');
      expect(run.status).toBe(1);
      expect(existsSync(join(shared, 'new'))).toBe(false);
    },
    BOOT_MS,
  );

  it(
    'is worked in by a machine, and goes on after a save with what was open',
    async () => {
      await using home = await Home.createWithImage();
      const shared = makeFolder(home);
      const viv = async (...args: string[]) => {
        const result = await home.viv(args);
        expect(result).toMatchObject({status: 0});
        return result.stdout;
      };
      await viv('create', 'debian-mini', '--name', 'one', '--memory', '128M', '--share', `${shared}:w,rw`, '--start');
      expect(await viv('show', 'one')).toContain(`${shared} as w (writable)`);
      {
        await using client = await Client.connect({environment: {...process.env, ...home.environment}});
        const console = await TestConsole.open(client, 'one');
        await console.until(/:~# /);
        // It is mounted beside the shell.
        await type(console, 'until grep -q "^w /mnt/w 9p" /proc/mounts; do sleep 0.1; done; :');
        await type(console, 'cd /mnt/w; mkdir -p a/b; echo text >a/one; mv a/one a/b/two; ln a/b/two twin');
        await type(
          console,
          'ln -s a/b/two soft; chmod 751 a/b/two; dd if=/dev/zero of=synced bs=1k count=1 conv=fsync; rm file; rmdir folder',
        );
        expect(readFileSync(join(shared, 'a/b/two'), 'utf8')).toBe('text\n');
        expect(statSync(join(shared, 'twin'))).toMatchObject({nlink: 2, mode: 0o100751});
        expect(readlinkSync(join(shared, 'soft'))).toBe('a/b/two');
        expect([existsSync(join(shared, 'file')), existsSync(join(shared, 'folder'))]).toEqual([false, false]);
        await type(console, 'busybox seq 20000 >numbers; md5sum numbers >sum; exec 5<numbers; read first <&5');
        await type(console, 'exec 6<soft; echo more >>log; cd a/b');
      }
      await viv('save', 'one');
      renameSync(join(shared, 'sum'), join(shared, 'sums'));
      await viv('restore', 'one');
      await using client = await Client.connect({environment: {...process.env, ...home.environment}});
      const console = await TestConsole.open(client, 'one');
      expect(await type(console, 'read second <&5; echo "$first and $second"')).toMatch(/1 and \d+\r\n/);
      expect(await type(console, 'pwd; ls; cat two')).toMatch(/\/mnt\/w\/a\/b\r\ntwo\r\ntext\r\n/);
      expect(await type(console, 'cd /mnt/w; md5sum -c sums; echo again >>log; cat log')).toMatch(
        /numbers: OK\r\nmore\r\nagain\r\n/,
      );
    },
    2 * BOOT_MS,
  );
});

describe('what cannot be shared', () => {
  it('is refused with what is wrong and what to do', async () => {
    await using home = await Home.create();
    const shared = makeFolder(home);
    const refused = async (...options: string[]) => {
      const {status, stderr} = await home.viv(['create', 'debian-mini', ...options]);
      expect(status).not.toBe(0);
      return stderr;
    };
    expect(await refused('--share', join(home.folder, 'nothing'))).toMatch(/There is no folder .*nothing to share/);
    expect(await refused('--share', join(shared, 'file'))).toMatch(/is no folder/);
    expect(await refused('--share', home.folder)).toMatch(/Vivarium keeps its own files/);
    expect(await refused('--share', join(home.folder, 'viv'))).toMatch(/Vivarium keeps its own files/);
    expect(await refused('--share', `${shared}:a b`)).toMatch(/cannot have the tag "a b"/);
    expect(await refused('--share', `${shared}:a`, '--share', `${join(shared, 'folder')}:a`)).toMatch(/tag a\./);
    const six = Array.from({length: 6}, (_, i) => ['--share', `${shared}:t${i}`]).flat();
    expect(await refused(...six)).toMatch(/shares|places/);
  });

  it('says so when its folder went between definition and start', async () => {
    await using home = await Home.createWithImage();
    const shared = makeFolder(home);
    await home.viv(['create', 'debian-mini', '--name', 'one', '--share', shared]);
    renameSync(shared, `${shared}-away`);
    expect((await home.viv(['start', 'one'])).stderr).toMatch(/There is no folder .*data to share/);
    // Another folder under that name is not what was agreed to.
    symlinkSync(home.folder, shared);
    expect((await home.viv(['start', 'one'])).stderr).toMatch(/data may not be entered/);
  });
});
