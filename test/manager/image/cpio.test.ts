import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {type CpioEntry, writeCpio} from '../../../src/manager/image/cpio.js';
import {hasTool} from '../../support/tools.js';

const text = (value: string) => new TextEncoder().encode(value);
const entries: CpioEntry[] = [
  {kind: 'directory', path: 'bin', mode: 0o755},
  {kind: 'file', path: 'bin/tool', mode: 0o755, data: text('#!/bin/sh\n')},
  {kind: 'file', path: 'odd', mode: 0o600, data: text('12345')},
  {kind: 'file', path: 'empty', mode: 0o644, data: text('')},
  {kind: 'symlink', path: 'bin/sh', target: 'tool'},
  {kind: 'character-device', path: 'console', mode: 0o600, major: 5, minor: 1},
];
const hasCpio = hasTool('cpio') || process.env['CI'] !== undefined;

describe('writeCpio', () => {
  let folder: string | undefined;
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, {recursive: true});
    folder = undefined;
  });

  it('writes the header fields of the newc form', () => {
    const bytes = Buffer.from(writeCpio([entries[2]!]));
    const field = (index: number) => Number.parseInt(bytes.toString('latin1', 6 + index * 8, 14 + index * 8), 16);
    expect(bytes.toString('latin1', 0, 6)).toBe('070701');
    expect([field(0), field(1), field(4), field(5), field(6), field(11)]).toEqual([1, 0o100600, 1, 0, 5, 4]);
    expect(bytes.toString('latin1', 110, 114)).toBe('odd\0');
    // 110 + 4 = 114, padded to 116; 5 bytes of data, padded to 124
    expect(bytes.toString('latin1', 116, 121)).toBe('12345');
    expect(bytes.toString('latin1', 124, 130)).toBe('070701');
    expect(bytes.length % 512).toBe(0);
  });

  it('gives the same bytes for the same entries', () => {
    expect(writeCpio(entries)).toEqual(writeCpio(entries));
  });

  it.skipIf(!hasCpio)('is listed by cpio as it was written', () => {
    const listing = execFileSync('cpio', ['-tv', '--quiet'], {input: writeCpio(entries), encoding: 'utf8'});
    const lines = listing.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 10))).toEqual([
      'drwxr-xr-x',
      '-rwxr-xr-x',
      '-rw-------',
      '-rw-r--r--',
      'lrwxrwxrwx',
      'crw-------',
    ]);
    expect(lines[4]).toMatch(/bin\/sh -> tool$/);
    expect(lines[5]).toMatch(/5, +1 .* console$/);
  });

  it.skipIf(!hasCpio)('unpacks with cpio to the same files', () => {
    folder = mkdtempSync(join(tmpdir(), 'viv-cpio-'));
    const plain = entries.filter((entry) => entry.kind !== 'character-device');
    execFileSync('cpio', ['-i', '--quiet'], {input: writeCpio(plain), cwd: folder});
    expect(readFileSync(join(folder, 'bin/sh'), 'utf8')).toBe('#!/bin/sh\n');
    expect(readFileSync(join(folder, 'odd'), 'utf8')).toBe('12345');
    expect(statSync(join(folder, 'bin/tool')).mode & 0o777).toBe(0o755);
  });

  it.each(['/etc/passwd', '../up', 'a/../b', 'a//b', './a', '', 'a\0b'])('refuses the path %j', (path) => {
    expect(() => writeCpio([{kind: 'directory', path, mode: 0o755}])).toThrow(/not a path/);
  });

  it('refuses a path that stands twice', () => {
    expect(() => writeCpio([entries[0]!, entries[0]!])).toThrow(/twice/);
  });
});
