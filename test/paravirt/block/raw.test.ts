import {mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {createImage} from '../../../src/paravirt/block/create-image.js';
import {raw} from '../../../src/paravirt/block/formats/raw.js';
import {hostError, openError} from '../../../src/paravirt/block/host-error.js';
import {HostFile} from '../../../src/paravirt/block/host-file.js';
import {BlkDevice} from '../../../src/paravirt/devices/blk.js';
import {MmioDriver} from '../../support/driver-mmio.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-raw-'));
  path = join(folder, 'disk.img');
});
afterEach(() => rm(folder, {recursive: true}));

const shared = (length: number, fill = 0) => new Uint8Array(new SharedArrayBuffer(length)).fill(fill);

const make = (sizeBytes: number) => createImage(path, 'raw', {sizeBytes});
const open = async (isReadOnly: boolean) => raw.open(await HostFile.open(path, isReadOnly), {isReadOnly});

describe('a raw image', () => {
  it('is its file, byte for byte', async () => {
    await make(1 << 20);
    await using disk = await open(false);
    expect(disk.sizeBytes).toBe(1 << 20);
    await disk.writev([shared(512, 1), shared(0), shared(1024, 2)], 4096);
    await disk.flush();
    const file = await readFile(path);
    expect([file[4095], file[4096], file[4607], file[4608], file[5631], file[5632]]).toEqual([0, 1, 1, 2, 2, 0]);
    const [first, second] = [shared(600), shared(936)];
    await disk.readv([first, second], 4096);
    expect([first[511], first[512], second[935]]).toEqual([1, 2, 2]);
  });

  it('gives back what is discarded, and only that', async () => {
    await make(8 << 20);
    await using disk = await open(false);
    await disk.writev([shared(8 << 20, 5)], 0);
    await disk.flush();
    const before = (await stat(path)).blocks;
    await disk.discard(1 << 20, 4 << 20);
    expect(((before - (await stat(path)).blocks) * 512) >> 20).toBe(4);
    const file = await readFile(path);
    expect([file.length, file[(1 << 20) - 1], file[1 << 20], file[(5 << 20) - 1], file[5 << 20]]).toEqual([
      8 << 20,
      5,
      0,
      0,
      5,
    ]);
  });

  it('takes and fills more buffers than one system call can', async () => {
    await make(1 << 20);
    await using disk = await open(false);
    const buffers = Array.from({length: 2048}, (_, index) => shared(256, index & 0xff));
    await disk.writev(buffers, 0);
    const back = Array.from({length: 2048}, () => shared(256));
    await disk.readv(back, 0);
    expect(back.every((buffer, index) => buffer.every((byte) => byte === (index & 0xff)))).toBe(true);
  });

  it('reads zeros where its last sector is not whole', async () => {
    await writeFile(path, new Uint8Array(700).fill(3));
    await using disk = await open(true);
    expect(disk.sizeBytes).toBe(1024);
    const buffer = shared(1024, 0xff);
    await disk.readv([buffer], 0);
    expect([buffer[699], buffer[700], buffer[1023]]).toEqual([3, 0, 0]);
  });

  it('reads zeros when somebody truncated it meanwhile', async () => {
    await make(4096);
    await using disk = await open(false);
    await truncate(path, 512);
    const buffer = shared(4096, 0xff);
    await disk.readv([buffer], 0);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it('writes zeros over data and leaves holes holes', async () => {
    await make(8 << 20);
    await using disk = await open(false);
    await disk.writev([shared(4096, 7)], 1 << 20);
    const blocks = (await stat(path)).blocks;
    await disk.writeZeroes(512, (8 << 20) - 512);
    await disk.flush();
    expect((await readFile(path)).every((byte) => byte === 0)).toBe(true);
    expect((await stat(path)).blocks).toBeLessThan(blocks + 2 * 2048 + 64);
  });

  it('a disk in the guest ends up in the file', async () => {
    await make(1 << 20);
    const device = new BlkDevice({backend: await open(false)});
    const driver = new MmioDriver(device).start();
    const header = new Uint8Array(16);
    header[0] = 1;
    header[8] = 2;
    driver.queues[0]!.add({read: header}, {read: new Uint8Array(512).fill(0x77)}, {write: 1});
    driver.notify(0);
    await device.drain();
    expect(driver.queues[0]!.takeUsed()?.written[0]).toBe(0);
    await driver[Symbol.asyncDispose]();
    expect((await readFile(path))[1024]).toBe(0x77);
  });
});

describe('a path that is no image', () => {
  it.each([
    ['a file that does not exist', async () => {}, 'not-found'],
    ['a folder', () => mkdir(path), 'not-a-file'],
  ])('%s', async (_name, prepare, code) => {
    await prepare();
    await expect(open(true)).rejects.toMatchObject({code});
    await expect(open(false)).rejects.toMatchObject({code});
  });

  it('a file that exists is not overwritten by a new image', async () => {
    await writeFile(path, 'precious');
    await expect(make(512)).rejects.toMatchObject({code: 'in-use'});
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it.each([0, -512, 100, 513, Number.NaN, 2 ** 60])('no image of %d bytes is made', async (size) => {
    await expect(make(size)).rejects.toMatchObject({code: 'bad-option'});
    await expect(stat(path)).rejects.toThrow();
  });

  it('a device', async () => {
    await expect(HostFile.open('/dev/null', true)).rejects.toMatchObject({code: 'not-a-file'});
  });
});

describe('what the host says', () => {
  const errno = (code: string) => Object.assign(new Error(code), {code});
  it.each([
    ['ENOSPC', 'no-space'],
    ['EDQUOT', 'no-space'],
    ['EIO', 'io'],
  ])('%s is %s', (code, expected) => {
    expect(hostError(errno(code))).toMatchObject({code: expected, cause: {code}});
  });

  it.each([
    ['EACCES', 'no-permission'],
    ['EROFS', 'no-permission'],
    ['EMFILE', 'io'],
  ])('%s on opening is %s', (code, expected) => {
    expect(openError(errno(code), '/x').code).toBe(expected);
  });
});
