/** `viv disk` and a guest on the same images. */
import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openChain} from '../../src/paravirt/block/chain.js';
import {Home} from '../support/home.js';

const RUN_MS = 120_000;
const BUILD_MS = 300_000;

let home: Home;
beforeAll(async () => {
  home = await Home.createWithImage();
}, BUILD_MS);
afterAll(() => home[Symbol.asyncDispose]());

const guest = (disks: readonly string[], command: string, input?: Uint8Array) =>
  home.viv(
    ['run', 'debian-mini', ...disks.flatMap((disk) => ['--disk', disk]), '--', 'sh', '-c', command],
    {},
    input === undefined ? undefined : Buffer.from(input),
  );

describe('a guest with disks', () => {
  it(
    'finds on an overlay what it wrote, and leaves the image below and every check alone',
    async () => {
      const [base, top] = [join(home.folder, 'base.qcow2'), join(home.folder, 'top.qcow2')];
      const content = randomBytes(3 << 20);
      expect((await home.viv(['disk', 'create', base, '64M'])).status).toBe(0);
      expect(await guest([base], 'cat > /dev/vda; sync', content)).toMatchObject({status: 0, stderr: ''});
      const before = await stat(base);
      expect((await home.viv(['disk', 'create', '-b', base, top])).status).toBe(0);
      const edit =
        'printf overlay | dd of=/dev/vda bs=1 seek=1000000 conv=notrunc 2>/dev/null; sync; blockdev --getsize64 /dev/vda';
      expect(await guest([top], edit)).toMatchObject({status: 0, stdout: `${64 << 20}\n`});
      const expected = Buffer.from(content);
      expected.write('overlay', 1_000_000);
      const {output} = await guest([`${top},ro`], `head -c ${content.length} /dev/vda`);
      expect(Buffer.compare(output, expected)).toBe(0);
      expect((await stat(base)).mtimeMs).toBe(before.mtimeMs);
      for (const image of [base, top]) expect((await home.viv(['disk', 'check', image])).status).toBe(0);
      await using chain = await openChain([{path: base, format: 'qcow2'}], true);
      const back = new Uint8Array(content.length);
      await chain.readv([back], 0);
      expect(content.equals(back)).toBe(true);
    },
    3 * RUN_MS,
  );

  it(
    'cannot write to a disk that is attached to read',
    async () => {
      const image = join(home.folder, 'fixed.qcow2');
      expect((await home.viv(['disk', 'create', image, '1M'])).status).toBe(0);
      const {status} = await guest([`${image},ro`], 'cat /sys/block/vda/ro | grep -q 1 && ! echo x > /dev/vda');
      expect(status).toBe(0);
    },
    RUN_MS,
  );

  it(
    'is told of no full host disk: its machine ends with the reason',
    async (context) => {
      const folder = join(home.folder, 'small');
      await mkdir(folder);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], {stdio: 'ignore'});
      } catch {
        // Only root may mount.
        context.skip();
      }
      try {
        const image = join(folder, 'disk.qcow2');
        expect((await home.viv(['disk', 'create', image, '64M'])).status).toBe(0);
        const {status, stderr} = await guest([image], 'dd if=/dev/zero of=/dev/vda bs=64k count=200; sync');
        expect(status).toBe(1);
        expect(stderr).toMatch(/The host disk is full\. Free some space/);
      } finally {
        execFileSync('umount', [folder]);
      }
    },
    RUN_MS,
  );

  it(
    'refuses a disk that a machine uses, a missing one, and one that is not what its name says',
    async () => {
      const missing = await guest([join(home.folder, 'missing.qcow2')], 'true');
      expect(missing).toMatchObject({status: 1, stderr: expect.stringMatching(/no such file/)});
      const size = await guest(['1G'], 'true');
      expect(size).toMatchObject({status: 2, stderr: expect.stringMatching(/viv disk create FILE 1G/)});
      const fake = join(home.folder, 'fake.qcow2');
      execFileSync('truncate', ['-s', '1M', fake]);
      expect(await guest([fake], 'true')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/is no qcow2 image/),
      });
    },
    RUN_MS,
  );
});
