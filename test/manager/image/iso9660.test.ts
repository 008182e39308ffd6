import {execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {IsoWriter, SECTOR_BYTES} from '../../../src/manager/image/iso9660.js';
import {describeWith} from '../../support/tools.js';

describeWith(['bsdtar'], 'an ISO 9660 image', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'viv-iso-'));
    path = join(folder, 'image.iso');
  });
  afterEach(() => rmSync(folder, {recursive: true}));

  async function write(files: Readonly<Record<string, Uint8Array>>, label = 'CIDATA'): Promise<void> {
    await using iso = await IsoWriter.create(path, label);
    for (const [name, content] of Object.entries(files)) await iso.add(name, content);
    await iso.finish();
  }
  /** What another program reads. */
  const list = () => execFileSync('bsdtar', ['-tf', path], {encoding: 'utf8'}).trim().split('\n').slice(1);
  const extract = (name: string) => execFileSync('bsdtar', ['-xOf', path, name], {maxBuffer: 1 << 26});

  it('gives back the names and bytes of its files', async () => {
    const files = {
      'user-data': Buffer.from('#cloud-config\n'),
      'meta-data': Buffer.from('local-hostname: otter\n'),
      empty: Buffer.alloc(0),
      'exactly a sector': Buffer.alloc(SECTOR_BYTES, 7),
      'libc6_2.41-12+deb13u5_riscv64.deb': Buffer.from(Array.from({length: 70_000}, (_, at) => at & 255)),
    };
    await write(files);
    expect(list().sort()).toEqual(Object.keys(files).sort());
    for (const [name, content] of Object.entries(files)) expect(extract(name).equals(content), name).toBe(true);
  });

  it('holds more files than one sector of a folder has room for', async () => {
    const names = Array.from({length: 400}, (_, index) => `package-with-a-name-${index}.deb`);
    await write(Object.fromEntries(names.map((name) => [name, Buffer.from(name)])));
    expect(list().sort()).toEqual(names.toSorted());
    expect(extract(names[399]!).toString()).toBe(names[399]);
  });

  it('has its label where disks are found by it', async () => {
    await write({'meta-data': Buffer.from('x')});
    const image = readFileSync(path);
    expect(image.toString('latin1', 16 * SECTOR_BYTES + 1, 16 * SECTOR_BYTES + 6)).toBe('CD001');
    expect(image.toString('latin1', 16 * SECTOR_BYTES + 40, 16 * SECTOR_BYTES + 72).trim()).toBe('CIDATA');
  });

  it('is the same for the same files', async () => {
    await write({one: Buffer.from('1'), two: Buffer.from('2')});
    const first = readFileSync(path);
    rmSync(path);
    await write({one: Buffer.from('1'), two: Buffer.from('2')});
    expect(readFileSync(path).equals(first)).toBe(true);
  });

  it('takes what comes in pieces', async () => {
    {
      await using iso = await IsoWriter.create(path, 'PIECES');
      await iso.add(
        'all',
        (async function* () {
          for (let piece = 0; piece < 300; piece++) yield Buffer.alloc(9973, piece);
        })(),
      );
      await iso.finish();
    }
    const expected = Buffer.concat(Array.from({length: 300}, (_, piece) => Buffer.alloc(9973, piece)));
    expect(extract('all').equals(expected)).toBe(true);
  });

  it.each(['', 'a/b', 'semi;colon', 'ü', 'x'.repeat(65)])('refuses the name %j', async (name) => {
    await using iso = await IsoWriter.create(path, 'X');
    await expect(iso.add(name, Buffer.from('x'))).rejects.toThrow(RangeError);
  });

  it('refuses a second file of a name', async () => {
    await using iso = await IsoWriter.create(path, 'X');
    await iso.add('one', Buffer.from('x'));
    await expect(iso.add('one', Buffer.from('y'))).rejects.toThrow(RangeError);
  });

  it('refuses a label that is none, and makes no file', async () => {
    await expect(IsoWriter.create(path, 'small letters')).rejects.toThrow(RangeError);
    expect(existsSync(path)).toBe(false);
  });
});
