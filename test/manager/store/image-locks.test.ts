import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {link, mkdtemp, readdir, rm, stat, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {ImageLocks} from '../../../src/manager/store/image-locks.js';
import {findQemuLocks} from '../../../src/manager/store/kernel-locks.js';
import {identifyProcess} from '../../../src/manager/store/process-identity.js';
import {qemuImg} from '../../support/qemu-img.js';
import {describeWith} from '../../support/tools.js';

let folder = '';
let path = '';
let locks: ImageLocks;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-locks-'));
  path = join(folder, 'disk.raw');
  await writeFile(path, new Uint8Array(512));
  locks = new ImageLocks(join(folder, 'locks'));
});
afterEach(() => rm(folder, {recursive: true}));

const write = (at = path, owner = 'one') => locks.acquire([{path: at, isWriting: true}], owner);
const read = (at = path, owner = 'one') => locks.acquire([{path: at, isWriting: false}], owner);

describe('an image', () => {
  it('has one writer, whom others are told', () => {
    using _held = write(path, 'web-1');
    expect(() => write()).toThrow(`The disk ${path} is in use by web-1.`);
    expect(() => read()).toThrow(expect.objectContaining({code: 'disk-in-use'}));
  });

  it('has many readers, and no writer beside them', () => {
    using _first = read();
    using _second = read();
    expect(() => write()).toThrow(
      expect.objectContaining({hint: expect.stringContaining('viv disk create --backing')}),
    );
  });

  it('is free again when its user lets go', async () => {
    write()[Symbol.dispose]();
    read()[Symbol.dispose]();
    using _held = write();
    expect(await readdir(join(folder, 'locks'))).toHaveLength(1);
  });

  it('is the same by every name', async () => {
    await link(path, join(folder, 'hard'));
    await symlink(path, join(folder, 'soft'));
    using _held = write();
    expect(() => write(join(folder, 'hard'))).toThrow('in use');
    expect(() => write(join(folder, 'soft'))).toThrow('in use');
  });

  it('twice in one machine is refused, and nothing stays taken', async () => {
    const twice = [
      {path, isWriting: true},
      {path, isWriting: true},
    ];
    expect(() => locks.acquire(twice, 'one')).toThrow('in use by one');
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
  });

  it('belongs to the process it was handed to, and is free when that is gone', async () => {
    const child = spawn('sleep', ['600']);
    await once(child, 'spawn');
    const held = write();
    held.handOver(identifyProcess(child.pid ?? 0) ?? {pid: child.pid ?? 0});
    expect(() => write()).toThrow('in use');
    locks.sweep();
    expect(await readdir(join(folder, 'locks'))).toHaveLength(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    using _again = write();
    expect(await readdir(join(folder, 'locks'))).toHaveLength(1);
    locks.sweep();
    expect(() => write()).toThrow('in use');
  });
});

describe('the lock table of the kernel', () => {
  const file = {dev: 0xfe00, ino: 2_293_796};
  const line = (type: string, place: string, first: number, last: number) =>
    `1: ${type} ADVISORY  READ -1 ${place} ${first} ${last}\n`;

  it.each([
    ['one byte of QEMU', line('OFDLCK', 'fe:00:2293796', 101, 101), [101]],
    ['a range', line('OFDLCK', 'fe:00:2293796', 100, 103), [100, 101, 102, 103]],
    ['another file', line('OFDLCK', 'fe:00:2293797', 101, 101), []],
    ['another device', line('OFDLCK', 'fe:01:2293796', 101, 101), []],
    ['a lock of a process', line('POSIX ', 'fe:00:2293796', 101, 101), []],
    ['a lock of everything', line('OFDLCK', 'fe:00:2293796', 0, 5), []],
    ['nothing', '', []],
  ])('with %s', (_name, table, bytes) => {
    expect(findQemuLocks(table, file)).toEqual(bytes);
  });
});

describeWith(['qemu-img'], 'an image that QEMU uses', () => {
  /** Keeps an image open in qemu-io until the block is left. */
  async function hold(image: string, ...options: string[]): Promise<AsyncDisposable> {
    const child = spawn('qemu-io', [...options, '-f', 'qcow2', image], {stdio: ['pipe', 'pipe', 'ignore']});
    // It prints its prompt when the image is open and locked.
    await once(child.stdout, 'data');
    return {
      [Symbol.asyncDispose]: async () => {
        child.stdin.end('quit\n');
        await once(child, 'exit');
      },
    };
  }

  it('is refused while QEMU writes it, and free afterwards', async () => {
    const image = join(folder, 'disk.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', image, '4M');
    {
      await using _qemu = await hold(image);
      expect(() => write(image)).toThrow(`The disk ${image} is in use by QEMU.`);
      expect((await stat(image)).isFile()).toBe(true);
    }
    using _held = write(image);
  });

  it('can be read beside a QEMU that only reads', async () => {
    const image = join(folder, 'disk.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', image, '4M');
    await using _qemu = await hold(image, '-r');
    using _held = read(image);
    expect(() => write(image)).toThrow('in use');
  });
});
