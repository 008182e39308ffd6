import {describe, expect, it} from 'vitest';
import {findApplets} from '../../../src/manager/image/busybox-applets.js';
import {parseModuleInfo, withoutSignature} from '../../../src/manager/image/kernel-module.js';

/** An ELF object with the sections .shstrtab and .modinfo and nothing else. */
function moduleFile(info: string): Buffer {
  const names = Buffer.from('\0.shstrtab\0.modinfo\0');
  const body = Buffer.from(info, 'latin1');
  const file = Buffer.alloc(64 + names.length + body.length + 3 * 64);
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  names.copy(file, 64);
  body.copy(file, 64 + names.length);
  const table = 64 + names.length + body.length;
  file.writeBigUInt64LE(BigInt(table), 40);
  file.writeUInt16LE(3, 60);
  file.writeUInt16LE(1, 62);
  const section = (index: number, name: number, offset: number, size: number) => {
    file.writeUInt32LE(name, table + index * 64);
    file.writeBigUInt64LE(BigInt(offset), table + index * 64 + 24);
    file.writeBigUInt64LE(BigInt(size), table + index * 64 + 32);
  };
  section(1, 1, 64, names.length);
  section(2, 11, 64 + names.length, body.length);
  return file;
}

describe('parseModuleInfo', () => {
  it('reads name, dependencies and aliases', () => {
    const file = moduleFile('license=GPL\0alias=virtio:d00000002v*\0alias=fs-x\0depends=jbd2,crc-16\0\0name=my-fs\0');
    expect(parseModuleInfo(file)).toEqual({
      name: 'my_fs',
      dependencies: ['jbd2', 'crc_16'],
      aliases: ['virtio:d00000002v*', 'fs-x'],
    });
  });

  it('knows a module that depends on nothing', () => {
    expect(parseModuleInfo(moduleFile('depends=\0name=a\0')).dependencies).toEqual([]);
  });

  it('refuses what is no object file, at every length of a cut', () => {
    const file = moduleFile('depends=\0name=a\0');
    const used = file.length - 24; // the last fields of the last section's header say nothing needed here
    for (let length = 0; length < used; length += 1)
      expect(() => parseModuleInfo(file.subarray(0, length))).toThrow(RangeError);
  });

  it('refuses a section that lies outside of the file', () => {
    const file = moduleFile('name=a\0');
    file.writeBigUInt64LE(2n ** 63n, file.length - 64 + 32);
    expect(() => parseModuleInfo(file)).toThrow(RangeError);
  });
});

describe('withoutSignature', () => {
  const signed = (signatureBytes: number) => {
    const info = Buffer.alloc(12);
    info.writeUInt32BE(signatureBytes, 8);
    return Buffer.concat([Buffer.from('module'), Buffer.alloc(5), info, Buffer.from('~Module signature appended~\n')]);
  };

  it('cuts the signature off', () => {
    expect(Buffer.from(withoutSignature(signed(5))).toString()).toBe('module');
  });

  it('leaves a module alone that has none, or a lying one', () => {
    expect(withoutSignature(Buffer.from('module'))).toEqual(Buffer.from('module'));
    expect(withoutSignature(signed(5000))).toEqual(signed(5000));
  });
});

describe('findApplets', () => {
  it('finds the table among other strings', () => {
    const program = Buffer.from('\x7fELF[\0[[\0nothing\0\0xx[\0[[\0ash\0mount\0sh\0zcat\0\0/var/log');
    expect(findApplets(program)).toEqual(['[', '[[', 'ash', 'mount', 'sh', 'zcat']);
  });

  it('refuses a program without one', () => {
    expect(() => findApplets(Buffer.from('[\0[[\0'))).toThrow(RangeError);
  });
});
