import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {readSymbolFile} from '../../../../src/manager/hypervisor/builtin/symbol-file.js';
import {writeElf} from '../../../support/elf-writer.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-symbols-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

async function read(content: string | Uint8Array) {
  const path = join(folder, 'symbols');
  await writeFile(path, content);
  return readSymbolFile(path);
}

const segments = [{address: 0x8000_0000, bytes: new Uint8Array(64)}];

describe('a file of symbols', () => {
  it('names the code that an address lies in', async () => {
    const table = await read(writeElf({entry: 0, segments, symbols: {second: 0x8000_0020, first: 0x8000_0000}}));
    expect(table.count).toBe(2);
    expect(table.find(0x8000_0000n)).toEqual({name: 'first', offset: 0n});
    expect(table.find(0x8000_001en)).toEqual({name: 'first', offset: 0x1en});
    expect(table.find(0x8000_0020n)).toEqual({name: 'second', offset: 0n});
    expect(table.find(0x7fff_fffen)).toBeUndefined();
    // Far behind the last name there is other code.
    expect(table.find(0x8100_0000n)).toBeUndefined();
  });

  it('may be what /proc/kallsyms prints, of which code counts', async () => {
    const text = `ffffffff80000000 T _start
ffffffff80001000 t memcpy
ffffffff80001800 d some_data
ffffffff01234000 t virtio_mmio_probe\t[virtio_mmio]
`;
    const table = await read(text);
    expect(table.count).toBe(3);
    expect(table.find(0xffffffff80001900n)?.name).toBe('memcpy');
    expect(table.find(0xffffffff01234004n)).toEqual({name: 'virtio_mmio_probe', offset: 4n});
  });

  it('without names, foreign, damaged or missing is refused', async () => {
    await expect(read('hello\n')).rejects.toMatchObject({code: 'bad-request'});
    // What the kernel prints for everybody else.
    await expect(read('0000000000000000 T _start\n')).rejects.toMatchObject({code: 'bad-request'});
    await expect(read(writeElf({entry: 0, segments}))).rejects.toMatchObject({code: 'bad-request'});
    const elf = writeElf({entry: 0, segments, symbols: {a: 1}});
    await expect(read(elf.subarray(0, elf.length - 100))).rejects.toMatchObject({code: 'bad-firmware'});
    await expect(readSymbolFile(join(folder, 'none'))).rejects.toMatchObject({code: 'file-not-found'});
  });
});
