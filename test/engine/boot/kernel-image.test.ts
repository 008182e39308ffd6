import {gzipSync, zstdCompressSync} from 'node:zlib';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {decompress} from '../../../src/engine/boot/decompress.js';
import {checkKernelHead, KERNEL_HEAD_BYTES, readKernel} from '../../../src/engine/boot/kernel-image.js';
import {EngineError} from '../../../src/engine/error.js';
import {buildElf, sampleElf} from './elf-builder.js';
import {addPeHeader, buildImage, buildZboot} from './kernel-builder.js';

function errorOf(act: () => unknown): EngineError {
  try {
    act();
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('accepted');
}

/** Changes e_machine. */
function withMachine(elf: Uint8Array, machine: number): Uint8Array {
  new DataView(elf.buffer).setUint16(18, machine, true);
  return elf;
}

const image = buildImage({fill: 0x5a});
const expected = {entryOffset: 0, memoryBytes: 0x3000, load: {textOffset: 0x20_0000}};

describe('formats', () => {
  it.each([
    ['Image', image],
    ['Image.gz', gzipSync(image)],
    ['Image.zst', zstdCompressSync(image)],
    ['zboot with gzip', buildZboot(gzipSync(image), 'gzip')],
    ['zboot with zstd', buildZboot(zstdCompressSync(image), 'zstd')],
    [
      'zboot with zstd that names its level and appends the size',
      buildZboot(Buffer.concat([zstdCompressSync(image), Buffer.from([0, 0x20, 0, 0])]), 'zstd22'),
    ],
    ['zboot inside gzip', gzipSync(buildZboot(gzipSync(image), 'gzip'))],
  ])('%s', (_, file) => {
    const kernel = readKernel(file);
    expect(kernel).toMatchObject(expected);
    expect(() => checkKernelHead(file.subarray(0, KERNEL_HEAD_BYTES))).not.toThrow();
    expect(Buffer.compare(kernel.segments[0]!.bytes, image)).toBe(0);
  });

  it('ELF, with offsets from its lowest address', () => {
    const kernel = readKernel(gzipSync(sampleElf()));
    expect(kernel).toMatchObject({entryOffset: 0, memoryBytes: 0x1100, load: {linkAddress: 0x8000_0000}});
    expect(kernel.segments.map((segment) => segment.offset)).toEqual([0, 0x1000]);
  });

  it('an EFI Image with everything its sections promise', () => {
    const file = buildImage();
    addPeHeader(file, 0x5064, 0x1000, 0x1000);
    expect(readKernel(file)).toMatchObject(expected);
    expect(errorOf(() => readKernel(file.subarray(0, 0x1fff))).code).toBe('truncated-image');
  });

  it('an Image that does not say its size takes as much as the file', () => {
    expect(readKernel(buildImage({imageSize: 0n})).memoryBytes).toBe(0x2000);
  });
});

describe('what is refused', () => {
  it.each([
    ['nothing', new Uint8Array(0), 'not-a-kernel'],
    ['a script', new TextEncoder().encode('#!/bin/sh\necho hello\n'), 'not-a-kernel'],
    ['an ELF for another machine', withMachine(sampleElf(), 62), 'wrong-machine'],
    ['the beginning of an ELF', sampleElf().subarray(0, 20), 'truncated-image'],
  ])('by its head alone: %s', (_, file, code) => {
    expect(errorOf(() => checkKernelHead(file.subarray(0, KERNEL_HEAD_BYTES))).code).toBe(code);
  });

  it.each([
    ['nothing', new Uint8Array(0), 'not-a-kernel', 'empty'],
    ['a script', new TextEncoder().encode('#!/bin/sh\necho hello\n'), 'not-a-kernel', 'not a kernel'],
    ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), 'unsupported-compression', 'xz'],
    ['zboot with xz', buildZboot(new Uint8Array(8), 'xzkern'), 'unsupported-compression', 'xzkern'],
    ['zboot with a hostile method', buildZboot(new Uint8Array(8), '\x1b[2J'), 'unsupported-compression', '?[2J'],
    ['a big-endian Image', buildImage({flags: 1n}), 'wrong-machine', 'big-endian'],
    ['an Image larger than any memory', buildImage({imageSize: 1n << 62n}), 'too-large', 'more memory'],
    ['a damaged gzip', gzipSync(image).subarray(0, 30), 'truncated-image', 'gzip'],
    ['a damaged zstd', zstdCompressSync(image).subarray(0, 20), 'truncated-image', 'zstd'],
    ['a short zboot', buildZboot(gzipSync(image), 'gzip').subarray(0, 520), 'truncated-image', 'EFI'],
    ['gzip inside gzip inside gzip inside gzip', gzipSync(gzipSync(gzipSync(gzipSync(image)))), 'not-a-kernel', ''],
  ])('%s', (_, file, code, words) => {
    const error = errorOf(() => readKernel(file));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.hint).not.toBe('');
    expect(error.message).toMatch(/^[\x20-\x7e]+\.$/);
  });

  it('kernels for other machines, by name', () => {
    const arm = buildImage();
    arm.set(new TextEncoder().encode('ARM\x64'), 56);
    const x86 = new Uint8Array(0x400);
    x86.set(new TextEncoder().encode('HdrS'), 0x202);
    const armZboot = buildZboot(gzipSync(image), 'gzip');
    new DataView(armZboot.buffer).setUint16(68, 0xaa64, true);
    const elf = buildElf({machine: 62, entry: 0n, segments: []});
    for (const [file, name] of [
      [arm, 'aarch64'],
      [gzipSync(arm), 'aarch64'],
      [x86, 'x86-64'],
      [armZboot, 'aarch64'],
      [elf, 'x86-64'],
    ] as const) {
      expect(errorOf(() => readKernel(file))).toMatchObject({
        code: 'wrong-machine',
        message: expect.stringContaining(name),
      });
    }
  });

  it('an ELF whose entry lies outside it', () => {
    const segments = [{physicalAddress: 0x8000_0000n, bytes: new Uint8Array(8)}];
    expect(errorOf(() => readKernel(buildElf({entry: 0n, segments}))).code).toBe('not-a-kernel');
  });

  it.each(['gzip', 'zstd'])('a %s bomb, at the limit', (method) => {
    const pack = method === 'gzip' ? gzipSync : zstdCompressSync;
    expect(decompress(pack(new Uint8Array(4096)), method, 4096)).toHaveLength(4096);
    expect(errorOf(() => decompress(pack(new Uint8Array(1 << 24)), method, 1 << 20)).code).toBe('too-large');
  });
});

it('never fails other than by EngineError, whatever is damaged', () => {
  const small = buildImage({fileBytes: 256});
  addPeHeader(small, 0x5064, 128, 64);
  const seeds = [small, gzipSync(small), buildZboot(gzipSync(small), 'gzip'), sampleElf()];
  const damage = fc.array(fc.tuple(fc.nat(700), fc.integer({min: 0, max: 255})), {maxLength: 8});
  fc.assert(
    fc.property(fc.constantFrom(...seeds), damage, fc.nat(900), (seed, changes, length) => {
      const damaged = Uint8Array.from(seed);
      for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
      try {
        readKernel(damaged.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }),
    {numRuns: 2000},
  );
});
