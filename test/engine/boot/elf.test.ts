import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {parseElf, readCodeSymbols} from '../../../src/engine/boot/elf.js';
import {EngineError} from '../../../src/engine/error.js';
import {buildElf, sampleElf} from './elf-builder.js';

function errorOf(file: Uint8Array): EngineError {
  try {
    parseElf(file);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('a well-formed program', () => {
  it('gives entry, segments and bss sizes', () => {
    const elf = parseElf(sampleElf());
    expect(elf.entry).toBe(0x8000_0000);
    expect(elf.segments.map((s) => [s.physicalAddress, s.bytes.length, s.memoryBytes])).toEqual([
      [0x8000_0000, 64, 64],
      [0x8000_1000, 32, 0x100],
    ]);
    expect(elf.segments[1]!.bytes[0]).toBe(0x77);
  });

  it('gives symbols by exact name', () => {
    const elf = parseElf(sampleElf());
    expect(elf.symbol('tohost')).toBe(0x8000_1000);
    expect(elf.symbol('begin_signature')).toBe(0x8000_1080);
    expect([elf.symbol('host'), elf.symbol('tohos'), elf.symbol('end_signature')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('translates a virtual entry and virtual symbols to where they are loaded', () => {
    const elf = parseElf(
      buildElf({
        entry: 0xffff_ffff_8000_0010n,
        segments: [{physicalAddress: 0x20_0000n, virtualAddress: 0xffff_ffff_8000_0000n, bytes: new Uint8Array(64)}],
        symbols: {tohost: 0xffff_ffff_8000_0020n},
      }),
    );
    expect(elf.entry).toBe(0x20_0010);
    expect(elf.symbol('tohost')).toBe(0x20_0020);
  });

  it('lists names of code with virtual addresses, without those that name no function', () => {
    const symbols = {_start: 0xffff_ffff_8000_0010n, $x: 0x10n, '.L12': 0x20n, memcpy: 0xffff_ffff_8000_0020n};
    const file = buildElf({entry: 0n, segments: [], symbols});
    expect(readCodeSymbols(file)).toEqual([
      {name: '_start', address: 0xffff_ffff_8000_0010n, sizeBytes: 0n},
      {name: 'memcpy', address: 0xffff_ffff_8000_0020n, sizeBytes: 0n},
    ]);
  });

  it('reads a view into a larger buffer', () => {
    const file = sampleElf();
    const larger = new Uint8Array(file.length + 10);
    larger.set(file, 5);
    expect(parseElf(larger.subarray(5, 5 + file.length)).symbol('tohost')).toBe(0x8000_1000);
  });
});

describe('what is refused', () => {
  it.each([
    [62, 'x86-64'],
    [183, 'aarch64'],
    [40, 'arm'],
    [4711, 'ELF machine 4711'],
  ])('names machine %i', (machine, name) => {
    const error = errorOf(buildElf({machine, entry: 0n, segments: []}));
    expect(error.code).toBe('wrong-machine');
    expect(error.message).toContain(name);
  });

  it('a 32-bit RISC-V program', () => {
    const file = sampleElf();
    file[4] = 1;
    expect(errorOf(file)).toMatchObject({code: 'wrong-machine', message: expect.stringContaining('riscv32')});
  });

  it('a file cut inside a segment', () => {
    expect(errorOf(sampleElf().subarray(0, 200)).code).toBe('truncated-image');
  });

  it('a file cut inside the symbol table, once a symbol is asked for', () => {
    const file = sampleElf();
    const elf = parseElf(file.subarray(0, file.length - 1));
    expect(() => elf.symbol('tohost')).toThrow(EngineError);
  });

  it('a segment larger in the file than in memory', () => {
    const segments = [{physicalAddress: 0x8000_0000n, bytes: new Uint8Array(8), memoryBytes: 4n}];
    expect(errorOf(buildElf({entry: 0x8000_0000n, segments})).code).toBe('not-a-kernel');
  });

  it('a segment at an address beyond any machine', () => {
    const segments = [{physicalAddress: 0xffff_ffff_ffff_f000n, bytes: new Uint8Array(8)}];
    expect(errorOf(buildElf({entry: 0n, segments})).code).toBe('not-a-kernel');
  });

  it('a program without segments, an object file, a text and nothing', () => {
    const object = sampleElf();
    object[16] = 1;
    for (const file of [buildElf({entry: 0n, segments: []}), object, new TextEncoder().encode('#!/bin/sh\n')]) {
      expect(errorOf(file).code).toBe('not-a-kernel');
    }
    expect(errorOf(new Uint8Array(0)).code).toBe('not-a-kernel');
  });
});

it('never fails other than by EngineError, nor points outside the file, whatever is damaged', () => {
  const file = sampleElf();
  const flips = fc.array(fc.tuple(fc.nat(file.length - 1), fc.integer({min: 0, max: 255})), {maxLength: 12});
  fc.assert(
    fc.property(flips, fc.integer({min: 0, max: file.length}), (changes, length) => {
      const damaged = file.slice();
      for (const [at, value] of changes) damaged[at] = value;
      const cut = damaged.subarray(0, length);
      try {
        const elf = parseElf(cut);
        for (const segment of elf.segments) expect(segment.bytes.buffer).toBe(cut.buffer);
        elf.symbol('tohost');
        elf.symbol('absent');
        readCodeSymbols(cut);
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }),
    {numRuns: 3000},
  );
});
