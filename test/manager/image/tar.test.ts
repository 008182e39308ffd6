import {describe, expect, it} from 'vitest';
import {readTar, TarError} from '../../../src/manager/image/tar.js';
import {inPieces, type TarPart, tarEnd, tarPart} from '../../support/tar-writer.js';

async function read(bytes: Uint8Array, pieceBytes = 4096): Promise<{path: string; kind: string; text: string}[]> {
  const entries = [];
  for await (const entry of readTar(inPieces(bytes, pieceBytes))) {
    const text = entry.kind === 'file' ? Buffer.from(await entry.bytes()).toString() : '';
    entries.push({path: entry.path, kind: entry.kind, text});
  }
  return entries;
}

const archive = (...parts: TarPart[]) => Buffer.concat([...parts.map(tarPart), tarEnd]);

describe('readTar', () => {
  it('gives paths, kinds and bodies, however the stream is cut', async () => {
    const bytes = archive(
      {path: './', type: '5'},
      {path: './boot/vmlinux', data: 'k'.repeat(1300)},
      {path: './lib', type: '2'},
      {path: './empty'},
    );
    for (const pieceBytes of [1, 511, 512, 513, 10_000]) {
      expect(await read(bytes, pieceBytes)).toEqual([
        {path: '', kind: 'directory', text: ''},
        {path: 'boot/vmlinux', kind: 'file', text: 'k'.repeat(1300)},
        {path: 'lib', kind: 'symlink', text: ''},
        {path: 'empty', kind: 'file', text: ''},
      ]);
    }
  });

  it('passes over bodies that nobody reads', async () => {
    const paths = [];
    const bytes = archive({path: 'a', data: 'x'.repeat(700)}, {path: 'b', data: 'y'});
    for await (const entry of readTar(inPieces(bytes, 100))) paths.push(entry.path);
    expect(paths).toEqual(['a', 'b']);
  });

  it('takes long names from GNU and pax headers', async () => {
    const long = `d/${'n'.repeat(150)}`;
    const record = ` path=${long}p\n`;
    const bytes = archive(
      {path: '././@LongLink', type: 'L', data: `${long}\0`},
      {path: 'cut', data: '1'},
      {path: 'PaxHeaders/x', type: 'x', data: `${record.length + 3}${record}`},
      {path: 'cut', data: '2'},
      {path: 'short', data: '3'},
    );
    expect((await read(bytes)).map((entry) => entry.path)).toEqual([long, `${long}p`, 'short']);
  });

  it.each<[string, Uint8Array]>([
    ['a path that climbs', archive({path: 'a/../../etc/passwd'})],
    ['an absolute path', archive({path: '/etc/passwd'})],
    ['a climbing GNU long name', archive({path: 'l', type: 'L', data: '../x\0'}, {path: 'a'})],
    ['a wrong checksum', archive({path: 'a', patch: (header) => header.writeUInt8(66, 0)})],
    ['a size that is no number', archive({path: 'a', patch: (header) => header.write('zzz', 124)})],
    ['a body cut off', tarPart({path: 'a', data: 'abc', sizeBytes: 5000})],
    ['a header cut off', tarPart({path: 'a'}).subarray(0, 300)],
    ['a size far beyond the stream', tarPart({path: 'a', sizeBytes: 0o777777777})],
    ['a body larger than memory should hold', tarPart({path: 'a', sizeBytes: 0o77777777777})],
    ['a huge long name', tarPart({path: 'l', type: 'L', sizeBytes: 0o7777777})],
    ['a pax record longer than its header', archive({path: 'x', type: 'x', data: '99 path=a\n'}, {path: 'a'})],
    ['a pax record of length zero', archive({path: 'x', type: 'x', data: '0 path=a\n'}, {path: 'a'})],
  ])('refuses %s', async (_, bytes) => {
    await expect(read(bytes)).rejects.toThrow(TarError);
  });
});
